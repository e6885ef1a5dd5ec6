"""``netprobe.explain``, ``netprobe.replay``: what a Python program calls, and the command line too."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

import pytest
import readme

import netprobe
import netprobe.interface
import netprobe.live
from netprobe.annotating import bare
from netprobe.cli import run
from netprobe.evidence.writer import write
from netprobe.report.json import dumps, to_json
from tests.commands.test_replay import point_of
from tests.commands.walk import evidence
from tests.test_architecture import HEAVY

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.live import Question

ROOT = Path(__file__).parent.parent
DEMO, DROPPED = (str(ROOT / "captures" / f"{name}.pcapng") for name in ("demo", "docker-user-drop"))


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    assert doctest.testmod(netprobe.interface).attempted > 0
    assert doctest.testmod(netprobe.interface).failed == 0
    shown = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert shown.attempted > 0
    assert shown.failed == 0


@pytest.mark.parametrize("block", ["flows", "flow-columns", "diff"])
def test_what_readme_says_of_captures_is_so(block: str) -> None:
    text = (ROOT / "README.md").read_text().split(f"<!-- {block} -->\n")[1].split(f"\n<!-- /{block} -->")[0]
    assert text == readme.BLOCKS[block]()


def test_flows_as_a_table_of_pandas(tmp_path: Path) -> None:
    files = [point_of(at, tmp_path / f"{at}.pcap") for at in range(2)]
    flows = netprobe.read_flows(*files, points={files[0]: "server2/eth0"})
    assert flows["point"].tolist() == ["server2/eth0", "1"]
    assert flows["connection"].tolist() == [1, 1]
    assert flows["path"].tolist() == ["dnat", "dnat"]
    assert netprobe.read_flows(*files, where="server == '172.17.0.2'", verdicts=False)[
        "connection"
    ].isna().tolist() == [True]
    assert len(netprobe.read_flows(*files, where="flow > 2")) == 0
    with pytest.raises(netprobe.UsageFault, match="no column"):
        netprobe.read_flows("no-such-file", where="nosuch > 1")
    for nothing in ((), ("no-such-file",)):
        with pytest.raises(netprobe.EvidenceFault):
            netprobe.read_flows(*nothing)


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, netprobe; netprobe.UsageFault; netprobe.explain; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(done.stdout.split()) & {*HEAVY, "numpy", "rich", "click"}


def test_every_public_name_is_there_and_nothing_else() -> None:
    for name in netprobe.__all__:
        assert getattr(netprobe, name) is getattr(netprobe, name)
    assert set(netprobe.__all__) <= set(dir(netprobe))
    with pytest.raises(AttributeError, match="no attribute 'explains'"):
        netprobe.explains  # type: ignore[attr-defined] # noqa: B018


def test_a_report_is_what_the_command_line_prints(capsys: pytest.CaptureFixture[str]) -> None:
    report = assert_type(netprobe.replay(DROPPED), netprobe.Report)
    assert run(["replay", DROPPED, "--json"]) == 1
    assert capsys.readouterr().out == dumps(to_json(report)) + "\n"


def test_several_runs_are_replayed_each() -> None:
    assert [each.verdict.value for each in netprobe.replay_each(DEMO, Path(DROPPED))] == ["works", "fails"]
    with pytest.raises(netprobe.UsageFault, match="evidence of 2 runs"):
        netprobe.replay(DEMO, DROPPED)


def test_plain_captures_are_the_points_of_one_connection(tmp_path: Path) -> None:
    first, second = (point_of(at, tmp_path / f"{at}.pcap") for at in (0, 1))
    kept: list[tuple[str, Evidence]] = []
    report = netprobe.replay(
        first, points={first: "server1/eth0", second: "server2/eth0"}, flow=":80", keep=lambda *each: kept.append(each)
    )
    assert [str(hop.point) for hop in report.hops][:2] == ["server1/eth0", "server2/eth0"]
    assert [name for name, _ in kept] == [f"{first}, {second}"]


def test_errors_say_whose_fault_it_is(tmp_path: Path) -> None:
    wrong: list[Callable[[], object]] = [
        netprobe.replay,
        lambda: netprobe.replay(DEMO, DEMO),
        lambda: netprobe.replay(DEMO, flow="nonsense>"),
        lambda: netprobe.explain("web:99999"),
        lambda: netprobe.explain("web:80", proto="sctp"),
        lambda: netprobe.explain("web:80", timeout_s=0),
        lambda: netprobe.explain("web:80", force=True),
    ]
    for call in wrong:
        with pytest.raises(netprobe.UsageFault):
            call()
    with pytest.raises(netprobe.EvidenceFault) as missing:
        netprobe.replay(tmp_path / "nothing.pcapng")
    assert (missing.value.exit_code, bool(missing.value.hint)) == (2, True)
    with pytest.raises(netprobe.UsageFault):
        netprobe.explain("web:80", hosts=tmp_path / "hosts.toml")


def answering(data: bytes, asked: list[Question]) -> Callable[..., netprobe.Report]:
    def observe(question: Question, *, then: Callable[[bytes], netprobe.Report], **_: object) -> netprobe.Report:
        asked.append(question)
        return then(data)

    return observe


def test_explain_asks_saves_and_hands_out_what_was_observed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, asked, kept = write(evidence()), list[netprobe.live.Question](), list[str]()
    monkeypatch.setattr(netprobe.live, "observe", answering(data, asked))
    file = tmp_path / "run.pcapng"
    report = assert_type(
        netprobe.explain(
            "demo:80",
            source="server1",
            proto="http",
            size=10,
            fail=True,
            timeout_s=2.5,
            save=file,
            keep=lambda name, seen: kept.append(f"{name} {len(seen.packets)}"),
        ),
        netprobe.Report,
    )
    assert (asked[0].source, str(asked[0].proto), asked[0].size, asked[0].timeout_s) == ("server1", "http", 10, 2.5)
    assert asked[0].fail
    assert kept == [f"demo:80 {len(evidence().packets)}"]
    assert bare(file.read_bytes()) == data
    assert json.loads(dumps(to_json(netprobe.replay(file)))) == json.loads(dumps(to_json(report)))
    with pytest.raises(netprobe.UsageFault, match="exists"):
        netprobe.explain("demo:80", save=file)


@pytest.mark.parametrize("kind", [netprobe.EnvironmentFault, KeyboardInterrupt])
def test_what_a_failed_run_captured_is_saved(
    kind: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def observe(*_: object, **__: object) -> bytes:
        fault = kind("server2 went away")
        vars(fault)["evidence"] = b"so far"
        raise fault

    monkeypatch.setattr(netprobe.live, "observe", observe)
    file = tmp_path / "run.pcapng"
    with pytest.raises(kind) as raised:
        netprobe.explain("demo:80", save=file)
    assert vars(raised.value)["saved"] == file
    assert file.read_bytes() == b"so far"
