"""One connection taken out of captures of any size: told as if all had been held."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from netprobe.compiled.walk import CompiledWalker
from netprobe.engine import IN_CACHE, PLAIN_ENGINE, PacketEngine
from netprobe.evidence.model import LimitKind
from netprobe.evidence.writer import write
from netprobe.journeys.picked import PickedConnection
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe.selection import gather
from netprobe_lab.stable import proof, stable
from tests.compiled.conftest import compiled  # noqa: F401  (a fixture)
from tests.craft import Sent, dns, evidence, served, tcp, udp
from tests.mutilation import CAPTURES, NAMES, expected, proved
from tests.selection.both import flows_of, held, picked, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT, WEB = "10.1.0.5:41000", "192.168.3.202:8080"


@pytest.mark.each_capture
@pytest.mark.parametrize("name", NAMES)
def test_every_capture_is_told_as_it_was(name: str) -> None:
    report = to_json(analyze(taken((CAPTURES / f"{name}.pcapng").read_bytes()).evidence))
    assert stable(report) == expected(name)
    assert proof(report) == proved(name)


def strangers(count: int) -> Iterator[Sent]:
    """Connections of others, before, meanwhile and afterwards, and the look-ups of their names."""
    for number in range(count):
        client = f"10.{2 + number % 3}.{number % 200}.7:{42000 + number}"
        yield from served("eth0", client, WEB, number * 9000.0, asked=b"GET / HTTP/1.1\r\n\r\n", seq=5000 * number + 7)
        yield "eth0", number * 9000.0 - 900, udp(f"{client.partition(':')[0]}:5353", "10.9.0.1:53", dns(b"web", number))


def among(count: int) -> bytes:
    """A request that nobody answers, among those of others."""
    mine: list[Sent] = [("eth0", 200e3 + at, tcp(CLIENT, WEB, seq=77)) for at in (0.0, 1e6, 3e6)]
    return write(evidence([*strangers(count), *mine]))


def test_one_of_many_is_told_as_if_all_were_held_and_the_others_are_not() -> None:
    data = among(60)
    flow = f"{CLIENT}>{WEB}"
    assert picked(data, flow) == held(data, flow)
    assert len(taken(data, flow).evidence.packets) < 80  # of 484: with the look-ups


def test_the_listing_is_that_of_all() -> None:
    data = among(60)
    told = held(data)
    assert picked(data) == told
    assert len(told[-1]) == 60 + 61  # nobody was told the name
    for flow in [*flows_of(told), ":42010", "10.2.0.7", "@0.2", "@99", "icmp", "#400"]:
        assert picked(data, flow) == held(data, flow)


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "OWN_PACKETS", 20)
    monkeypatch.setattr(gather, "OWN_BYTES", 600)


@pytest.mark.usefixtures("little_room")
def test_of_a_connection_that_is_too_large_the_beginning_is_told_and_the_rest_is_said_to_be_missing() -> None:
    sent = list(served("eth0", CLIENT, WEB, 0.0, asked=b"GET / HTTP/1.1\r\n\r\n"))
    sent += [("eth0", 1e6 + n * 1000, tcp(CLIENT, WEB, "PA", seq=3000 + n * 10, data=b"0123456789")) for n in range(90)]
    found = taken(write(evidence(sent)))
    (limit,) = [each for each in found.evidence.limits if each.kind is LimitKind.PART]
    assert limit.subject == "eth0"
    assert limit.why.startswith(f"of the connection's {len(sent)} packets the first 20 were looked at, up to 1.0")
    kept = found.evidence.packets
    assert len(kept) == 21  # and the last one without its bytes: when the capture ends
    assert kept.caplen[-1] == 0
    assert int(kept.time_ns[-1] - kept.time_ns[0]) == 1_089_000_000
    assert isinstance(found.picked, PickedConnection)


@pytest.mark.usefixtures("little_room")
def test_both_points_are_cut_at_one_time() -> None:
    def at(point: str, count: int) -> list[Sent]:
        packets: list[Sent] = [(point, 0, tcp(CLIENT, WEB, seq=1))]
        return packets + [
            (point, n * 1000, tcp(CLIENT, WEB, "PA", seq=n * 10, data=b"0123456789")) for n in range(1, count)
        ]

    found = taken(write(evidence([*at("eth0", 60), *at("eth1", 12)])))
    packets = found.evidence.packets
    last = [int(packets.time_ns[(packets.point == point) & (packets.caplen > 0)].max()) for point in (0, 1)]
    assert last[0] == last[1]


def test_a_packet_without_a_time_is_where_the_file_has_it() -> None:
    data = bytearray(among(3))
    blocks = [at for at in range(0, len(data) - 12, 4) if data[at : at + 4] == struct.pack("<I", 6)]
    for at in blocks[3:5]:
        data[at + 12 : at + 20] = bytes(8)
    assert picked(bytes(data)) == held(bytes(data))


def test_a_capture_without_packets_and_one_without_connections() -> None:
    for sent in ([], [("eth0", 0, udp("10.0.0.1:1", "10.0.0.2:2"))]):
        data: Any = write(evidence(sent))
        assert picked(data) == held(data)


@pytest.mark.usefixtures("compiled")
def test_the_compiled_engine_takes_the_same() -> None:
    engine = PacketEngine(compiled=True, walker=CompiledWalker(), chunk_bytes=IN_CACHE)
    data = among(20)
    for flow in (None, "#3", f"{CLIENT}>{WEB}"):
        assert picked(data, flow, engine) == picked(data, flow)
    one, other = (taken(data, "#3", each).evidence.packets for each in (engine, PLAIN_ENGINE))
    assert np.array_equal(one.frame, other.frame)
    assert one.data == other.data
