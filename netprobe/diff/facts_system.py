"""Sockets, kernel settings, lookup files and tracked connections as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.diff.model import Fact, FactKind
from netprobe.state.engine import EMBEDDED_DNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.diff.roles import Roles
    from netprobe.evidence.model import Place
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace

_PROXY: Final = "docker-proxy"
_COUNT, _MAX = "net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_max"
_CONF: Final = ("net.ipv4.conf.", "net.ipv6.conf.")


def socket_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return who takes new connections and datagrams; docker-proxy's are told by its processes."""
    return None if namespace.sockets is None else _sockets(namespace, place, roles)


def _sockets(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact]:
    for each in namespace.sockets or ():
        if not each.serving or each.process == _PROXY or each.local in EMBEDDED_DNS:
            continue
        device = f" on {each.device}" if each.device else ""
        full = ", its backlog is full" if each.full else ""
        shown = f"{each.process or 'a process'} listens at {each.bound}/{each.proto}{device}{full}"
        subject = roles.of(f"{each.bound}/{each.proto}{device}")
        yield Fact(place=place, kind=FactKind.SOCKET, subject=subject, value=roles.of(shown), shown=shown)


def sysctl_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the kernel's settings, those of an interface by its role; of conntrack's count only whether the table is full."""
    return None if namespace.sysctls is None else _sysctls(namespace.sysctls, place, roles)


def _sysctls(values: Mapping[str, str], place: Place, roles: Roles) -> Iterator[Fact]:
    for key, value in values.items():
        if key == _COUNT:
            most = values.get(_MAX, "")
            if value.isdecimal() and most.isdecimal() and int(value) >= int(most):
                full = f"the table is full: {value} of {most}"
                yield Fact(place=place, kind=FactKind.SYSCTL, subject=_COUNT, aspect="full", value="full", shown=full)
            continue
        name = key
        if key.startswith(_CONF):
            family, _, rest = key.partition(".conf.")
            interface, _, setting = rest.rpartition(".")
            role = roles.of(interface.replace("/", "."))
            if interface.startswith("veth") and role == interface:
                continue
            name = f"{family}.conf.{role}.{setting}"
        yield Fact(place=place, kind=FactKind.SYSCTL, subject=name, value=value, shown=f"{key} = {value}")


def name_facts(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the lines of the hosts file and what resolv.conf says."""
    if namespace.hosts_file is None and namespace.resolv_conf is None:
        return None
    return _names(namespace, place, roles)


def _names(namespace: Namespace, place: Place, roles: Roles) -> Iterator[Fact]:
    for line in namespace.hosts_file.lines if namespace.hosts_file else ():
        shown = f"{line.address} {' '.join(line.names)}"
        value = roles.of(shown)
        yield Fact(place=place, kind=FactKind.NAMES, subject="/etc/hosts", aspect=value, value=value, shown=shown)
    if namespace.resolv_conf is not None:
        conf = namespace.resolv_conf
        for aspect, words in (
            ("nameserver", conf.nameservers),
            ("search", conf.search),
            ("options", conf.options),
        ):
            if words:
                shown = f"{aspect} {' '.join(words)}"
                yield Fact(
                    place=place,
                    kind=FactKind.NAMES,
                    subject="resolv.conf",
                    aspect=aspect,
                    value=roles.of(shown),
                    shown=shown,
                )


def conntrack_facts(host: Host, place: Place, roles: Roles) -> Iterator[Fact] | None:
    """Return the tracked datagrams: what NAT does with more of these is settled already (a TCP connection begins anew each time)."""
    return None if host.conntrack is None else _tracked(host, place, roles)


def _tracked(host: Host, place: Place, roles: Roles) -> Iterator[Fact]:
    for each in host.conntrack or ():
        if each.proto != "udp":
            continue
        shown = f"{each.proto} {each.src}:{each.sport} to {each.dst}:{each.dport}, answered by {each.back_src}:{each.back_sport}"
        subject = roles.of(f"{each.proto} to {each.dst}:{each.dport}")
        value = roles.of(
            f"{each.proto} {each.src} to {each.dst}:{each.dport}, answered by {each.back_src}:{each.back_sport}"
        )
        yield Fact(place=place, kind=FactKind.CONNTRACK, subject=subject, aspect=value, value=value, shown=shown)
