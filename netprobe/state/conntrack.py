"""Connection tracking: the table, and its counters.

``/proc/net/nf_conntrack`` has one line an entry, ``/proc/net/stat/nf_conntrack`` a line of names and then one of hexadecimal numbers a
processor (net/netfilter/nf_conntrack_standalone.c, ct_seq_show and ct_cpu_seq_show).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.state.issues import Issues

MOST = 20_000  # entries looked at: a table may hold millions
_HEX = re.compile(r"[0-9a-f]{1,8}")
_DECIMAL = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """One entry: the packet as it came, and the answer that is waited for.

    Attributes:
        proto: ``tcp``, ``udp`` …
        src, sport, dst, dport: of the original direction.
        back_src, back_sport: where the answer is expected to come from: another than ``dst`` where it was DNATed.
        text: the line, without runs of blanks.
    """

    proto: str
    src: str
    sport: int
    dst: str
    dport: int
    back_src: str
    back_sport: int
    text: str

    @property
    def translated(self) -> bool:
        """Whether its destination was changed."""
        return (self.back_src, self.back_sport) != (self.dst, self.dport)


def parse_conntrack(text: str, issues: Issues) -> tuple[Tracked, ...]:  # noqa: ARG001 - what has no ports is not looked at
    """The entries that have ports; lines of another form are left out."""
    return tuple(filter(None, map(_entry, text.splitlines()[:MOST])))


def parse_conntrack_stat(text: str, issues: Issues) -> dict[str, int]:
    """The counters, summed over all processors, as the file or ``conntrack -S`` gives them; empty when a line is of another form."""
    lines = text.splitlines()
    told = "=" in text
    names = lines[0].split() if lines else []
    sums: dict[str, int] = {}
    for number, line in enumerate(lines[0 if told else 1 :], 1 if told else 2):
        values = _told(line.split()) if told else _numbers(names, line.split())
        if values is None:
            issues.add(number, line, "not a line of conntrack's counters")
            return {}
        sums = {name: sums.get(name, 0) + value for name, value in values.items()}
    return sums


def _numbers(names: list[str], words: list[str]) -> dict[str, int] | None:
    if len(words) != len(names) or not all(map(_HEX.fullmatch, words)):
        return None
    return {name: int(word, 16) for name, word in zip(names, words, strict=True)}


def _told(words: list[str]) -> dict[str, int] | None:
    """``cpu=0 found=0 invalid=2 …``: in decimal (conntrack(8), -S)."""
    pairs = [word.partition("=") for word in words]
    if not all(_DECIMAL.fullmatch(value) for _, _, value in pairs):
        return None
    return {name: int(value) for name, _, value in pairs}


def _entry(line: str) -> Tracked | None:
    words = line.split()
    values: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            values.setdefault(name, []).append(value)
    if len(words) < 3 or any(len(values.get(name, ())) != 2 for name in ("src", "dst", "sport", "dport")):
        return None
    ports = [value for name in ("sport", "dport") for value in values[name]]
    if not all(port.isascii() and port.isdecimal() and len(port) < 6 for port in ports):
        return None
    return Tracked(
        proto=words[2],
        src=values["src"][0],
        sport=int(values["sport"][0]),
        dst=values["dst"][0],
        dport=int(values["dport"][0]),
        back_src=values["src"][1],
        back_sport=int(values["sport"][1]),
        text=" ".join(words),
    )
