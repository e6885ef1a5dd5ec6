"""A host and the world: parsed when asked for, None where the evidence does not tell."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netprobe.state.conntrack import Tracked, parse_conntrack, parse_conntrack_stat
from netprobe.state.drops import Dropped, parse_drops
from netprobe.state.engine import engine_of
from netprobe.state.issues import Issues, ParseIssue, load_json
from netprobe.state.names import parse_sysctls
from netprobe.state.namespace import Namespace
from netprobe.state.outputs import Outputs
from netprobe.state.trace import Traced, parse_handles, parse_trace
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.engine.base import ContainerEngine
    from netprobe.state.engine.model import Container, Network, Proxy
    from netprobe.state.iptables import Ruleset
    from netprobe.state.nft import NftRuleset


class Host:
    """One host at one moment.

    ``own`` is its own namespace, ``namespaces`` those of its containers that were looked into, by the name of the
    container that the namespace belongs to.
    """

    def __init__(self, name: str, outputs: Outputs | None = None) -> None:
        self.name = name
        self.outputs = outputs or Outputs({})
        self.own = Namespace(self.outputs)

    def __repr__(self) -> str:
        return f"Host({self.name})"

    @classmethod
    def known(cls, name: str, **values: Any) -> Host:
        """A host of which just these attributes are known (for tests and predictions)."""
        host = cls(name)
        host.__dict__.update(values)
        return host

    @cached_property
    def ruleset(self) -> Ruleset | None:
        """iptables, the backend that ``iptables`` is."""
        return self.own.ruleset

    @cached_property
    def legacy(self) -> Ruleset | None:
        """The legacy backend's rules, where it is another one."""
        return self.own.legacy

    @cached_property
    def ruleset6(self) -> Ruleset | None:
        """ip6tables."""
        return self.own.ruleset6

    @cached_property
    def legacy6(self) -> Ruleset | None:
        """ip6tables' rules of the legacy backend, where it is another one."""
        return self.own.legacy6

    def backends(self, *, six: bool) -> tuple[Ruleset | None, Ruleset | None]:
        """What filters one IP version: the rules of the backend in use, and the legacy one's (None: not known, or the same program)."""
        return (self.ruleset6, self.legacy6) if six else (self.ruleset, self.legacy)

    @cached_property
    def nft(self) -> NftRuleset | None:
        """What nft holds beside iptables' own tables."""
        return self.own.nft

    def asked(self, key: str) -> bool:
        """Whether an output of the host was asked for, in vain or not."""
        return self.outputs.asked(key)

    @cached_property
    def traced(self) -> tuple[Traced, ...] | None:
        """How the kernel's trace says that packets went (``--trace``); None without one."""
        return self.outputs.parse("trace", parse_trace)

    @cached_property
    def dropped(self) -> tuple[Dropped, ...] | None:
        """The probe's packets that the kernel dropped in this host's namespaces, and why (``--trace`` with bpftrace); None unknown."""
        return self.outputs.parse("drops", parse_drops)

    @cached_property
    def handles(self) -> Mapping[tuple[str, str, str], tuple[int, ...]]:
        """The handles of each nft chain's rules in order: (family, table, chain) -> handles."""
        return parse_handles(self.outputs.outputs["nft"].stdout, Issues("nft")) if self.nft is not None else {}

    @cached_property
    def containers(self) -> tuple[Container, ...] | None:
        """All containers."""
        return self.outputs.parse("containers", self.engine.containers)

    @cached_property
    def networks(self) -> tuple[Network, ...] | None:
        """All Docker networks."""
        return self.outputs.parse("networks", self.engine.networks)

    @cached_property
    def proxies(self) -> tuple[Proxy, ...] | None:
        """docker-proxy processes."""
        return self.outputs.parse("proxies", self.engine.proxies)

    @cached_property
    def conntrack(self) -> tuple[Tracked, ...] | None:
        """The connection tracking table, where it could be read."""
        return self.outputs.parse("conntrack", parse_conntrack)

    @cached_property
    def conntrack_stat(self) -> dict[str, int] | None:
        """Connection tracking's own counters (``invalid``, ``drop`` …), where they could be read."""
        return self.outputs.parse("conntrack-stat", parse_conntrack_stat)

    @cached_property
    def sysctls(self) -> dict[str, str] | None:
        """Kernel settings that matter."""
        return self.outputs.parse("sysctl", parse_sysctls)

    @cached_property
    def engine(self) -> ContainerEngine:
        """Which engine it is, by what was asked of it."""
        return engine_of(self.outputs.outputs)

    @cached_property
    def engine_version(self) -> str | None:
        """The engine's version; None unknown."""
        return self.engine.version(self.outputs.parse(self.engine.version_output, load_json))

    @cached_property
    def uses_nftables(self) -> bool | None:
        """The engine says whether its firewall's backend is nftables; None where it does not say."""
        return self.engine.uses_nftables(self.outputs.parse(self.engine.info_output, load_json))

    @cached_property
    def in_nftables(self) -> bool:
        """Whether the engine keeps its rules in nftables' own tables: it says so, or (where it says nothing) such a table is there."""
        said = self.uses_nftables
        return self.engine.in_nftables(self.nft) if said is None else said

    @cached_property
    def rootless(self) -> bool:
        """The engine says that it is rootless: its bridges, rules and proxies are in a network namespace of their own."""
        return self.engine.rootless(self.outputs.parse(self.engine.info_output, load_json))

    @cached_property
    def namespaces(self) -> Mapping[str, Namespace]:
        """The containers' namespaces that were looked into."""
        keys = (key for key in self.outputs.outputs if key.startswith("ns/"))
        names = dict.fromkeys(key[3:].rpartition("/")[0] for key in keys)
        return {name: Namespace(self.outputs, f"ns/{name}/") for name in names}

    @property
    def issues(self) -> tuple[ParseIssue, ...]:
        """What was not understood of this host's state, of what was looked at so far."""
        return self.outputs.issues()

    def container(self, name: str) -> Container | None:
        """A container by name, id or the start (12 digits and more) of its id."""
        found = self._by_name.get(name)
        if found is None and len(name) >= 12:
            found = next((each for each in self.containers or () if each.id.startswith(name)), None)
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, Container]:
        """Name or id -> container, the first of each."""
        pairs = ((word, each) for each in self.containers or () for word in (each.name, each.id))
        return dict(reversed([*pairs]))

    def services(self, name: str, project: str | None = None) -> tuple[Container, ...]:
        """The containers of Compose services of that name (of one project, or of all), by project and number."""
        found = [
            (each.compose.project, each.compose.number, each.name, each)
            for each in self.containers or ()
            if each.compose is not None and each.compose.service == name and project in (None, each.compose.project)
        ]
        return tuple(each for *_, each in sorted(found, key=lambda each: each[:3]))

    def network(self, name: str) -> Network | None:
        """A network by name or id."""
        return next((each for each in self.networks or () if name in {each.name, each.id}), None)

    def owner_of(self, container: str) -> str | None:
        """Whose namespace a container is in: the owner's name, its own for its own, None for the host's."""
        found = self.container(container)
        seen: set[str] = set()
        while found is not None and found.netns_of and found.name not in seen:
            seen.add(found.name)
            container, found = found.netns_of, self.container(found.netns_of)
        if found is None:
            return container
        return None if found.host_network else found.name

    def namespace(self, container: str | None) -> Namespace:
        """A container's namespace (its owner's), or the host's own for None; all unknown if it was not looked into."""
        owner = self.owner_of(container) if container is not None else None
        if owner is None:
            return self.own
        return self.namespaces.get(owner) or Namespace.known()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Every host before and after the probe; in ``after`` what was not asked again is as before."""

    before: Mapping[str, Host] = field(default_factory=dict)
    after: Mapping[str, Host] = field(default_factory=dict)

    @property
    def issues(self) -> tuple[tuple[str, ParseIssue], ...]:
        """(host, issue) of all that was looked at so far."""
        found = (
            (name, issue)
            for hosts in (self.before, self.after)
            for name, host in hosts.items()
            for issue in host.issues
        )
        return tuple(dict.fromkeys(found))
