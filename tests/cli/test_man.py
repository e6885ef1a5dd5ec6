from __future__ import annotations

import shutil
import subprocess

import pytest

from netprobe import RELEASE_DATE, __version__
from netprobe.cli import cli, run


def page(capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["man"]) == 0
    return capsys.readouterr().out


def test_every_command_and_option_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys)
    for name, command in cli.commands.items():
        assert f".SS netprobe {name}\n" in text
        for each in command.params:
            for word in each.opts:
                assert word.replace("-", r"\-") in text or each.param_type_name == "argument"
    assert text.count(r".B \-h, \-\-help") == len(cli.commands) + 1
    assert text.isascii()


def test_it_is_the_same_page_whenever_it_is_made_and_has_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys)
    assert f'.TH NETPROBE 1 "{RELEASE_DATE}" "netprobe {__version__}"' in text
    codes = text.split(".SH EXIT STATUS")[1].split(".SH")[0]
    assert [line.split()[0] for line in codes.splitlines() if line.startswith("  ")] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "70",
        "130",
    ]


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say_about_it(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-rLL=100n"], input=page(capsys), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    shown = " ".join(done.stdout.split())
    assert "Only IPv4: the address that is dialled" in shown
    assert "netprobe explain web:80 from this host to its container web" in shown.replace("\x1b[0m", "")
