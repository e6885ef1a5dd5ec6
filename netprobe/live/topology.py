"""The state that a picture of the network takes, of every host of the inventory: read, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from netprobe.errors import EnvironmentFault, UsageFault, did_you_mean
from netprobe.evidence.model import Evidence
from netprobe.hosts import collect
from netprobe.hosts.doing import nobody
from netprobe.hosts.inventory import load
from netprobe.hosts.session import HostLostError, RemoteError
from netprobe.live.sessions import ContainerEnded, HostSessions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from netprobe.hosts.doing import Doing
    from netprobe.inventory.hosts import Inventory
    from netprobe.live.host_session import HostSession

KEYS = ("neigh", "fdb")
MOST_ENTERED = 64
"""Container namespaces of one host that are looked into; of others the engine and the bridges' tables tell."""
SPARE_SECONDS = 30.0


def read_hosts(
    hosts_file: str | Path | None,
    *,
    only: Collection[str],
    timeout_s: float,
    progress: Callable[[str], None],
    doing: Doing = nobody,
) -> Evidence:
    """Return the state of every host, and what could not be learnt as limits.

    Args:
        hosts_file: the inventory, as for ``explain``.
        only: the hosts to ask; none: all.
        timeout_s: how long whatever is started on a host may live, beside half a minute to end in.
        progress: called with the name of each step that begins.
        doing: called with a host and what is done there.

    Raises:
        UsageFault: the inventory cannot be used, or has no such host.
        EnvironmentFault: no host at all could be asked.
    """
    inventory = _chosen(load(hosts_file), only)
    progress(f"asking {len(inventory.hosts)} hosts")
    with HostSessions(inventory, timeout_s + SPARE_SECONDS, predicts=True, doing=doing) as sessions:
        sessions.reach(frozenset(inventory.hosts))
        sessions.survey(())
        names = tuple(sessions.by_name)
        entered = [_enter(known) for known in sessions.by_name.values()]
        for known, pids in zip(sessions.by_name.values(), entered, strict=True):
            _ask(known, pids)
        for name in names:
            sessions.receive_rest((name,))
        _refuse_nothing(sessions)
        states = tuple(known.before.state() for known in sessions.by_name.values() if known.before.outputs)
        return Evidence(before=states, limits=sessions.limits(names))


def read_for_reach(
    hosts_file: str | Path | None,
    *,
    only: Collection[str],
    timeout_s: float,
    most: int,
    progress: Callable[[str], None],
    doing: Doing = nobody,
) -> Evidence:
    """Return what predictions take of every host, and of the first ``most`` containers of them. Arguments and exceptions are :func:`read_hosts`'s."""
    inventory = _chosen(load(hosts_file), only)
    progress(f"asking {len(inventory.hosts)} hosts")
    with HostSessions(inventory, timeout_s + SPARE_SECONDS, predicts=True, doing=doing) as sessions:
        sessions.reach(frozenset(inventory.hosts))
        sessions.survey(())
        _refuse_nothing(sessions)
        _enter_first(sessions, most)
        names = tuple(sessions.by_name)
        for name in names:
            sessions.ask_rest(name)
        sessions.receive_rest(names)
        states = tuple(known.before.state() for known in sessions.by_name.values() if known.before.outputs)
        return Evidence(before=states, limits=sessions.limits(names))


def _enter_first(sessions: HostSessions, most: int) -> None:
    """Enter the namespaces that a matrix has rows for; one that ended meanwhile is left out."""
    from netprobe.topology.reach import asked_of

    places = (
        each
        for name, host in sessions.hosts().items()
        if not sessions.by_name[name].host_fault
        for each in asked_of(host)
    )
    for place in islice(places, most):
        found = sessions.hosts()[place.host].container(place.container or "")
        if found is not None and found.pid:
            with suppress(ContainerEnded):
                sessions.enter(place, found.pid)


def _chosen(inventory: Inventory, only: Collection[str]) -> Inventory:
    named = {inventory.aliases.get(each, each) for each in only}
    for each in named:
        if each not in inventory.hosts:
            raise UsageFault(
                f"there is no host {each!r}",
                did_you_mean(each, inventory.hosts) or f"there are: {', '.join(inventory.hosts)}",
            )
    return replace(inventory, hosts={k: v for k, v in inventory.hosts.items() if k in named}) if named else inventory


def _enter(known: HostSession) -> dict[str, int]:
    """Hold the namespaces of a host's containers open, side by side; one that ended meanwhile is left out."""
    session = known.session
    if session is None or known.host_fault:
        return {}
    from netprobe.state.build import build_host

    host = build_host(known.before.state())
    own = [c for c in host.containers or () if c.running and c.pid and host.owner_of(c.name) == c.name]
    asked = [(each, session.submit("enter", key=each.name, pid=each.pid)) for each in own[:MOST_ENTERED]]
    entered = {}
    for each, future in asked:
        try:
            session.wait(future)
        except (HostLostError, RemoteError):
            continue
        entered[each.name] = each.pid
    return entered


def _ask(known: HostSession, entered: dict[str, int]) -> None:
    """Ask for all at once; who waits for it takes it in."""
    if known.session is None or known.host_fault:
        return
    asked = collect.ask(known.session, known.before, KEYS, dict.fromkeys(entered, ("addr",)))
    asked.others = {"proxies": known.session.submit("proxies")}
    known.asked.append(asked)


def _refuse_nothing(sessions: HostSessions) -> None:
    """Raise an EnvironmentFault where no host could be asked: there is nothing to draw."""
    faults = [(name, known) for name, known in sessions.by_name.items() if known.host_fault]
    if faults and len(faults) == len(sessions.by_name):
        name, known = faults[0]
        raise EnvironmentFault(f"{name} cannot be reached: {known.host_fault}", known.host_hint)
