"""A host's state as named facts, each told by its role and free of what means nothing: ids, counters, handles, times, process ids, and order where none is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.facts_engine import container_facts, engine_facts, network_facts, proxy_facts
from netprobe.diff.facts_network import interface_facts, neighbour_facts, route_facts, routing_rule_facts
from netprobe.diff.facts_rules import rule_lists, set_facts
from netprobe.diff.facts_system import conntrack_facts, name_facts, socket_facts, sysctl_facts
from netprobe.evidence.model import Place
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from netprobe.diff.facts_rules import RuleList
    from netprobe.diff.model import Fact
    from netprobe.diff.roles import Roles
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePart:
    """One part of the state: what it says (None: not known), and in which words it is named where it is not known.

    Attributes:
        name: ``firewall rules (iptables)``. asked: whether it was asked for. facts: unordered. lists: ordered.
    """

    name: str
    asked: bool
    facts: tuple[Fact, ...] | None = None
    lists: tuple[RuleList, ...] | None = None

    @property
    def known(self) -> bool:
        """Whether the state tells."""
        return self.facts is not None or self.lists is not None


#: What a namespace has: name, the outputs it comes from, and how it becomes facts.
_OF_NAMESPACE: tuple[tuple[str, str, Callable[[Namespace, Place, Roles], Iterable[Fact] | None]], ...] = (
    ("interfaces", "addr", interface_facts),
    ("routes", "route", route_facts),
    ("routing rules", "rule", lambda namespace, place, roles: routing_rule_facts(namespace.rules, place, roles)),
    ("IPv6 routing rules", "rule6", lambda namespace, place, roles: routing_rule_facts(namespace.rules6, place, roles)),
    ("neighbours", "neigh", neighbour_facts),
    ("sockets", "sockets", socket_facts),
    ("kernel settings", "sysctl", sysctl_facts),
    ("hosts file", "hosts-file", name_facts),
    ("nftables' sets", "nft", set_facts),
)
_OF_HOST: tuple[tuple[str, str, Callable[[Host, Place, Roles], Iterable[Fact] | None]], ...] = (
    ("containers", "containers", container_facts),
    ("networks", "networks", network_facts),
    ("docker-proxy processes", "proxies", proxy_facts),
    ("tracked connections", "conntrack", conntrack_facts),
    ("engine", "docker-version", engine_facts),
)
RULES_OF = "rules of "
_RULES = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")


def told(host: Host, roles: Roles) -> Mapping[tuple[Place, str], StatePart]:
    """Return all parts of a host's state by whose they are and which output tells them."""
    found: dict[tuple[Place, str], StatePart] = {}
    places = [(Place(host=host.name), host.own)]
    places += [(Place(host=host.name, container=name), namespace) for name, namespace in host.namespaces.items()]
    for place, namespace in places:
        for name, key, read in _OF_NAMESPACE:
            facts = read(namespace, place, roles)
            found[place, name] = StatePart(
                name=name, asked=namespace.asked(key), facts=None if facts is None else tuple(facts)
            )
        for key in _RULES:
            lists = rule_lists(namespace, key, place, roles)
            found[place, key] = StatePart(name=f"{RULES_OF}{key}", asked=namespace.asked(key), lists=lists)
    for name, key, read_host in _OF_HOST:
        at = Place(host=host.name)
        facts = read_host(host, at, roles)
        found[at, name] = StatePart(name=name, asked=host.asked(key), facts=None if facts is None else tuple(facts))
    return found
