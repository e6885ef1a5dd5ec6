"""The remedies of every saved capture, checked by construction."""

from __future__ import annotations

import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from tests.mutilation import NAMES, evidence

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def report(name: str) -> Mapping[str, Any]:
    return to_json(analyze(evidence(name)))


def findings(name: str) -> list[dict[str, Any]]:
    """The cause, the findings, and what stands behind the cause."""
    value = report(name)
    return [each for each in (value["cause"], *value["findings"], *(value["after"] or ())) if each is not None]


@pytest.mark.parametrize("name", NAMES)
def test_both_lists_say_the_same(name: str) -> None:
    for finding in findings(name):
        said: list[list[str] | str] = []
        for step in finding["remedies"]:
            assert step["host"]
            assert step["run"] or step["text"]
            said += [*step["run"], *([step["text"]] if step["text"] else [])]
        assert said == [
            line.removeprefix("# ") if line.startswith("# ") else shlex.split(line) for line in finding["remedy"]
        ]
