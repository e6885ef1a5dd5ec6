"""``nft -a monitor trace`` while a probe ran: each packet's walk through the nftables rules, iptables-nft's among them.

A line is ``trace id ID FAMILY TABLE CHAIN`` and then ``packet: …`` (once a base chain), ``rule … (verdict V)``, ``verdict V`` or
``policy V``. The id is the kernel's hash of the packet's buffer (nf_tables_trace.c): it is used again for later packets, and on some
ways it changes in the middle. So a walk begins where netprobe's own table sees a packet, and goes on with what is the same packet by
its identification, length and flags. Steps in netprobe's own table are no part of the walk. Source: nft(8), "MONITOR".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.model.endpoint import Endpoint
from netprobe.model.rule import Program, RuleRef
from netprobe.model.trace import TraceStep
from netprobe.state.issues import dict_of, int_of, load_json, text_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.issues import Issues

_LINE = re.compile(
    r"trace id ([0-9a-f]{1,8}) (\w+) (\S+) (\S+) (packet:|rule|policy|verdict|unknown rule handle)(?: (.*))?", re.ASCII
)
_RULE = re.compile(r"(.*?)(?: ?# handle (\d{1,18}))? ?\(verdict ([^()]+)\)", re.ASCII)
_UNKNOWN_RULE = re.compile(r"(\d{1,18}) \(verdict ([^()]+)\)", re.ASCII)
_COUNTER = re.compile(r"counter packets \d+ bytes \d+ ?", re.ASCII)
_OWN = re.compile(r"netprobe_[0-9a-f]{16}", re.ASCII)
_MAX_DIGITS = 5
_WORD = r'"?([^\s"]+)"?'
_FLAGS = {
    "syn": "SYN",
    "0x12": "SYN-ACK",
    "ack": "ACK",
    "0x18": "PSH-ACK",
    "0x11": "FIN-ACK",
    "rst": "RST",
    "0x14": "RST-ACK",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One packet's walk, from where it came into this host or was sent by it.

    Attributes:
        src, dst: as it came; without ports where it has none, without an address where the line does not tell.
        info: ``SYN``, ``echo request``, ``""``.
        in_if, out_if: by which interfaces, ``""`` for none.
        key: what stays the same while it is translated: identification, length, flags.
        steps: in the order in which it met them.
        hooks: netprobe's own chains that saw it.
    """

    src: Endpoint
    dst: Endpoint
    info: str = ""
    in_if: str = ""
    out_if: str = ""
    key: tuple[str, ...] = ()
    steps: tuple[TraceStep, ...] = ()
    hooks: tuple[str, ...] = ()

    @property
    def dropped_by(self) -> TraceStep | None:
        """The step that dropped it, None when none did (or that is not known)."""
        return self.steps[-1] if self.steps and self.steps[-1].verdict == "drop" else None


def parse_trace(text: str, issues: Issues) -> tuple[Traced, ...]:
    """All walks, in the order in which they began."""
    reader = _Reader(issues)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            reader.line(number, line.rstrip())
    return tuple(replace(walk, steps=tuple(steps)) for walk, steps in zip(reader.walks, reader.steps, strict=True))


class _Reader:
    """The walks so far, and which of them each id means at the moment."""

    def __init__(self, issues: Issues) -> None:
        self.issues = issues
        self.walks: list[Traced] = []
        self.steps: list[list[TraceStep]] = []
        self.current: dict[str, int] = {}

    def line(self, number: int, line: str) -> None:
        """Take one line in: a packet, a step, or an issue."""
        found = _LINE.fullmatch(line)
        if found is None:
            self.issues.add(number, line, "not a line of nft's trace")
            return
        ident, family, table, chain, what, rest = found.groups()
        own = bool(_OWN.fullmatch(table))
        if what == "packet:":
            self._packet(ident, _packet(rest or ""), chain if own else "")
            return
        if own or ident not in self.current:
            return
        at = RuleRef(program=Program.NFT, family=family, table=table, chain=chain)
        step = _step(at, what, (rest or "").strip())
        if step is None:
            self.issues.add(number, line, "no verdict in it")
            return
        self.steps[self.current[ident]].append(step)

    def _packet(self, ident: str, packet: Traced, own_chain: str) -> None:
        if own_chain:
            self._seen_by_own(ident, packet, own_chain)
            return
        known = self.current.get(ident)
        if known is not None and self.walks[known].key == packet.key:
            return
        same = self._last(packet)
        if same is None:
            self.current.pop(ident, None)  # somebody else's trace
        else:
            self.current[ident] = same

    def _seen_by_own(self, ident: str, packet: Traced, chain: str) -> None:
        """A walk begins, or it goes on: what the host sends to itself comes in again by lo."""
        same = self._last(packet) if packet.in_if == "lo" else None
        if same is not None and chain not in self.walks[same].hooks:
            self.walks[same] = replace(self.walks[same], hooks=(*self.walks[same].hooks, chain))
            self.current[ident] = same
            return
        self.current[ident] = len(self.walks)
        self.walks.append(replace(packet, hooks=(chain,)))
        self.steps.append([])

    def _last(self, packet: Traced) -> int | None:
        """The last walk of the same packet, by what translation leaves as it is and one of its ends."""
        for at in range(len(self.walks) - 1, max(-1, len(self.walks) - 50), -1):
            walk = self.walks[at]
            if walk.key == packet.key and (walk.src == packet.src or walk.dst == packet.dst):
                return at
        return None


def _step(at: RuleRef, what: str, rest: str) -> TraceStep | None:
    """A step of the words after the chain; None when they are not of that form."""
    if what in ("policy", "verdict"):
        return TraceStep(rule=replace(at, policy=True), verdict=rest.partition(" meta mark ")[0]) if rest else None
    found = (_RULE if what == "rule" else _UNKNOWN_RULE).fullmatch(rest)
    if found is None:
        return None
    if what != "rule":
        return TraceStep(rule=replace(at, handle=int(found[1])), verdict=found[2])
    text, handle, verdict = found.groups()
    rule = replace(at, text=_COUNTER.sub("", text).strip(), handle=int(handle) if handle else None)
    return TraceStep(rule=rule, verdict=verdict.strip())


def _packet(text: str) -> Traced:
    """The packet of a ``packet:`` line; what it does not tell is empty."""
    flags = _value(text, r"tcp flags ==") or _value(text, r"icmp(?:v6)? type")
    key = (_value(text, "ip id"), _value(text, "ip6? length"), flags, _value(text, r"icmp(?:v6)? sequence"))
    return Traced(
        src=_end(text, "saddr", "sport"),
        dst=_end(text, "daddr", "dport"),
        info=_FLAGS.get(flags, flags.replace("-", " ")),
        in_if=_value(text, "iif"),
        out_if=_value(text, "oif"),
        key=key,
    )


def _value(text: str, name: str) -> str:
    found = re.search(rf"(?:^|\s){name} {_WORD}", text, re.ASCII)
    return found[1] if found else ""


def _end(text: str, address: str, port: str) -> Endpoint:
    number = _value(text, f"(?:tcp|udp) {port}")
    known = number.isdecimal() and len(number) <= _MAX_DIGITS
    return Endpoint(_value(text, f"ip6? {address}"), int(number) if known else None)


def parse_handles(text: str, issues: Issues) -> Mapping[tuple[str, str, str], tuple[int, ...]]:
    """The rule handles of every chain in order, from ``nft -j list ruleset``: (family, table, chain) -> handles.

    The n-th rule of an iptables-nft chain is the n-th of iptables-save.
    """
    value = load_json(text, issues) if text.strip() else None
    items = value.get("nftables") if isinstance(value, dict) else None
    found: dict[tuple[str, str, str], list[int]] = {}
    for item in items if isinstance(items, list) else ():
        rule = dict_of(item, "rule") if isinstance(item, dict) else {}
        if text_of(rule, "chain"):
            where = text_of(rule, "family"), text_of(rule, "table"), text_of(rule, "chain")
            found.setdefault(where, []).append(int_of(rule, "handle") or 0)
    return {where: tuple(handles) for where, handles in found.items()}
