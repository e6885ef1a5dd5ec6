from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from corpus import corpus

from netprobe.cli import run
from netprobe.commands.showflow import MOST_PACKETS
from tests.commands.test_flows import capture
from tests.commands.test_replay import plain
from tests.commands.walk import CLIENT, DIALLED, segment

if TYPE_CHECKING:
    from pathlib import Path


def test_a_connection_layer_by_layer_at_every_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--show", "1"]) == 0
    out = capsys.readouterr().out
    assert "192.168.3.202:80 ⇒ 172.17.0.2:80" in out
    assert out.count("at server2/eth0") == out.count("at server2/docker0") == 5
    assert "IP" in out
    assert "sport=41290 dport=80" in out


def test_others_packets_are_not_shown_and_what_is_left_out_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = [segment(CLIENT, DIALLED, "PA", 100 + number, 7, b"x") for number in range(MOST_PACKETS + 3)]
    other = segment(("10.9.9.9", 5), DIALLED, "S", 1, 0)
    file = plain(tmp_path / "a.pcap", other, *mine)
    assert run(["flows", file, "--show", "2"]) == 0
    out = capsys.readouterr().out
    assert out.count("  frame ") == MOST_PACKETS
    assert "… and 3 packets more" in out
    assert "10.9.9.9" not in out


def test_of_a_flow_inside_of_a_tunnel_the_packets_that_carry_it_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(corpus()["vxlan.pcap"])
    assert run(["flows", str(file), "--show", "2"]) == 0
    out = capsys.readouterr().out
    assert "192.0.2.1:40000  198.51.100.2:80" in out
    assert "frame 1 at a, 104 bytes" in out
    assert "sport=50000 dport=4789" in out
    assert "frame 1 at a, inside of vxlan" in out
    assert "sport=40000 dport=80" in out


def test_of_a_ring_the_file_is_named_in_which_a_frame_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [segment(CLIENT, DIALLED, "PA", 100 + number, 7, b"x") for number in range(2)]
    files = [plain(tmp_path / f"r.pcap{number}", *frames[: number + 1]) for number in range(2)]
    assert run(["flows", *files, "--show", "1"]) == 0
    out = capsys.readouterr().out
    assert f"frame 1 at r ({files[0]}), " in out
    assert f"frame 2 at r ({files[1]}), " in out


@pytest.mark.parametrize(
    "options", [["--format", "csv"], ["-o", "x"], ["--json"], ["--top", "3"], ["--where", "bytes > 1"], ["--failed"]]
)
def test_it_is_for_people(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--show", "1", *options]) == 2
    assert "--show decodes one connection for people" in "".join(capsys.readouterr())


def test_a_number_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--show", "9"]) == 2
    assert "there is no connection 9\n  they are numbered from 1 to 1" in capsys.readouterr().err
