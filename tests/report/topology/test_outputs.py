from __future__ import annotations

import pytest

from netprobe.cli.network import topology
from netprobe.report.topology.outputs import ENDINGS, OUTPUTS, form_of


def test_the_command_line_has_each_form_and_no_other() -> None:
    (option,) = [each for each in topology.params if each.name == "form"]
    assert list(option.type.choices) == list(OUTPUTS)  # type: ignore[attr-defined]
    assert set(ENDINGS.values()) == set(OUTPUTS)


@pytest.mark.parametrize(
    ("asked", "output", "form"),
    [
        (None, None, "tree"),
        (None, "x.svg", "svg"),
        (None, "x.MMD", "mermaid"),
        (None, "x.png", "tree"),
        ("json", "x.svg", "json"),
    ],
)
def test_a_name_says_its_form_unless_another_is_asked_for(asked: str | None, output: str | None, form: str) -> None:
    assert form_of(asked, output) == form
