"""What a translating rule of iptables makes of a packet.

Source: net/netfilter/nf_nat_core.c (get_unique_tuple), nf_nat_redirect.c, nf_nat_masquerade.c, xt_NETMAP.c; iptables-extensions(8).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from netprobe.forward.conntrack import DST, SIDE, translated
from netprobe.forward.model import UnknownHere
from netprobe.state.address import covers, ip, is_loopback, prefix
from netprobe.state.lookup import route_lookup
from netprobe.state.packet import CHOSEN

if TYPE_CHECKING:
    from netprobe.forward.model import Flying
    from netprobe.state.iptables import Rule
    from netprobe.state.namespace import Namespace

BY_DESTINATION = frozenset({"DNAT", "REDIRECT"})
_RANGE = re.compile(
    r"(?:\[?([0-9a-fA-F:.]+?)(?:-([0-9a-fA-F:.]+))?\]?)?(?::(\d{1,5})(?:-(\d{1,5}))?(?:/\d+)?)?", re.ASCII
)
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


class Range(NamedTuple):
    """``192.0.2.1-192.0.2.9:80-90``: the first and the last address and port; None for none."""

    first: str | None = None
    last: str | None = None
    low: int | None = None
    high: int | None = None


def parse_range(text: str) -> Range | None:
    """The range of ``--to-destination`` and ``--to-source``; None when the text is none."""
    bare = text.count(":") > 1 and not text.startswith("[")  # an IPv6 address without a port
    found = _RANGE.fullmatch(f"[{text}]" if bare else text)
    if not found or not text:
        return None
    first, last, low, high = found.groups()
    ports = (int(low), int(high or low)) if low else (None, None)
    return Range(first, last or first, *ports)


def translate(namespace: Namespace, rule: Rule, hook: str, packet: Flying, in_if: str, out_if: str) -> Flying:
    """The packet behind a DNAT, SNAT, REDIRECT, MASQUERADE or NETMAP rule.

    Raises:
        UnknownHere: what it is translated to is the kernel's choice, or not understood.
    """
    by_destination = SIDE[hook] == DST
    if rule.target == "NETMAP":
        old = packet.dst if by_destination else packet.src
        to = _mapped(rule.options.get("--to", ""), old)
        return translated(packet, hook, to or _refuse(rule), packet.dport if by_destination else packet.sport)
    if by_destination:
        wanted = _redirection(namespace, rule, hook, packet, in_if) if rule.target == "REDIRECT" else _wanted(rule)
        address = _one_address(rule, wanted, packet.dst)
        return translated(packet, hook, address, _one_port(rule, wanted, packet.dport))
    wanted = _masquerade(namespace, rule, packet, out_if) if rule.target == "MASQUERADE" else _wanted(rule)
    port = _source_port(wanted, packet.sport)
    if port is None and wanted.low is not None and wanted.low < CHOSEN[0] and packet.dport is not None:
        raise UnknownHere(f"{rule.ref} ({rule.text}) translates to one of several ports, which the kernel chooses")
    return translated(packet, hook, _one_address(rule, wanted, packet.src), port)


def _refuse(rule: Rule) -> str:
    raise UnknownHere(f"{rule.ref} ({rule.text}) translates to what is not known")


def _wanted(rule: Rule) -> Range:
    text = rule.options.get("--to-destination") or rule.options.get("--to-source") or ""
    return parse_range(text) or Range(_refuse(rule))


def _one_address(rule: Rule, wanted: Range, old: str | None) -> str:
    """Of a range, an address that lies in it is kept; else the kernel chooses by a hash."""
    if wanted.first is None and old is not None:
        return old
    if wanted.first == wanted.last and wanted.first is not None:
        return wanted.first
    low, high, here = ip(wanted.first or ""), ip(wanted.last or ""), ip(old or "")
    source = rule.target == "SNAT"
    if source and low and high and here and low.version == here.version and int(low) <= int(here) <= int(high):
        return str(old)
    return _refuse(rule)


def _one_port(rule: Rule, wanted: Range, old: int | None) -> int | None:
    """A port that lies in the range is kept, else the first is taken (nf_nat_l4proto_unique_tuple; since Linux 5.0).

    Raises:
        UnknownHere: the kernel chooses one by chance, or shifts it.
    """
    if wanted.low is None or old is None:
        return old
    if wanted.low == wanted.high:
        return wanted.low
    if "--random" in rule.options or "/" in rule.options.get("--to-destination", ""):
        raise UnknownHere(f"{rule.ref} ({rule.text}) translates to one of several ports, which the kernel chooses")
    return old if wanted.low <= old <= (wanted.high or 0) else wanted.low


def _source_port(wanted: Range, old: int | None) -> int | None:
    """Which source port it gets; None where the kernel chooses."""
    if wanted.low is None or (old is not None and wanted.low <= old <= (wanted.high or 0)):
        return old
    return wanted.low if wanted.low == wanted.high and old is not None else None


def _redirection(namespace: Namespace, rule: Rule, hook: str, packet: Flying, in_if: str) -> Range:
    """To the namespace itself: to loopback what it sent, else to the first address of the interface that it came by (nf_nat_redirect.c)."""
    six = ":" in packet.dst
    own = "::1" if six else "127.0.0.1"
    address = own if hook == "OUTPUT" else address_of(namespace, in_if, packet.dst)
    ports = _PORTS.fullmatch(rule.options.get("--to-ports", ""))
    if address is None or ("--to-ports" in rule.options and not ports):
        raise UnknownHere(f"{rule.ref} redirects to what is not known")
    low, high = (int(ports[1]), int(ports[2] or ports[1])) if ports else (None, None)
    return Range(address, address, low, high)


def _masquerade(namespace: Namespace, rule: Rule, packet: Flying, out_if: str) -> Range:
    address = masquerade_address(namespace, out_if, packet.dst) or _refuse(rule)
    ports = _PORTS.fullmatch(rule.options.get("--to-ports", ""))
    low, high = (int(ports[1]), int(ports[2] or ports[1])) if ports else (None, None)
    return Range(address, address, low, high)


def _mapped(network: str, old: str | None) -> str | None:
    """The address with its network part exchanged (xt_NETMAP.c)."""
    net, here = prefix(network), ip(old or "")
    if net is None or here is None or net.version != here.version:
        return None
    host_bits = int(here) & int(net.hostmask)
    return str(type(here)(int(net.network_address) | host_bits))


def address_of(namespace: Namespace, device: str, towards: str) -> str | None:
    """An interface's first address of the same version."""
    link = namespace.link(device)
    mine = [each for each in link.addresses if (":" in each.address) == (":" in towards)] if link else []
    best = [each for each in mine if each.scope == "global" or is_loopback(towards)] if ":" in towards else mine
    return next((each.address for each in best or mine), None)


def masquerade_address(namespace: Namespace, device: str, towards: str) -> str | None:
    """The source that MASQUERADE takes: the outgoing interface's address on the next hop's network, else its first (inet_select_addr).

    An interface that has none of global scope (lo) takes the first of any other.
    """
    link = namespace.link(device)
    six = ":" in towards
    mine = [each for each in link.addresses if (":" in each.address) == six and each.scope == "global"] if link else []
    if len(mine) > 1:
        way = route_lookup(namespace, towards)
        hop = (way.via if way else "") or towards
        mine = [each for each in mine if covers(each.prefix, hop)] or mine
    others = (each for other in namespace.links or () for each in other.addresses if link is not None)
    rest = (each for each in others if (":" in each.address) == six and each.scope == "global")
    found = mine[0] if mine else next(rest, None)
    return found.address if found else None
