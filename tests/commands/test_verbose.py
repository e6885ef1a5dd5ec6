from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from netprobe.commands.verbose import LONGEST, Verbose, progress_of
from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Callable


def test_each_line_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_of(quiet=True, verbose=True) as progress:
        progress("reaching the hosts")
        progress.doing("server1", "runs ip -j addr show")
        progress.doing("ser\x1bver1", "x" * 10_000)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [re.sub(r"^ *\d+\.\d{3} s  ", "", each)[:40] for each in lines] == [
        "reaching the hosts",
        "  server1: runs ip -j addr show",
        "  ser\\x1bver1: xxxxxxxxxxxxxxxxxxxxxxxxx",
        "done",
    ]
    times = [float(each.split()[0]) for each in lines]
    assert times == sorted(times)
    assert max(map(len, lines)) < LONGEST + 40


def test_without_it_nothing_is_said_of_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_of(quiet=False, verbose=False) as progress:
        progress.doing("server1", "runs ip -j addr show")
    assert capsys.readouterr() == ("", "")


def test_an_end_by_a_fault_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(progress: Callable[[str], None]) -> None:
        progress("probing")
        raise UsageFault("no such host")

    with pytest.raises(UsageFault), Verbose() as progress:
        fails(progress)
    assert capsys.readouterr().err.splitlines()[-1].endswith("ended")
