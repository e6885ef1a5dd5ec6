"""What a container engine tells, as facts: containers, networks, proxies, its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.model import Fact, FactKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.diff.roles import Roles
    from netprobe.evidence.model import Place
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host

_ID_DIGITS = 12


def container_facts(host: Host, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return each property of each container."""
    return None if host.containers is None else _containers(host, place, roles)


def _containers(host: Host, place: Place, roles: Roles) -> Iterator[Fact]:
    for container in host.containers or ():
        for aspect, shown in (*_state(container), *_attached(container, roles), *_asked_for(container, host)):
            yield Fact(
                place=place,
                kind=FactKind.CONTAINER,
                subject=container.name,
                aspect=aspect,
                value=shown if aspect.startswith("address ") else roles.of(shown),
                shown=f"{container.name}: {shown}",
            )


def _state(container: Container) -> Iterator[tuple[str, str]]:
    ended = f" (code {container.exit_code})" if not container.running and container.exit_code is not None else ""
    yield "state", f"{container.state}{ended}"
    if container.health:
        yield "health", container.health
    if container.oom_killed:
        yield "oom", "killed for want of memory"
    if container.image:
        yield "image", f"image {container.image}"


def _attached(container: Container, roles: Roles) -> Iterator[tuple[str, str]]:
    for name, endpoint in container.networks.items():
        yield f"network {name}", f"in network {name}"
        yield from _names(container, name, endpoint, roles)
        if endpoint.asked:
            yield f"ip {name}", f"--ip {endpoint.asked} in {name}"
        for address in endpoint.all_addresses:
            yield f"address {name} {'6' if ':' in address else '4'}", f"has {address} in {name}"


def _names(container: Container, name: str, endpoint: EndpointSettings, roles: Roles) -> Iterator[tuple[str, str]]:
    for alias in dict.fromkeys(endpoint.aliases):
        if roles.of(alias) != container.name and alias != container.id[:_ID_DIGITS]:
            yield f"alias {name} {alias}", f"goes by {alias} in {name}"
    for link in endpoint.links:
        yield f"link {name} {link}", f"linked to {link} in {name}"


def _asked_for(container: Container, host: Host) -> Iterator[tuple[str, str]]:
    mode = container.network_mode
    yield "network mode", f"network mode {mode}"
    for published in dict.fromkeys((*container.published, *container.requested)):
        yield f"published {published}", f"publishes {published}"
    for other, alias in container.links:
        yield f"link {other} {alias}", f"linked to {other} as {alias}"
    for extra in container.extra_hosts:
        yield f"extra host {extra}", f"--add-host {extra}"
    if container.dns:
        yield "dns", f"--dns {' '.join(container.dns)}"
    for name, value in container.link_env.items():
        yield f"variable {name}", f"{name}={value}"
    owner = host.container(container.netns_of) if container.netns_of else None
    if owner is not None and owner.started and container.started:
        stale = owner.started > container.started
        whose = f"{owner.name}'s of before {owner.name} was started again" if stale else f"{owner.name}'s"
        yield "namespace", f"its network namespace is {whose}"


def network_facts(host: Host, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return each property of each network."""
    return None if host.networks is None else _networks(host.networks, place, roles)


def _networks(networks: tuple[Network, ...], place: Place, roles: Roles) -> Iterator[Fact]:
    for network in networks:
        for aspect, shown in _properties(network):
            yield Fact(
                place=place,
                kind=FactKind.NETWORK,
                subject=network.name,
                aspect=aspect,
                value=roles.of(shown),
                shown=f"network {network.name}: {shown}",
            )


def _properties(network: Network) -> Iterator[tuple[str, str]]:
    yield "driver", f"{network.driver} {network.mode}".rstrip()
    yield "internal", "internal" if network.internal else "not internal"
    for subnet in network.subnets:
        yield f"subnet {subnet}", f"subnet {subnet}"
    if network.gateways:  # an old engine names none that it chose itself
        yield "gateway", f"gateway {' '.join(network.gateways)}"
    if network.parent:
        yield "parent", f"parent {network.parent}"
    yield "icc", f"icc {'on' if network.icc else 'off'}"
    yield "masquerade", f"masquerade {'on' if network.masquerade else 'off'}"
    for name, value in network.options.items():
        if "enable_icc" not in name and "enable_ip_masquerade" not in name and name != "parent":
            yield f"option {name}", f"{name}={value}"


def proxy_facts(host: Host, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return each docker-proxy process by what it is for."""
    return None if host.proxies is None else _proxies(host, place, roles)


def _proxies(host: Host, place: Place, roles: Roles) -> Iterator[Fact]:
    for each in host.proxies or ():
        at = f"[{each.host_ip}]" if ":" in each.host_ip else each.host_ip
        to = f"[{each.container_ip}]" if ":" in each.container_ip else each.container_ip
        shown = f"docker-proxy {at}:{each.host_port}/{each.proto} to {to}:{each.container_port}"
        subject = f"{at}:{each.host_port}/{each.proto}"
        yield Fact(place=place, kind=FactKind.PROXY, subject=subject, value=roles.of(shown), shown=shown)


def engine_facts(host: Host, place: Place, roles: Roles) -> Iterator[Fact] | None:  # noqa: ARG001 - as the others
    """Return which engine it is."""
    if host.engine_version is None:
        return None
    return _engine(host, place)


def _engine(host: Host, place: Place) -> Iterator[Fact]:
    shown = f"engine {host.engine_version}{', rootless' if host.rootless else ''}"
    yield Fact(place=place, kind=FactKind.ENGINE, subject="engine", value=shown, shown=shown)
