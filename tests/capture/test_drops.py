from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from netprobe.capture.drops import Dropping, program
from netprobe.capture.marked import Marked, forms
from netprobe.capture.plan import Tuple5
from netprobe.hosts.session import HostLostError, RemoteError
from tests.capture.remote import Remote

TCP = Tuple5(transport="tcp", source_port=41290, dialled="192.168.3.202", port=80, ends=(("172.17.0.2", 8080),))
SIX = Tuple5(transport="udp", source_port=9, dialled="fd00::2", port=53, ends=(("10.0.0.3", 53),))


def text(probe: Tuple5, ident: int = 0, gateways: tuple[str, ...] = ()) -> str:
    return program(forms(Marked(probe=probe, ident=ident, gateways=gateways)))


def test_only_the_probes_packets_are_written() -> None:
    found = text(TCP, gateways=("172.17.0.1",))
    assert "$ip[0] >> 4 == 4 && $ip[9] == 6 &&" in found
    assert f"($sport == 41290 && $dport == 80 && $dst == {0xC0A803CA})" in found
    assert f"($sport == 80 && $dport == 41290 && $src == {0xC0A803CA})" in found
    assert f"($dport == 8080 && $src == {0xAC110001} && $dst == {0xAC110002})" in found
    assert found.count("printf(") == 2


def test_each_version_has_its_own_part() -> None:
    found = text(SIX)
    assert "$ip[0] >> 4 == 6 && $ip[6] == 17)" in found
    assert f"($sport == 9 && $dport == 53 && $dst0 == {0xFD000000} && $dst1 == 0 && $dst2 == 0 && $dst3 == 2)" in found
    assert "$ip[0] >> 4 == 4 && $ip[9] == 17 &&" in found


def test_an_echo_by_its_identifier() -> None:
    four, six = Tuple5(transport="icmp", dialled="192.0.2.1"), Tuple5(transport="icmp", dialled="fd00::2")
    assert "(($l4[0] == 8 || $l4[0] == 0) && $id == 77)" in text(four, 77)
    assert "$ip[9] == 1 &&" in text(four, 77)
    assert "(($l4[0] == 128 || $l4[0] == 129) && $id == 77)" in text(six, 77)
    assert "$ip[6] == 58)" in text(six, 77)


def test_for_no_packets_there_is_no_program() -> None:
    assert program(()) == ""


def test_there_is_nothing_of_a_host_in_it_but_numbers() -> None:
    """Whatever state says, the program's words are the same."""
    words = [re.sub(r"\d+", "0", text(TCP, gateways=(each,))) for each in ("172.17.0.1", "10.1.2.3")]
    assert words[0] == words[1]
    assert "system" not in text(TCP, gateways=('1.1.1.1"); system("x',))


@pytest.mark.skipif(shutil.which("bpftrace") is None, reason="bpftrace is not installed")
@pytest.mark.parametrize("probe", [TCP, SIX, Tuple5(transport="icmp", dialled="fd00::2")])
def test_bpftrace_understands_it(probe: Tuple5) -> None:
    argv = ["bpftrace", "--dry-run", "-e", text(probe, 7, ("172.17.0.1", "fd00::1"))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "syntax error" not in done.stderr


def ended(**more: Any) -> dict[str, Any]:
    return {"out": "drop …", "error": "", "full": False, **more}


def dropping(remote: Remote, source: str = "tracepoint …") -> Any:
    found = Dropping({"h": remote}, 30.0)  # type: ignore[dict-item]  # what it uses of a session
    found.start(source)
    found.wait()
    return found.stop()["h"]


def test_the_text_is_kept() -> None:
    output = dropping(Remote(watch_drops={"failed": None}, drops=ended()))
    assert (output.rc, output.stdout, output.error) == (0, "drop …", "")


def test_without_a_program_nobody_is_asked() -> None:
    remote = Remote(watch_drops={"failed": None}, drops=ended())
    assert dropping(remote, "").error == "the probe's packets cannot be told from others before it is sent"
    assert remote.asked == []


@pytest.mark.parametrize(
    ("start", "stop", "error"),
    [
        ({"failed": "bpftrace: not installed"}, None, "bpftrace: not installed (package bpftrace)"),
        ({"failed": "bpftrace: ERROR:\n x"}, None, "bpftrace: ERROR: x"),
        (HostLostError("h: the session ended"), None, "the session ended"),
        ({"failed": None}, RemoteError("h: no"), "no"),
        ({"failed": None}, ended(error="bpftrace: ended\nearly"), "bpftrace: ended early"),
        ({"failed": None}, ended(full=True), "more than 262144 bytes of drops"),
    ],
)
def test_what_went_wrong_is_said(start: Any, stop: Any, error: str) -> None:
    output = dropping(Remote(watch_drops=start, drops=stop))
    assert (output.rc, output.error) == (None, error)
