from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from netprobe.commands.match import check_filter, frames_of
from netprobe.errors import EnvironmentFault, UsageFault
from tests.commands.test_flows import capture
from tests.commands.test_replay import plain, point_of

if TYPE_CHECKING:
    from pathlib import Path

TSHARK = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@TSHARK
def test_frames_by_a_display_filter(tmp_path: Path) -> None:
    said: list[str] = []
    file = point_of(0, tmp_path / "-a b.pcap")
    assert frames_of(file, "http.request", lambda *_: None, said.append).tolist() == [4]
    assert frames_of(file, "tcp", lambda *_: None, said.append).tolist() == [1, 2, 3, 4, 5]
    assert frames_of(file, "udp", lambda *_: None, said.append).tolist() == []
    assert said == []


@TSHARK
@pytest.mark.parametrize("text", ["nosuch == 1", "tcp ==", "-r", ")"])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^--match: ."):
        check_filter(text)


@TSHARK
def test_a_capture_that_is_cut_counts_as_far_as_it_goes(tmp_path: Path) -> None:
    said: list[str] = []
    file = capture(tmp_path)
    whole = (tmp_path / "walk.pcapng").read_bytes()
    (tmp_path / "walk.pcapng").write_bytes(whole[: len(whole) // 2])
    assert frames_of(file, "tcp", lambda *_: None, said.append).tolist()
    assert len(said) == 1
    assert "cut short" in said[0]


@TSHARK
def test_what_tshark_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no capture at all")
    with pytest.raises(EnvironmentFault, match="tshark finds nothing in"):
        frames_of(str(tmp_path / "x"), "tcp", lambda *_: None, lambda _: None)


def test_without_tshark_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault, match="--match needs tshark"):
        frames_of(plain(tmp_path / "a.pcap", b"\0" * 60), "tcp", lambda *_: None, lambda _: None)
