from __future__ import annotations

import bz2
import gzip
import json
import lzma
import struct
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run
from netprobe.commands.tshark import pcap
from netprobe.errors import EvidenceFault, UsageFault
from netprobe.evidence.model import Evidence, Place, Probe, Proto
from netprobe.evidence.writer import write
from netprobe.report.deep import DeepFrame
from netprobe.runs import runs
from tests.commands.walk import CLIENT, DIALLED, evidence, packets, segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def plain(file: Path, *raws: bytes) -> str:
    frames = [
        DeepFrame(point="", frame=0, linktype=1, time_ns=1_700_000_000_000_000_000 + number, origlen=len(raw), raw=raw)
        for number, raw in enumerate(raws)
    ]
    file.write_bytes(pcap(1, frames))
    return str(file)


def own(file: Path) -> str:
    probe = Probe(target="demo:80", source="server1", proto=Proto.TCP, source_at=Place(host="server1"))
    walk = evidence()
    file.write_bytes(write(Evidence(probe=probe, points=walk.points, packets=walk.packets)))
    return str(file)


def point_of(at: int, file: Path) -> str:
    """A plain capture of one point of the walk."""
    walk = evidence()
    rows = [row for row in range(len(walk.packets)) if walk.packets.point[row] == at]
    frames = [
        DeepFrame(
            point="", frame=0, linktype=1, time_ns=int(walk.packets.time_ns[row]), origlen=0, raw=walk.packets.raw(row)
        )
        for row in rows
    ]
    file.write_bytes(pcap(1, frames))
    return str(file)


def test_plain_captures_are_one_evidence_and_own_files_stand_alone(tmp_path: Path) -> None:
    one, two = point_of(0, tmp_path / "eth0.pcap"), point_of(1, tmp_path / "docker0.pcap")
    loaded = [
        (run.name, run.evidence(None, print)[0])
        for run in runs([one, own(tmp_path / "own.pcapng"), two], {two: "server2/docker0"})
    ]
    assert [name for name, _ in loaded] == [f"{one}, {two}", str(tmp_path / "own.pcapng")]
    assert [point.name for point in loaded[0][1].points] == ["eth0", "server2/docker0"]
    assert loaded[1][1].probe is not None


def test_own_evidence_names_its_points_itself(tmp_path: Path) -> None:
    file = own(tmp_path / "own.pcapng")
    with pytest.raises(UsageFault, match="names its points itself"):
        runs([file], {file: "x"})


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bxx", b"just text\n", b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1"])
def test_a_file_that_is_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd"
    file.write_bytes(content)
    with pytest.raises(EvidenceFault) as refused:
        [each.whole() for each in runs([str(file)], {})]
    assert refused.value.hint


def test_two_plain_captures_tell_dnat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = point_of(0, tmp_path / "eth0.pcap"), point_of(1, tmp_path / "docker0.pcap")
    assert run(["replay", one, "--point", f"server2/docker0={two}", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["verdict"], value["path"]) == ("works", "dnat")
    assert "server2/docker0" in [hop["point"] for hop in value["hops"]]
    assert value["assumptions"], "what rests on packets alone is said"


def test_several_flows_are_listed_and_one_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ("192.168.3.201", 50000)
    file = plain(
        tmp_path / "two.pcap",
        *(segment(end, DIALLED, "S", end[1], 0) for end in (CLIENT, other)),
        *(segment(DIALLED, end, "SA", end[1] + 9, end[1] + 1) for end in (CLIENT, other)),
    )
    assert run(["replay", file]) == 2
    shown = capsys.readouterr()
    assert "192.168.3.201:41290 → 192.168.3.202:80 tcp" in shown.err
    assert "192.168.3.201:50000 → 192.168.3.202:80 tcp" in shown.err
    assert "--flow" in shown.err.splitlines()[-1]
    assert run(["replay", file, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["exit"] == 2
    assert run(["replay", file, "--flow", ":50000", "--json"]) in (0, 3)
    value = json.loads(capsys.readouterr().out)
    assert {hop["packet"]["src"] for hop in value["hops"] if hop["direction"] == "request"} == {"192.168.3.201:50000"}


def test_a_flow_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = plain(tmp_path / "one.pcap", segment(CLIENT, DIALLED, "S", 7, 0))
    assert run(["replay", file, "--flow", ":81"]) == 2
    assert capsys.readouterr().err.startswith("netprobe: ")


def test_several_evidence_files_are_an_array_with_the_worst_exit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [own(tmp_path / "one.pcapng"), own(tmp_path / "two.pcapng")]
    status = run(["replay", *files, "--json"])
    values = json.loads(capsys.readouterr().out)
    assert [value["target"] for value in values] == ["demo:80", "demo:80"]
    assert status == run(["replay", files[0], "--json"])
    capsys.readouterr()
    run(["replay", *files])
    shown = capsys.readouterr().out
    assert shown.startswith(f"{files[0]}:\ndemo:80 from server1: ")
    assert f"\n\n{files[1]}:\n" in shown


def test_no_packets_at_all_is_undetermined(tmp_path: Path) -> None:
    file = tmp_path / "none.pcapng"
    walk = evidence()
    file.write_bytes(write(Evidence(points=walk.points, packets=packets([]))))
    assert run(["replay", str(file)]) in (2, 3)


# --- files that are not as they should be: one line, or what was read before --------------------------------------------

ONE = segment(CLIENT, DIALLED, "S", 7, 0)


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


SECTION = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
INTERFACE = block(1, struct.pack("<HHI", 1, 0, 0))
HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def packet(interface: int = 0) -> bytes:
    return block(6, struct.pack("<5I", interface, 0, 1, len(ONE), len(ONE)) + ONE)


def record(raw: bytes = ONE) -> bytes:
    return struct.pack("<IIII", 1_700_000_000, 0, len(raw), len(raw)) + raw


READ_IN_PART: dict[str, tuple[Callable[[], bytes], str]] = {
    "more interfaces than are read": (
        lambda: SECTION + INTERFACE + packet() + INTERFACE * 140_000,
        "131072 interfaces",
    ),
    "a block of 4 GiB": (lambda: SECTION + INTERFACE + packet() + struct.pack("<II", 6, 0xFFFFFFFC), "cut short"),
    "a packet of 4 GiB in a small block": (
        lambda: SECTION + INTERFACE + packet() + block(6, struct.pack("<5I", 0, 0, 1, 0xFFFFFFFF, 9)),
        "damaged",
    ),
    "a record of 4 GiB": (lambda: HEAD + record() + struct.pack("<IIII", 1, 0, 0xFFFFFFFF, 0xFFFFFFFF), "damaged"),
    "a file that was never filled": (lambda: HEAD + record() + bytes(32 << 20), "zeros"),
    "one that packs to nothing": (lambda: gzip.compress(HEAD + record() + bytes(32 << 20)), "zeros"),
    "a cut gzip file": (lambda: gzip.compress(HEAD + record())[:-9], "gzip data cut short"),
    "a section that ends early": (lambda: (SECTION + INTERFACE + packet())[:-1] + b"\1", "lengths differ"),
}


def test_twenty_thousand_interfaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.pcapng"
    file.write_bytes(SECTION + INTERFACE * 20_000 + packet(19_999))
    assert run(["replay", str(file)]) == 3
    assert "It was seen at x#20000, and nothing answered" in capsys.readouterr().out


@pytest.mark.parametrize("name", READ_IN_PART)
def test_what_stands_before_the_damage_is_read(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = READ_IN_PART[name]
    file = tmp_path / "x.pcap"
    file.write_bytes(make())
    assert run(["replay", str(file)]) in (2, 3)
    shown = capsys.readouterr()
    if shown.out:
        assert shown.out.startswith("192.168.3.202:80/tcp from 192.168.3.201: ")
        assert words in " ".join(shown.out.split())
    else:
        first, *rest = shown.err.splitlines()
        assert first.startswith("netprobe: ")
        assert len(rest) <= 1
        assert words in shown.err


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_capture_gives_the_same_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pack: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "eth0.pcap"
    file.write_bytes(HEAD + record())
    status = run(["replay", str(file)])
    plainly = capsys.readouterr().out
    (tmp_path / "eth0.pcap.z.gz").write_bytes(pack(file.read_bytes()))
    assert run(["replay", "--point", f"eth0={tmp_path}/eth0.pcap.z.gz"]) == status
    assert capsys.readouterr().out == plainly


def test_a_directory_and_an_empty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    for name, words in ((tmp_path, "is a directory"), (tmp_path / "empty", "is empty")):
        assert run(["replay", str(name)]) == 2
        assert words in capsys.readouterr().err.splitlines()[0]


def of_linktype(linktype: int, raw: bytes) -> bytes:
    return HEAD[:20] + struct.pack("<I", linktype) + record(raw)


def test_a_link_type_that_is_not_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wlan, eth = tmp_path / "wlan0.pcap", tmp_path / "eth0.pcap"
    wlan.write_bytes(of_linktype(105, bytes(40)))
    eth.write_bytes(HEAD + record())
    assert run(["replay", str(wlan)]) == 2
    assert "wlan0: its 1 packet is of link type 105 (IEEE802_11), which is not read" in capsys.readouterr().err
    assert run(["replay", str(wlan), str(eth)]) == 3
    assert "wlan0: its 1 packet is of link type 105 (IEEE802_11), which is not read" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_tunnel_is_named_beside_what_it_carries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    outer = Ether(dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2")
    for port, words in ((4789, "1 packet is VXLAN"), (6081, "1 packet is GENEVE"), (4790, "")):
        head = struct.pack(">II", 0x08000000, 5 << 8) if port == 4789 else struct.pack(">HHI", 0, 0x6558, 5 << 8)
        file = tmp_path / "eth0.pcap"
        file.write_bytes(HEAD + record(bytes(outer / UDP(sport=50000, dport=port) / (head + ONE))))
        run(["replay", str(file)])
        shown = " ".join(capsys.readouterr().out.split())
        assert ("what that carries is not read" in shown) == bool(words)
        assert words in shown


def test_a_tunnel_is_named_in_the_listing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    head = struct.pack(">II", 0x08000000, 5 << 8)
    tunnel = Ether(dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=50000, dport=4789)
    file = tmp_path / "eth0.pcap"
    file.write_bytes(HEAD + record() + record(bytes(tunnel / (head + ONE))) + record()[:20])
    assert run(["replay", str(file)]) == 2
    shown = capsys.readouterr().err
    (line,) = [line for line in shown.splitlines() if "10.0.0.2:4789 udp" in line]
    assert line.endswith("eth0 (VXLAN, not read inside)")
    assert shown.count("not read inside") == 1
    assert "has 2 connections (" in shown
    assert "1 packet is VXLAN" in shown
    assert "cut short" in shown
    assert run(["replay", str(file), "--flow", ":81"]) == 2
    assert "1 packet is VXLAN" in capsys.readouterr().err


def test_a_capture_without_packets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.pcap"
    file.write_bytes(HEAD)
    assert run(["replay", str(file)]) == 2
    assert capsys.readouterr().err.startswith("netprobe: the capture holds no packet\n")
