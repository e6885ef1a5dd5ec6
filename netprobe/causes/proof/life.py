"""How long a container has lived, and how often it was started again: by the engine's own times, held against the time of the probe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netprobe.evidence.model import Proto, Resolution
from netprobe.state.bearers import nearest_bearers, shared_networks
from netprobe.state.engine.model import NOT_RUNNING

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

_NEVER = 1_000_000_000.0  # the engine writes year 1 for what never was; no container is as old as 2001

_STEP = 2.0  # s; what it was before the probe is not behind it: the clock was set a little meanwhile


def asked_for(case: Case) -> tuple[Host | None, Container | None]:
    """The container that is asked for before the probe, and its host; for a name that was asked of a name server alone, the one that does not run."""
    probe = case.probe
    if probe is not None and probe.proto is Proto.DNS and probe.lookup.how is Resolution.FAILED:
        host, source = case.before(probe.source_at.host), case.source_container
        away = away_by_name(host, source, probe.lookup.name or "") if host is not None and source is not None else None
        if away is not None:
            return host, away
    return case.target_host, case.named or case.target


def away_by_name(host: Host, source: Container, name: str) -> Container | None:
    """The container on a network of the source's that has the name and does not run, where nobody else near by has it: it would be resolved if it ran."""
    near = nearest_bearers(host, source, name)
    away = all(each.state in NOT_RUNNING and shared_networks(host, source, each) for each in near)
    return near[0] if near and away else None


def then(case: Case, host: Host | None, container: Container | None) -> Container | None:
    """A container of a host after the probe."""
    after = case.after(host.name) if host is not None else None
    return after.container(container.name) if after is not None and container is not None else None


def asked_at(case: Case, host: str) -> float | None:
    """When the probe came by there: Unix time in s on that host's clock (the source's where no packet was seen there); None unknown."""
    packets = case.captured
    at = [number for number, each in enumerate(case.points) if each.host == host] if packets is not None else []
    seen = [times for number in at if packets is not None and len(times := packets.time_ns[packets.point == number])]
    if seen:
        return min(int(times.min()) for times in seen) / 1e9
    started = case.probe.result.started_ns if case.probe else None
    return started / 1e9 if started is not None else None


def unix(moment: str) -> float | None:
    """RFC 3339 to Unix time in s; None for none, and for the year 1 (Go's zero time)."""
    try:
        found = datetime.fromisoformat(moment)
        seconds = found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > _NEVER else None


def uptime(case: Case, host: str, container: Container) -> float | None:
    """For how many seconds it had run when the probe came; None where it does not run, or the times do not fit together."""
    return None if container.state in NOT_RUNNING else _ago(case, host, container.started)


def _ago(case: Case, host: str, moment: str) -> float | None:
    now, then = asked_at(case, host), unix(moment)
    if now is None or then is None or now < then - _STEP:
        return None
    return max(0.0, now - then)


def age(seconds: float) -> str:
    """``3 s``, ``12 min``, ``5 h``, ``9 days``."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s" if seconds >= 1 else "less than 1 s"


def life(case: Case, host: str, container: Container) -> str:
    """``started 3 s before the probe, health starting, restarted 4 times (exit code 3)``: what is known, for evidence; ``""`` for nothing.

    ``container`` is the container at one of the two moments.
    """
    up = uptime(case, host, container)
    ended = _ago(case, host, container.finished) if container.state in NOT_RUNNING else None
    said = [
        f"started {age(up)} before the probe" if up is not None else "",
        f"ended {age(ended)} before the probe" if ended is not None else "",
        f"health {container.health}" if container.health and container.state not in NOT_RUNNING else "",
        restarts(container),
    ]
    return ", ".join(filter(None, said))


def told(case: Case, host: str, container: Container) -> tuple[str, ...]:
    """The same as a sentence of its own; none where nothing is known."""
    known = life(case, host, container)
    return (f"docker: {container.name} is {container.state.value}, {known}",) if known else ()


def restarts(container: Container) -> str:
    """``restarted 4 times (RestartCount), exit code 3``; ``""`` where the engine never started it again."""
    if not container.restarts:
        return ""
    often = "once" if container.restarts == 1 else f"{container.restarts} times"
    return f"restarted {often} by its restart policy (RestartCount {container.restarts}){ending(container)}"


def last_exit_code(container: Container) -> int | None:
    """How its last end went; None unknown: of one that runs again, only the engine's events tell (moby daemon, SetRunning)."""
    return container.exit_code if container.state in NOT_RUNNING else container.last_exit


def ending(container: Container) -> str:
    """``, exit code 3``, with what that says; ``""`` unknown."""
    code = last_exit_code(container)
    if code is None:
        return ""
    killed = container.oom_killed and container.state in NOT_RUNNING
    return f", exit code {code}{': out of memory (OOMKilled)' if killed else ''}"
