from __future__ import annotations

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.flowtable.keys import pack, taken, unpack
from netprobe.flowtable.options import options
from netprobe.flowtable.owners import PacketOwners
from netprobe.flowtable.track import Tracker
from tests.commands.walk import CLIENT, DIALLED, POINTS, evidence, packets, segment


def test_keys_of_finished_rows_are_those_of_their_packets() -> None:
    walk = evidence()
    tracker = Tracker(options())
    tracker.take(walk.packets, walk.points)
    rows = tracker.finish()
    words = {tuple(each) for each in pack(rows).T.tolist()}
    assert words == {tuple(each) for each in taken(decode(walk.packets, walk.points)).words.T.tolist()}
    again = np.zeros_like(rows)
    unpack(pack(rows), again)
    for name in ("point", "vlan", "tunnel", "kind", "version"):
        assert again[name].tolist() == rows[name].tolist()


def test_every_packet_is_of_its_flow_and_others_of_none() -> None:
    lives = [
        (0, segment(CLIENT, DIALLED, "S", 100, 0)),
        (0, segment(DIALLED, CLIENT, "SA", 900, 101)),
        (1, segment(CLIENT, DIALLED, "S", 100, 0)),
        (0, segment(CLIENT, ("192.168.3.202", 81), "S", 7, 0)),
        (0, segment(CLIENT, DIALLED, "S", 5_000_000, 0)),
        (0, segment(CLIENT, DIALLED, "S", 5_000_000, 0)),
        (0, b"\0" * 60),
    ]
    walk = packets(lives)
    tracker = Tracker(options())
    tracker.take(walk, POINTS)
    rows = tracker.finish()
    table = decode(walk, POINTS)
    at, flow = PacketOwners(rows, np.arange(len(rows))).of(table)
    assert at.tolist() == [0, 1, 2, 3, 4, 5]
    assert flow.tolist() == [0, 0, 1, 2, 3, 3]
    at, flow = PacketOwners(rows, np.array([3, 1])).of(table)
    assert dict(zip(at.tolist(), flow.tolist(), strict=True)) == {0: 3, 1: 3, 2: 1, 4: 3, 5: 3}
    at, flow = PacketOwners(rows, np.array([2])).of(decode(packets([(1, b"\0" * 60)]), POINTS))
    assert len(at) == len(flow) == 0
