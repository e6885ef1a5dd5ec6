from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import click
import pytest

from netprobe.cli import cli, run
from netprobe.commands.flowsprogress import reading
from netprobe.compiled import build
from netprobe.evidence.writer import write
from netprobe.report.flows.outputs import OUTPUTS, TABLE
from tests.commands.test_replay import plain, point_of
from tests.commands.walk import CLIENT, DIALLED, INNER, evidence, segment

PROGRAM = [sys.executable, "-m", "netprobe", "flows"]


def capture(folder: Path) -> str:
    file = folder / "walk.pcapng"
    file.write_bytes(write(evidence()))
    return str(file)


def table_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_a_row_a_flow_and_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--format", "csv"]) == 0
    rows = table_of(capsys)
    assert [row["point"] for row in rows] == ["server2/eth0", "server2/docker0"]
    assert [(row["client"], int(row["client_port"])) for row in rows] == [CLIENT, CLIENT]
    assert [(row["server"], int(row["server_port"])) for row in rows] == [DIALLED, INNER]
    assert [(row["client_packets"], row["server_packets"]) for row in rows] == [("3", "2")] * 2


def test_where_sort_and_top(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = capture(tmp_path)
    assert run(["flows", file, "--format", "csv", "--where", "server == '172.17.0.2' and bytes > 10"]) == 0
    assert [row["flow"] for row in table_of(capsys)] == ["2"]
    assert run(["flows", file, "--format", "csv", "--sort", "-flow"]) == 0
    assert [row["flow"] for row in table_of(capsys)] == ["2", "1"]
    assert run(["flows", file, "--format", "csv", "--sort=-flow", "--top", "1"]) == 0
    assert [row["flow"] for row in table_of(capsys)] == ["2"]


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "table", "parquet", "arrow"])
def test_a_file_has_what_stdout_would_have(
    form: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file, out = capture(tmp_path), tmp_path / "out"
    assert run(["flows", file, "--format", form]) == 0
    shown = capfdbinary.readouterr().out
    assert shown
    assert run(["flows", file, "--format", form, "-o", str(out)]) == 0
    assert capfdbinary.readouterr().out == b""
    assert out.read_bytes() == shown


def test_failed_is_what_did_not_succeed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [segment(CLIENT, DIALLED, "S", 7, 0), segment(DIALLED, CLIENT, "RA", 0, 8)]
    lost = [segment((CLIENT[0], 9999), DIALLED, "S", 7, 0)]
    file = plain(tmp_path / "b.pcap", *refused, *lost)
    assert run(["flows", capture(tmp_path), "--failed", "--format", "csv"]) == 0
    assert table_of(capsys) == []
    assert run(["flows", file, "--failed", "--format", "csv"]) == 0
    assert [row["why"] for row in table_of(capsys)] == ["refused", "no-answer"]
    assert run(["flows", file, "--failed"]) == 0
    assert "refused (RST)" in capsys.readouterr().out
    assert run(["flows", file, "--failed", "--no-verdict"]) == 2
    assert run(["flows", file, "--state", file, "--no-verdict"]) == 2
    assert run(["flows", file, "--state", file]) == 2


def test_without_verdicts_their_columns_are_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--no-verdict", "--format", "csv"]) == 0
    empty = ("connection", "outer", "path", "verdict", "why", "ended", "reached", "reached_port")
    for row in table_of(capsys):
        assert [row[name] for name in empty] == [""] * len(empty)
        assert row["state"] == "S1"
    assert run(["flows", capture(tmp_path), "--no-verdict"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert not {"path", "verdict"} & {*head.split()}
    assert len(lines) == 2


def test_silence_and_merging(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [segment(CLIENT, DIALLED, "S", 7, 0), segment(CLIENT, DIALLED, "S", 5_000_000, 0)]
    file = plain(tmp_path / "b.pcap", *frames)
    for options, count in (([], 2), (["--merge"], 1)):
        assert run(["flows", file, "--format", "csv", *options]) == 0
        assert len(table_of(capsys)) == count
    file = plain(tmp_path / "c.pcap", *(segment(CLIENT, DIALLED, "A", number, 1) for number in (7, 8)))
    for options, count in (([], 1), (["--idle", "1e-9"], 1)):
        assert run(["flows", file, "--format", "csv", *options]) == 0
        assert len(table_of(capsys)) == count


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_match_takes_whole_connections(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = capture(tmp_path)
    assert run(["flows", file, "--match", "http.response.code == 200", "--format", "csv"]) == 0
    assert [row["flow"] for row in table_of(capsys)] == ["1", "2"]
    assert run(["flows", file, "--match", "http.response.code == 404", "--format", "csv"]) == 0
    assert table_of(capsys) == []
    assert run(["flows", file, "--match", "http.response.cod == 404"]) == 2
    assert "--match: " in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--show", "1"], ["--match", "tcp"]])
def test_a_pipe_is_not_read_twice(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", "-", *option]) == 2
    assert "which a pipe does not allow" in capsys.readouterr().err


def test_the_ending_of_a_file_tells_its_format(tmp_path: Path) -> None:
    out = tmp_path / "flows.jsonl"
    assert run(["flows", capture(tmp_path), "-o", str(out)]) == 0
    assert [json.loads(line)["flow"] for line in out.read_text().splitlines()] == [1, 2]


@pytest.mark.parametrize(
    ("name", "form", "begins"),
    [
        ("flows.csv", None, b"flow,connection,"),
        ("flows.CSV", None, b"flow,connection,"),
        ("flows.ndjson", None, b'{"flow": 1, '),
        ("flows.json", None, b'{\n  "schema"'),
        ("flows.txt", None, b"  #  client"),
        ("flows.txt", "csv", b"flow,connection,"),
        ("flows.2026-11-30", "csv", b"flow,connection,"),
        ("flows", "jsonl", b'{"flow": 1, '),
        ("flows.parquet", None, b"PAR1"),
        ("flows.arrow", None, b"ARROW1"),
        ("flows.feather", "arrow", b"ARROW1"),
        ("flows.arrows", None, b"\xff\xff\xff\xff"),
        ("flows", "arrow", b"\xff\xff\xff\xff"),
    ],
)
def test_name_and_format_tell_what_is_written(name: str, form: str | None, begins: bytes, tmp_path: Path) -> None:
    options = [] if form is None else ["--format", form]
    assert run(["flows", capture(tmp_path), "-o", str(tmp_path / name), *options]) == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_device_without_an_ending_gets_the_table(tmp_path: Path) -> None:
    assert run(["flows", capture(tmp_path), "-o", "/dev/null"]) == 0


def test_nothing_is_what_was_asked_for_in_the_words_of_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = capture(tmp_path)
    for form in ("table", "csv", "jsonl"):
        assert run(["flows", file, "--where", "bytes < 0", "--format", form]) == 0
        assert "none of 1 connections is what was asked for" in capsys.readouterr().err
    assert run(["flows", file, "--where", "bytes < 0", "--no-verdict"]) == 0
    assert "none of 2 flows is what was asked for" in capsys.readouterr().err


def test_a_text_that_no_flow_has_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--where", "proto == 'TCP'"]) == 0
    assert "no flow has proto 'TCP': there is 'tcp'" in capsys.readouterr().err


def test_a_link_type_that_is_not_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wifi.pcap"
    file.write_bytes(
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105) + struct.pack("<4I", 1, 1, 4, 4) + b"abcd"
    )
    assert run(["flows", str(file), "--json"]) == 0
    captured = capsys.readouterr()
    assert "wifi: its packets are of link type 105 (IEEE802_11), which is not read" in captured.err
    assert [limit["subject"] for limit in json.loads(captured.out)["limits"]] == ["wifi"]


def test_json_is_the_format_and_the_form_of_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "netprobe/flows/1"
    for options in (["--json"], ["--format", "json"], ["--format=json"]):
        assert run(["flows", capture(tmp_path), *options, "--where", "nosuch > 1"]) == 2
        assert json.loads(capsys.readouterr().out)["error"] == "--where: there is no column 'nosuch'"


def test_the_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["#", "client", "server", "proto"]
    assert lines
    assert lines[0].split()[1:6] == ["192.168.3.201:41290", "192.168.3.202:80", "⇒", "172.17.0.2:80", "tcp"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no file given"),
        (["no-such-file"], "cannot read no-such-file: No such file or directory"),
        (["."], "cannot read .: it is a directory"),
        (["FILE", "FILE"], "FILE is given twice"),
        (["EMPTY"], "EMPTY is empty"),
        (["FILE", "--where", "server_prt == 80"], "there is no column 'server_prt'\n  did you mean server_port"),
        (["FILE", "--where", "abs(bytes) > 1"], "--where: calls nothing"),
        (["FILE", "--where", "proto > 1"], "does not go between"),
        (["FILE", "--sort", "byte"], "--sort: there is no column 'byte'\n  did you mean bytes"),
        *(
            (["FILE", "--idle", text], f"--idle: {text} is no number of seconds")
            for text in ("nan", "inf", "-inf", "0", "-1", "1e-300", "9e-10", "1e+300", "1.1e+09")
        ),
        (["FILE", "--idle", "soon"], "'soon' is not a number"),
        (["FILE", "--top", "0"], "0 is not in the range"),
        (["FILE", "--format", "xml"], "'xml' is not one of"),
        (["FILE", "-o", "FILE", "--force"], "is an input"),
        (["FILE", "-o", "EMPTY"], "exists"),
        (["FILE", "-o", "out"], "-o out: the name does not tell in which format"),
        (["FILE", "-o", "out.2026-11-30"], "-o out.2026-11-30: flows are not written as .2026-11-30"),
        (["FILE", "-o", "out.xlsx"], "-o out.xlsx: flows are not written as .xlsx\n  spreadsheets open .csv"),
        (["FILE", "-o", "out.csv.gz"], "flows are not written as .gz\n  nothing is compressed"),
        (["FILE", "-o", "out.xlsx", "--format", "csv"], "-o out.xlsx: .xlsx is not what --format csv writes"),
        (
            ["FILE", "-o", "out.json", "--format", "jsonl"],
            ".json is not what --format jsonl writes\n  give it the ending",
        ),
        (["FILE", "-o", "out.JSON", "--format", "csv"], ".json is not what --format csv writes"),
        (["FILE", "-o", "out.csv", "--format", "table"], ".csv is not what --format table writes"),
        (["FILE", "-o", "out.txt", "--format", "arrow"], ".txt is not what --format arrow writes"),
        (["FILE", "--point", "x"], "cannot read 'x'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_bytes(write(evidence()))
    (tmp_path / "EMPTY").write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    assert run(["flows", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) <= 2
    assert sorted(tmp_path.iterdir()) == before


def test_a_capture_without_flows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = plain(tmp_path / "one.pcap", b"\0" * 60)
    for form, wanted in (("table", 1), ("csv", 1), ("jsonl", 0)):
        assert run(["flows", file, "--format", form]) == 0
        assert len(capsys.readouterr().out.splitlines()) == wanted


def simple_blocks(*frames: bytes) -> bytes:
    """A pcapng file of Simple Packet Blocks, which have no time."""
    blocks = [(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), (1, struct.pack("<HHI", 1, 0, 0))]
    blocks += [(3, struct.pack("<I", len(frame)) + frame + bytes(-len(frame) % 4)) for frame in frames]
    return b"".join(
        struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12) for kind, body in blocks
    )


def test_packets_without_a_time_have_none_in_any_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [
        segment(CLIENT, DIALLED, "S", 7, 0),
        segment(DIALLED, CLIENT, "SA", 1, 8),
        segment(CLIENT, DIALLED, "A", 8, 2),
    ]
    file = tmp_path / "simple.pcapng"
    file.write_bytes(simple_blocks(*frames))
    assert run(["flows", str(file), "--format", "jsonl"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [row[name] for name in ("state", "packets", "first", "duration", "rtt", "server_rtt")] == [
        "S1",
        3,
        *[None] * 4,
    ]
    assert run(["flows", str(file), "--format", "csv"]) == 0
    (cells,) = table_of(capsys)
    assert [cells[name] for name in ("first", "duration", "rtt")] == [""] * 3
    assert run(["flows", str(file)]) == 0
    assert "0.000" not in capsys.readouterr().out


def test_points_by_name_and_what_was_cut_off_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = point_of(0, tmp_path / "a.pcap"), point_of(1, tmp_path / "b.pcap")
    os.truncate(two, Path(two).stat().st_size - 3)
    assert run(["flows", "--point", f"server2/eth0={one}", two, "--format", "csv"]) == 0
    captured = capsys.readouterr()
    assert {row["point"] for row in csv.DictReader(io.StringIO(captured.out))} == {"server2/eth0", "b"}
    assert two in captured.err
    assert "nothing after it" in captured.err


def test_stdin_and_a_reader_that_goes_away(tmp_path: Path) -> None:
    frames = [segment((f"10.0.{number >> 8}.{number & 255}", 1000), DIALLED, "S", number, 0) for number in range(2000)]
    raw = Path(plain(tmp_path / "many.pcap", *frames)).read_bytes()
    done = subprocess.run([*PROGRAM, "-", "--format", "csv"], input=raw, capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == 2001
    with subprocess.Popen(
        [*PROGRAM, str(tmp_path / "many.pcap"), "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("tcpdump") is None, reason="needs root and tcpdump")
def test_a_capture_that_is_being_made() -> None:
    """Of a datagram to a port of loopback that nobody else is asked at: tcpdump ends with its answer, an ICMP error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        told = [
            "tcpdump",
            "-i",
            "lo",
            "-n",
            "-U",
            "--immediate-mode",
            "-c",
            "2",
            "-w",
            "-",
            f"udp port {port} or icmp[30:2] = {port}",
        ]
        with (
            subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tcpdump,
            subprocess.Popen(
                [*PROGRAM, "-", "--format", "json"], stdin=tcpdump.stdout, stdout=subprocess.PIPE
            ) as flows,
        ):
            assert tcpdump.stderr is not None
            assert b"listening on" in tcpdump.stderr.readline()
            probe.close()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"there?", ("127.0.0.1", port))
            said, _ = flows.communicate(timeout=60)
    assert flows.returncode == 0
    (flow,) = json.loads(said)["flows"]
    assert (flow["server_port"], flow["proto"], flow["why"]) == (port, "udp", "port-unreachable")


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        subprocess.Popen(
            [*PROGRAM, str(pipe), "-o", str(tmp_path / "out.csv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        pipe.open("wb"),
    ):  # opened on both sides: it reads
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err == b"netprobe: interrupted\n"
    assert list(tmp_path.iterdir()) == [pipe]


def test_the_formats_of_the_command_line_are_those_that_are_written() -> None:
    option = next(each for each in cli.commands["flows"].params if each.name == "form")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == [TABLE, *OUTPUTS]


def test_a_locale_without_the_arrow_gets_an_escape_and_a_file_the_arrow(tmp_path: Path) -> None:
    plain_c = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    file, out = capture(tmp_path), tmp_path / "out.txt"
    done = subprocess.run([*PROGRAM, file], capture_output=True, check=True, env=plain_c)
    assert b"80 \\u21d2 172.17.0.2:80" in done.stdout
    subprocess.run([*PROGRAM, file, "-o", str(out)], check=True, env=plain_c)
    assert "80 ⇒ 172.17.0.2:80" in out.read_text(encoding="utf-8")


def test_compiling_needs_no_file_and_goes_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "compile_all", lambda: tmp_path / "kernels")
    assert run(["flows", "--compile"]) == 0
    assert capsys.readouterr() == ("", f"netprobe: compiled: {tmp_path}/kernels\n")
    assert run(["flows", capture(tmp_path), "--compile", "--format", "csv"]) == 0
    captured = capsys.readouterr()
    assert "compiled" in captured.err
    assert len(captured.out.splitlines()) == 3


def test_how_far_reading_is() -> None:
    assert reading(210_000_000, 442_800_000, 1.0) == "reads 47%, 210 MB/s, 1 s left"
    assert reading(1_000_000, 10**11, 1.0) == "reads 0%, 1 MB/s, 1666 min 39 s left"
    assert reading(1_500_000, None, 3.0) == "reads 1.5 MB, 500 kB/s"
    assert reading(0, 0, 0.0) == "reads 0 B, 0 B/s"
