from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.pipeline import analyze
from tests.mutilation import evidence

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence


def renamed(whole: Evidence, old: str, new: str) -> Evidence:
    """The evidence with a container's namespace under another name."""
    before, after = (
        tuple(
            replace(
                state,
                outputs={key.replace(f"ns/{old}/", f"ns/{new}/"): value for key, value in state.outputs.items()},
            )
            for state in states
        )
        for states in (whole.before, whole.after)
    )
    return replace(whole, before=before, after=after)


def test_a_namespace_may_have_any_name() -> None:
    """``*`` is what stands for every namespace where it is asked what is known."""
    assert analyze(renamed(evidence("ip-forward-off"), "demo", "*")).verdict is not None
