"""The experiments: one declaration each, in groups. EXPERIMENTS lists them all, in the order of `lab list`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

from netprobe.errors import UsageFault, did_you_mean
from netprobe_lab.experiments.addresses import ADDRESSES
from netprobe_lab.experiments.answered import ANSWERED
from netprobe_lab.experiments.arp import ARP
from netprobe_lab.experiments.beyond import BEYOND
from netprobe_lab.experiments.compose import COMPOSE
from netprobe_lab.experiments.conntrack import CONNTRACK
from netprobe_lab.experiments.direct import DIRECT
from netprobe_lab.experiments.discovery import DISCOVERY
from netprobe_lab.experiments.endpoints import ENDPOINTS
from netprobe_lab.experiments.engine28 import ENGINE_28
from netprobe_lab.experiments.engine29 import ENGINE_29
from netprobe_lab.experiments.engines import ENGINES
from netprobe_lab.experiments.filters import FILTERS
from netprobe_lab.experiments.firewalls import FIREWALLS
from netprobe_lab.experiments.forwarding import FORWARDING
from netprobe_lab.experiments.hairpins import HAIRPINS
from netprobe_lab.experiments.http import HTTP
from netprobe_lab.experiments.inside import INSIDE
from netprobe_lab.experiments.lifetime import LIFETIME
from netprobe_lab.experiments.link import LINK
from netprobe_lab.experiments.localhost import LOCALHOST
from netprobe_lab.experiments.macvlan import MACVLAN
from netprobe_lab.experiments.macvlan_faults import MACVLAN_FAULTS
from netprobe_lab.experiments.managers import MANAGERS
from netprobe_lab.experiments.names import NAMES
from netprobe_lab.experiments.others import OTHERS
from netprobe_lab.experiments.owners import OWNERS
from netprobe_lab.experiments.policy import POLICY
from netprobe_lab.experiments.proxied import PROXIED
from netprobe_lab.experiments.reported import REPORTED
from netprobe_lab.experiments.resolvers import RESOLVERS
from netprobe_lab.experiments.routing import ROUTING
from netprobe_lab.experiments.segments import SEGMENTS
from netprobe_lab.experiments.service import SERVICE
from netprobe_lab.experiments.shared import SHARED
from netprobe_lab.experiments.tls import TLS
from netprobe_lab.experiments.traced import TRACED
from netprobe_lab.experiments.translation import TRANSLATION
from netprobe_lab.experiments.truth import TRUTH
from netprobe_lab.experiments.unlisted import UNLISTED
from netprobe_lab.experiments.unpublished import UNPUBLISHED
from netprobe_lab.experiments.varied import VARIED
from netprobe_lab.experiments.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe_lab.experiments.model import Experiment


class Group(NamedTuple):
    """Experiments that belong together.

    Attributes:
        name: may be given in place of their names.
        title: one line about them.
        experiments: in their order.
    """

    name: str
    title: str
    experiments: tuple[Experiment, ...]


GROUPS: Final[tuple[Group, ...]] = (
    Group("names", "name resolution: embedded DNS, links, a shared namespace, names that nobody knows", NAMES),
    Group("resolvers", "lookups that get no answer", RESOLVERS),
    Group("answered", "names that somebody else answers for: search domains, wildcards, hosts lines", ANSWERED),
    Group("compose", "Docker Compose: services and projects, one name in two of them", COMPOSE),
    Group("addresses", "addresses that a client keeps while the name goes elsewhere", ADDRESSES),
    Group("endpoints", "how the port is published, what listens there, the container's state", ENDPOINTS),
    Group("service", "who has the port: an ignored publication, a process of the host, a full queue", SERVICE),
    Group("unpublished", "containers with the host's network, with another one's, and with none", UNPUBLISHED),
    Group("versions", "a port published for one IP version, and dialled by the other", VERSIONS),
    Group("shared", "containers in one network namespace", SHARED),
    Group("engines", "engines that run otherwise: without docker-proxy, without root", ENGINES),
    Group("firewalls", "rules that drop, rules that are missing, the way out of a host", FIREWALLS),
    Group("managers", "rules as firewall managers write them: ufw, ufw-docker, libvirt", MANAGERS),
    Group("engine28", "what Engine 28 does otherwise (lab up --engine sid)", ENGINE_28),
    Group("engine29", "what Engine 29 does, with each firewall backend: recorded runs, replayed alone", ENGINE_29),
    Group("direct", "a container's own IPv6 address, dialled from another host", DIRECT),
    Group("discovery", "IPv6 neighbour discovery, dropped and unanswered", DISCOVERY),
    Group("arp", "ARP, dropped by rules that see no IP", ARP),
    Group("localhost", "localhost and host.docker.internal in a container, published ports inside", LOCALHOST),
    Group("lifetime", "containers that end again and again, applications that are not there yet, or silent", LIFETIME),
    Group("http", "what an application answers by HTTP: statuses, redirects, other protocols", HTTP),
    Group("tls", "https: handshakes that fail, certificates that clients refuse", TLS),
    Group("filters", "filters in unusual places", FILTERS),
    Group(
        "owners", "firewalls as ufw, firewalld and fail2ban make them, and what they do to the engine's rules", OWNERS
    ),
    Group("others", "address translation by others than the engine", (*OTHERS, *HAIRPINS)),
    Group("proxied", "transparent proxies: rules that hand packets to a local socket", PROXIED),
    Group("unlisted", "rules that are decided by what no listing shows", UNLISTED),
    Group(
        "reported",
        "situations of public bug reports: host firewalls, bans, rules by the original port, static NAT",
        REPORTED,
    ),
    Group("varied", "situations of public bug reports in other forms", VARIED),
    Group("inside", "firewalls inside a container's own network namespace", INSIDE),
    Group("routing", "routes that are missing or lead elsewhere, a wire that loses packets", ROUTING),
    Group("policy", "routing rules, VPNs, answers that leave by another way, kill switches", POLICY),
    Group("forwarding", "forwarding, the way back and the wire between hosts", FORWARDING),
    Group("beyond", "machines that no inventory knows: they refuse, or are silent", BEYOND),
    Group("translation", "rules of address translation that were flushed or are left over", TRANSLATION),
    Group("conntrack", "connection tracking: invalid segments, stale entries, a full table", CONNTRACK),
    Group("link", "layer 2 and the size of frames", LINK),
    Group("macvlan-networks", "macvlan networks across two hosts, untagged and in a VLAN", MACVLAN),
    Group("macvlan-faults", "what goes wrong with macvlan networks", MACVLAN_FAULTS),
    Group("segments", "macvlan segments, routers with one wire, names of another host's containers", SEGMENTS),
    Group("traced", "--trace: the kernel tells rule by rule how the packets went", TRACED),
    Group("truth", "the truth table, cell by cell: docker-proxy, the DNAT rule, or both gone", TRUTH),
)
EXPERIMENTS: Final[tuple[Experiment, ...]] = tuple(each for group in GROUPS for each in group.experiments)


def experiment(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        UsageFault: there is none.
    """
    for candidate in EXPERIMENTS:
        if candidate.name == name:
            return candidate
    raise UsageFault(f"no experiment is called {name!r}", _nearest(name))


def _nearest(name: str) -> str:
    from netprobe_lab.commands import TABLE

    known = (*(group.name for group in GROUPS), *(each.name for each in EXPERIMENTS), TABLE)
    return did_you_mean(name, known) or "netprobe lab list"


def chosen(patterns: Iterable[str], *, parts: bool = False) -> list[Group]:
    """Return the experiments that the patterns mean, each once, by group and in the order of the list.

    Args:
        patterns: a group's name, an experiment's name, or one with ``*`` and ``?``.
        parts: a part of an experiment's name will do.

    Raises:
        UsageFault: a pattern means none.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not any(_means(pattern, group, each, parts) for group in GROUPS for each in group.experiments):
            raise UsageFault(f"no experiment and no group is called {pattern!r}", _nearest(pattern))
    kept = (
        Group(group.name, group.title, tuple(each for each in group.experiments if _any(wanted, group, each, parts)))
        for group in GROUPS
    )
    return [group for group in kept if group.experiments]


def _any(patterns: Iterable[str], group: Group, experiment: Experiment, parts: bool) -> bool:
    return any(_means(pattern, group, experiment, parts) for pattern in patterns)


def _means(pattern: str, group: Group, experiment: Experiment, parts: bool) -> bool:
    if pattern == group.name or fnmatchcase(experiment.name, pattern):
        return True
    return parts and fnmatchcase(experiment.name, f"*{pattern}*")
