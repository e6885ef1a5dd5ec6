"""Flows that carry the same packets, joined into connections across points, bridges, routers and NAT.

Flows that share a token (``tokens.py``) may be one connection; the rules (``same.py``) say whether two of them are. Tokens are taken in the
order of what they prove: the same packet, the same two ends, a question and its answer. Two groups become one only if no flow of the one
excludes one of the other. Of several copies that a packet may be of, the one with the most of its 5-tuple is taken, of equals the nearest in time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.flows.build import first_row
from netprobe.journeys.model import Connection
from netprobe.journeys.same import (
    asks,
    excluded,
    is_answer,
    likeness,
    rewritten_numbers,
    same_connection,
    same_ends,
    same_packet,
)
from netprobe.journeys.tokens import Prints, Sign, tokens

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow

    Bearers = list[tuple[int, int]]  # index of the flow, row of the packet

LOOK_BACK = (
    16  # copies of equal packets that one is held against: more of them in a second are a flood, and prove nothing
)
MOST_PAIRS = 4096  # of flows of two groups that are held against each other: no connection is seen at so many places
TIE_NS = 1_000_000  # copies that are equally near: a router keeps their order


def connections(flows: Sequence[Flow], table: PacketTable) -> tuple[Connection, ...]:
    """Join flows into connections.

    Args:
        flows: all flows of a capture.
        table: the packet table that their rows index.

    Returns:
        Connections in order of their first packet; each flow is in exactly one.
    """
    join = _Join(flows, table)
    for sign, take in ((Sign.PACKET, join.packets), (Sign.ENDS, join.ends), (Sign.ANSWER, join.answers)):
        for bearers in join.shared(sign):
            take(bearers)
    joined = [_connection([flows[index] for index in members], table) for members in join.groups.members()]
    joined.sort(key=lambda connection: start_ns(connection, table))
    return tuple(joined)


def start_ns(connection: Connection, table: PacketTable) -> int:
    """When the connection's first packet was seen (Unix time, ns)."""
    return int(table.packets.time_ns[first_row(connection.flows[0], table)])


def _connection(flows: list[Flow], table: PacketTable) -> Connection:
    """The flows in order of time, all of them the way that the first one goes: a capture that begins with an answer takes who answers for the client."""
    flows.sort(key=lambda flow: (int(table.packets.time_ns[first_row(flow, table)]), flow.number))
    first = flows[0]
    return Connection(flows=tuple(_turned(each) if _is_turned(first, each) else each for each in flows))


def _is_turned(one: Flow, other: Flow) -> bool:
    return one.client != other.client and (one.client, one.server) == (other.server, other.client)


def _turned(flow: Flow) -> Flow:
    return replace(
        flow,
        client=flow.server,
        server=flow.client,
        forward=flow.reverse,
        reverse=flow.forward,
        isn=flow.reply_isn,
        reply_isn=flow.isn,
    )


class _Join:
    """Which flows are one connection, as far as the tokens were taken."""

    def __init__(self, flows: Sequence[Flow], table: PacketTable) -> None:
        self.groups = _Groups(len(flows))
        self._flows = flows
        self._table = table
        self._prints = Prints(table)
        self._bearers: dict[Sign, dict[Hashable, Bearers]] = {sign: {} for sign in Sign}
        for index, flow in enumerate(flows):
            for (sign, token), row in tokens(flow, table, self._prints):
                self._bearers[sign].setdefault(token, []).append((index, row))

    def shared(self, sign: Sign) -> Iterator[Bearers]:
        """Who bears each token of that sign that several flows bear, in order of time."""
        times = self._table.packets.time_ns
        for bearers in self._bearers[sign].values():
            if len(bearers) > 1 and any(index != bearers[0][0] for index, _ in bearers):
                yield sorted(bearers, key=lambda bearer: (int(times[bearer[1]]), bearer[0]))

    def packets(self, bearers: Bearers) -> None:
        """Join the copies of one packet."""
        if self._is_one_place(bearers):
            return
        recent: deque[tuple[int, int]] = deque(maxlen=LOOK_BACK)
        for bearer in bearers:
            best = max((found for one in recent if (found := self._copy(one, bearer)) is not None), default=None)
            if best is not None:
                self.groups.union(best[-1], bearer[0])
            recent.append(bearer)

    def _is_one_place(self, bearers: Bearers) -> bool:
        """Whether one point saw them all with one TTL, so that no two are copies of one packet: a scan."""
        points = {self._flows[index].point for index, _ in bearers}
        vlans = {self._flows[index].vlan for index, _ in bearers}
        return len(points) == 1 and len(vlans) == 1 and len({int(self._table.ttl[row]) for _, row in bearers}) == 1

    def _copy(self, one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """How good a copy of an earlier packet one is, and that one's flow; None where it is none."""
        (index, row), (later, copy) = one, other
        first, second = self._flows[index], self._flows[later]
        if index == later or self.groups.find(index) == self.groups.find(later):
            return None
        if not same_packet(self._table, (first, row), (second, copy), self._prints) or self._excluded(index, later):
            return None
        delay = int(self._table.packets.time_ns[copy]) - int(self._table.packets.time_ns[row])
        return likeness(first, second), -(delay // TIE_NS), -int(self._table.packets.time_ns[row]), index

    def _excluded(self, index: int, other: int) -> bool:
        """Whether a flow of the one's group excludes one of the other's."""
        mine, theirs = self.groups.of(index), self.groups.of(other)
        if len(mine) * len(theirs) > MOST_PAIRS:
            return True
        return any(excluded(self._table, self._flows[one], self._flows[two]) for one in mine for two in theirs)

    def ends(self, bearers: Bearers) -> None:
        """Join what several points (or VLANs) saw between the same two ends at one time."""
        indexes = [index for index, _ in bearers]
        for rule in (same_connection, rewritten_numbers):
            recent: dict[tuple[int, int], deque[int]] = {}
            for index in indexes:
                flow = self._flows[index]
                for place, others in recent.items():
                    if place != (flow.point, flow.vlan):
                        self._join_one(index, others, rule is rewritten_numbers)
                recent.setdefault((flow.point, flow.vlan), deque(maxlen=LOOK_BACK)).append(index)

    def _join_one(self, index: int, others: deque[int], numbers: bool) -> None:
        """Join a flow with the last of another place's that it is one connection with."""
        rule = rewritten_numbers if numbers else same_connection
        flow = self._flows[index]
        for other in reversed(others):
            if self.groups.find(index) == self.groups.find(other):
                return
            if rule(self._table, self._flows[other], flow) and not self._excluded(other, index):
                self.groups.union(other, index)
                return

    def answers(self, bearers: Bearers) -> None:
        """Join a question with the answer that no point saw go back along its way; of several questions only one to the same server."""
        indexes = dict.fromkeys(index for index, _ in bearers)
        asked = [index for index in indexes if asks(self._flows[index])]
        for index in (each for each in indexes if not asks(self._flows[each])):
            flow = self._flows[index]
            fit = {
                self.groups.find(each): each
                for each in asked
                if is_answer(self._table, self._flows[each], flow) and not self._excluded(each, index)
            }
            same = [each for each in fit.values() if same_ends(self._flows[each], flow)]
            if same or len(fit) == 1:
                self.groups.union((same or list(fit.values()))[0], index)


class _Groups:
    """Union-find over flow indexes, with path halving and the members of each group."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self._members: dict[int, list[int]] = {}

    def find(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def of(self, item: int) -> list[int]:
        """The members of an item's group."""
        root = self.find(item)
        return self._members.get(root) or [root]

    def union(self, one: int, other: int) -> None:
        one, other = self.find(one), self.find(other)
        if one != other:
            members = [*self.of(one), *self.of(other)]
            root, gone = min(one, other), max(one, other)
            self._parent[gone] = root
            self._members.pop(gone, None)
            self._members[root] = members

    def members(self) -> list[list[int]]:
        return [self.of(item) for item in range(len(self._parent)) if self._parent[item] == item]
