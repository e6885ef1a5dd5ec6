from __future__ import annotations

import pytest

from netprobe.cli import run


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
    ],
)
def test_the_nearest_word_is_named(line: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[1].startswith(f"  {hint}")
    assert "did you mean" not in said[0].lower()


def test_a_mistake_in_what_is_meant_for_nobody_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["expl\x1bain"]) == 2
    assert "\x1b" not in capsys.readouterr().err
