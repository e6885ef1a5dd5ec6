from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.cli import run

FILE = str(Path(__file__).parents[2] / "captures" / "demo.pcapng")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (["explan", "demo:80"], "did you mean explain? (see netprobe --help)"),
        (["zzz"], "see netprobe --help"),
        (["explain", "demo:80", "--protoo", "tcp"], "did you mean --proto? (see netprobe explain --help)"),
        (["explain", "demo:80", "--zzz"], "see netprobe explain --help"),
        (["explain", "demo:80", "--proto", "tpc"], "did you mean tcp? (see netprobe explain --help)"),
        (["flows", "x", "--format", "parket"], "did you mean parquet? (see netprobe flows --help)"),
        (["topology", "--formt=svg"], "did you mean --format? (see netprobe topology --help)"),
        (["lab", "runn"], "did you mean run? (see netprobe lab --help)"),
        (["lab", "run", "docker-user-drp"], "did you mean docker-user-drop"),
        (["lab", "shell", "sever2"], "did you mean server2"),
        (["schema", "reprot"], "did you mean report?"),
        (["causes", "docker-usr-drop"], "did you mean docker-user-drop?"),
        (["lab", "list", "docker-user-drp"], "did you mean docker-user-drop"),
        (["lab", "run", "tuth-table"], "did you mean truth-table?"),
        (["topology", FILE, "--host", "sever2"], "did you mean server2"),
        (["ps", FILE, "--host", "sever2"], "did you mean server2"),
        (["topology", "--svg"], "did you mean --format svg? (see netprobe topology --help)"),
        (["flows", "x", "--csv"], "did you mean --format csv? (see netprobe flows --help)"),
        (["explain", "demo:80", "-s", "9"], "did you mean --size or --save? (see netprobe explain --help)"),
        (["explain", "demo:80", "-x"], "see netprobe explain --help"),
        (["version"], "did you mean --version? (see netprobe --help)"),
        (["explain", "demo:80", "--from"], "see netprobe explain --help"),
        (["lab", "tour", "--save"], "see netprobe lab tour --help"),
        (["explain", "demo", "80"], "netprobe explain [OPTIONS] [TARGET] (see netprobe explain --help)"),
        (["diff", FILE], "netprobe diff [OPTIONS] GOOD BAD (see netprobe diff --help)"),
        (["annotate", FILE, "out.pcapng"], "netprobe annotate [OPTIONS] [FILE] (see netprobe annotate --help)"),
        (["ps", "demo"], "FILE is what explain --save wrote, or a capture; a host is named by --host demo"),
    ],
)
def test_the_nearest_word_is_named(line: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[1].startswith(f"  {hint}")
    assert "did you mean" not in said[0].lower()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["explain", "x", "--timeout", "5s"], "netprobe: invalid value for '--timeout': '5s' is not a number\n"),
        (["flows", "x", "--top", "all"], "netprobe: invalid value for '--top': 'all' is not a whole number\n"),
        (["flows", "x", "--idle", "1m"], "netprobe: invalid value for '--idle': '1m' is not a number\n"),
    ],
)
def test_what_is_no_number(line: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    assert capsys.readouterr().err.startswith(said)


def test_a_mistake_in_what_is_meant_for_nobody_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["expl\x1bain"]) == 2
    assert "\x1b" not in capsys.readouterr().err
