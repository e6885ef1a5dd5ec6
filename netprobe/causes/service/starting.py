"""How a container that does not run is started: by the engine, where nothing keeps it from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.remedies.steps import behind_engine
from netprobe.model.remedy import advise
from netprobe.state.address import is_any, same
from netprobe.state.engine.model import ContainerState
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Published
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket

#: What the engine sets where a start fails (moby daemon/errors.go, setExitCodeFromError); 128 for all else.
_WHY = {126: "its command cannot be executed", 127: "its command is not in its image"}


def never_started(target: Container) -> bool:
    """Whether the engine tried to start it, and could not."""
    return target.state is ContainerState.CREATED and bool(target.exit_code)


def ended(target: Container) -> str:
    """``, exit code 3``, ``, never started: exit code 127, its command is not in its image``; ``""`` unknown."""
    if never_started(target):
        why = _WHY.get(target.exit_code or 0)
        return f", the engine could not start it: exit code {target.exit_code}{f', {why}' if why else ''}"
    known = target.exit_code is not None and target.state is ContainerState.EXITED
    return f", exit code {target.exit_code}" if known else ""


def starting(host: Host, target: Container) -> tuple[Remedy, ...]:
    """Its start (first of the owner of the namespace that it shares); advice where that would fail: its port is somebody else's, its command is wrong."""
    remedies = host.engine.remedies
    owner = host.container(target.netns_of) if target.netns_of else None
    again = f"{remedies.program} start {target.name}"
    taken = next(_taken(host, target), None)
    if taken is not None:
        port = f"port {taken[0].host_port}/{taken[0].proto}"
        text = f"{taken[1]} has {port} of {host.name}, which {target.name} asks for: stop that, or publish another port; then {again}"
        return (advise(host.name, text),)
    if never_started(target):
        why = _WHY.get(target.exit_code or 0, "")
        return (advise(host.name, f"{again} says why it cannot be started{f': {why}' if why else ''}; mend that"),)
    return behind_engine(host, target, remedies.start(host.name, target, owner))


def _taken(host: Host, target: Container) -> Iterator[tuple[Published, str]]:
    """Its published ports that somebody else has, and who: the engine refuses to start it then (bind: address already in use)."""
    for asked in target.requested:
        for other in host.containers or ():
            theirs = other.published if other.running and other.id != target.id else ()
            if asked.host_port and any(_collide(asked, each) for each in theirs):
                yield asked, other.name
        for each in on_port(host.own.sockets or (), asked.host_port, asked.proto):
            if asked.host_port and _in_the_way(asked, each):
                yield asked, each.process or "a process"


def _collide(one: Published, other: Published) -> bool:
    if (one.host_port, one.proto) != (other.host_port, other.proto):
        return False
    return is_any(one.host_ip) or is_any(other.host_ip) or same(one.host_ip, other.host_ip)


def _in_the_way(asked: Published, there: Socket) -> bool:
    """Whether a socket keeps the engine from binding that port (bind(2), EADDRINUSE)."""
    return is_any(asked.host_ip) or there.wildcard or same(asked.host_ip, there.local)
