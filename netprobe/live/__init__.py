"""A live run: put the question, watch it everywhere, and write down all that was seen. No analysis happens here.

* ``question``  what is asked
* ``opening``   the question, understood, and the inventory
* ``sessions``  the hosts, and ``host_session`` one of them: session, engine and what is known of its state
* ``naming``    names looked up as the source would
* ``dial_plan`` from question to what is dialled and who is meant
* ``run``       the phases, from reaching the hosts to the finished evidence
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from netprobe.errors import NetprobeError
from netprobe.hosts.doing import nobody
from netprobe.live.question import Question

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from netprobe.evidence.model import Evidence
    from netprobe.hosts.doing import Doing

__all__ = ["Question", "explain", "observe", "read_state"]

Finished = TypeVar("Finished")


def explain(
    question: Question,
    *,
    hosts_file: str | Path | None,
    progress: Callable[[str], None],
) -> bytes:
    """Run one probe, sniffed everywhere, and return the finished evidence file. As :func:`observe`, with nothing to be done beside."""
    return observe(question, hosts_file=hosts_file, progress=progress, then=lambda data: data)


def observe(
    question: Question,
    *,
    hosts_file: str | Path | None,
    progress: Callable[[str], None],
    meanwhile: Callable[[], None] = lambda: None,
    then: Callable[[bytes], Finished],
    doing: Doing = nobody,
) -> Finished:
    """Run one probe, sniffed everywhere, and return what `then` makes of the finished evidence file while the hosts' programs end.

    `hosts_file` is the inventory's path, or ``"lab"`` for that of the running lab; None: what the environment names.
    `doing` is called with a host and what is done there, as it is asked for, from any thread. `meanwhile` is called once, in a thread of its own, while the probe waits for answers: time for what comes afterwards
    to be imported.

    Raises:
        UsageFault: the question cannot be asked like this.
        EnvironmentFault: the environment does not allow it. After packets were captured, its ``evidence`` attribute has what
            was captured so far as the bytes of an evidence file; so has that of a KeyboardInterrupt.
    """

    def written(evidence: Evidence) -> Finished:
        from netprobe.evidence.writer import write

        return then(write(evidence))

    return _run(question, hosts_file, progress, meanwhile, written, doing)


def read_state(
    question: Question,
    *,
    hosts_file: str | Path | None,
    progress: Callable[[str], None],
    meanwhile: Callable[[], None] = lambda: None,
    then: Callable[[Evidence], Finished],
    doing: Doing = nobody,
) -> Finished:
    """Return what `then` makes of the evidence of a question that sends nothing: no packet, so nothing that a file would tell otherwise.

    Arguments and exceptions are those of :func:`observe`.
    """
    return _run(question, hosts_file, progress, meanwhile, then, doing)


def containers_of(question: Question, *, hosts_file: str | Path | None) -> tuple[str, ...]:
    """Return the targets that ask each container of the Compose service which TARGET is: ``shop-web-1@server2:80`` for ``web:80``.

    TARGET alone where it is no service of several. Nothing is sent. Arguments and exceptions are those of :func:`explain`.
    """
    from netprobe.live.opening import open_question
    from netprobe.live.sessions import HostSessions

    opening = open_question(question, hosts_file)
    with HostSessions(opening.inventory, opening.life_seconds, predicts=True) as sessions:
        sessions.reach(opening.named)
        from netprobe.live.service import containers_of as of_service

        sessions.survey(opening.wanted)
        found = of_service(sessions, opening.source, opening.target)
    return tuple(opening.target.instead(str(each)) for each in found) if len(found) > 1 else (question.target,)


def _run(
    question: Question,
    hosts_file: str | Path | None,
    progress: Callable[[str], None],
    meanwhile: Callable[[], None],
    finish: Callable[[Evidence], Finished],
    doing: Doing,
) -> Finished:
    """Return what `finish` makes of the evidence while the hosts' programs end."""
    from netprobe.hosts.inventory import lab_hint
    from netprobe.live.opening import open_question
    from netprobe.live.sessions import HostSessions

    begin = time.perf_counter()
    opening = open_question(question, hosts_file)
    progress("reaching the hosts")
    with HostSessions(opening.inventory, opening.life_seconds, predicts=question.predict, doing=doing) as sessions:
        sessions.reach(opening.named)
        from netprobe.live.run import Run  # the hosts are at work while all that is imported

        run = Run(opening, progress, meanwhile)
        try:
            return finish(run.observe(sessions, begin))
        except NetprobeError as fault:
            if run.probe is None and not opening.inventory.origin:  # a name was not found
                fault.hint += lab_hint()
            raise
