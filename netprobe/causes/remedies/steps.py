"""Steps of remedies that many causes share: a setting, a route, a restart; where each is run, and how long it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.remedy import Remedy, advise, run
from netprobe.state.engine.compose import in_file, listed

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.remedy import Argv
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


UNTIL_REBOOT = "this holds until the next reboot"
IN_SYSCTL = f"{UNTIL_REBOOT}; for good: the same in a file of /etc/sysctl.d"
IN_NETWORK = f"{UNTIL_REBOOT}; for good: in the host's network configuration"
IN_FIREWALL = (
    f"{UNTIL_REBOOT}, or until the firewall loads its rules again; for good: in the firewall's own configuration"
)


def inside(case: Case, place: Place | None, command: Argv) -> Argv:
    """The command as it is run on the place's host: in a container's namespace by nsenter, which needs nothing in the container."""
    host = case.before(place.host) if place else None
    container = host.container(place.container) if host and place and place.container else None
    return command if container is None else ("nsenter", "-t", str(container.pid), "-n", *command)


def restarted(host: Host, container: Container) -> tuple[Remedy, ...]:
    """What has the engine write a container's rules again: its restart; where the chains that those stand in are gone, the engine's own.

    A container that publishes ports would end then: the engine fails to write its rules, and does not start it again.
    """
    if _has_no_chains(host) and container.published:
        return host.engine.remedies.restart_engine(host.name, host.containers or ())
    return (host.engine.remedies.restart(host.name, container.name),)


def behind_engine(host: Host, container: Container, steps: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
    """The start of a container; of one that is to publish ports where the engine's chains are gone, behind the engine's own restart."""
    if any(each.commands for each in steps) and _has_no_chains(host) and container.requested:
        return (*host.engine.remedies.restart_engine(host.name, host.containers or ()), *steps)
    return steps


def _has_no_chains(host: Host) -> bool:
    """Whether the engine's rules were read, and the chains that it writes at its own start are gone."""
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    if host.in_nftables:
        return host.nft is not None and not host.engine.nft_in_use(host.nft) and not host.rootless
    written = any(host.engine.has_chains(each) for each in rulesets)
    return bool(rulesets) and not written and not host.rootless


def in_place(case: Case, place: Place, *commands: Argv) -> Remedy:
    """Routes or neighbour entries, in whichever namespace they are wrong."""
    lasting = IN_NETWORK if place.container is None else f"this holds until {place.container} starts again"
    return Remedy(host=place.host, commands=tuple(inside(case, place, each) for each in commands), advice=lasting)


def setting(case: Case, place: Place, argv: Argv) -> Remedy:
    """A kernel setting, in whichever namespace it is wrong."""
    if place.container is None:
        return run(place.host, *argv, advice=IN_SYSCTL)
    program = case.engine_at(place.host).remedies.program
    host = case.before(place.host)
    container = host.container(place.container) if host is not None else None
    file = in_file(container, f"sysctls: {listed(argv[-1])}") if container is not None else ""
    kept = f"for good: {file or f'{program} run --sysctl {argv[-1]} …'}"
    return run(
        place.host, *inside(case, place, argv), advice=f"this holds until {place.container} starts again; {kept}"
    )


def publishing(outer: int, port: int, transport: str, *, address: str = "") -> str:
    """``-p 80:80``, ``-p 127.0.0.1:53:53/udp``: docker run's option, whose port is TCP's where it says nothing."""
    suffix = "" if transport == "tcp" else f"/{transport}"
    return f"-p {f'{address}:' if address else ''}{outer}:{port}{suffix}"


def what_is_opened(case: Case) -> str:
    """``port 80/tcp of demo``, for sentences."""
    port = case.probe.dialled_port if case.probe else None
    whom = case.target.name if case.target else (case.probe.dialled if case.probe else "") or "it"
    return f"port {port}/{case.transport} of {whom}" if port is not None else f"{whom} to ping"


def written_again(host: Host) -> tuple[Remedy, ...]:
    """By the engine's restart alone: it does not look whether its rules are there."""
    again = "what flushed them does so again at its next start or reload (nftables.service, a firewall, iptables-restore): restart the engine after it, or have its files keep what is not theirs"
    return (*host.engine.remedies.restart_engine(host.name, host.containers or ()), advise(host.name, again))
