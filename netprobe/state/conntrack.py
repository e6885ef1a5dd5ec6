"""The connection tracking table: ``/proc/net/nf_conntrack``, one line an entry (net/netfilter/nf_conntrack_standalone.c, ct_seq_show)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.state.issues import Issues

_MOST = 20_000  # entries looked at: a table may hold millions


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
    return tuple(filter(None, map(_entry, text.splitlines()[:_MOST])))


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
