from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.report.escape import width
from netprobe.report.oneline import cut, one_line
from tests.report.examples import FAILS, WORKS


def test_question_verdict_and_why() -> None:
    assert one_line(WORKS) == f"{WORKS.target} from {WORKS.source}: works, by DNAT: {WORKS.why}"
    assert one_line(FAILS, name="a.pcapng").startswith(
        f"a.pcapng: {FAILS.target} from {FAILS.source}: fails, docker-user-drop: "
    )


@pytest.mark.parametrize("columns", [1, 20, 80, 1000])
@pytest.mark.parametrize("why", ["名" * 200, "a\nb\rc\x1b[2J", "e\u0301" * 100, "short"])
def test_it_is_one_line_that_fits(columns: int, why: str) -> None:
    line = one_line(replace(FAILS, why=why), columns=columns)
    assert width(line) <= columns
    assert line.isprintable()


def test_what_is_cut_says_so() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 5) == "abcd…"
    assert cut("名名名", 5) == "名名…"
    assert cut("名名名", 4) == "名…"
