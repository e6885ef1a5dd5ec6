"""Files that are called by a number alone: a ring of tcpdump, and what looks like one."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run
from netprobe.evidence.stream import numbered
from netprobe.evidence.stream.stream import open_stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.evidence.stream.conftest import Collected

HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def record(number: int) -> bytes:
    """One that is sent each ms, of 60 to 140 bytes."""
    size = 60 + number * 37 % 81
    head = struct.pack("<IIII", 1_700_000_000 + number // 1000, number % 1000 * 1000, size, size)
    return head + bytes([number & 255]) * size


def cut(count: int, limit: int, first: int = 0) -> list[bytes]:
    """A capture in files, as tcpdump -C begins them."""
    out = [HEAD]
    for number in range(first, first + count):
        if len(out[-1]) > limit:
            out.append(HEAD)
        out[-1] += record(number)
    return out


def names_of(folder: Path, contents: Mapping[str, bytes], collected: Collected) -> list[str]:
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [point.name for point in collected(open_stream([str(folder / name) for name in contents], {})).points]


@pytest.fixture(autouse=True)
def _in_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbered, "UNIT", 1000)
    monkeypatch.setattr(numbered, "MAX_RECORD", 160)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("turn", [0, 1])
def test_a_ring_is_one_capture_wherever_it_begins(tmp_path: Path, collected: Collected, count: int, turn: int) -> None:
    pieces = cut(400, 4000)[:count]
    files = {f"file{(each + turn) % count}": data for each, data in enumerate(pieces)}
    assert names_of(tmp_path, dict(sorted(files.items())), collected) == ["file"]
    stream = open_stream([str(tmp_path / name) for name in sorted(files)], {})
    times = [time for packets in stream.chunks() for time in packets.time_ns.tolist()]
    assert times == sorted(times)
    assert stream.ordered()[0].startswith(f"{count} files are one capture, in the order of their first packets: ")


def test_what_is_no_ring_stays_apart(tmp_path: Path, collected: Collected) -> None:
    one, two, three, *_ = cut(400, 4000)
    for number, files in enumerate(
        (
            {"eth0": one, "eth1": cut(30, 4000)[0]},  # at the same time
            {"eth0": one, "eth1": one[:24] + two[24:1000], "eth3": three},  # a number is missing
            {"eth0": one, "eth1": three, "eth2": two},  # not in the order of their numbers
            {"eth0": one[: 24 + 16 + 60], "eth1": two},  # not cut at a size
            {"eth0": one, "eth1": two[:20] + struct.pack("<I", 101) + two[24:]},  # another link type
            {"eth0": one, "eth1": three + two[24:]},  # the newest is longer than the others
            {"eth0": one, "eth1": two, "eth2": cut(60, 6000, 200)[0]},  # another size
            {"eth0.pcap": one, "eth1.pcap": two},  # tcpdump numbers behind the name
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert names_of(folder, files, collected) == [name.removesuffix(".pcap") for name in files], number


def test_a_name_for_each_parts_them(tmp_path: Path) -> None:
    one, two, *_ = cut(400, 4000)
    for name, data in (("file0", one), ("file1", two)):
        (tmp_path / name).write_bytes(data)
    files = [str(tmp_path / name) for name in ("file0", "file1")]
    stream = open_stream(files, {files[0]: "a/eth0", files[1]: "b/eth0"})
    assert [len(each.members) for each in stream.sets] == [1, 1]
    stream.close()


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_what_tcpdump_writes_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(numbered, "UNIT", 1_000_000)
    monkeypatch.setattr(numbered, "MAX_RECORD", 16 + 262_144)
    (whole,) = cut(1, 10**7)
    long = struct.pack("<II", 30_000, 30_000) + bytes(30_000)
    whole += b"".join(struct.pack("<II", 1_700_000_001 + each, 5) + long for each in range(120))
    (tmp_path / "whole.pcap").write_bytes(whole)
    command = ["tcpdump", "-Z", "root", "-r", "whole.pcap", "-C", "1", "-W", "3", "-w", "file"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if not (tmp_path / "file2").exists():
        pytest.skip(f"tcpdump does not write here: {done.stderr}")
    assert run(["flows", *[str(tmp_path / f"file{each}") for each in range(3)], "--json"]) == 0
    captured = capsys.readouterr()
    assert "3 files are one capture" in captured.err
    assert '"name": "file"' in captured.out
