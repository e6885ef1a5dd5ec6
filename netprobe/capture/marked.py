"""Whose packets ``--trace`` is about: the forms that the probe's packets may have on their way. Pure.

Addresses come from hosts' state and go into programs that run as root there, so nothing but an address passes (:func:`forms`).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.capture.plan import Tuple5


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Whose packets are traced.

    Attributes:
        probe: the probe's own tuple.
        ident: the identifier of an ICMP echo.
        gateways: the addresses that docker-proxy's inner connection comes from.
    """

    probe: Tuple5
    ident: int = 0
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a packet must have to be one of the probe's; None: anything.

    Attributes:
        version: 4 or 6.
        transport: ``tcp``, ``udp`` or ``icmp`` (ICMPv6's with version 6).
        src, dst: addresses in canonical form.
        sport, dport: ports.
        ident: the identifier of an ICMP echo request or reply.
    """

    version: int
    transport: str
    src: str | None = None
    dst: str | None = None
    sport: int | None = None
    dport: int | None = None
    ident: int | None = None


def forms(marked: Marked) -> tuple[Form, ...]:
    """Return the forms; none where the probe's packets cannot be told from others (or an address is none)."""
    return tuple(dict.fromkeys(_forms(marked)))


def _forms(marked: Marked) -> Iterator[Form]:
    """The probe's own tuple in every form that it may have, both ways, then docker-proxy's inner connection."""
    probe = marked.probe
    dialled = address_of(probe.dialled)
    if dialled is None:
        return
    if probe.transport == "icmp":
        yield Form(version=dialled.version, transport="icmp", ident=int(marked.ident))
        return
    if probe.source_port is None or probe.port is None:
        return
    ends = [(end, int(port)) for text, port in probe.ends if (end := address_of(text)) is not None]
    own = int(probe.source_port)
    for address, port in [(dialled, int(probe.port)), *ends]:
        yield Form(version=address.version, transport=probe.transport, sport=own, dst=str(address), dport=port)
        yield Form(version=address.version, transport=probe.transport, src=str(address), sport=port, dport=own)
    gateways = [gateway for text in marked.gateways if (gateway := address_of(text)) is not None]
    for address, port in ends:
        for gateway in (each for each in gateways if each.version == address.version):
            form = Form(version=address.version, transport=probe.transport)
            yield _between(form, src=gateway, dst=address, dport=port)
            yield _between(form, src=address, sport=port, dst=gateway)


def _between(form: Form, *, src: object, dst: object, sport: int | None = None, dport: int | None = None) -> Form:
    return Form(version=form.version, transport=form.transport, src=str(src), dst=str(dst), sport=sport, dport=dport)


def address_of(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address without a scope; None when the text is none."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return None if getattr(address, "scope_id", None) else address
