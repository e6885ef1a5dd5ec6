from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.cli import run
from tests.annotate.tshark import fields, needs_tshark

CAPTURES = Path(__file__).parents[2] / "captures"
DROPPED = CAPTURES / "docker-user-drop.pcapng"
ALIKE = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.md5_hash")
HASH = ("-o", "frame.generate_md5_hash:TRUE")

Said = pytest.CaptureFixture[str]


@needs_tshark
def test_tshark_reads_the_story(tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "told.pcapng"
    assert run(["annotate", str(DROPPED), "-o", str(out)]) == 0
    assert capsys.readouterr().err == f"netprobe: 11 comments in {out}\n"
    found = {
        number: (comment, src)
        for number, comment, src in fields(out, "frame.number", "frame.comment", "ip.src_host", given=("-N", "n"))
    }
    assert found["6"] == ("[netprobe] SYN, 2nd copy; last seen here: dropped by filter/DOCKER-USER #1", "server1")
    assert fields(out, *ALIKE, given=HASH) == fields(DROPPED, *ALIKE, given=HASH)


@needs_tshark
def test_names_of_containers_can_be_filtered_by(tmp_path: Path) -> None:
    out = tmp_path / "told.pcapng"
    assert run(["annotate", str(CAPTURES / "truth-http-lan-normal.pcapng"), "-o", str(out)]) == 0
    found = fields(
        out, "frame.interface_name", given=("-N", "n", "-Y", 'ip.dst_host == "demo" && frame.comment contains "DNAT"')
    )
    assert found


def test_what_may_not_be_written_is_refused(tmp_path: Path, capsys: Said) -> None:
    copy = tmp_path / "run.pcapng"
    copy.write_bytes(DROPPED.read_bytes())
    link = tmp_path / "link.pcapng"
    link.symlink_to(copy)
    there = tmp_path / "there.pcapng"
    there.write_bytes(b"mine")
    for argv, why in (
        ([str(copy)], "annotate: no output"),
        ([str(copy), "-o", str(copy), "--force"], "is an input"),
        ([str(copy), "-o", str(link), "--force"], "is an input"),
        ([str(copy), "-o", str(there)], "exists"),
        ([str(copy), "-o", str(tmp_path / "none" / "x")], "there is no directory"),
        ([str(tmp_path / "none.pcapng"), "-o", str(tmp_path / "x")], "cannot read"),
        ([__file__, "-o", str(tmp_path / "x")], "a text file, not a capture"),
        ([str(copy), "-o", str(tmp_path / "x"), "--flow", ":1"], ""),
    ):
        assert run(["annotate", *argv]) == 2
        said = capsys.readouterr().err
        assert why in said
        assert "Traceback" not in said
    assert copy.read_bytes() == DROPPED.read_bytes()
    assert there.read_bytes() == b"mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.pcapng", "run.pcapng", "there.pcapng"]
