"""A survey of every host of the inventory, all side by side: one that does not answer holds up nobody beyond the bound."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from netprobe.errors import EnvironmentFault
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.hosts import collect, outputs
from netprobe.hosts.doing import nobody
from netprobe.hosts.engine import Engine, EngineError
from netprobe.hosts.inventory import load
from netprobe.hosts.opened import Opened
from netprobe.hosts.session import HostLostError, RemoteError, Session
from netprobe.inventory.hosts import LOCAL
from netprobe.live import identity
from netprobe.live.identity import shared_with_local
from netprobe.state.build import build_host
from netprobe.survey.facts import judge
from netprobe.survey.model import Answers, HostClock, HostFacts, Survey
from netprobe.survey.same_machine import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from netprobe.hosts.doing import Doing
    from netprobe.hosts.session import Answer
    from netprobe.inventory.hosts import HostEntry
    from netprobe.live.identity import SharedWithLocal

SPARE_SECONDS = 5.0
BYTES = 4096

# A program's presence is all that is asked, but for iptables-save, whose version tells its backend.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "tcpdump": ("tcpdump", "--version"),
    "ip": ("ip", "-V"),
    "nsenter": ("nsenter", "--version"),
    "ss": ("ss", "-V"),
    "bridge": ("bridge", "-V"),
    "iptables-save": ("iptables-save", "--version"),
    "ip6tables-save": ("ip6tables-save", "--version"),
    "nft": ("nft", "--version"),
}
FILES = {
    "kernel": "/proc/sys/kernel/osrelease",
    "status": "/proc/self/status",
}
KEPT_OF_PROGRAMS = {"iptables-save": "iptables-version"}


@dataclass(slots=True)
class HostSurvey:
    """One host: what is known so far. Two threads fill it in; whatever is missing at the deadline stays unknown."""

    entry: HostEntry
    deadline: float
    sessions: Opened = field(default_factory=Opened)
    told: Doing = nobody
    session: Session | None = None
    host: Answers = field(init=False)
    outputs: dict[str, CommandOutput] = field(default_factory=dict)
    engine: dict[str, CommandOutput] | None = None
    engine_error: EngineError | None = None
    identity: Identity = field(default_factory=lambda: Identity(boot="", netns=""))
    opened: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = Answers(name=self.entry.name, reach=self.entry.at, become=" ".join(self.entry.become))

    def start(self) -> None:
        """Ask the host and its Engine, each in a thread that nothing has to wait for."""
        for work in (self._ask_host, self._ask_engine):
            self.threads.append(threading.Thread(target=work, daemon=True))
            self.threads[-1].start()

    def wait(self) -> Answers:
        """Wait for both until the deadline, and return what has come."""
        for thread in self.threads:
            thread.join(max(0.0, self.deadline - time.monotonic()))
        host_thread, engine_thread = self.threads
        host, fault = self.host, ""
        if host_thread.is_alive() and not host.fault:
            fault = "no answer in time"
        engine_fault, hint = "", ""
        if self.engine_error is not None:
            engine_fault, hint = str(self.engine_error), self.engine_error.hint
        elif engine_thread.is_alive():
            engine_fault, hint = "Docker does not answer in time", "is the engine healthy? docker info"
        return replace(
            host,
            fault=host.fault or fault,
            outputs={**self.outputs, **(self.engine or {})},
            engine_fault=engine_fault,
            engine_hint=hint,
        )

    def _ask_engine(self) -> None:
        self.opened.wait(self._left())
        try:
            engine = Engine.of(self.entry, self.session)
            self.engine = (None if engine is None else engine.collect()) or None
        except EngineError as error:
            self.engine_error = error

    def _ask_host(self) -> None:
        try:
            left = self.deadline - time.monotonic()
            self.session = Session(self.entry, left + SPARE_SECONDS, self.sessions, self.told)
            self.opened.set()
            self._take(self.session)
        except EnvironmentFault as fault:
            self.host = replace(self.host, fault=fault.message, hint=fault.hint)
        except (HostLostError, RemoteError, OSError) as error:
            self.host = self._lost(str(error))
        finally:
            self.opened.set()

    def _lost(self, said: str) -> Answers:
        """Say why it did not answer, in the words of whatever stood in the way where that is known."""
        if self.session is not None and self.session.lost:
            complaint = self.session.complaint()
            if complaint.text:
                return replace(self.host, fault=complaint.text, hint=complaint.hint)
        return replace(self.host, fault=said.removeprefix(f"{self.entry.name}: "))

    def _take(self, session: Session) -> None:
        """Ask everything at once, and take the answers in.

        Raises:
            HostLostError, RemoteError: it did not answer.
        """
        hello = session.submit("hello")
        programs = session.submit("run", commands=[_command(key, argv) for key, argv in PROGRAMS.items()])
        who = identity.ask(session)
        record = collect.HostRecord(self.entry.name)
        addr = collect.ask(session, record, ("addr",))
        files = session.submit("read", files=[{"key": key, "path": path, "pid": None} for key, path in FILES.items()])
        said = self._receive(session, hello)
        found = self._receive(session, programs)
        read = self._receive(session, files)
        addr.receive()
        clock = None if self.entry.reach.same_machine else self._clock(session)  # last: nothing else keeps it waiting
        self.outputs |= record.outputs | _files(read) | _programs(found)
        self.identity = who.receive(self._left())
        self.host = replace(
            self.host,
            uid=int(said["uid"]),
            python=".".join(str(part) for part in said["python"]),
            missing=tuple(key for key, result in found.items() if result.get("missing")),
            clock=clock,
        )

    def _receive(self, session: Session, future: Any) -> Answer:
        return session.wait(future, self._left())

    def _left(self) -> float:
        return max(0.1, self.deadline - time.monotonic())

    def _clock(self, session: Session) -> HostClock | None:
        """Return how far the host's clock is ahead, by the middle of the question's round trip."""
        before = time.time()
        answer = self._receive(session, session.submit("run", commands=[_command("date", ("date", "+%s.%N"))]))
        after = time.time()
        try:
            there = float(_out(answer, "date"))
        except ValueError:
            return None
        return HostClock(offset_s=there - (before + after) / 2, uncertainty_s=(after - before) / 2)


def _command(key: str, argv: tuple[str, ...]) -> dict[str, Any]:
    return {"key": key, "argv": list(argv), "ns": None, "seconds": outputs.SECONDS, "limit": BYTES, "other_than": None}


def _out(answer: Answer, key: str) -> str:
    return str(answer.get(key, {}).get("out", "")).strip()


def _files(answer: Answer) -> dict[str, CommandOutput]:
    return {
        key: CommandOutput(argv=("read", FILES[key]), rc=None if result["err"] else 0, stdout=str(result["out"]))
        for key, result in answer.items()
        if key in FILES
    }


def _programs(answer: Answer) -> dict[str, CommandOutput]:
    return {
        kept: CommandOutput(argv=PROGRAMS[key], rc=answer[key]["rc"], stdout=str(answer[key]["out"]))
        for key, kept in KEPT_OF_PROGRAMS.items()
        if key in answer
    }


def survey(
    hosts_file: str | Path | None, timeout_s: float, progress: Callable[[str], None], doing: Doing = nobody
) -> Survey:
    """Look at every host of the inventory, for `timeout_s` seconds at most; `progress` is told each step, `doing` what is done on which host.

    Raises:
        UsageFault: the inventory cannot be used, or names one machine or one Engine twice.
        EnvironmentFault: it may not be read, or a lab is asked for and none is running.
    """
    inventory = load(hosts_file)
    progress(f"asking {len(inventory.hosts)} hosts")
    deadline = time.monotonic() + timeout_s
    with Opened() as sessions:
        surveys = [HostSurvey(entry, deadline, sessions, doing) for entry in inventory.hosts.values()]
        for one in surveys:
            one.start()
        answers = [one.wait() for one in surveys]
    facts = _facts(surveys, answers)
    local = "" if inventory.lab else inventory.aliases.get(LOCAL, LOCAL)
    return Survey(hosts=tuple(facts), origin=inventory.origin, local=local, tshark=shutil.which("tshark") is not None)


def _facts(surveys: list[HostSurvey], answers: list[Answers]) -> list[HostFacts]:
    """Judge every host; what ``local`` has in common with a named host counts there."""
    hosts = {each.name: build_host(HostState(host=each.name, outputs=dict(each.outputs))) for each in answers}
    shared = shared_with_local(hosts, {one.entry.name: one.identity for one in surveys})
    judged = [judge(each) for each in answers]
    return judged if shared is None else [_counted_once(each, shared) for each in judged]


def _counted_once(facts: HostFacts, shared: SharedWithLocal) -> HostFacts:
    if facts.name != LOCAL:
        return facts
    if shared.machine:
        return replace(facts, same_as=shared.name)
    engine = None if facts.engine is None else replace(facts.engine, of=shared.name)
    return replace(facts, engine=engine, running=None, containers=None)
