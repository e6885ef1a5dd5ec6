"""Kernel settings that stop a packet between its interfaces: forwarding, reverse path filter, route_localnet, arp_ignore; and bridge netfilter's switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.model import Barrier, Flying, Obstacle, UnknownHere
from netprobe.forward.routing import reverse
from netprobe.state.address import covers, is_loopback, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.model import Place
    from netprobe.state.fib_answer import RouteHop
    from netprobe.state.model import Host


def bridge_netfilter(host: Host, address: str) -> bool | None:
    """Whether what a bridge switches passes iptables too; where IPv6's switch was not read, IPv4's stands for it (Docker sets both).

    None where the settings could not be read.
    """
    if host.sysctls is None and host.asked("sysctl"):
        return None
    settings, name = host.sysctls or {}, "net.bridge.bridge-nf-call-iptables"
    value = settings.get(name)
    return (settings.get("net.bridge.bridge-nf-call-ip6tables", value) if ":" in address else value) == "1"


def _settings(place: Place, host: Host) -> Mapping[str, str] | None:
    """The settings of a namespace; None for a container's that were not read."""
    return (host.sysctls or {}) if place.container is None else host.namespace(place.container).sysctls


def forwarding_off(place: Place, host: Host, packet: Flying, in_if: str) -> Obstacle | None:
    """The switch for packets that are not for the namespace itself. Raises UnknownHere."""
    settings = _settings(place, host)
    if settings is None:
        return None
    decides = _forwards6 if ":" in packet.dst else _forwards4
    name, value = decides(settings, in_if.replace(".", "/"))
    if value is None:
        raise UnknownHere(f"whether {place} forwards is not known")
    if value != "0":
        return None
    return Obstacle(
        barrier=Barrier.FORWARDING_OFF, place=place, label=name, text=f"{name} = 0", direction=packet.direction,
        undo=("sysctl", "-w", f"{name}=1"),
    )  # fmt: skip


def _forwards4(settings: Mapping[str, str], device: str) -> tuple[str, str | None]:
    """The setting that decides for IPv4, and its value: the incoming interface's own; ``ip_forward`` writes them all (ip-sysctl.rst)."""
    whole, own = "net.ipv4.ip_forward", f"net.ipv4.conf.{device}.forwarding"
    value = settings.get(own, settings.get(whole))
    return whole if settings.get(whole) == "0" else own, value


def _forwards6(settings: Mapping[str, str], device: str) -> tuple[str, str | None]:
    """For IPv6 ``all`` decides alone; ``force_forwarding`` of the incoming interface overrides it (net/ipv6/ip6_output.c, ip6_forward)."""
    whole = "net.ipv6.conf.all.forwarding"
    forced = settings.get(f"net.ipv6.conf.{device}.force_forwarding") == "1"
    return whole, "1" if forced else settings.get(whole)


def ttl_expired(place: Place, packet: Flying) -> Obstacle | None:
    """What a host does not forward: it has no hop left (net/ipv4/ip_forward.c, ip_forward; net/ipv6/ip6_output.c, ip6_forward)."""
    if packet.ttl is None or packet.ttl > 1:
        return None
    name = "hop limit" if ":" in packet.dst else "TTL"
    text = f"the {name} is {packet.ttl} where {place} forwards it, which answers with ICMP time exceeded"
    by = packet.shortened
    return Obstacle(
        barrier=Barrier.TTL_EXPIRED, place=place, label=name, text=text, direction=packet.direction, rejects=True,
        rule=by.rule if by else None, hook=by.hook if by else None, undo=by.undo if by else (), set_at=by.place if by else None,
    )  # fmt: skip


def echo_ignored(place: Place, host: Host, packet: Flying) -> Obstacle | None:
    """An echo request that the kernel is told to leave unanswered (Documentation/networking/ip-sysctl.rst, icmp_echo_ignore_all)."""
    name = "net.ipv4.icmp_echo_ignore_all"
    if packet.proto != "icmp" or packet.icmp is not None or ":" in packet.dst:
        return None
    if (_settings(place, host) or {}).get(name, "0") == "0":
        return None
    return Obstacle(
        barrier=Barrier.ECHO_IGNORED, place=place, label=name, text=f"{name} = 1", undo=("sysctl", "-w", f"{name}=0")
    )


def arp_ignored(place: Place, host: Host, packet: Flying, in_if: str) -> Obstacle | None:
    """Whether a request of ARP stays unanswered by ``arp_ignore`` (net/ipv4/arp.c, arp_ignore); settings that nobody asked for are the kernel's own (0).

    ``packet`` is the request, its ``dst`` the address that is asked for; ``in_if``: by which interface it comes.
    """
    namespace = host.namespace(place.container)
    settings, link = _settings(place, host), namespace.link(in_if)
    mode = int(_larger(settings, in_if, "arp_ignore") or "0") if settings is not None else 0
    if not mode or packet.dst is None:
        return None
    if namespace.links is None:
        raise UnknownHere(f"whether {place} answers ARP for {packet.dst} on {in_if} is not known")
    if link is None:
        return None
    here = [each for each in link.addresses if same(each.address, packet.dst)]
    asks = any(covers(each.prefix, packet.src or packet.dst) for each in here)
    anywhere = namespace.link_with(packet.dst)
    scope_host = any(
        each.scope == "host" for each in (anywhere.addresses if anywhere else ()) if same(each.address, packet.dst)
    )
    answers = {1: bool(here), 2: asks, 3: not scope_host, 8: False}
    if answers.get(mode, True):
        return None
    name = next(
        name
        for each in ("all", in_if.replace(".", "/"))
        if (settings or {}).get(name := f"net.ipv4.conf.{each}.arp_ignore", "0") == str(mode)
    )
    has = (
        f"{packet.dst} is on {anywhere.name}, not on {in_if}"
        if anywhere and not here
        else f"{packet.dst} is on {in_if}"
    )
    return Obstacle(
        barrier=Barrier.ARP_IGNORED, place=place, label=name, text=f"{name} = {mode}, and {has}", direction=packet.direction,
        device=in_if, asked=packet.asked,
    )  # fmt: skip


def reverse_path(place: Place, host: Host, packet: Flying, in_if: str, out_if: str) -> Obstacle | None:
    """The reverse path filter: strict (1), the way back to the source must be the way in; loose (2), there must be one (RFC 3704 section 2).

    ``out_if``: by which it goes on, ``lo`` for the namespace itself. Source: net/ipv4/fib_frontend.c, __fib_validate_source.
    Raises UnknownHere.
    """
    namespace = host.namespace(place.container)
    if packet.src is None or ":" in packet.src or namespace.routes is None:
        return None
    if namespace.sysctls is None and namespace.asked("sysctl"):
        raise UnknownHere(f"the reverse path filter of {place} is not known")
    settings = _settings(place, host)
    if settings is None:
        return None
    mode = _larger(settings, in_if, "rp_filter")
    if mode == "0":
        return None
    answer = reverse(namespace, packet, in_if, out_if, marked=_larger(settings, in_if, "src_valid_mark") == "1")
    if any(way.local or way.dev == in_if for way in answer.ways):
        return None
    way = answer.known
    if way is None:
        if mode == "1":
            raise UnknownHere(f"{place}: {answer.why}")
        return None
    if mode != "1" and not way.refused:
        return None
    back = f"the way back is by {way.dev}" if not way.refused else "there is no way back"
    name = f"net.ipv4.conf.{in_if.replace('.', '/')}.rp_filter"
    undo = () if way.refused else ("sysctl", "-w", f"{name}=2")
    return Obstacle(
        barrier=Barrier.REVERSE_PATH, place=place, label=f"rp_filter of {in_if}", device=in_if,
        text=f"{packet.src} came in by {in_if}, and {back}", direction=packet.direction,
        undo=undo, refusal=way,
    )  # fmt: skip


def _larger(settings: Mapping[str, str], device: str, name: str) -> str:
    """A setting that is the larger of ``all`` and the interface's own (IN_DEV_MAXCONF, include/linux/inetdevice.h)."""
    return max(settings.get(f"net.ipv4.conf.{each}.{name}", "0") for each in ("all", device.replace(".", "/")))


def no_route_localnet(place: Place, host: Host, packet: Flying, way: RouteHop) -> Obstacle | None:
    """What has a source of 127.0.0.0/8 is routed to lo only, unless route_localnet is set (net/ipv4/route.c __mkroute_output).

    Raises UnknownHere.
    """
    if way.local or not is_loopback(packet.src or "") or ":" in packet.dst or place.container is not None:
        return None
    settings = host.sysctls or {}
    names = [f"net.ipv4.conf.{device}.route_localnet" for device in (way.dev.replace(".", "/"), "all")]
    values = [settings.get(name) for name in names]
    if None in values:
        raise UnknownHere(f"whether {place} routes 127.0.0.0/8 is not known")
    if "1" in values:
        return None
    return Obstacle(
        barrier=Barrier.ROUTE_LOCALNET, place=place, label=names[0], text=f"{names[0]} = 0", direction=packet.direction,
        undo=("sysctl", "-w", f"{names[0]}=1"), device=way.dev,
    )  # fmt: skip


def no_loopback_from_outside(place: Place, host: Host, packet: Flying, in_if: str) -> Obstacle | None:
    """What comes in for 127.0.0.0/8 (by DNAT) is dropped as a martian, unless route_localnet is set (net/ipv4/route.c, ip_route_input_slow).

    Raises UnknownHere.
    """
    if in_if == "lo" or ":" in packet.dst or not is_loopback(packet.dst):
        return None
    settings, name = _settings(place, host) or {}, f"net.ipv4.conf.{in_if.replace('.', '/')}.route_localnet"
    values = [settings.get(each) for each in (name, "net.ipv4.conf.all.route_localnet")]
    if "1" in values:
        return None
    if None in values:
        raise UnknownHere(f"whether {place} takes what comes in by {in_if} for 127.0.0.0/8 is not known")
    return Obstacle(
        barrier=Barrier.ROUTE_LOCALNET, place=place, label=name, text=f"{name} = 0", direction=packet.direction,
        undo=("sysctl", "-w", f"{name}=1"), device=in_if,
    )  # fmt: skip


def freed_by_bridge(place: Place, host: Host, came: Flying, packet: Flying, in_if: str) -> bool:
    """Whether bridge netfilter itself drops what its DNAT made such a martian: the bridge's own tap does not see it (br_nf_pre_routing_finish)."""
    try:
        return packet.dst != came.dst and no_loopback_from_outside(place, host, packet, in_if) is not None
    except UnknownHere:
        return True
