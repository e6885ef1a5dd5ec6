"""A host, a namespace, the world: parsed when asked for, None where the evidence does not tell.

A value is parsed once: where the text after the probe is the same as before, both moments share the parsed value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from netprobe.model.rule import Program
from netprobe.state.address import ip
from netprobe.state.conntrack import Tracked, parse_conntrack, parse_conntrack_stat
from netprobe.state.drops import Dropped, parse_drops
from netprobe.state.engine import engine_of
from netprobe.state.fib import Fib
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues, ParseIssue, load_json
from netprobe.state.links import (
    FdbEntry,
    Link,
    Neighbour,
    parse_fdb,
    parse_links,
    parse_neighbours,
)
from netprobe.state.names import (
    HostsFile,
    ResolvConf,
    parse_hosts_file,
    parse_resolv_conf,
    parse_sysctls,
)
from netprobe.state.nft_parse import parse_nft
from netprobe.state.nft_text import parse_nft_text, with_words
from netprobe.state.parsed import understood
from netprobe.state.routes import Route, RoutingRule, parse_routes, parse_rules
from netprobe.state.sockets import Socket, parse_counters, parse_sockets
from netprobe.state.trace import Traced, parse_handles, parse_trace
from netprobe.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from netprobe.evidence.model import CommandOutput
    from netprobe.state.engine.base import ContainerEngine
    from netprobe.state.engine.model import Container, Network, Proxy
    from netprobe.state.iptables import Ruleset
    from netprobe.state.nft import NftRuleset

T = TypeVar("T")
Parser = Callable[[str, Issues], T]


class Outputs:
    """The command outputs of one host at one moment, and what was parsed of them."""

    def __init__(self, outputs: Mapping[str, CommandOutput], earlier: Outputs | None = None) -> None:
        self.outputs = outputs
        self.earlier = earlier
        self._parsed: dict[str, tuple[Any, tuple[ParseIssue, ...]]] = {}

    def parse(self, key: str, parser: Parser[T]) -> T | None:
        """The parsed output; None when it was not asked, failed, or could not be read at all."""
        output = self.outputs.get(key)
        if output is None or not output.ok:
            return None
        if self.earlier is not None and self.earlier.outputs.get(key) == output:
            return self.earlier.parse(key, parser)
        if key not in self._parsed:
            self._parsed[key] = understood(parser, key, output.stdout)
        value: T | None = self._parsed[key][0]
        return value

    def asked(self, key: str) -> bool:
        """Whether it was asked for, in vain or not: evidence of an older version lacks what that did not ask for."""
        return key in self.outputs

    def issues(self) -> tuple[ParseIssue, ...]:
        """What was not understood of all that was parsed so far."""
        earlier = self.earlier.issues() if self.earlier else ()
        own = tuple(issue for _, issues in self._parsed.values() for issue in issues)
        return tuple(dict.fromkeys((*earlier, *own)))


class Namespace:
    """One network namespace; each attribute is None when it is not known."""

    def __init__(self, outputs: Outputs, prefix: str = "") -> None:
        self._outputs = outputs
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"Namespace({self._prefix or 'host'})"

    @classmethod
    def known(cls, **values: Any) -> Namespace:
        """A namespace of which just these attributes are known (for tests and predictions)."""
        namespace = cls(Outputs({}))
        namespace.__dict__.update(values)
        return namespace

    def _get(self, key: str, parser: Parser[T]) -> T | None:
        return self._outputs.parse(self._prefix + key, parser)

    def asked(self, key: str) -> bool:
        """Whether an output was asked for in this namespace, in vain or not."""
        return self._outputs.asked(self._prefix + key)

    @cached_property
    def links(self) -> tuple[Link, ...] | None:
        """Interfaces with their addresses."""
        return self._get("addr", parse_links)

    @cached_property
    def routes(self) -> tuple[Route, ...] | None:
        """Routes of all tables."""
        return self._get("route", parse_routes)

    @cached_property
    def rules(self) -> tuple[RoutingRule, ...] | None:
        """Routing rules of IPv4; None also where an older version did not ask for them."""
        return self._get("rule", parse_rules)

    @cached_property
    def rules6(self) -> tuple[RoutingRule, ...] | None:
        """Routing rules of IPv6."""
        return self._get("rule6", parse_rules)

    @cached_property
    def fib(self) -> Fib:
        """How it routes: its rules and tables. Rules that were never asked for are taken to be those that every namespace begins with."""
        each = {4: ("rule", self.rules), 6: ("rule6", self.rules6)}
        doubt = {
            version: f"the {'IPv6 ' if version == 6 else ''}routing rules of {self._whose} are not known"
            for version, (key, found) in each.items()
            if found is None and self.asked(key)
        }
        rules = {version: found for version, (_, found) in each.items() if found is not None}
        return Fib(self.routes or (), rules, self.links, doubt)

    @property
    def _whose(self) -> str:
        return self._prefix.removeprefix("ns/").removesuffix("/") or "the host"

    @cached_property
    def neighbours(self) -> tuple[Neighbour, ...] | None:
        """Neighbour (ARP) entries."""
        return self._get("neigh", parse_neighbours)

    @cached_property
    def proxied(self) -> tuple[Neighbour, ...] | None:
        """The addresses that it answers for in others' stead, each on one interface; None also where an older version did not ask."""
        return self._get("neigh-proxy", parse_neighbours)

    @cached_property
    def fdb(self) -> tuple[FdbEntry, ...] | None:
        """Bridge forwarding entries."""
        return self._get("fdb", parse_fdb)

    @cached_property
    def sockets(self) -> tuple[Socket, ...] | None:
        """TCP and UDP sockets."""
        return self._get("sockets", parse_sockets)

    @cached_property
    def counters(self) -> dict[str, int] | None:
        """The kernel's protocol counters that matter, by nstat's names."""
        return self._get("counters", parse_counters)

    @cached_property
    def ruleset(self) -> Ruleset | None:
        """iptables, the backend that ``iptables`` is."""
        return self._get("iptables", parse_iptables)

    @cached_property
    def legacy(self) -> Ruleset | None:
        """The legacy backend's rules, where it is another one."""
        return self._get("iptables-legacy", _legacy)

    @cached_property
    def ruleset6(self) -> Ruleset | None:
        """ip6tables."""
        return self._get("ip6tables", _six)

    @cached_property
    def legacy6(self) -> Ruleset | None:
        """ip6tables' rules of the legacy backend, where it is another one."""
        return self._get("ip6tables-legacy", _legacy6)

    @cached_property
    def nft(self) -> NftRuleset | None:
        """What nft holds beside iptables' own tables; in nft's own words where these were collected, too."""
        found, words = self._get("nft", parse_nft), self._get("nft-text", parse_nft_text)
        return with_words(found, words) if found is not None and words is not None else found

    @cached_property
    def sysctls(self) -> dict[str, str] | None:
        """Kernel settings that matter, of this namespace."""
        return self._get("sysctl", parse_sysctls)

    @cached_property
    def hosts_file(self) -> HostsFile | None:
        """Its hosts file."""
        return self._get("hosts-file", parse_hosts_file)

    @cached_property
    def resolv_conf(self) -> ResolvConf | None:
        """Its resolver configuration."""
        return self._get("resolv-conf", parse_resolv_conf)

    def link(self, name: str) -> Link | None:
        """An interface by name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> Mapping[str, Link]:
        """Name -> link, the first of each."""
        return {link.name: link for link in reversed(self.links or ())}

    @cached_property
    def addresses(self) -> frozenset[IPv4Address | IPv6Address]:
        """The addresses of all interfaces."""
        found = (ip(each.address) for link in self.links or () for each in link.addresses)
        return frozenset(each for each in found if each is not None)

    def link_with(self, address: str) -> Link | None:
        """The interface that has this address."""
        return next((link for link in self.links or () if any(a.address == address for a in link.addresses)), None)


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


def _legacy(text: str, issues: Issues) -> Ruleset | None:
    return parse_iptables(text, issues, program=Program.LEGACY)


def _legacy6(text: str, issues: Issues) -> Ruleset | None:
    return parse_iptables(text, issues, program=Program.LEGACY6)


def _six(text: str, issues: Issues) -> Ruleset | None:
    return parse_iptables(text, issues, program=Program.IP6TABLES)
