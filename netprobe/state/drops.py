"""The kernel's drop reasons for a probe's packets (``--trace`` with bpftrace): lines of :mod:`netprobe.capture.drops` and of the far side.

``netns INODE [CONTAINER]`` names a network namespace of this host, ``print fmt: …`` (tracefs, events/skb/kfree_skb/format) the running
kernel's reasons, ``drop REASON INODE FUNCTION TRANSPORT SRC SPORT DST DPORT FLAGS [INTERFACE]`` is one packet. A tracepoint hears of
every namespace of the kernel: what is not in one that is named here is another host's, or nobody's in question.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from netprobe.model.endpoint import Endpoint
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.issues import Issues

NOT_A_LOSS: Final = frozenset(
    {"NOT_DROPPED_YET", "CONSUMED", "NOT_SPECIFIED", "QUEUE_PURGE", "SOCKET_CLOSE", "TCP_RESET"}
)
"""Reasons that a packet has in the ordinary course, or that say nothing: what lay in the queue of a socket that was closed, a RST that was
heeded, no reason given (include/net/dropreason-core.h)."""

_NETNS = re.compile(r"netns (\d{1,10})(?: (\S{1,200}))?", re.ASCII)
_NAME = re.compile(r'\{ (\d{1,10}), "([A-Z0-9_]{1,60})" \}', re.ASCII)
_DROP = re.compile(
    r"drop (\d{1,10}) (\d{1,10}) (\S{1,200}) (tcp|udp|icmp) (\S{1,60}) (\d{1,5}) (\S{1,60}) (\d{1,5}) (\d{1,3}) ?(\S{0,16})",
    re.ASCII,
)
_LOST = re.compile(r"Lost \d{1,18} events", re.ASCII)
_NOISE = re.compile(r"ready|Attach(?:ing|ed) \d+ probes?(?:\.\.\.)?|@ready: 1", re.ASCII)
_FLAGS = ((2, "SYN"), (1, "FIN"), (4, "RST"))
_ECHOES = {8: "echo request", 0: "echo reply", 128: "echo request", 129: "echo reply"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One packet that the kernel dropped, and its reason.

    Attributes:
        reason: its name in this kernel, ``"NETFILTER_DROP"``; ``"reason 196608"`` where it is no core reason (Open vSwitch has its own).
        at: the function that dropped it, ``"nft_do_chain"``.
        container: in whose network namespace; None for the host's own.
        interface: the interface that it was on, ``""`` for none (yet).
        src, dst: as it was then; without ports where it has none.
        info: ``SYN``, ``echo request``, ``""``.
    """

    reason: str
    at: str
    container: str | None = None
    interface: str = ""
    src: Endpoint
    dst: Endpoint
    info: str = ""

    @property
    def is_loss(self) -> bool:
        """False where the reason is one that packets have in the ordinary course, or none.

        An echo reply has no "ping socket" where a raw socket asked, which hears it before.
        """
        return self.reason not in NOT_A_LOSS and (self.reason, self.info) != ("NO_SOCKET", "echo reply")


def parse_drops(text: str, issues: Issues) -> tuple[Dropped, ...]:
    """Every drop in one of this host's namespaces, in order."""
    places: dict[str, str | None] = {}
    names: Mapping[str, str] = {}
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if place := _NETNS.fullmatch(line):
            places.setdefault(place[1], place[2])
        elif line.startswith("print fmt: "):
            names = dict(_NAME.findall(line))
        elif drop := _DROP.fullmatch(line):
            if drop[2] in places and names:
                found += _drop(drop, places[drop[2]], names.get(drop[1], f"reason {drop[1]}"))
        elif _LOST.fullmatch(line):
            issues.add(number, line, "bpftrace was too slow for some drops")
        elif line.strip() and not _NOISE.fullmatch(line.strip()):
            issues.add(number, line, "not a line of the kernel's drops")
    return tuple(found)


def _drop(line: re.Match[str], container: str | None, reason: str) -> list[Dropped]:
    """The drop of a line; nothing where its addresses are none."""
    src, dst = _end(line[5], line[6], line[4]), _end(line[7], line[8], line[4])
    if src is None or dst is None:
        return []
    return [
        Dropped(
            reason=reason,
            at=line[3],
            container=container,
            interface=line[10],
            src=src,
            dst=dst,
            info=_info(line[4], int(line[9])),
        )
    ]


def _end(address: str, port: str, transport: str) -> Endpoint | None:
    """None where the address is none."""
    try:
        text = str(ipaddress.ip_address(address))
    except ValueError:
        return None
    return Endpoint(text, None if transport == "icmp" else int(port))


def _info(transport: str, number: int) -> str:
    if transport == "icmp":
        return _ECHOES.get(number, "")
    if transport != "tcp":
        return ""
    names = [name for bit, name in _FLAGS if number & bit]
    return "-".join([*names, "ACK"] if number & 16 and names != ["RST"] else names)
