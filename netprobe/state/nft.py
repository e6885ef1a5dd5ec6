"""nftables rules outside iptables' own tables, from ``nft -j list ruleset``: what else may drop a packet.

The tables that iptables-nft owns are left out: :mod:`netprobe.state.iptables` reads those, with match extensions that
nft's JSON does not show. Docker's own nftables backend (Engine 29, tables ``docker-bridges``) is kept.

Source: libnftables-json(5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from netprobe.model.rule import Program, RuleRef
from netprobe.state.address import covers, ip, same
from netprobe.state.issues import Issues, dict_of, int_of, load_json, text_of, texts_of
from netprobe.state.packet import PacketTuple, all_of, any_of, invert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from netprobe.model.remedy import Argv

VERDICTS = ("drop", "reject", "accept", "queue", "return", "jump", "goto")
TERMINAL = ("drop", "reject")
_IPTABLES_TABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_IPTABLES_HOOK_CHAINS = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
_DEPTH = 24  # nesting of an expression that is still shown


@dataclass(frozen=True, slots=True, kw_only=True)
class NftRule:
    """One rule.

    Attributes:
        family, table, chain, handle: where it stands (``nft delete rule FAMILY TABLE CHAIN handle N``).
        text: the rule in nft's own words, as near as the JSON tells them.
        verdict: ``drop`` ``reject`` ``accept`` ``jump`` …, ``""`` for none.
        target: the chain that a jump or goto names, else ``""``.
        packets: its counter, None when it has none.
        comment: its comment.
        expressions: the JSON expressions, for :meth:`matches`.
    """

    family: str
    table: str
    chain: str
    handle: int
    text: str = ""
    verdict: str = ""
    target: str = ""
    packets: int | None = None
    comment: str = ""
    expressions: tuple[Any, ...] = ()

    def matches(self, packet: PacketTuple) -> bool | None:
        """Whether the packet meets every match; None when a match is not understood or the packet does not tell."""
        if _other_version(self.family, packet):
            return False
        return all_of(_holds(each, packet) for each in self.expressions)

    @property
    def ref(self) -> RuleRef:
        """Which rule it is."""
        return RuleRef(
            program=Program.NFT,
            family=self.family,
            table=self.table,
            chain=self.chain,
            handle=self.handle,
            text=self.text,
            verdict=self.verdict,
        )

    @property
    def delete_argv(self) -> Argv:
        """The argv that deletes it."""
        return ("nft", "delete", "rule", self.family, self.table, self.chain, "handle", str(self.handle))


@dataclass(frozen=True, slots=True, kw_only=True)
class NftChain:
    """One chain; ``hook`` is ``""`` for one that is only jumped to. ``devices``: of a netdev chain."""

    family: str
    table: str
    name: str
    handle: int = 0
    type: str = ""
    hook: str = ""
    prio: int = 0
    policy: str = ""
    devices: tuple[str, ...] = ()
    rules: tuple[NftRule, ...] = ()

    @property
    def accept_argv(self) -> Argv:
        """The argv that has its policy accept."""
        return ("nft", "chain", self.family, self.table, self.name, "{ policy accept; }")

    @property
    def ref(self) -> RuleRef:
        """Which policy it has."""
        return RuleRef(
            program=Program.NFT,
            family=self.family,
            table=self.table,
            chain=self.name,
            policy=True,
            text=f"policy {self.policy}",
            verdict=self.policy,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NftMap:
    """A named verdict map: what its rules look up, to the verdict and the chain that a jump or goto names."""

    family: str
    table: str
    name: str
    elements: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NftRuleset:
    """All chains (and verdict maps) that are not iptables' own."""

    chains: tuple[NftChain, ...] = ()
    maps: tuple[NftMap, ...] = ()

    def looked_up(self, rule: NftRule, packet: PacketTuple) -> tuple[str, str] | None:
        """The verdict and target that a rule's verdict map has for this packet: ``("", "")`` when it has none; None when that is unknown."""
        body = next((each["vmap"] for each in rule.expressions if "vmap" in each), None)
        key = _reader(dict_of(body, "key"), packet) if isinstance(body, dict) else None
        name = body.get("data") if isinstance(body, dict) else None
        if key is None or not isinstance(name, str):
            return None
        wanted = (rule.family, rule.table, name.removeprefix("@"))
        found = next((each for each in self.maps if (each.family, each.table, each.name) == wanted), None)
        return found.elements.get(str(key), ("", "")) if found else None

    def may_dnat_to(self, address: str, port: int) -> bool:
        """Whether a rule sends to this address and port, or to what its text alone does not tell (a map)."""
        bodies = [each["dnat"] for rule in self.rules() for each in rule.expressions if "dnat" in each]
        plain = [each for each in bodies if isinstance(each, dict) and isinstance(each.get("addr"), str)]
        return len(plain) < len(bodies) or any(
            same(each["addr"], address) and each.get("port") in {port, None} for each in plain
        )

    def base(self, hook: str, *families: str) -> tuple[NftChain, ...]:
        """The base chains at a hook (of these families, or any), in the order of their priority."""
        found = [each for each in self.chains if each.hook == hook and (not families or each.family in families)]
        return tuple(sorted(found, key=lambda chain: chain.prio))

    def rules(self) -> Iterator[NftRule]:
        """All rules."""
        for chain in self.chains:
            yield from chain.rules

    def reachable(self, chain: NftChain) -> tuple[NftRule, ...]:
        """Its rules, with those of the chains that it jumps to after each jump; every chain once."""
        by_name = {(each.family, each.table, each.name): each for each in self.chains}
        seen: set[str] = set()
        stack, found = list(reversed(chain.rules)), []
        while stack:
            rule = stack.pop()
            found.append(rule)
            for name in (rule.target, *self._targets(rule)):
                target = by_name.get((rule.family, rule.table, name))
                if target is not None and target.name not in seen:
                    seen.add(target.name)
                    stack.extend(reversed(target.rules))
        return tuple(found)

    def _targets(self, rule: NftRule) -> Iterator[str]:
        """The chains that a rule's verdict map can lead to."""
        for body in (each.get("vmap") for each in rule.expressions):
            name = text_of(body, "data").removeprefix("@") if isinstance(body, dict) else ""
            for each in self.maps:
                if name and (each.family, each.table, each.name) == (rule.family, rule.table, name):
                    yield from (target for _, target in each.elements.values())

    def stopping(self, hook: str, packet: PacketTuple) -> tuple[NftRule | NftChain, ...]:
        """What could drop or reject this packet at a hook: rules that do not surely miss it, and dropping policies."""
        found: list[NftRule | NftChain] = []
        for chain in self.base(hook):
            if _other_version(chain.family, packet):
                continue
            rules = self.reachable(chain)
            found.extend(rule for rule in rules if rule.verdict in TERMINAL and rule.matches(packet) is not False)
            if chain.policy == "drop":
                found.append(chain)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class NftHit:
    """A rule whose counter rose between two moments."""

    rule: NftRule
    before: int = 0
    after: int = 0

    @property
    def delta(self) -> int:
        """How many packets it counted."""
        return self.after - self.before


def nft_hits(before: NftRuleset | None, after: NftRuleset | None) -> tuple[NftHit, ...]:
    """Rules that counted packets between two moments, told apart by handle. Rules without counter cannot be told."""
    if before is None or after is None:
        return ()
    old = {(rule.family, rule.table, rule.chain, rule.handle): rule.packets or 0 for rule in before.rules()}
    found = []
    for rule in after.rules():
        was = old.get((rule.family, rule.table, rule.chain, rule.handle), 0)
        now = rule.packets or 0
        was = was if was <= now else 0
        if now > was:
            found.append(NftHit(rule=rule, before=was, after=now))
    return tuple(found)


def parse_nft(text: str, issues: Issues) -> NftRuleset | None:
    """``nft -j list ruleset``. None (and an issue) when the text is not that."""
    if not text.strip():
        return NftRuleset()
    value = load_json(text, issues)
    items = value.get("nftables") if isinstance(value, dict) else None
    if not isinstance(items, list):
        if value is not None:
            issues.add(0, text, "no nftables list in it")
        return None
    objects = [item for item in items if isinstance(item, dict)]
    chains = [chain for item in objects if (chain := _chain(dict_of(item, "chain"))) is not None]
    owned = _owned(objects, chains)
    rules: dict[tuple[str, str, str], list[NftRule]] = {}
    for item in objects:
        rule = _rule(dict_of(item, "rule"), owned)
        if rule is not None:
            rules.setdefault((rule.family, rule.table, rule.chain), []).append(rule)
    return NftRuleset(
        chains=tuple(
            replace(chain, rules=tuple(rules.get((chain.family, chain.table, chain.name), ())))
            for chain in chains
            if (chain.family, chain.table) not in owned
        ),
        maps=tuple(found for item in objects if (found := _map(dict_of(item, "map"))) is not None),
    )


def _owned(objects: Iterable[dict[str, Any]], chains: Iterable[NftChain]) -> set[tuple[str, str]]:
    """iptables-nft's tables: named as iptables names them, and every base chain named as iptables names its own."""
    tables = {
        (text_of(table, "family"), text_of(table, "name")) for item in objects if (table := dict_of(item, "table"))
    }
    owned = {(family, name) for family, name in tables if family in {"ip", "ip6"} and name in _IPTABLES_TABLES}
    foreign = {
        (chain.family, chain.table) for chain in chains if chain.hook and chain.name not in _IPTABLES_HOOK_CHAINS
    }
    return owned - foreign


def _chain(item: dict[str, Any]) -> NftChain | None:
    if not text_of(item, "name"):
        return None
    device = item.get("dev")
    devices = (device,) if isinstance(device, str) else device if isinstance(device, list) else ()
    return NftChain(
        family=text_of(item, "family"),
        table=text_of(item, "table"),
        name=text_of(item, "name"),
        handle=int_of(item, "handle") or 0,
        type=text_of(item, "type"),
        hook=text_of(item, "hook"),
        prio=int_of(item, "prio") or 0,
        policy=text_of(item, "policy"),
        devices=tuple(each for each in devices if isinstance(each, str)),
    )


def _map(item: dict[str, Any]) -> NftMap | None:
    """A verdict map with plain keys; None for any other."""
    elements = item.get("elem", [])
    if item.get("map") != "verdict" or not isinstance(elements, list):
        return None
    found: dict[str, tuple[str, str]] = {}
    for each in elements:
        key, verdict = each if isinstance(each, list) and len(each) == 2 else (None, None)
        names = [name for name in VERDICTS if isinstance(verdict, dict) and name in verdict]
        if not isinstance(key, str | int) or not isinstance(verdict, dict) or not names:
            return None
        found[str(key)] = (names[0], text_of(dict_of(verdict, names[0]), "target"))
    return NftMap(
        family=text_of(item, "family"), table=text_of(item, "table"), name=text_of(item, "name"), elements=found
    )


def _rule(item: dict[str, Any], owned: set[tuple[str, str]]) -> NftRule | None:
    family, table, chain = text_of(item, "family"), text_of(item, "table"), text_of(item, "chain")
    if not chain or (family, table) in owned:
        return None
    raw = item.get("expr")
    expressions = tuple(each for each in raw if isinstance(each, dict)) if isinstance(raw, list) else ()
    verdict, target, packets = "", "", None
    for each in expressions:
        if isinstance(each.get("counter"), dict):
            packets = int_of(each["counter"], "packets")
        for name in VERDICTS:
            if name in each:
                verdict, target = name, text_of(dict_of(each, name), "target")
    return NftRule(
        family=family,
        table=table,
        chain=chain,
        handle=int_of(item, "handle") or 0,
        text=" ".join(filter(None, (show(each) for each in expressions))),
        verdict=verdict,
        target=target,
        packets=packets,
        comment=text_of(item, "comment"),
        expressions=expressions,
    )


def show(value: Any, depth: int = 0) -> str:
    """An expression in nft's own words, as near as needed to recognise it; JSON where no words are known."""
    if depth > _DEPTH:
        return "…"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return "{ " + ", ".join(show(each, depth + 1) for each in value) + " }"
    if not isinstance(value, dict) or len(value) != 1:
        return json.dumps(value, sort_keys=True)
    ((name, body),) = value.items()
    shown = _SHOW.get(name)
    if shown is not None and isinstance(body, dict):
        return shown(body, depth + 1)
    if name == "set" and isinstance(body, list):
        return show(body, depth + 1)
    if name == "range" and isinstance(body, list):
        return "-".join(show(each, depth + 1) for each in body)
    if body is None:
        return str(name)
    return f"{name} {json.dumps(body, sort_keys=True) if isinstance(body, dict) else show(body, depth + 1)}"


def _show_match(body: dict[str, Any], depth: int) -> str:
    op = text_of(body, "op")
    middle = "" if op in {"==", "in", ""} else f"{op} "
    return f"{show(body.get('left'), depth)} {middle}{show(body.get('right'), depth)}"


def _flags(fib: dict[str, Any]) -> tuple[str, ...]:
    """What a fib expression looks up: a word, or a list of them, as the version writes it."""
    return (text_of(fib, "flags"),) if isinstance(fib.get("flags"), str) else texts_of(fib, "flags")


def _colon(port: Any, depth: int) -> str:
    return "" if port is None else f":{show(port, depth)}"


_SHOW: dict[str, Callable[[dict[str, Any], int], str]] = {
    "match": _show_match,
    "payload": lambda body, _: f"{text_of(body, 'protocol')} {text_of(body, 'field')}".strip(),
    "meta": lambda body, _: (
        f"meta {text_of(body, 'key')}" if text_of(body, "key") == "l4proto" else text_of(body, "key")
    ),
    "ct": lambda body, _: f"ct {text_of(body, 'key')}",
    "fib": lambda body, _: f"fib {' '.join(_flags(body))} {text_of(body, 'result')}",
    "vmap": lambda body, depth: f"{show(body.get('key'), depth)} vmap {show(body.get('data'), depth)}",
    "dnat": lambda body, depth: f"dnat to {show(body.get('addr'), depth)}{_colon(body.get('port'), depth)}",
    "prefix": lambda body, depth: f"{show(body.get('addr'), depth)}/{show(body.get('len'), depth)}",
    "counter": lambda body, _: f"counter packets {body.get('packets')} bytes {body.get('bytes')}",
    "jump": lambda body, _: f"jump {text_of(body, 'target')}",
    "goto": lambda body, _: f"goto {text_of(body, 'target')}",
    "reject": lambda body, _: " ".join(filter(None, ("reject with", text_of(body, "type"), text_of(body, "expr")))),
}


_NAMES = {"ipv6-icmp": "icmpv6"}  # as /etc/protocols has it, and as nft names the header


def _holds(expression: dict[str, Any], packet: PacketTuple) -> bool | None:
    """Whether one expression lets the packet on: statements do, a match when it matches."""
    if "match" not in expression:
        return None if expression.keys() & {"xt", "vmap", "limit", "lookup"} else True
    body = dict_of(expression, "match")
    op = text_of(body, "op")
    if _impossible(dict_of(dict_of(body, "left"), "payload"), packet):
        return False
    read = _reader(dict_of(body, "left"), packet)
    if read is None or op not in {"==", "!=", "in"}:
        return None
    answer = _equals(body.get("right"), read)
    return invert(answer) if op == "!=" else answer


def _impossible(payload: dict[str, Any], packet: PacketTuple) -> bool:
    """The packet has no such header: nft then adds a test for it that fails, whatever the operator."""
    protocol = text_of(payload, "protocol")
    if protocol in {"tcp", "udp", "icmp", "icmpv6", "sctp"}:
        return packet.carried is not None and protocol != packet.carried
    return _other_version(protocol, packet)


def _other_version(family: str, packet: PacketTuple) -> bool:
    """Whether a packet of the other IP version never comes to such a table, nor has such a header."""
    address = ip(packet.dst or packet.src or "")
    return address is not None and {"ip": 4, "ip6": 6}.get(family, address.version) != address.version


def _reader(left: dict[str, Any], packet: PacketTuple) -> str | int | None:
    payload, meta, ct = dict_of(left, "payload"), dict_of(left, "meta"), dict_of(left, "ct")
    fib = dict_of(left, "fib")
    if fib:
        kinds = {"daddr": packet.dst_type, "saddr": packet.src_type}
        kind = kinds.get(" ".join(_flags(fib))) if text_of(fib, "result") == "type" else None
        return kind.lower() if kind else None
    if payload:
        protocol, name = text_of(payload, "protocol"), text_of(payload, "field")
        values: dict[tuple[str, str], str | int | None] = {
            ("ip", "saddr"): packet.src,
            ("ip", "daddr"): packet.dst,
            ("ip6", "saddr"): packet.src,
            ("ip6", "daddr"): packet.dst,
            ("ip", "protocol"): packet.proto,
            ("ip6", "nexthdr"): packet.carried,
        }
        if protocol in {"tcp", "udp", "th"} and name in {"sport", "dport"}:
            return packet.sport if name == "sport" else packet.dport
        return values.get((protocol, name))
    if meta:
        by_key = {"iifname": packet.in_if, "oifname": packet.out_if, "iif": packet.in_if, "oif": packet.out_if}
        return {**by_key, "l4proto": packet.carried}.get(text_of(meta, "key"))
    if text_of(ct, "key") == "state" and packet.ctstate is not None:
        return packet.ctstate.lower()
    return None


def _equals(right: Any, value: str | int) -> bool | None:
    if isinstance(right, list):
        return any_of(_equals(each, value) for each in right)
    if isinstance(right, dict):
        return _equals_compound(right, value)
    if isinstance(right, bool) or not isinstance(right, str | int):
        return None
    if isinstance(right, str) and right.startswith("@"):
        return None
    if isinstance(value, int):
        return right == value if isinstance(right, int) else None
    if not isinstance(right, str):
        return None
    if right.endswith("*"):
        return value.startswith(right[:-1])
    if ip(value) is not None and ip(right) is not None:
        return ip(value) == ip(right)
    return _NAMES.get(right, right) == value


def _equals_compound(right: dict[str, Any], value: str | int) -> bool | None:
    if "set" in right:
        return _equals(right["set"], value)
    body = right.get("prefix")
    if isinstance(body, dict):
        return covers(f"{body.get('addr')}/{body.get('len')}", str(value))
    limits = right.get("range")
    if isinstance(limits, list) and len(limits) == 2 and isinstance(value, int):
        low, high = limits
        return low <= value <= high if isinstance(low, int) and isinstance(high, int) else None
    return None
