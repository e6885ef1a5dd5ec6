"""The name by which a container reaches its own host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.causes.base import Cause
from netprobe.causes.names.unknown import FAILED_LOOKUP, bearers_of, failed_name
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.state.engine.compose import listed, recreated

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

#: Names that Docker Desktop's own resolver answers, and no engine on Linux.
_NAMES: Final = frozenset(
    {"host.docker.internal", "gateway.docker.internal", "docker.for.mac.localhost", "docker.for.win.localhost"}
)
_GIVEN: Final = "host-gateway"


class HostGatewayNotSet(Cause):
    """A container asks for host.docker.internal, and nobody told it where that is.

    What it is: Docker Desktop answers for that name. On Linux it is a line in the container's /etc/hosts, which is written only where the
        container was run with ``--add-host=host.docker.internal:host-gateway``.
    Why it happens: the same compose file works on a Mac or on Windows.
    Evidence: the failed lookup, and the container's ExtraHosts without the name.
    Remedy: run the container again with that option; until then a line in its /etc/hosts.
    Source: moby#40007; Docker documentation, "docker container run", ``--add-host``.
    """

    code = "host-gateway-not-set"
    reads = ("containers",)
    tells = "docker inspect -f '{{.HostConfig.ExtraHosts}}' of the container that asks"
    symptoms = FAILED_LOOKUP

    def find(self, case: Case) -> Finding | None:
        """Fires when a container's lookup of such a name gave nothing, its extra hosts do not have it, and no container is called so."""
        name, source = failed_name(case), case.source_container
        host = case.before(case.probe.source_at.host) if case.probe else None
        if name is None or source is None or host is None or not self.possible(case) or bearers_of(case, name) != []:
            return None
        return Finding(
            code=self.code,
            summary=f"{name} is no name that Docker gives on Linux: {source.name} was run without --add-host={name}:{_GIVEN}",
            where=Where(host=host.name, component=source.name),
            evidence=(
                *(case.probe.lookup.steps if case.probe else ()),
                f"docker: {source.name}'s extra hosts: {', '.join(source.extra_hosts) or 'none'}",
                f"the lookup: {case.frames}",
            ),
            remedies=_remedies(host, source, name),
        )

    def possible(self, case: Case) -> bool:
        """Only for such a name, asked by a container that was not told it, as far as is known."""
        name, source = failed_name(case), case.source_container
        if name is None or name.rstrip(".").lower() not in _NAMES:
            return False
        told = source.extra_hosts if source is not None else ()
        return not any(each.partition(":")[0].lower() == name.rstrip(".").lower() for each in told)


def _remedies(host: Host, source: Container, name: str) -> tuple[Remedy, ...]:
    option = f"--add-host={name}:{_GIVEN}"
    keys = f"extra_hosts: {listed(f'{name}:{_GIVEN}')}"
    lasting = (
        recreated(source, f"with {option}", keys)
        if source.compose
        else f"recreate {source.name} with {option} (Compose: {keys})"
    )
    address = _gateway(host, source)
    if not address:
        return (advise(host.name, lasting),)
    line = f"echo {address} {name} >> /etc/hosts"
    until = f"this holds until {source.name} is started again; to keep it: {lasting}"
    return (host.engine.remedies.inside(host.name, source.name, "sh", "-c", line, advice=until),)


def _gateway(host: Host, source: Container) -> str:
    """What host-gateway stands for by default: the default bridge's address on the host (moby daemon/config, host-gateway-ip)."""
    network = next((each for each in host.networks or () if each.default_bridge), None)
    link = host.own.link(network.bridge) if network is not None else None
    own = next((each.address for each in link.addresses if ":" not in each.address), "") if link is not None else ""
    return own or next((each.gateway for each in source.networks.values() if each.gateway), "")
