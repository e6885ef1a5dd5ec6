"""The loop over a chunk's packets: each, and each inside of it, is decoded, its flow found, and counted into that flow's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netprobe.compiled import copies, errors, lives, slots, update
from netprobe.compiled import key as k
from netprobe.compiled import row as c
from netprobe.compiled.arrays import (
    CROWDED,
    DEPTH,
    ERRORS,
    FLOWS,
    KEYS,
    LOAD,
    LONGEST_NOW,
    MERGE,
    PACKETS,
    ROOM,
    SEED,
    WANTED,
)
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.packet import inside, packet
from netprobe.decode.tunnels import DEPTH_BIT
from netprobe.flowtable.blocks import BLOCK, BLOCK_BITS

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.compiled.key import KeyRows, Words
    from netprobe.compiled.reads import Buffer, Row
    from netprobe.compiled.slots import Slots
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.state import States

    Ints = NDArray[np.int64]


class TrackerArrays(NamedTuple):
    """What the tracker keeps, all of it given by who calls the kernel."""

    rows: FlowRows
    states: States
    places: Ints
    touched: Ints
    keys: KeyRows
    errors: NDArray[np.void]
    slots: Slots
    ring: NDArray[np.void]
    heads: Ints
    unknown_row: FlowRows
    unknown_state: States
    words: Words
    idle: Ints
    numbers: Ints


@compiled
def track(
    b: Buffer,
    offset: Ints,
    caplen: Ints,
    origlen: Ints,
    time: Ints,
    frame: Ints,
    point: NDArray[np.int32],
    linktype: NDArray[np.int32],
    start: int,
    template: Row,
    r: Row,
    rows: FlowRows,
    states: States,
    places: Ints,
    touched: Ints,
    keys: KeyRows,
    kept: NDArray[np.void],
    table: Slots,
    ring: NDArray[np.void],
    heads: Ints,
    unknown_row: FlowRows,
    unknown_state: States,
    words: Words,
    idle: Ints,
    numbers: Ints,
) -> int:
    """Track packets from ``start`` on. Returns the packet that comes next: less than there are where something is full.

    ``b`` to ``linktype`` are the packets'; ``template`` is one of which nothing was decoded, ``r`` room for one, ``words`` for a key. What is tracked:
    flows, states, where each block of them is in these two and when it was touched last, keys, ICMP errors, hash table, last packets and their chains;
    an unknown flow. ``idle``: by kind, how long ends may be silent, in ns. ``numbers``: see :mod:`~netprobe.compiled.arrays`.
    """
    s = TrackerArrays(
        rows, states, places, touched, keys, kept, table, ring, heads, unknown_row, unknown_state, words, idle, numbers
    )
    for n in range(start, len(offset)):
        _forget(r, template)
        packet(b, offset[n], caplen[n], origlen[n], linktype[n], r)
        size, depth = origlen[n], 0
        while True:
            fresh = depth >= numbers[DEPTH]
            if fresh and (_is_full(s) or not _take(s, b, r, point[n], time[n], frame[n], size)):
                numbers[DEPTH] = depth
                return n
            if not inside(b, r, template):
                break
            size, depth = r[c.FRAME_WIRE] - r[c.FRAME_AT], depth + 1
        numbers[DEPTH], numbers[PACKETS] = 0, numbers[PACKETS] + 1
    return len(offset)


@inlined
def _forget(r: Row, template: Row) -> None:
    for place in range(len(template)):
        r[place] = template[place]


@compiled
def _take(s: TrackerArrays, b: Buffer, r: Row, point: int, time: int, frame: int, size: int) -> bool:
    """Track a decoded packet. Returns whether there was room for its key, and its flow was in its place."""
    if r[c.KIND] == k.ERROR:
        return _error(s, b, r, point, time)
    if k.is_taken(r):
        side = k.of_packet(r, point, s.words)
        return _flow(s, b, r, side, time, frame, size)
    return True


@inlined
def _is_full(s: TrackerArrays) -> bool:
    flows, keys, kept = s.numbers[FLOWS], s.numbers[KEYS], s.numbers[ERRORS]
    return (  # type: ignore[no-any-return]
        flows == s.numbers[ROOM] or kept == len(s.errors) or keys == len(s.keys) or LOAD * keys >= len(s.slots)
    )


@compiled
def _key(s: TrackerArrays) -> int:
    """Return the number of the key in ``words``, a new one where it is new; -1 where there is no slot near."""
    code = k.mixed(s.words, s.numbers[SEED])
    at = slots.find(s.slots, s.words, code, s.numbers[LONGEST_NOW], s.keys)
    if at == slots.TOO_LONG:
        s.numbers[CROWDED] = 1
        return -1
    key = slots.number(s.slots, at)
    if key >= 0:
        return key
    key = s.numbers[KEYS]
    s.numbers[KEYS] += 1
    x = s.keys[key]
    for word in range(len(s.words)):
        x["words"][word] = s.words[word]
    x["mix"] = k.mixed(s.words, 0)
    x["seen_ns"], x["taken"], x["again"], x["flow"] = 0, 0, 0, -1
    x["first"] = s.numbers[PACKETS]
    slots.put(s.slots, at, code, key)
    return key  # type: ignore[no-any-return]


@compiled
def _seen(s: TrackerArrays, b: Buffer, r: Row, time: int, key: int) -> int:
    """Remember a packet: :func:`copies.see`."""
    identity = copies.identity(b, r, s.keys[key]["mix"])
    s.keys[key]["last"] = s.numbers[PACKETS]
    depth = 0 if r[c.TUNNEL] < 0 else (r[c.TUNNEL] >> DEPTH_BIT) + 1
    position = s.numbers[PACKETS] << copies.DEPTH_BITS | depth
    return copies.see(s.ring, s.heads, identity, r, time, s.keys[key], position)


@compiled
def _error(s: TrackerArrays, b: Buffer, r: Row, point: int, time: int) -> bool:
    """Keep an ICMP error. Returns whether there was room for its key."""
    k.of_error(point, s.words)
    key = _key(s)
    if key < 0:
        return False
    if _seen(s, b, r, time, key) >= 0:
        s.numbers[ERRORS] += errors.keep(s.errors[s.numbers[ERRORS]], point, r, time)
    return True


@compiled
def _flow(s: TrackerArrays, b: Buffer, r: Row, side: int, time: int, frame: int, origlen: int) -> bool:
    """Count a packet into its flow. Returns whether there was room for its key, and the flow was in its place."""
    key = _key(s)
    if key < 0 or not _is_in_place(s, s.keys[key]["flow"]):
        return False
    back = _seen(s, b, r, time, key)
    y = s.keys[key]
    if back < 0:
        if y["flow"] >= 0:
            s.rows[_at(s, y["flow"])]["copies"][side] += 1
        return True
    if y["flow"] < 0 or _begins(s, r, side, time, key):
        _begin(s, key)
    y["seen_ns"] = time
    at = _at(s, y["flow"])
    x = s.rows[at]
    if back > 0:
        _give_back(x, side, r, origlen, back)
    update.count(x, s.states[at], side, b, r, time, frame, origlen)
    return True


@inlined
def _is_in_place(s: TrackerArrays, flow: int) -> bool:
    """Tell whether a flow's row can be read (that of none can); if not, whoever called the kernel has to see to it."""
    if flow < 0:
        return True
    block = flow >> BLOCK_BITS
    s.touched[block] = s.numbers[PACKETS]
    if s.places[block] < 0:
        s.numbers[WANTED] = block + 1
        return False
    return True


@inlined
def _at(s: TrackerArrays, flow: int) -> int:
    """Return where a flow's row and state are."""
    return s.places[flow >> BLOCK_BITS] << BLOCK_BITS | flow & (BLOCK - 1)  # type: ignore[no-any-return]


@compiled
def _begins(s: TrackerArrays, r: Row, side: int, time: int, key: int) -> bool:
    y = s.keys[key]
    if s.numbers[MERGE]:
        return False
    quiet = time - y["seen_ns"]
    at = _at(s, y["flow"])
    return lives.begins(s.rows[at], s.states[at], side, r, quiet, s.idle[r[c.KIND]])


@inlined
def _begin(s: TrackerArrays, key: int) -> None:
    """Let a key have a new flow."""
    flow = s.numbers[FLOWS]
    s.numbers[FLOWS] += 1
    at = _at(s, flow)
    s.rows[at], s.states[at] = s.unknown_row[0], s.unknown_state[0]
    k.write(s.rows[at], s.keys[key]["words"])
    s.keys[key]["flow"] = flow
    s.touched[flow >> BLOCK_BITS] = s.numbers[PACKETS]


@inlined
def _give_back(x: Any, side: int, r: Row, origlen: int, back: int) -> None:
    """Count packets that were taken for copies after all."""
    x["copies"][side] -= back
    x["packets"][side] += back
    x["bytes"][side] += back * origlen
    x["payload"][side] += back * max(r[c.PAYLOAD_LEN], 0)
