"""The flow table before splitting holds what tshark's conversations hold: flows, packets and bytes at each interface, and each difference has a reason."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from agreement.conversations import Key, Told, conversations
from agreement.flow_table import REASONS, UNKNOWN, Difference, compare, reason_of, summary
from bench_shapes import SHAPES, captures
from corpus import corpus, framed, pcap, to
from flow_capture import Shape, write
from scapy.layers.inet import TCP
from scapy.layers.l2 import Dot1Q

from tests.mutilation import CAPTURES, NAMES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    shutil.which("mergecap") is None or shutil.which("tshark") is None, reason="Wireshark's programs are not installed"
)
BATCH = 24
EVERY = NAMES[::30]
SAMPLES = ["conversations", "datagrams, refused", "fragments", "echoes of one", "connections of one 5-tuple"]


def together(tmp_path: Path, files: list[Path]) -> Path:
    """One file with the interfaces of all: a run of tshark costs more than what it reads."""
    merged = tmp_path / "merged.pcapng"
    subprocess.run(["mergecap", "-I", "none", "-w", merged, *files], check=True, capture_output=True)
    return merged


def written(tmp_path: Path, files: dict[str, bytes]) -> list[Path]:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return [tmp_path / name for name in files]


def disagreeing(file: Path) -> tuple[int, list[str]]:
    alike, differences = compare(file)
    return alike, [f"{reason_of(each)}: {each}" for each in differences]


def test_recorded_captures(tmp_path: Path) -> None:
    alike, differences = disagreeing(together(tmp_path, [CAPTURES / f"{name}.pcapng" for name in EVERY]))
    assert differences == []
    assert alike > 50


def slow_batches() -> list[list[str]]:
    return [NAMES[first : first + BATCH] for first in range(0, len(NAMES), BATCH)]


@pytest.mark.parametrize("names", slow_batches(), ids=lambda names: names[0])
@pytest.mark.whole
def test_every_recorded_capture(tmp_path: Path, names: list[str]) -> None:
    alike, differences = disagreeing(together(tmp_path, [CAPTURES / f"{name}.pcapng" for name in names]))
    assert differences == []
    assert alike >= len(names)


def test_shapes_of_many_of_one_thing(tmp_path: Path) -> None:
    assert set(SAMPLES) <= set(SHAPES)
    files = written(tmp_path, {f"{number}.pcap": captures(shape, 20)[0][1] for number, shape in enumerate(SAMPLES)})
    alike, differences = disagreeing(together(tmp_path, files))
    assert differences == []
    assert alike > 40


@pytest.mark.parametrize("points", [1, 3])
def test_generated_captures(tmp_path: Path, points: int) -> None:
    write(tmp_path / "a.pcapng", Shape(flows=200, packets=12, points=points))
    assert disagreeing(tmp_path / "a.pcapng") == (200 * points, [])


def test_every_kind_of_capture(tmp_path: Path) -> None:
    left = ("link-mpls-link.pcap", "format-cut.pcap", "format-sections.pcapng")
    files = written(tmp_path, {name: data for name, data in corpus().items() if name not in left})
    alike, differences = compare(together(tmp_path, files))
    kinds = {reason_of(each) for each in differences}
    assert kinds <= {each.why for each in REASONS[:1] + REASONS[2:]}
    assert alike > 30


@pytest.mark.parametrize("name", ["format-sections.pcapng", "format-cut.pcap", "format-big-endian.pcapng"])
def test_files_that_are_read_alone(tmp_path: Path, name: str) -> None:
    (file,) = written(tmp_path, {name: corpus()[name]})
    assert disagreeing(file) == (1, [])


@pytest.mark.parametrize(("name", "both"), [("vxlan", 2), ("geneve", 2), ("gre", 2), ("ipip", 2), ("sctp", 1)])
def test_flows_in_tunnels_have_as_many_packets(tmp_path: Path, name: str, both: int) -> None:
    (file,) = written(tmp_path, {"a.pcap": corpus()[f"{name}.pcap"]})
    alike, differences = compare(file)
    assert alike + len(differences) == both
    assert {reason_of(each) for each in differences} <= {REASONS[0].why}


def test_a_link_type_that_tshark_does_not_read(tmp_path: Path) -> None:
    (file,) = written(tmp_path, {"a.pcap": corpus()["link-mpls-link.pcap"]})
    alike, differences = compare(file)
    assert (alike, [reason_of(each) for each in differences]) == (0, ["tshark does not read the file's link type"])


def test_packets_that_the_capture_holds_twice(tmp_path: Path) -> None:
    segments = [to(TCP(sport=40000, dport=80, flags="A", seq=n, ack=1) / b"x") for n in range(5)]
    (file,) = written(tmp_path, {"a.pcap": pcap([frame for each in segments for frame in 2 * framed(each)])})
    alike, (difference,) = compare(file)
    assert (alike, difference.copies) == (0, 5)
    assert "twice" in reason_of(difference)


def test_vlans_are_one_flow_to_tshark(tmp_path: Path) -> None:
    segments = [Dot1Q(vlan=n) / to(TCP(sport=40000, dport=80, flags="A", seq=n, ack=1) / b"x") for n in (1, 2, 3)]
    (file,) = written(tmp_path, {"a.pcap": pcap(framed(*segments))})
    assert disagreeing(file) == (1, [])


def test_sizes_that_tshark_cuts_to_kilobytes_are_known_to_that(tmp_path: Path) -> None:
    segments = [to(TCP(sport=40000, dport=80, flags="A", seq=n * 1400, ack=1) / bytes(1400)) for n in range(20)]
    (file,) = written(tmp_path, {"a.pcap": pcap(framed(*segments))})
    (flow,) = conversations(file, 0).flows.values()
    assert (flow.packets, flow.bytes, flow.unsure) == ([20, 0], [29000, 0], [999, 0])
    assert disagreeing(file) == (1, [])


def test_a_difference_without_a_reason_is_named() -> None:
    key = Key(0, "tcp", (("192.0.2.1", 1), ("192.0.2.2", 2)))
    wrong = Difference(key=key, ours=Told([1, 0], [54, 0], [0, 0]), theirs=Told([2, 0], [108, 0], [0, 0]))
    assert reason_of(wrong) == UNKNOWN
    assert "netprobe Told(packets=[1, 0]" in str(wrong)


def test_the_summary_counts_kinds_and_names_what_has_none(tmp_path: Path) -> None:
    files = written(tmp_path, {"a.pcap": corpus()["tcp.pcap"], "b.pcap": corpus()["link-mpls-link.pcap"]})
    assert list(summary(files)) == [
        "2 files: 1 flows agree",
        "  1 differ: tshark does not read the file's link type",
    ]
