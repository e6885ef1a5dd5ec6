"""The containers of a Compose service that is asked: ``explain --all``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Proto
from netprobe.live.dial_plan import find_source, is_looked_up
from netprobe.probe.names import check_host, service_looked_up, the_container

if TYPE_CHECKING:
    from netprobe.live.sessions import HostSessions
    from netprobe.probe.names import Found
    from netprobe.probe.target import Source, Target


def containers_of(sessions: HostSessions, source: Source, target: Target) -> tuple[Found, ...]:
    """Return the containers of the Compose service that TARGET means to SOURCE; one or none where it is no service of several.

    Raises as :func:`~netprobe.live.dial_plan.find_source` and :func:`~netprobe.live.dial_plan.make_dial_plan` do.
    """
    asker, hosts = find_source(sessions, source), sessions.hosts()
    if target.proto is Proto.DNS or target.address is not None:
        return ()
    if is_looked_up(asker.place, target):
        service = service_looked_up(hosts, asker.place, target.name)
        return service.of if service else ()
    host = None if target.host is None else sessions.meant(target.host)
    check_host(hosts, host)
    named = the_container(hosts, target.name, host, target.project, own=asker.project)
    return named.of if named else ()
