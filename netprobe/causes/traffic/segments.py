"""Trouble of TCP connections that stand: data that nobody acknowledges, windows that close, resets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.traffic.base import TcpTrouble, count_bytes, span, too_big, were
from netprobe.flows.build import source
from netprobe.journeys.hops import icmp_error
from netprobe.paths.tcp import FIN, RST, TcpStage

if TYPE_CHECKING:
    from netprobe.causes.traffic.base import Segments
    from netprobe.model.report import Finding
    from netprobe.paths.tcp import Half, Ints

_STUCK = 1.0  # seconds: who reads, reads within that
_AGAIN = 2  # copies of a segment: one alone may be the capture's last


def _unacknowledged(half: Half, other: Half) -> Ints:
    """Positions of a side's segments with data that the other did not acknowledge; none where nothing of the other's says what it heard."""
    if not other.plain.any() and not other.syn_ack.any():
        return np.zeros(0, np.int64)
    due = max(other.acked, 0 if other.syn_ack.any() else other.acked)
    return np.flatnonzero((half.size > 0) & ~half.having(RST) & (half.begin + half.size > due))


def _lost(half: Half, other: Half) -> int:
    """Bytes that a side sent and the other did not acknowledge."""
    left = _unacknowledged(half, other)
    if not len(left):
        return 0
    due = max(other.acked, int(half.begin[left].min()))
    return int((half.begin + half.size)[left].max()) - due


class FragmentationNeeded(TcpTrouble):
    """A router says that packets are too large for its next link, and what the sender sends never arrives.

    What it is: a packet with "don't fragment" met a link with a smaller MTU; the router dropped it and told the sender by ICMP, and data of that
        size was not acknowledged: the sender did not hear it, or did not heed it.
    Why it happens: a firewall at the sender drops ICMP; a tunnel or VPN with an MTU below 1500; a load balancer that gives the error to another machine.
    Evidence: the ICMP error (IPv4 "fragmentation needed", IPv6 "packet too big") about a packet of this connection, the MTU that it tells, and the
        segments behind it that nobody acknowledged.
    Remedy: let the error reach the sender (ICMP type 3 code 4, ICMPv6 type 2); or give its interface, or the MSS (TCPMSS --clamp-mss-to-pmtu), the smaller size.
    Source: RFC 1191 section 3; RFC 8201 section 4; RFC 2923 section 2.1.
    """

    code = "fragmentation-needed"

    def told(self, seen: Segments) -> Finding | None:
        """Fires where data of the side to which the error speaks stayed without an acknowledgement."""
        for row, half, other, who in _too_big(seen):
            left = _unacknowledged(half, other)
            if not len(left):
                continue
            mtu, size = _mtu(seen, row), int(half.size[left].max())
            link = f"of an MTU of {mtu} bytes" if mtu else "with a smaller MTU"
            router = source(seen.case.table, row).address
            return self.finding(
                f"what {who} sends does not fit a link {link}, says {router}, and {count_bytes(_lost(half, other))} of it {were(_lost(half, other))} never acknowledged",
                f"{icmp_error(seen.case.table, row)} from {router}: {seen.frames([row])}",
                f"segments with up to {size} bytes of data, not acknowledged: {seen.frames(seen.at_busiest(half.rows[left]))}",
                at=who,
            )
        return None


class DataUnacknowledged(TcpTrouble):
    """Data was sent again and again, and never acknowledged.

    What it is: the connection stands, and what one side sends does not come to the other, or its acknowledgement does not come back: the sender
        repeats it until it gives up.
    Why it happens: large packets disappear on the way and small ones pass (an MTU black hole); a firewall or a NAT entry that went away in the middle;
        the other machine is gone; a capture that lacks the acknowledgements.
    Evidence: copies of the same bytes, and the other side's highest acknowledgement below them.
    Remedy: capture at the other side: whether the segments come in there. If only large ones do not, look for the smallest MTU of the way (ping -M do -s).
    Source: RFC 9293 section 3.8.1 (retransmission timeout); RFC 6298; RFC 2923 section 2.1.
    """

    code = "data-unacknowledged"

    def told(self, seen: Segments) -> Finding | None:
        """Fires where the same bytes were sent at least twice; where an ICMP error says why, that is said."""
        told = [half for _, half, _, _ in _too_big(seen)]
        for half, other, who in seen.halves():
            left = _unacknowledged(half, other)
            if not len(left) or any(half is each for each in told):
                continue
            first = left[half.begin[left] == half.begin[left].min()]
            rows = seen.at_busiest(half.rows[first])
            if len(rows) < _AGAIN:
                continue
            size = int(half.size[left].max())
            return self.finding(
                f"{count_bytes(_lost(half, other))} that {who} sent {were(_lost(half, other))} never acknowledged, though it sent {'that' if _lost(half, other) == 1 else 'them'} {len(rows)} times",
                f"the same bytes, in packets with up to {size} bytes of data: {seen.frames(rows)}",
                f"it took {seen.seconds(int(rows[0]), int(rows[-1])):.1f} s, and the other side acknowledged nothing of it",
                at=who,
            )
        return None


class ZeroWindow(TcpTrouble):
    """A receiver closes its window: its application does not read what came.

    What it is: the receive buffer of one side is full; it tells so by a window of 0, and the other has to wait.
    Why it happens: an application that is slower than the sender, that is stuck, stopped or waits for something else.
    Evidence: its packets with a window of 0, and for how long, until one with another.
    Remedy: look at that application, and not at the network: what it waits for (its log, ss -tnp for a Recv-Q that does not shrink, a stack of its threads).
    Source: RFC 9293 section 3.8.6; RFC 1122 section 4.2.2.17 (probes of a zero window).
    """

    code = "zero-window"

    def told(self, seen: Segments) -> Finding | None:
        """Fires where a side of a connection that stands says so; a reset's window says nothing, nor does that of who ended."""
        for half, other, who in seen.halves():
            shut = np.flatnonzero(half.plain & (half.window == 0) & ~half.having(FIN))
            ended = int(half.end[half.having(FIN)].min()) if half.having(FIN).any() else None
            shut = shut[half.begin[shut] < ended] if ended is not None else shut
            if not len(shut):
                continue
            lasts, until = self._how_long(seen, half, other, shut)
            return self.finding(
                f"{who} had no room for more data (a window of 0) {lasts}",
                f"a window of 0: {seen.frames(seen.at_busiest(half.rows[shut]))}",
                until,
                at=who,
            )
        return None

    @staticmethod
    def _how_long(seen: Segments, half: Half, other: Half, shut: Ints) -> tuple[str, str]:
        """How long the window was shut first, and what that says of who reads; and whether it opened again."""
        begins = int(shut[0])
        later = np.flatnonzero(half.plain & (half.window > 0) & (np.arange(len(half)) > begins))
        if len(later):
            lasts = seen.seconds(int(half.rows[begins]), int(half.rows[later[0]]))
            until = f"it opened again: {seen.frames([half.rows[later[0]]])}"
            again = ", and again later" if (shut > later[0]).any() else ""
            return f"for {span(lasts)}{again}: its application read more slowly than the data came", until
        last = max(half.rows[-1], *other.rows[-1:], key=lambda row: int(seen.case.table.packets.time_ns[row]))
        lasts = seen.seconds(int(half.rows[begins]), int(last))
        if lasts < _STUCK:
            return "when the capture ended", "the capture has nothing behind that"
        return f"for {span(lasts)}, to the end of the capture: its application does not read", "it did not open again"


class ResetAfterData(TcpTrouble):
    """A connection on which data went was reset.

    What it is: one side ended the connection by a RST and not by a FIN: what was on its way then is lost, and the other's application gets an error.
    Why it happens: a process that was killed or crashed, or closed its socket with data unread; a client that gives up waiting; a firewall, load balancer or
        NAT that forgot the connection. Some applications always end by RST, to be done at once.
    Evidence: the reset, whose number is the one that is due, and what was sent until then.
    Remedy: the log of the side that sent it, at that time; if neither side did, capture at both ends: the TTL of a reset tells how far it came.
    Source: RFC 9293 section 3.10.4 (a close with data unread), section 3.5.2; RFC 5961 section 3.
    """

    code = "reset-after-data"

    def told(self, seen: Segments) -> Finding | None:
        """Fires on a reset that the other side takes, unless the other had ended and all that was sent was acknowledged."""
        if seen.talk.stage is not TcpStage.ESTABLISHED or not (
            seen.talk.client.size.any() or seen.talk.server.size.any()
        ):
            return None
        for half, other, who in seen.halves():
            resets = seen.talk.resets(half)
            if not len(resets) or _over(half, other):
                continue
            lost = _lost(other, half)
            sent = [int(np.unique(each.begin[each.size > 0]).size) for each in (seen.talk.client, seen.talk.server)]
            summary = f"{who} reset the connection (RST)"
            if lost:
                summary += (
                    f", and {count_bytes(lost)} that {were(lost)} sent to it {were(lost)} not acknowledged by then"
                )
            return self.finding(
                summary,
                f"the reset: {seen.frames(resets[:1])}",
                f"before it {sent[0]} segments with data came from the client and {sent[1]} from the server",
                _in_vain(seen, half, other, int(resets[0])),
                at=who,
            )
        return None


def _in_vain(seen: Segments, half: Half, other: Half, reset: int) -> str:
    """How many packets a side had sent before its reset since it heard anything: a keep-alive, say, that nobody answered."""
    times = seen.case.table.packets.time_ns
    heard = max((int(times[row]) for row in other.rows.tolist() if times[row] <= times[reset]), default=0)
    behind = [row for row in half.rows.tolist() if heard < times[row] < times[reset]]
    mine = seen.at_busiest(np.array(behind, np.int64))
    if len(mine) < _AGAIN or not len(other):
        return ""
    return f"{len(mine)} packets that it sent before, in {span(seen.seconds(int(mine[0]), reset))}, got no answer: {seen.frames(mine)}"


def _over(half: Half, other: Half) -> bool:
    """Whether the other side had ended, and each had acknowledged what the other sent: then a reset cuts nothing off."""
    ended = other.having(FIN)
    if not ended.any():
        return False
    heard = int(half.ack.max(initial=-1))
    return heard >= int(other.end[ended].max()) - 1 and not _lost(half, other)


def _too_big(seen: Segments) -> list[tuple[int, Half, Half, str]]:
    """The errors that say a packet was too large, each with the side that sent it, the other, and who it is."""
    table, found = seen.case.table, []
    for flow in seen.connection.flows:
        for row in flow.errors:
            if not too_big(table, row):
                continue
            mine = int(table.inner_src_lo[row]) == flow.client.lo and int(table.inner_sport[row]) == flow.client.port
            half, other, who = seen.halves()[0 if mine else 1]
            found.append((row, half, other, who))
    return found


def _mtu(seen: Segments, row: int) -> int:
    """The MTU that an error tells (RFC 1191: its last two bytes before the quote; RFC 4443: four), 0 none."""
    table = seen.case.table
    size = 4 if int(table.ip_version[row]) == 6 else 2
    start = int(table.payload_off[row])
    return int.from_bytes(table.packets.data[start - size : start], "big") if start >= size else 0
