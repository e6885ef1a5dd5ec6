"""The question, understood: what can be said wrong about it is said before anything is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.hosts.inventory import load
from netprobe.inventory.hosts import LOCAL
from netprobe.live.question import MAX_TIMEOUT_S
from netprobe.probe.target import PORT_OF, check_size, parse_source, parse_target, with_family
from netprobe.values import dataclass

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

    @property
    def named(self) -> frozenset[str | None]:
        """The hosts that are asked about by name, among other names."""
        words = {self.source.name, self.source.host, self.target.name, self.target.host}
        return frozenset(self.inventory.aliases.get(word, word) if word else None for word in words)

    @property
    def wanted(self) -> frozenset[str]:
        """What chooses the containers to look at on a host with very many."""
        texts = (self.source.name, self.target.name, self.target.address, self.target.port)
        return frozenset(str(text) for text in texts if text)


def open_question(question: Question, hosts_file: str | Path | None) -> Opening:
    """Understand a question.

    Raises:
        UsageFault: it cannot be asked like this.
        EnvironmentFault: the inventory may not be read, or a lab is asked for and none is running.
    """
    target = with_family(parse_target(question.target, question.proto), question.family)
    source = parse_source(LOCAL if question.source is None else question.source)
    check_size(question.size, target.proto)
    if not 0 < question.timeout_s <= MAX_TIMEOUT_S:
        raise UsageFault(
            f"--timeout {question.timeout_s:g} is out of range", f"more than 0, at most {MAX_TIMEOUT_S:g} s"
        )
    if question.trace and question.predict:
        raise UsageFault("--trace and --predict exclude each other", "--predict sends nothing that could be traced")
    _check_fail(question, target)
    inventory = load(hosts_file)
    if inventory.lab:
        _refuse_local(question, source, inventory)
    return Opening(question=question, target=target, source=source, inventory=inventory)


def _check_fail(question: Question, target: Target) -> None:
    """Raise a UsageFault where ``--fail`` has no status to look at."""
    if question.fail and target.proto not in PORT_OF:
        raise UsageFault(f"--fail has no meaning for {target.proto}", "it looks at the status of an HTTP response")
    if question.fail and question.predict:
        raise UsageFault("--fail and --predict exclude each other", "--predict sends nothing that could be answered")


def _refuse_local(question: Question, source: Source, inventory: Inventory) -> None:
    """Raise a UsageFault where this machine itself would ask: nothing meant for a lab may leave by its interfaces."""
    hint = f"say who asks: a host of the lab ({', '.join(inventory.hosts)}), or a container of one"
    if question.source is None:
        raise UsageFault(f"--from is needed with the hosts of a lab ({inventory.lab})", hint)
    if LOCAL in (source.name, source.host) and LOCAL not in inventory.hosts:
        raise UsageFault(f"--from {source.text}: {LOCAL}, this machine itself, is no host of the lab", hint)
