from __future__ import annotations

import gzip
import resource
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from netprobe.annotating import annotation
from netprobe.cli import run
from netprobe.evidence import additions as a
from netprobe.evidence.pcapng import read_pcapng
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
        ([str(copy)], "annotate: nowhere to write to"),
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


@needs_tshark
def test_a_file_for_each_point_has_no_retransmissions(tmp_path: Path, capsys: Said) -> None:
    healthy = CAPTURES / "truth-http-lan-normal.pcapng"
    whole, folder = tmp_path / "told.pcapng", tmp_path / "points"
    assert run(["annotate", str(healthy), "-o", str(whole), "--split", str(folder)]) == 0
    assert "5 files in" in capsys.readouterr().err
    asked = ("-Y", "tcp.analysis.flags")
    assert fields(whole, "frame.number", given=asked)
    every = fields(whole, "frame.interface_name", *ALIKE[1:4], "frame.md5_hash", "frame.comment", given=HASH)
    for file in sorted(folder.iterdir()):
        assert fields(file, "frame.number", given=asked) == []
        found = fields(file, "frame.interface_name", *ALIKE[1:4], "frame.md5_hash", "frame.comment", given=HASH)
        assert found == [each for each in every if each[0] == found[0][0]]
        assert file.name.endswith(found[0][0].replace("/", "_") + ".pcapng")
    assert run(["annotate", str(healthy), "--split", str(folder)]) == 2
    assert "exists" in capsys.readouterr().err


@needs_tshark
def test_the_profile_shows_comments_as_a_column_and_in_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "profiles").mkdir()
    out = tmp_path / "told.pcapng"
    assert run(["annotate", str(DROPPED), "-o", str(out), "--profile", str(tmp_path / "profiles" / "netprobe")]) == 0
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(tmp_path))
    found = fields(out, "frame.number", "frame.coloring_rule.name", given=("-C", "netprobe", "--color"))
    assert ("6", "netprobe: last seen here") in found
    assert ("5", "netprobe: it fails") in found
    argv = ["tshark", "-C", "netprobe", "-r", str(out)]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[5]
    for each in ("server2/eth0", "server1 → server2", "[netprobe] SYN, 2nd copy; last seen here"):
        assert each in shown
    rules = [
        line
        for line in (tmp_path / "profiles" / "netprobe" / "colorfilters").read_text().splitlines()
        if line[:1] == "@"
    ]
    for rule in rules:
        condition = rule.split("@")[2]
        subprocess.run(["tshark", "-r", str(out), "-Y", condition], capture_output=True, check=True)


def test_options_that_do_not_go_together(tmp_path: Path, capsys: Said) -> None:
    for argv in (
        [],
        ["--flow", ":80"],
        ["-o", "x"],
        [str(DROPPED), "--profile", str(tmp_path / "p"), "--flow", ":80"],
        [str(tmp_path / "none.pcapng"), "--profile", str(tmp_path / "p")],
        [str(DROPPED), "--split", str(tmp_path / "p"), "--force"],
    ):
        assert run(["annotate", *argv]) == 2
        assert capsys.readouterr().err.count("\n") == 2
    assert list(tmp_path.iterdir()) == []
    assert run(["annotate", "--profile", str(tmp_path / "p")]) == 0
    assert sorted(each.name for each in (tmp_path / "p").iterdir()) == ["colorfilters", "preferences"]


def test_a_profile_beside_a_file_that_is_not_annotated(tmp_path: Path, capsys: Said) -> None:
    assert run(["annotate", str(DROPPED), "--profile", str(tmp_path / "p")]) == 0
    assert f"{DROPPED} stays as it is: give -o OUT.pcapng, or --split DIR, to annotate it" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["p"]


def test_nobody_else_reads_what_is_split(tmp_path: Path) -> None:
    assert run(["annotate", str(DROPPED), "--split", str(tmp_path / "points"), "--profile", str(tmp_path / "p")]) == 0
    modes = {stat.S_IMODE(each.stat().st_mode) for folder in ("points", "p") for each in (tmp_path / folder).iterdir()}
    assert modes == {0o600}


@pytest.mark.parametrize("option", [["-o", "out"], ["--split", "out"]])
def test_a_full_disk_leaves_nothing(
    option: list[str], tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        assert run(["annotate", str(DROPPED), *option]) == 4
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot write out: File too large" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_several_connections_are_told_in_short_or_one_of_them(tmp_path: Path, capsys: Said) -> None:
    file, out = tmp_path / "several.pcap", tmp_path / "told.pcapng"
    packets = [
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        / IP(src="192.0.2.1", dst=f"192.0.2.{host}")
        / TCP(sport=4000, dport=80, flags="S")
        for host in (7, 8, 9)
    ]
    wrpcap(str(file), packets)
    assert run(["annotate", str(file), "-o", str(out)]) == 0
    found = read_pcapng(out.read_bytes())
    assert [each.name for each in found.interfaces] == ["several"]
    assert out.read_bytes().count(b"[netprobe] connection ") == 3
    assert b"[netprobe] 3 connections: 3 undetermined" in out.read_bytes()
    assert run(["annotate", str(out), "-o", str(out) + "2", "--flow", ">192.0.2.8:80"]) == 0
    told = Path(str(out) + "2").read_bytes()
    assert told.count(b"[netprobe] connection ") == 0
    assert b"[netprobe] 192.0.2.8:80/tcp from 192.0.2.1: undetermined" in told


def test_a_cut_file_is_told_as_far_as_it_goes(tmp_path: Path, capsys: Said) -> None:
    file, out = tmp_path / "cut.pcapng", tmp_path / "told.pcapng"
    data = DROPPED.read_bytes()
    file.write_bytes(data[: data.rindex(bytes([6, 0, 0, 0])) + 30])
    assert run(["annotate", str(file), "-o", str(out)]) == 0
    assert "the capture is cut short at byte" in capsys.readouterr().err
    run(["replay", str(file), "--json"])
    before = capsys.readouterr().out
    assert "cut short at byte" in before
    out.replace(file)  # the JSON has the file's name
    run(["replay", str(file), "--json"])
    assert capsys.readouterr().out == before


@needs_tshark
def test_where_a_capture_was_taken_is_said(tmp_path: Path, capsys: Said) -> None:
    file, out = tmp_path / "a.pcap", tmp_path / "told.pcapng"
    wrpcap(str(file), [Ether() / IP(dst="192.0.2.8") / TCP(sport=4000, dport=80)])
    assert run(["annotate", "--point", f"srv/eth9={file}", "-o", str(out)]) == 0
    assert fields(out, "frame.interface_name") == [("srv/eth9",)]
    assert run(["annotate", str(file), "--point", f"srv/eth9={file}", "-o", str(out), "--force"]) == 0
    capsys.readouterr()
    for argv, why in (
        ([str(file), "--point", f"x={DROPPED}"], "annotate: takes one file, and 2 are given"),
        (["--point", f"x={DROPPED}"], "names its points itself"),
        (["--point", "x"], "--point: cannot read 'x'"),
    ):
        assert run(["annotate", *argv, "-o", str(tmp_path / "none.pcapng")]) == 2
        assert why in capsys.readouterr().err
    assert not (tmp_path / "none.pcapng").exists()


def test_a_copy_says_how_far_it_is(tmp_path: Path) -> None:
    file, out = tmp_path / "a.pcap", tmp_path / "told.pcapng"
    wrpcap(str(file), [Ether() / IP(dst="192.0.2.8") / TCP(sport=4000, dport=80)])
    made = annotation(str(file))
    assert made.how_far() == (0, file.stat().st_size)
    out.write_bytes(b"".join(map(bytes, made.pieces())))
    assert made.how_far() == (file.stat().st_size, file.stat().st_size)


def test_packed_and_piped(tmp_path: Path, capsys: Said) -> None:
    plain, packed = tmp_path / "a.pcapng", tmp_path / "b.pcapng"
    (tmp_path / "run.pcapng.gz").write_bytes(gzip.compress(DROPPED.read_bytes()))
    assert run(["annotate", str(DROPPED), "-o", str(plain)]) == 0
    assert run(["annotate", str(tmp_path / "run.pcapng.gz"), "-o", str(packed)]) == 0
    assert packed.read_bytes() == plain.read_bytes()
    argv = [sys.executable, "-m", "netprobe", "annotate", "-", "-o", str(tmp_path / "c.pcapng")]
    with DROPPED.open("rb") as given:
        subprocess.run(argv, stdin=given, check=True, capture_output=True)
    assert (tmp_path / "c.pcapng").read_bytes() == plain.read_bytes()


@needs_tshark
def test_comments_of_others_stay(tmp_path: Path) -> None:
    theirs, out, again = (tmp_path / name for name in ("theirs.pcapng", "told.pcapng", "again.pcapng"))
    subprocess.run(["editcap", "-a", "6:by hand", "-a", "1:a block", str(DROPPED), str(theirs)], check=True)
    assert run(["annotate", str(theirs), "-o", str(out)]) == 0
    assert run(["annotate", str(out), "-o", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()
    before, after = fields(theirs, "frame.number", "frame.comment"), fields(out, "frame.number", "frame.comment")
    assert ("6", "by hand") in before
    assert ("6", "by hand|[netprobe] SYN, 2nd copy; last seen here: dropped by filter/DOCKER-USER #1") in after
    assert [
        (number, "|".join(each for each in said.split("|") if "[netprobe]" not in each)) for number, said in after
    ] == before


@needs_tshark
@pytest.mark.parametrize("name", ["little-opb", "big"])
def test_tshark_reads_comments_of_old_blocks_and_of_either_byte_order(name: str, tmp_path: Path) -> None:
    order, kind = ("<", 2) if name == "little-opb" else (">", 6)
    raw = bytes(
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="192.0.2.1", dst="192.0.2.7") / TCP(flags="S")
    )
    where = struct.pack(order + ("HH" if kind == 2 else "I"), *((0, 0) if kind == 2 else (0,)))
    body = where + struct.pack(order + "IIII", 0, 1000, len(raw), len(raw)) + raw + bytes(-len(raw) & 3)
    interface = a.block_bytes(1, struct.pack(order + "HHI", 1, 0, 0), order)  # type: ignore[arg-type]
    packet = a.block_bytes(kind, body, order)  # type: ignore[arg-type]
    file, out = tmp_path / "old.pcapng", tmp_path / "told.pcapng"
    file.write_bytes(a.section_bytes(order, -1, ()) + interface + packet)  # type: ignore[arg-type]
    assert run(["annotate", str(file), "-o", str(out)]) == 0
    assert fields(out, *ALIKE[:4], "frame.md5_hash", given=HASH) == fields(
        file, *ALIKE[:4], "frame.md5_hash", given=HASH
    )
    assert all("[netprobe] SYN" in each for (each,) in fields(out, "frame.comment"))
