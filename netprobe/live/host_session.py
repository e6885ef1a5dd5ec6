"""One host of a live run: its session, its engine, and what is known of its state so far."""

from __future__ import annotations

import os
from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.evidence.model import Limit, LimitKind
from netprobe.hosts import collect, outputs
from netprobe.hosts.engine_client import EngineError
from netprobe.hosts.session import HostLostError, RemoteError
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection
    from concurrent.futures import Future

    from netprobe.hosts.collect import HostRecord
    from netprobe.hosts.engine import Engine
    from netprobe.hosts.session import Answer, Session
    from netprobe.inventory.hosts import HostEntry

ONLY_LISTED = "their aliases and links, and what stopped ones publish, are not known"
GREETING_SECONDS = 0.5  # when all the rest that was asked at once has come, or has been waited for


@dataclass(slots=True)
class HostSession:
    """One host: its entry, its session (None: it could not be reached, or nothing has led to it yet), its engine and its state."""

    entry: HostEntry
    before: HostRecord
    after: HostRecord
    session: Session | None = None
    engine: Engine | None = None
    host_fault: str = ""
    host_hint: str = ""
    engine_fault: EngineError | None = None
    entered: dict[str, int] = field(default_factory=dict)
    asked: list[collect.Asked] = field(default_factory=list)
    rest_asked: bool = False
    rest_unasked: list[str] = field(default_factory=list)

    def may_wait(self, named: Collection[str | None]) -> bool:
        """Whether it is a network namespace of this machine, entered as this same user, that the question does not name."""
        reach = self.entry.reach
        plain = reach.same_machine and not self.entry.become and not reach.python
        return plain and (reach.netns is not None or not reach.prefix) and self.entry.name not in named

    def ask_first(self, carrier: Session | None) -> collect.Asked:
        """Ask for what a plan needs; without a session of its own, through the program of another host of this machine."""
        if self.session is not None:
            return collect.ask(self.session, self.before, outputs.FIRST)
        assert carrier is not None  # noqa: S101 - else it would have been started
        namespace = self.entry.reach.netns or f"/proc/{os.getpid()}/ns/net"
        return collect.ask(carrier, self.before, outputs.FIRST, namespace=namespace)

    def check_reached(self) -> None:
        """Note why it cannot be used, where its first answer says so."""
        output = self.before.outputs.get("addr")
        if self.session is not None and output is not None and output.rc is None and self.session.lost:
            complaint = self.session.complaint()
            self.host_fault = complaint.text or output.error.removeprefix(f"{self.entry.name}: ")
            self.host_hint = complaint.hint

    def check_root(self, greeting: Future[Answer]) -> None:
        """Note that it does not answer, or that netprobe is not root there."""
        if self.session is None or self.host_fault:
            return
        try:
            uid = self.session.wait(greeting, GREETING_SECONDS)["uid"]
        except (HostLostError, RemoteError):
            spoken = self.entry.reach.spoken
            self.host_fault = "it does not answer"
            self.host_hint = f"is the host up? try {spoken}" if spoken else ""
            return
        if uid != 0:
            self.host_fault = f"netprobe is not root there (user id {uid})"
            self.host_hint = 'give it become = "sudo -n" in the hosts file, or reach it as root'

    def survey_engine(self, wanted: Collection[str]) -> None:
        """Wait for what its engine tells; ``wanted`` chooses containers on a host with very many."""
        session, engine, self.engine = self.session, self.engine, None
        if engine is None or session is None:
            return
        try:
            found = engine.collect(wanted, lambda pid: collect.read_environment(session, pid))
        except EngineError as error:
            self.engine_fault = error
            return
        self.before.outputs |= found
        self.engine = engine if found else None

    def survey_containers_again(self, wanted: Collection[str]) -> None:
        """Read its containers after the probe."""
        session = self.session
        if self.engine is None or session is None:
            return
        try:
            output = self.engine.containers(
                {*wanted, *self.entered}, lambda pid: collect.read_environment(session, pid)
            )
        except EngineError as error:
            self.engine_fault = error
            return
        self.after.outputs["containers"] = output

    def limits(self) -> tuple[Limit, ...]:
        """Name what could not be learnt of it."""
        host, found = self.entry.name, list[Limit]()
        if self.host_fault:
            found.append(Limit(kind=LimitKind.HOST, subject=host, why=self.host_fault))
        elif self.session is not None and self.session.lost:
            broke = f"the connection to it broke during the run: {self.session.last_words()}"
            return (Limit(kind=LimitKind.HOST, subject=host, why=broke), *self.before.limits())
        if self.engine_fault is not None:
            why = f"{self.engine_fault}: {self.engine_fault.hint}"
            found.append(Limit(kind=LimitKind.ENGINE, subject=host, why=why))
        if self.engine is not None and self.engine.only_listed:
            why = (
                f"{self.engine.only_listed} of its containers were listed and not looked at more closely: {ONLY_LISTED}"
            )
            found.append(Limit(kind=LimitKind.ENGINE, subject=host, why=why))
        return (*found, *self.before.limits(), *self.after.limits())


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What was asked of the hosts after the probe."""

    states: tuple[collect.Asked, ...]
    containers: tuple[Future[None], ...] = ()

    def receive(self) -> None:
        """Wait for all of it."""
        for request in self.states:
            request.receive()
        for job in self.containers:
            job.result()
