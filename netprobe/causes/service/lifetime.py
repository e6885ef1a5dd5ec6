"""A container that is not there yet, or never for long: it starts, or it ends again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.life import age, asked_for, ending, last_exit_code, life, then, uptime
from netprobe.causes.service.unserved import AT_THE_END, target_sockets
from netprobe.evidence.model import Resolution
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.engine.model import NOT_RUNNING, ContainerState
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

#: Seconds. An application without a health check that listens nowhere yet: longer than most take to start.
_STARTING: Final = 30.0
#: Seconds and restarts. One that ran shorter than that and was started again before: its next end is near.
_SHORT, _AGAIN = 60.0, 2
_FAILURES = frozenset(
    {
        *(Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.SILENCE, Symptom.CLOSED, Symptom.NO_RESPONSE),
        *(Symptom.NO_HANDSHAKE, Symptom.NO_ANSWER, Symptom.OTHER_ENDPOINT),
    }
)
_ENDED_HERE = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})


class RestartLoop(Cause):
    """The target container ends again and again, and its restart policy starts it each time.

    What it is: while it waits to be started again it has no network namespace, no DNAT rule and no docker-proxy: its host refuses for it. While
        it runs for an instant, its application is not there yet, or already gone.
    Why it happens: its main process ends: wrong configuration, a database that is not there, a command that does not stay in the foreground, too
        little memory.
    Evidence: State.Restarting, or a RestartCount that grew during the probe, or several restarts and a start seconds ago; the exit code.
    Remedy: docker logs says why it ends. Starting it again does not help: the engine does that already.
    Source: moby daemon/monitor.go and restartmanager/restartmanager.go (the wait doubles from 100 ms to a minute, until a run lasts 10 s).
    """

    code = "restart-loop"
    beyond_state = True  # what ran when the state was read need not run when the packets came
    reads = ("containers",)
    tells = "docker inspect: RestartCount and State; docker logs"
    note = True
    explains = _FAILURES
    symptoms = _FAILURES | {Symptom.OK, Symptom.DELIVERED}

    def find(self, case: Case) -> Finding | None:
        """Fires when the engine says that it starts the target again, or counted that during the probe, or did so often and just now."""
        host, first, last = _moments(case)
        if host is None or first is None or last is None or not _loops(case, host, first, last):
            return None
        certain = _again(first, last)
        shown = first if last_exit_code(last) is None and last_exit_code(first) is not None else last
        often = "once" if shown.restarts == 1 else f"{shown.restarts or 0} times"
        return Finding(
            code=self.code,
            summary=f"{last.name} ends again and again (restarted {often}{ending(shown)}), and its restart policy starts it each time",
            where=Where(host=host.name, component=last.name),
            evidence=(
                f"{_came(case, first, last)}: {case.frames}",
                f"docker before the probe: {_state(case, host, first)}",
                f"docker after it: {_state(case, host, last)}",
            ),
            remedies=(advise(host.name, _why_it_ends(host, shown)),),
            confidence=Confidence.CERTAIN if certain else Confidence.LIKELY,
        )

    def is_reason(self, case: Case) -> bool:
        """Not where the packets end before it, by a walk that another obstacle stops while it runs."""
        host, first, last = _moments(case)
        if host is None or first is None or last is None:
            return False
        if first.state in NOT_RUNNING and last.state in NOT_RUNNING:
            return not case.story.reached or case.story.symptom in {Symptom.NO_ANSWER, Symptom.OTHER_ENDPOINT}
        if case.story.symptom in _ENDED_HERE:
            return _again(first, last) or _deaf(case)
        return _again(first, last) and not (case.prediction and case.prediction.obstacles)

    def possible(self, case: Case) -> bool:
        """Only for a container that was started again, as far as is known."""
        _, first, last = _moments(case)
        if not case.may_be_container and first is None:
            return False
        return first is None or last is None or _again(first, last) or (last.restarts or 0) >= _AGAIN


def _moments(case: Case) -> tuple[Host | None, Container | None, Container | None]:
    """The host of the container that is asked for, and that container before and after the probe (as before, if it ran and no more is known)."""
    at, target = asked_for(case)
    after = then(case, at, target)
    host = case.after(at.name) if at is not None else None
    if after is None and target is not None and target.running and (host is None or host.containers is None):
        return at, target, target
    return at, target, after


def _again(first: Container, last: Container) -> bool:
    """Whether the engine was starting it again at one of two moments, or did so between them."""
    if first.id != last.id:
        return False
    grew = first.restarts is not None and last.restarts is not None and last.restarts > first.restarts
    return grew or ContainerState.RESTARTING in {first.state, last.state}


def _loops(case: Case, host: Host, first: Container, last: Container) -> bool:
    if _again(first, last):
        return True
    up = uptime(case, host.name, first)
    return first.id == last.id and (first.restarts or 0) >= _AGAIN and up is not None and up < _SHORT


def _deaf(case: Case) -> bool:
    """Whether nothing listens on the port at either moment, nor on another one."""
    known = target_sockets(case)
    return known is not None and not any(each.serving and not each.loopback for sockets in known[1] for each in sockets)


def _came(case: Case, first: Container, last: Container) -> str:
    if case.story.good:
        return "it happened to run, and answered"
    if case.probe is not None and case.probe.lookup.how is Resolution.FAILED:
        return "its name is not resolved while it does not run"
    away = first.state in NOT_RUNNING and last.state in NOT_RUNNING
    what = case.story.detail or "nothing came back"
    return f"it never came to the container ({what})" if away else what


def _state(case: Case, host: Host, container: Container) -> str:
    known = life(case, host.name, container)
    return f"{container.name} is {container.state.value}{f', {known}' if known else ''}"


def _why_it_ends(host: Host, container: Container) -> str:
    code, name = last_exit_code(container), container.name
    logs = f"{host.engine.remedies.program} logs --tail 50 {name} says why it ends: mend that"
    if container.oom_killed and not container.running:
        return f"{logs}; it ran out of memory (OOMKilled): more for it, or less in it"
    if code == 0:
        return f"{logs}; exit code 0 is no fault: its main process is done, and has to stay in the foreground"
    if code in {126, 127}:
        return f"{logs}; exit code {code}: its command could not be {'found' if code == 127 else 'run'}"
    if code is not None and 128 < code < 160:
        return f"{logs}; exit code {code} is signal {code - 128}"
    return logs


class AppNotReady(Cause):
    """The container was started just now, and its application does not listen yet.

    What it is: the container's kernel refuses: no socket has the port, until the application has started.
    Why it happens: databases and large applications take seconds to minutes; ``depends_on`` alone waits for the container, not for what runs in it.
    Evidence: the refusal from the container itself; its sockets; health ``starting``, or how long before the probe it was started; or that
        the port was there after the probe.
    Remedy: wait and ask again; for those that depend on it, a health check and ``depends_on: condition: service_healthy``.
    Source: moby daemon/health.go (starting, healthy, unhealthy); Docker Compose documentation, "Control startup order".
    """

    code = "app-not-ready"
    reads = ("containers", "ns/*/sockets")
    tells = "docker inspect: State.Health; the same question some seconds later"
    drop_reasons = NO_SOCKET
    symptoms = AT_THE_END

    def find(self, case: Case) -> Finding | None:
        """Fires when the target refused, has no socket that is meant for others, and starts: by its health check, its age, or its socket that came."""
        known, target, host = target_sockets(case), case.target, case.target_host
        if known is None or target is None or host is None:
            return None
        place, moments, port = known
        up = uptime(case, host.name, target)
        first, last = (on_port(each, port, case.transport) for each in moments)
        came = bool(last) and any(not each.loopback for each in last)
        if first or not (came or self._starts(case, target, up)):
            return None
        if not came and any(each.serving and not each.loopback for each in moments[-1]):
            return None  # it listens, elsewhere
        since = f", started {age(up)} before the probe" if up is not None else ""
        since += f", health {target.health}" if target.health else ""
        yet = "listened only after the probe" if came else "does not listen yet"
        return Finding(
            code=self.code,
            summary=f"{target.name} received it and refused it: its application {yet} on {case.transport} port {port}{since}",
            where=Where(host=place.host, component=target.name),
            evidence=(
                f"{case.story.detail} from {target.name} itself: {case.frames}",
                f"docker: {target.name} is {target.state.value}, {life(case, host.name, target) or 'when it was started is not known'}",
                f"sockets of {target.name}: {f'none on port {port} before the probe, and one after it' if came else 'none that takes connections from others, before and after the probe'}",
            ),
            remedies=_waiting(place.host, host, target),
            confidence=Confidence.CERTAIN if came or target.health == "starting" else Confidence.LIKELY,
        )

    @staticmethod
    def _starts(case: Case, target: Container, up: float | None) -> bool:
        """By its health check; without one, by its age, for a port that it is said to serve."""
        if target.health:
            return target.health == "starting"
        port = case.probe.target_port if case.probe else None
        meant = {*target.exposed, *((each.container_port, each.proto) for each in target.published)}
        return up is not None and up < _STARTING and (port, case.transport) in meant

    def possible(self, case: Case) -> bool:
        """Not for a host, nor where the target listened before the probe, nor where it has run for long."""
        known, target, host = target_sockets(case), case.target, case.target_host
        if not case.may_be_container or known is None or target is None or host is None:
            return case.may_be_container
        _, moments, port = known
        up = uptime(case, host.name, target)
        old = up is not None and up >= _STARTING and target.health != "starting"
        listened = any(not each.loopback for each in on_port(moments[0], port, case.transport))
        return not listened and not (old and not on_port(moments[-1], port, case.transport))


def _waiting(at: str, host: Host, target: Container) -> tuple[Remedy, ...]:
    logs = f"{host.engine.remedies.program} logs {target.name}"
    check = (
        "those that need it wait for its health (depends_on: condition: service_healthy)"
        if target.health
        else "a health check tells those that need it when it is ready (depends_on: condition: service_healthy)"
    )
    return (
        advise(at, f"wait until {target.name} listens, and ask again; {logs} says how far it is"),
        advise(at, f"or, if it stays so, {logs} says why it does not start; {check}"),
    )
