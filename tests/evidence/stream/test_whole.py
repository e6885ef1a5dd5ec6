"""Reading: files of netprobe's own, files from elsewhere, several together, cut and damaged ones."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netprobe.errors import EvidenceFault
from netprobe.evidence.blocks import CUSTOM, EPB, ISB
from netprobe.evidence.model import Evidence, LimitKind
from netprobe.evidence.recognise import is_netprobe
from netprobe.evidence.stream import whole
from netprobe.evidence.stream.whole import read, read_many
from netprobe.evidence.writer import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.evidence.conftest import Block

    Same = Callable[[Evidence, Evidence], None]
    Sound = Callable[[Evidence], None]

FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def pcap(*payloads: bytes, snaplen: int = 65535, origlen: int | None = None) -> bytes:
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, 1)
    for number, payload in enumerate(payloads):
        out += struct.pack("<IIII", 1_700_000_000, number, len(payload), origlen or len(payload)) + payload
    return out


# --- cut short -------------------------------------------------------------------------------------------------------


def test_cut_at_every_byte_replays_up_to_the_cut(small: Evidence, sound: Sound) -> None:
    data = write(small)
    whole = len(small.packets)
    counts = []
    for size in range(len(data)):
        try:
            back = read(data[:size], name="cut.pcapng")
        except EvidenceFault:
            counts.append(0)
            continue
        sound(back)
        assert any(limit.kind is LimitKind.FILE for limit in back.limits), size
        counts.append(len(back.packets))
        for row in range(len(back.packets)):
            assert back.packets.raw(row) == small.packets.raw(row)
        if back.packets.frame.size:
            assert back.probe == small.probe
            assert set(back.limits) >= set(small.limits)
            assert back.before == small.before
    assert counts == sorted(counts)
    assert counts[-1] == whole


def without(data: bytes, *kinds: int, most: int = 1000) -> bytes:
    """A copy without the first `most` blocks of these types, as editcap and tshark make it: the section header stays as it is."""
    kept, pos = b"", 0
    while pos < len(data):
        kind, length = struct.unpack_from("<II", data, pos)
        drop = kind in kinds and most > 0
        most -= drop
        kept += b"" if drop else data[pos : pos + length]
        pos += length
    return kept


def test_a_copy_without_interface_statistics_is_whole(small: Evidence) -> None:
    data = write(replace(small, after=small.before))
    assert without(data, ISB) != data
    assert not any(limit.kind is LimitKind.FILE for limit in read(without(data, ISB)).limits)


@pytest.mark.parametrize(("kinds", "most"), [((ISB, EPB), 3), ((CUSTOM,), 1000), ((EPB,), 1)])
def test_a_copy_that_lacks_more_says_so(small: Evidence, kinds: tuple[int, ...], most: int) -> None:
    copy = without(write(replace(small, after=small.before)), *kinds, most=most)
    (limit,) = (limit for limit in read(copy).limits if limit.kind is LimitKind.FILE)
    assert "copied without some of its blocks" in limit.why


def test_a_cut_pcap_says_so() -> None:
    back = read(pcap(b"a" * 60, b"b" * 60)[:-1], name="cut.pcap")
    assert [back.packets.raw(n) for n in range(len(back.packets))] == [b"a" * 60]
    (limit,) = back.limits
    assert (limit.kind, limit.subject) == (LimitKind.FILE, "cut.pcap")
    assert "cut short" in limit.why
    assert "1 packet before" in limit.why


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\x1f\x8b\x08rest of a gzip file, long enough", "gzip data damaged"),
        (gzip.compress(b"", mtime=0)[:15], "gzip data cut short"),
        (b"\x04\x22\x4d\x18" + bytes(60), "lz4"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(60), "7-Zip"),
        (bytes(257) + b"ustar\0" + bytes(249), "tar"),
        (b"\x7fELF" + bytes(60), "program"),
        (b"#!/bin/sh\necho this is no capture\n", "text"),
        (b"\xd4\xc3", "too short"),
        (bytes(100), "not a capture"),
        (b"\xd4\xc3\xb2\xa1" + bytes(10), "cut short in its header"),
        (b"\n\r\r\n" + bytes(40), "damaged"),
        (b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a", "cut short"),
        (struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 2, 0, -1, 28), "version 2"),
        (struct.pack("<IIIHHqI", 0x0A0D0D0A, 0xFFFFFFFC, 0x1A2B3C4D, 1, 0, -1, 28), "damaged"),
    ],
)
def test_what_is_no_capture_is_a_fault_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(EvidenceFault) as caught:
        read(data, name="FILE")
    assert caught.value.message.startswith("FILE is ")
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


# --- compressed ------------------------------------------------------------------------------------------------------


def test_a_compressed_file_is_read_as_what_it_holds(small: Evidence, same: Same) -> None:
    data = gzip.compress(write(small))
    assert is_netprobe(data)
    same(read(data), small)
    plain = gzip.compress(pcap(b"a" * 60))
    assert not is_netprobe(plain)
    assert read(plain, name="eth0.pcap.gz").packets.raw(0) == b"a" * 60


@pytest.mark.parametrize(
    ("name", "point"), [("x/eth0.pcap.gz", "eth0"), ("eth0.gz", "eth0"), ("eth0.pcap", "eth0"), ("eth0.1", "eth0")]
)
def test_a_point_is_not_called_after_how_its_file_was_packed(name: str, point: str) -> None:
    assert read(gzip.compress(pcap(b"x")), name=name).points[0].name == point


def test_cut_at_every_byte_of_a_compressed_file(small: Evidence, sound: Sound) -> None:
    data, counts = gzip.compress(write(small)), []
    for size in range(len(data)):
        try:
            back = read(data[:size], name="cut.pcapng.gz")
        except EvidenceFault as fault:
            assert "\n" not in fault.message
            counts.append(0)
            continue
        sound(back)
        assert any(limit.kind is LimitKind.FILE and "gzip data cut short" in limit.why for limit in back.limits), size
        counts.append(len(back.packets))
    assert counts == sorted(counts)
    assert counts[-1] == len(small.packets)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (b"#!/bin/sh\necho this is no capture\n", "is a text file"),
        (b"", "is empty"),
        (gzip.compress(b"again", mtime=0), "is gzip-compressed"),
        (bytes(1 << 20), "is not a capture file"),
    ],
)
def test_what_is_compressed_and_no_capture(inside: bytes, words: str) -> None:
    with pytest.raises(EvidenceFault) as caught:
        read(gzip.compress(inside), name="FILE")
    assert caught.value.message.startswith(f"FILE, unpacked from gzip, {words}")


def test_a_capture_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "MAX_UNPACKED", 1 << 20)
    assert len(read(gzip.compress(pcap(bytes(1 << 19)))).packets) == 1
    with pytest.raises(EvidenceFault, match="unpacks to more than 1 MiB"):
        read(gzip.compress(pcap(bytes(1 << 20))))


def test_one_capture_is_the_same_whether_packed_or_not() -> None:
    data = pcap(b"x" * 60)
    with pytest.raises(EvidenceFault, match="one and the same"):
        read_many([("x.pcap", data), ("y.pcap.gz", gzip.compress(data))])


# --- hostile bytes ---------------------------------------------------------------------------------------------------


@FUZZ
@given(
    data=st.binary(max_size=400), magic=st.sampled_from([b"", b"\n\r\r\n", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d"])
)
def test_random_bytes(data: bytes, magic: bytes, sound: Sound) -> None:
    is_netprobe(magic + data)
    with suppress(EvidenceFault):
        sound(read(magic + data))


@FUZZ
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes(changes: list[tuple[int, int]], small: Evidence, sound: Sound) -> None:
    data = bytearray(write(small))
    for where, value in changes:
        data[where % len(data)] = value
    with suppress(EvidenceFault):
        sound(read(bytes(data)))


@FUZZ
@given(
    where=st.integers(0, 1 << 18),
    word=st.sampled_from([0, 1, 3, 8, 12, 16, 28, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFC, 0x0A0D0D0A]),
)
def test_changed_words(where: int, word: int, small: Evidence, sound: Sound) -> None:
    data = bytearray(write(small))
    at = where * 4 % len(data)
    data[at : at + 4] = word.to_bytes(4, "little")
    with suppress(EvidenceFault):
        sound(read(bytes(data)))


# --- points ----------------------------------------------------------------------------------------------------------


def test_a_pcap_is_named_by_its_file() -> None:
    (point,) = read(pcap(b"x" * 60), name="/somewhere/server1-eth0.pcap").points
    assert (point.name, point.host, point.container, point.interface) == ("server1-eth0", "", None, "server1-eth0")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("server2/docker0", ("server2", None, "docker0")),
        ("server2/demo/eth0", ("server2", "demo", "eth0")),
        ("eth0", ("", None, "eth0")),
        ("a//b", ("", None, "a//b")),
        ("a/b/c/d", ("", None, "a/b/c/d")),
        ("/", ("", None, "/")),
    ],
)
def test_names_in_netprobes_form_are_taken_apart(name: str, parts: tuple[str, str | None, str]) -> None:
    (point,) = read_many([("x.pcap", pcap(b"x"))], {"x.pcap": name}).points
    assert point.name == name
    assert (point.host, point.container, point.interface) == parts


def test_files_together_keep_their_bytes_and_frames(sound: Sound) -> None:
    joined = read_many([("one.pcap", pcap(b"1" * 20, b"2" * 21)), ("two.pcap", pcap(b"3" * 22))])
    sound(Evidence(points=joined.points))
    assert [point.name for point in joined.points] == ["one", "two"]
    assert [joined.packets.raw(n) for n in range(3)] == [b"1" * 20, b"2" * 21, b"3" * 22]
    assert joined.packets.point.tolist() == [0, 0, 1]
    assert joined.packets.frame.tolist() == [1, 2, 1]
    assert joined.packets.point.dtype.name == "int32"
    assert joined.limits == ()


def test_clashing_names_are_made_unique_and_said() -> None:
    joined = read_many([("a/x.pcap", pcap(b"1")), ("b/x.pcap", pcap(b"2")), ("x#2.pcap", pcap(b"3"))])
    assert [point.name for point in joined.points] == ["x", "x#3", "x#2"]
    (limit,) = joined.limits
    assert limit.subject == "x"
    assert "called x#3 (" in limit.why


def test_evidence_stands_alone(small: Evidence, same: Same) -> None:
    same(read_many([("x.pcapng", write(small))]), small)
    with pytest.raises(EvidenceFault, match="cannot be joined"):
        read_many([("x.pcapng", write(small)), ("y.pcap", pcap(b"1"))])


def test_no_files_at_all() -> None:
    with pytest.raises(EvidenceFault):
        read_many([])


def test_is_netprobe(small: Evidence) -> None:
    assert is_netprobe(write(small))
    assert not is_netprobe(pcap(b"netprobe/1 probe json\n{}"))
    assert not is_netprobe(b"")
    assert not is_netprobe(b"\n\r\r\n")


def test_a_payload_that_looks_like_ours_is_not_ours(small: Evidence, block: Block) -> None:
    payload = b"netprobe/1 probe json\n{}"
    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    data += block(6, struct.pack("<5I", 0, 0, 0, len(payload), len(payload)) + payload)
    assert not is_netprobe(data)
    back = read(data, name="x.pcapng")
    assert (back.probe, back.packets.raw(0)) == (None, payload)


# --- limits of foreign files -----------------------------------------------------------------------------------------


def test_a_short_snap_length_is_a_limit_of_files_from_elsewhere() -> None:
    (limit,) = read(pcap(b"x" * 68, snaplen=68, origlen=1500), name="x.pcap").limits
    assert (limit.kind, limit.subject) == (LimitKind.POINT, "x")
    assert "snap length 68" in limit.why


def test_a_short_snap_length_of_our_own_is_meant(small: Evidence) -> None:
    assert (small.packets.origlen > small.packets.caplen).any()
    assert read(write(replace(small, limits=()))).limits == ()


def test_notes_that_are_too_much_are_said(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of any size is read piece by piece, and its notes are all that is kept of it."""
    monkeypatch.setattr("netprobe.evidence.pcapng.MAX_UNPACKED", 300)
    start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))

    def note(name: str) -> bytes:
        text = f'netprobe/1 limits json\n[{{"kind": "state", "subject": "{name}", "why": "{"x" * 150}"}}]'
        return block(CUSTOM, struct.pack("<I", 32473) + text.encode())

    found = read(start + note("a") + note("b") + note("c"), name="own.pcapng")
    assert [limit.subject for limit in found.limits] == ["a", "own.pcapng"]
    assert "unreadable and was left out" in found.limits[1].why
    monkeypatch.setattr("netprobe.evidence.pcapng.MAX_BLOCKS", 1)
    assert [limit.subject for limit in read(start + note("a") * 3).limits] == ["a"]
