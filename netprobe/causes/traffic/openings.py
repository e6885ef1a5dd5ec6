"""Trouble of how TCP connections open: a SYN that had to be sent again, and two answers to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.traffic.base import STANDS, TcpTrouble, span
from netprobe.decode.address import mac
from netprobe.paths.story import Symptom
from netprobe.paths.tcp import RST, TcpStage

if TYPE_CHECKING:
    from netprobe.causes.traffic.base import Segments
    from netprobe.model.report import Finding
    from netprobe.paths.tcp import Ints

_LATE = 0.2  # seconds: no client sends a SYN again before (RFC 6298: 1 s; Windows: 0.5 s behind a refusal)


class SynRepeated(TcpTrouble):
    """A SYN had to be sent again before it was accepted.

    What it is: the connection stands, and its first SYN got no answer that the client took: it sent it again, after 1 s and more, so that opening took that long.
    Why it happens: a SYN or its answer was lost; an accept queue that was full (ss -lnt: Recv-Q beside Send-Q); ARP or a route that came late; a server that
        only then began to listen; an older connection between the same ports that the server still had.
    Evidence: the copies of the SYN, what else answered the first, and the SYN-ACK.
    Remedy: nstat -az TcpExtListenOverflows TcpExtListenDrops on the server; capture there: whether the first SYN came.
    Source: RFC 9293 section 3.8.1; RFC 6298 section 5; listen(2), tcp(7) tcp_syn_retries.
    """

    code = "syn-repeated"

    def told(self, seen: Segments) -> Finding | None:
        """Fires where the same SYN was sent at least twice, a while apart, before the first sign that it was accepted."""
        client, times = seen.talk.client, seen.case.table.packets.time_ns
        accepted = next(iter(seen.talk.answers.tolist()), None)
        if seen.talk.stage is not TcpStage.ESTABLISHED or accepted is None:
            return None
        asked = seen.at_busiest(client.rows[client.bare_syn & (client.begin == -1)])
        asked = asked[times[asked] <= times[accepted]]
        if len(asked) < 2 or seen.seconds(int(asked[0]), int(asked[-1])) < _LATE:
            return None
        took = seen.seconds(int(asked[0]), accepted)
        before = [row for row in seen.talk.server.rows.tolist() if times[row] < times[accepted]]
        return self.finding(
            f"the SYN was sent {len(asked)} times in {span(took)} before it was accepted{self._meanwhile(seen, before)}",
            f"the SYNs, and the SYN-ACK: {seen.frames([*asked.tolist(), accepted])}",
            f"what came before: {seen.frames(before[:4])}" if before else "",
            at=str(seen.flow.server.unpack()),
        )

    @staticmethod
    def _meanwhile(seen: Segments, before: list[int]) -> str:
        """What answered it first."""
        if not before:
            return ""
        if before[0] in seen.talk.of_others:
            return ", and answered at first by a SYN-ACK of an older connection"
        reset = int(seen.case.table.tcp_flags[before[0]]) & RST
        return ", and refused at first (RST)" if reset else ", and answered at first by an ACK of an older connection"


class TwoAnswers(TcpTrouble):
    """Two different answers came to one SYN.

    What it is: a SYN was answered twice, with SYN-ACKs of different numbers or with a SYN-ACK and a reset: two answered, where one was asked. The
        client takes the first and resets the other.
    Why it happens: two machines with one address; a load balancer or a router that sends the SYN to two; a firewall that answers in the server's name;
        NAT that leads one SYN to two servers in turn.
    Evidence: both answers to the same number, with the link addresses that they came from.
    Remedy: find out who has the address: the two link addresses (arping -D, ip neigh) or the TTLs tell.
    Source: RFC 9293 section 3.10.7.3 (an answer in SYN-SENT); RFC 5227 section 1.1 (address conflicts).
    """

    code = "two-answers"
    symptoms = STANDS | {Symptom.REFUSED, Symptom.CLOSED}

    def told(self, seen: Segments) -> Finding | None:
        """Fires on two answers at one point that acknowledge the same SYN and differ."""
        table, answers = seen.case.table, np.concatenate([seen.talk.answers, self._refusals(seen)])
        again = self._asked_again(seen)
        told: dict[tuple[int, int], dict[tuple[int, bool], int]] = {}
        for row in answers[np.lexsort((answers, table.packets.time_ns[answers]))].tolist():
            reset = bool(int(table.tcp_flags[row]) & RST)
            if reset and again > int(table.packets.time_ns[row]):
                continue  # the SYN that was accepted is another than the one that was refused
            at = told.setdefault((int(table.packets.point[row]), int(table.ack[row])), {})
            at.setdefault((0 if reset else int(table.seq[row]), reset), row)
        first = next((list(each.values()) for each in told.values() if len(each) > 1), None)
        if first is None:
            return None
        names = ["a RST" if int(table.tcp_flags[row]) & RST else "a SYN-ACK" for row in first[:2]]
        other = "another SYN-ACK" if names[0] == names[1] else names[1]
        return self.finding(
            f"two different answers came to one SYN: {names[0]} and {other}",
            *(
                f"{name}, number {int(table.seq[row])}{_from(seen, row)}: {seen.frames([row])}"
                for name, row in zip(names, first, strict=False)
            ),
            at=str(seen.flow.server.unpack()),
        )

    @staticmethod
    def _asked_again(seen: Segments) -> int:
        """When the client last sent its SYN before the first SYN-ACK (Windows does so behind a refusal); 0 where there is none."""
        times, client, answers = seen.case.table.packets.time_ns, seen.talk.client, seen.talk.answers
        first = int(times[answers[0]]) if len(answers) else 0
        return max((int(times[row]) for row in client.rows[client.bare_syn].tolist() if times[row] < first), default=0)

    @staticmethod
    def _refusals(seen: Segments) -> Ints:
        """Resets that refuse the SYN; not those of who had accepted it and gives up: their number is the one behind the SYN-ACK's."""
        table, accepted = seen.case.table, seen.talk.answers
        behind = {(int(table.seq[row]) + 1) & 0xFFFFFFFF for row in accepted.tolist()}
        return np.array([row for row in seen.talk.refusals.tolist() if int(table.seq[row]) not in behind], np.int64)


def _from(seen: Segments, row: int) -> str:
    """The link address and TTL that a packet came with."""
    table = seen.case.table
    address, ttl = int(table.eth_src[row]), int(table.ttl[row])
    return (f", from {mac(address)}" if address >= 0 else "") + (f", TTL {ttl}" if ttl >= 0 else "")
