from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run
from netprobe.commands.tshark import pcap
from netprobe.errors import EvidenceFault, UsageFault
from netprobe.evidence.model import Evidence, Place, Probe, Proto
from netprobe.evidence.writer import write
from netprobe.interface import load
from netprobe.report.deep import DeepFrame
from tests.commands.walk import CLIENT, DIALLED, evidence, packets, segment

if TYPE_CHECKING:
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
    loaded = load([one, own(tmp_path / "own.pcapng"), two], {two: "server2/docker0"})
    assert [name for name, _ in loaded] == [f"{one}, {two}", str(tmp_path / "own.pcapng")]
    assert [point.name for point in loaded[0][1].points] == ["eth0", "server2/docker0"]
    assert loaded[1][1].probe is not None


def test_own_evidence_names_its_points_itself(tmp_path: Path) -> None:
    file = own(tmp_path / "own.pcapng")
    with pytest.raises(UsageFault, match="names its points itself"):
        load([file], {file: "x"})


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bxx", b"just text\n", b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1"])
def test_a_file_that_is_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd"
    file.write_bytes(content)
    with pytest.raises(EvidenceFault) as refused:
        load([str(file)], {})
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
