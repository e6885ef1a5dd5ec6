"""Evidence built by hand: a real run's file with the text of a state command changed, where the lab cannot make the situation."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write
from netprobe_lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState
    from netprobe_lab.experiments.model import Edit


def edit(save: Path, edits: Iterable[Edit]) -> None:
    """Change a saved file. Raises as :func:`edited` does."""
    save.write_bytes(write(edited(read(save.read_bytes()), edits)))


def edited(evidence: Evidence, edits: Iterable[Edit]) -> Evidence:
    """Return the evidence with the texts changed, before the probe and after it (or after it alone).

    Raises:
        LabError: an edit found nothing to change.
    """
    before, after = evidence.before, evidence.after
    for each in edits:
        then = tuple(_state(state, each) for state in after)
        changed = before if each.after else tuple(_state(state, each) for state in before)
        if (then == after) if each.after else (changed == before):
            raise LabError(f"{each.pattern!r} was not found in {each.key} of {each.host}")
        before, after = changed, then
    return replace(evidence, before=before, after=after)


def _state(state: HostState, wanted: Edit) -> HostState:
    output = state.outputs.get(wanted.key)
    if state.host != wanted.host or output is None:
        return state
    text = re.sub(wanted.pattern, wanted.text, output.stdout)
    return replace(state, outputs={**state.outputs, wanted.key: replace(output, stdout=text)})
