"""The question, understood: what can be said wrong about it is said before anything is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.inventory.hosts import load
from netprobe.live.question import MAX_TIMEOUT_S
from netprobe.probe.target import check_size, parse_source, parse_target

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.inventory.hosts import Inventory
    from netprobe.live.question import Question
    from netprobe.probe.target import Source, Target

SPARE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A question and the hosts that it is about."""

    question: Question
    target: Target
    source: Source
    inventory: Inventory

    @property
    def life_seconds(self) -> float:
        """Return how long anything that is started for this question may live at most."""
        return self.question.timeout_s * 2 + SPARE_SECONDS


def open_question(question: Question, hosts_file: Path | None) -> Opening:
    """Understand a question.

    Raises:
        UsageFault: it cannot be asked like this.
    """
    target = parse_target(question.target, question.proto)
    source = parse_source(question.source)
    check_size(question.size, target.proto)
    if not 0 < question.timeout_s <= MAX_TIMEOUT_S:
        raise UsageFault(
            f"--timeout {question.timeout_s:g} is out of range", f"more than 0, at most {MAX_TIMEOUT_S:g} s"
        )
    if question.trace and question.predict:
        raise UsageFault("--trace and --predict exclude each other", "--predict sends nothing that could be traced")
    return Opening(question=question, target=target, source=source, inventory=load(hosts_file))
