"""A packet counted into its flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import history, spoken
from netprobe.compiled import row as c
from netprobe.compiled.handshake import step
from netprobe.compiled.head import note
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.key import ICMP, TCP, UDP
from netprobe.compiled.sequence import ACK, AGAIN, FIN, GAP, RST, SYN, advance, late_ns
from netprobe.flows.build import DNS_PORT
from netprobe.flowtable.state import PLAIN_SEEN, SYN_ACK_SEEN

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Buffer, Row


@compiled
def count(x: Any, p: Any, side: int, b: Buffer, r: Row, time: int, frame: int, origlen: int) -> None:
    """Count a packet into a flow: ``x`` is its row, ``p`` its state; ``time``, ``frame`` and ``origlen`` are of the packet's record."""
    _sizes(x, side, r, time, frame, origlen)
    if r[c.KIND] == TCP:
        if r[c.PAYLOAD_LEN] > 0:
            spoken.tls(x, side, b, r)
        _segment(x, p, side, r, time)
    elif r[c.KIND] == UDP:
        _datagram(x, p, side, b, r)
    elif p["guess"] < 0:
        asks = r[c.KIND] != ICMP or r[c.ICMP_TYPE] in (8, 128)
        p["guess"] = side if asks else 1 - side
    note(x, p, side, b, r, time, frame)


@inlined
def _sizes(x: Any, side: int, r: Row, time: int, frame: int, origlen: int) -> None:
    if x["packets"][0] + x["packets"][1] == 0:
        x["first_frame"], x["first_ns"], x["last_ns"] = frame, time, time
    x["first_ns"], x["last_ns"] = min(x["first_ns"], time), max(x["last_ns"], time)
    x["packets"][side] += 1
    x["bytes"][side] += origlen
    x["payload"][side] += max(r[c.PAYLOAD_LEN], 0)
    x["anomaly"] |= r[c.ANOMALY]


@compiled
def _segment(x: Any, p: Any, side: int, r: Row, time: int) -> None:
    flags = r[c.TCP_FLAGS]
    history.segment(x, p, side, r)
    what = advance(x, p, side, r, time, late_ns(x))
    if what == AGAIN:
        history.counted(x, side, history.AGAIN, p["resent"][side])
    if flags & (SYN | FIN | RST) == 0 and r[c.WINDOW] == 0:
        x["zero_windows"][side] += 1
        history.counted(x, side, history.ZERO_WINDOW, x["zero_windows"][side])
    if what == GAP:
        history.counted(x, side, history.GAP, x["gaps"][side])
    step(x, p, side, r, time)
    if flags & (FIN | RST):
        _ends(x, side, flags, time)
    if flags & ACK:
        x["acked"][side] = r[c.ACK]
    p["seq"][side] = r[c.SEQ]
    x["flags"][side] |= flags
    p["bits"] |= flags | _shown(flags)


@inlined
def _shown(flags: int) -> int:
    if flags & SYN:
        return SYN_ACK_SEEN if flags & ACK else 0
    return 0 if flags & RST else PLAIN_SEEN


@inlined
def _ends(x: Any, side: int, flags: int, time: int) -> None:
    if flags & FIN and x["fin_ns"][side] == -1:
        x["fin_ns"][side] = time
    if flags & RST:
        x["resets"][side] += 1
        if x["rst_ns"][side] == -1:
            x["rst_ns"][side] = time


@compiled
def _datagram(x: Any, p: Any, side: int, b: Buffer, r: Row) -> None:
    if p["guess"] < 0:
        answer = _is_answer(r)
        p["guess"], p["turned"] = (1 - side if answer else side), answer
    history.data(x, p, side, r)
    spoken.dns(x, b, r)


@compiled
def _is_answer(r: Row) -> bool:
    """Whether a datagram answers one that was not captured. What goes to a group answers nobody."""
    if _for_many(r):
        return False
    if r[c.SPORT] == DNS_PORT and r[c.DPORT] != DNS_PORT:
        return True
    return r[c.DNS_QR] == 1 and spoken.is_dns(r)


@compiled
def _for_many(r: Row) -> bool:
    """Whether it goes to a multicast group (RFC 1112 section 4, RFC 4291 section 2.7), or to all on a link (RFC 919)."""
    if r[c.IP_VERSION] == 6:
        return np.uint64(r[c.DST_HI]) >> np.uint64(56) == 0xFF  # type: ignore[no-any-return]
    return r[c.DST_LO] >> 28 == 0xE or r[c.DST_LO] == 0xFFFFFFFF  # type: ignore[no-any-return]
