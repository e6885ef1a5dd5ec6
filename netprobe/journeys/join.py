"""Flows that carry the same packets, joined into connections across points, bridges, routers and NAT.

Flows that share a token (``tokens.py``) may be one connection; the rules (``same.py``) say whether two of them are. Tokens are taken in the
order of what they prove: the same packet, the same two ends, a question and its answer. Two groups become one only if no flow of the one
excludes one of the other. Of several copies that a packet may be of, the one with the most of its 5-tuple is taken, of equals the nearest in time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.flows.build import first_row
from netprobe.journeys.model import Connection
from netprobe.journeys.same import (
    FLIGHT_NS,
    NO_STATION,
    ORDER_NS,
    WAIT_NS,
    Copy,
    asks,
    copy_of,
    ends_tell,
    excluded,
    first_ns,
    is_answer,
    last_ns,
    likeness,
    rewritten_numbers,
    same_connection,
    same_packet,
)
from netprobe.journeys.tokens import MANY, Prints, Sign, common_numbers, tokens, with_clocks_that_go

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow, PackedEndpoint

    Bearers = list[tuple[int, int]]  # index of the flow, row of the packet

LOOK_BACK = (
    16  # copies of equal packets that one is held against: more of them in a second are a flood, and prove nothing
)
MOST_PAIRS = 4096  # of flows of two groups that are held against each other: no connection is seen at so many places
MOST_PLACES = 128  # points and VLANs that a flow is held against: a file may have thousands of interfaces
MOST_AT_A_POINT = 8  # flows of one connection: no router's own interfaces show it oftener
TIE_NS = 1_000_000  # copies that are equally near: a router keeps their order


def connections(flows: Sequence[Flow], table: PacketTable) -> tuple[Connection, ...]:
    """Join flows into connections.

    Args:
        flows: all flows of a capture.
        table: the packet table that their rows index.

    Returns:
        Connections in order of their first packet; each flow is in exactly one.
    """
    join = _Join(flows, with_clocks_that_go(flows, table))
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
        self._common = common_numbers(flows)
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
        copies = _without_floods([copy_of(self._table, index, self._flows[index], row) for index, row in bearers])
        if _is_one_station(copies):
            return
        recent: deque[Copy] = deque(maxlen=LOOK_BACK)
        many = _many_bear(copies)
        for copy in copies:
            best = max(
                (found for one in recent if (found := self._likeness(one, copy, many)) is not None), default=None
            )
            if best is not None:
                self.groups.union(best[-1], copy.place)
            recent.append(copy)

    def _likeness(self, one: Copy, other: Copy, many: bool) -> tuple[int, int, int, int] | None:
        """How good a copy of an earlier packet one is, and that one's flow; None where it is none."""
        if many and not ends_tell(one.flow, other.flow):
            return None
        if not same_packet(self._table, one, other, self._prints) or self.groups.find(one.place) == self.groups.find(
            other.place
        ):
            return None
        if self._excluded(one.place, other.place):
            return None
        delay = other.time_ns - one.time_ns
        return likeness(one.flow, other.flow), -(delay // TIE_NS), -one.time_ns, one.place

    def _excluded(self, index: int, other: int) -> bool:
        """Whether a flow of the one's group excludes one of the other's."""
        mine, theirs = self.groups.of(index), self.groups.of(other)
        if len(mine) * len(theirs) > MOST_PAIRS:
            return True
        ours, others = self._at_points(mine), self._at_points(theirs)
        return any(
            len(ours[point]) + len(others[point]) > MOST_AT_A_POINT
            or any(excluded(self._table, one, two) for one in ours[point] for two in others[point])
            for point in ours.keys() & others.keys()
        )

    def _at_points(self, indexes: Sequence[int]) -> dict[int, list[Flow]]:
        """The flows by the point that saw them: what different points saw excludes nothing."""
        found: dict[int, list[Flow]] = {}
        for index in indexes:
            flow = self._flows[index]
            found.setdefault(flow.point, []).append(flow)
        return found

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
                if len(recent) > MOST_PLACES:
                    del recent[next(iter(recent))]

    def _join_one(self, index: int, others: deque[int], numbers: bool) -> None:
        """Join a flow with the last of another place's that it is one connection with."""
        rule = rewritten_numbers if numbers else same_connection
        flow = self._flows[index]
        for other in reversed(others):
            if self.groups.find(index) == self.groups.find(other):
                return
            if self._lived_before(other, index) or not rule(self._table, self._flows[other], flow):
                continue
            if not self._excluded(other, index):
                self.groups.union(other, index)
                return

    def _lived_before(self, index: int, other: int) -> bool:
        """Whether a flow was over before another began, and many begin with its number: then the same number is no sign."""
        one = self._flows[index]
        over = first_ns(self._table, self._flows[other]) > last_ns(self._table, one) + FLIGHT_NS
        return over and one.isn in self._common

    def answers(self, bearers: Bearers) -> None:
        """Join a question with the answer that no point saw go back along its way; of several questions only one to the same server."""
        indexes = sorted({index for index, _ in bearers}, key=lambda index: first_ns(self._table, self._flows[index]))
        asked = [index for index in indexes if asks(self._flows[index])]
        times = [first_ns(self._table, self._flows[index]) for index in asked]
        by_ends: dict[tuple[PackedEndpoint, PackedEndpoint], list[int]] = {}
        for index in asked:
            by_ends.setdefault((self._flows[index].client, self._flows[index].server), []).append(index)
        for index in (each for each in indexes if not asks(self._flows[each])):
            flow = self._flows[index]
            came = first_ns(self._table, flow)
            near = asked[bisect_left(times, came - WAIT_NS) : bisect_right(times, came + ORDER_NS)]
            own = self._fit(by_ends.get((flow.client, flow.server), [])[-LOOK_BACK:], index)
            fit = own or (self._fit(near, index) if len(near) <= LOOK_BACK else {})
            if own or len(fit) == 1:
                self.groups.union(next(reversed(fit.values())), index)

    def _fit(self, asked: Sequence[int], index: int) -> dict[int, int]:
        """Of these questions those that a flow may answer, one of each group."""
        flow = self._flows[index]
        return {
            self.groups.find(each): each
            for each in asked
            if is_answer(self._table, self._flows[each], flow) and not self._excluded(each, index)
        }


def _without_floods(copies: list[Copy]) -> list[Copy]:
    """Those that are not of more flows than one connection has at a point, within the time that a packet is in flight, without their sender's clock."""
    if len(copies) <= MOST_AT_A_POINT or copies[0].clocked:
        return copies
    recent: dict[int, deque[int]] = {}
    crowded: set[int] = set()
    for number, copy in enumerate(copies):
        near = recent.setdefault(copy.flow.point, deque(maxlen=MOST_AT_A_POINT + 1))
        near.append(number)
        while copy.time_ns - copies[near[0]].time_ns > FLIGHT_NS:
            near.popleft()
        if len({copies[each].place for each in near}) > MOST_AT_A_POINT:
            crowded.update(near)
    return [copy for number, copy in enumerate(copies) if number not in crowded]


def _many_bear(copies: Sequence[Copy]) -> bool:
    """Whether more flows of one point bear a token than a connection has there, whenever that was: it tells none from another."""
    flows: dict[int, set[int]] = {}
    for copy in copies:
        flows.setdefault(copy.flow.point, set()).add(copy.place)
    return any(len(each) > MANY for each in flows.values())


def _is_one_station(copies: Sequence[Copy]) -> bool:
    """Whether one point saw one station (or several with one TTL) send them all, and nobody send on what it received: a scan, a flood."""
    places = {(copy.flow.point, copy.flow.vlan) for copy in copies}
    if len(places) > 1:
        return False
    senders, receivers = ({getattr(copy, end) for copy in copies} for end in ("sender", "receiver"))
    alike = len({copy.ttl for copy in copies}) == 1 or (len(senders) == 1 and senders.isdisjoint(NO_STATION))
    return alike and (senders & receivers) <= NO_STATION


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
