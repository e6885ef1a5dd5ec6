"""A network namespace: its interfaces, routes, neighbours, sockets, rules and files, parsed when asked for, None where the evidence does not tell."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netprobe.model.rule import Program
from netprobe.state.address import ip
from netprobe.state.fib import Fib
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.links import FdbEntry, Link, Neighbour, parse_fdb, parse_links, parse_neighbours
from netprobe.state.names import HostsFile, ResolvConf, parse_hosts_file, parse_resolv_conf, parse_sysctls
from netprobe.state.nft_parse import parser_keeping
from netprobe.state.nft_text import parse_nft_text, with_words
from netprobe.state.outputs import Outputs, Parser, T
from netprobe.state.routes import Route, RoutingRule, parse_routes, parse_rules
from netprobe.state.sockets import Socket, parse_counters, parse_sockets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

    from netprobe.state.iptables import Chain, Ruleset
    from netprobe.state.issues import Issues
    from netprobe.state.nft import NftRule, NftRuleset


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
        """iptables, the backend that ``iptables`` is; None also where it cannot list a table of its own."""
        return _whole(self.listed, self._misread("ip"))

    @cached_property
    def listed(self) -> Ruleset | None:
        """The same as far as it is listed: the other tables are :attr:`nft`'s then."""
        return self._get("iptables", parse_iptables)

    @cached_property
    def legacy(self) -> Ruleset | None:
        """The legacy backend's rules, where it is another one."""
        return self._get("iptables-legacy", _legacy)

    @cached_property
    def ruleset6(self) -> Ruleset | None:
        """ip6tables, as :attr:`ruleset`."""
        return _whole(self.listed6, self._misread("ip6"))

    @cached_property
    def listed6(self) -> Ruleset | None:
        """The same as far as it is listed."""
        return self._get("ip6tables", _six)

    @cached_property
    def legacy6(self) -> Ruleset | None:
        """ip6tables' rules of the legacy backend, where it is another one."""
        return self._get("ip6tables-legacy", _legacy6)

    def _misread(self, family: str) -> Mapping[tuple[str, str], Mapping[int, NftRule]]:
        """(table, chain) -> number -> rule: what iptables lists only in part."""
        nft = self._nft_listed
        return {where[1:]: rules for where, rules in nft.misread.items() if where[0] == family} if nft else {}

    @cached_property
    def _nft_listed(self) -> NftRuleset | None:
        pairs = (("ip", self.listed), ("ip6", self.listed6))
        kept = frozenset((family, table) for family, each in pairs if each is not None for table in each.unlisted)
        return self._get("nft", parser_keeping(kept))

    @cached_property
    def nft(self) -> NftRuleset | None:
        """What nft holds beside iptables' own tables, and those of them that iptables cannot list; in nft's own words where these were collected, too."""
        found, words = self._nft_listed, self._get("nft-text", parse_nft_text)
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


def _whole(listed: Ruleset | None, misread: Mapping[tuple[str, str], Mapping[int, NftRule]]) -> Ruleset | None:
    """What iptables lists, with the rules that it lists only in part as nft has them; None where it lists a table not at all."""
    if listed is None or listed.unlisted or not misread:
        return None if listed is None or listed.unlisted else listed
    tables = {
        table: {name: _told(chain, misread.get((table, name), {})) for name, chain in chains.items()}
        for table, chains in listed.tables.items()
    }
    return replace(listed, tables=tables)


def _told(chain: Chain, misread: Mapping[int, NftRule]) -> Chain:
    rules = (
        replace(each, nft=misread[each.number], packets=misread[each.number].packets)
        if each.number in misread
        else each
        for each in chain.rules
    )
    return replace(chain, rules=tuple(rules)) if misread else chain


def _legacy(text: str, issues: Issues) -> Ruleset | None:
    return parse_iptables(text, issues, program=Program.LEGACY)


def _legacy6(text: str, issues: Issues) -> Ruleset | None:
    return parse_iptables(text, issues, program=Program.LEGACY6)


def _six(text: str, issues: Issues) -> Ruleset | None:
    return parse_iptables(text, issues, program=Program.IP6TABLES)
