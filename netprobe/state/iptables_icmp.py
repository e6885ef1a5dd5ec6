"""Types and codes of ICMP as iptables names them (extensions/libxt_icmp.h, libip6t_icmp6.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.numbers import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.packet import PacketTuple

ICMP = {
    "echo-request": (8, 0),
    "ping": (8, 0),
    "echo-reply": (0, 0),
    "pong": (0, 0),
}
ICMPV6: dict[str, tuple[int, int | None]] = {
    "router-solicitation": (133, None),
    "router-advertisement": (134, None),
    "neighbour-solicitation": (135, None),
    "neighbor-solicitation": (135, None),
    "neighbour-advertisement": (136, None),
    "neighbor-advertisement": (136, None),
    "redirect": (137, None),
    "echo-request": (128, 0),
    "ping": (128, 0),
    "echo-reply": (129, 0),
    "pong": (129, 0),
}


def is_icmp(spec: str, packet: PacketTuple, names: Mapping[str, tuple[int, int | None]]) -> bool | None:
    """``8/0``, ``8``, ``echo-request``, ``any`` (255)."""
    if spec in {"any", "255"}:
        return True
    if packet.icmp is None:
        return None
    kind, slash, code = spec.partition("/")
    wanted = names.get(spec) or (number(kind), number(code) if slash else None)
    if wanted[0] is None:
        return None if not spec.replace("-", "").isalpha() else False
    return packet.icmp[0] == wanted[0] and wanted[1] in {None, packet.icmp[1]}
