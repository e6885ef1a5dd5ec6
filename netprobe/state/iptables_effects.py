"""What a rule's target changes of a packet that goes on: marks, connection marks, TTL, TOS, segment size, and what is told to conntrack.

Source: iptables-extensions(8), net/netfilter/xt_mark.c, xt_connmark.c, xt_CT.c, xt_DSCP.c, xt_HL.c, xt_TCPMSS.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.state.numbers import WHOLE, masked, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.state.packet import PacketTuple

    Effect = Callable[[Mapping[str, str], PacketTuple], PacketTuple]

_BYTE = 0xFF
_SETS = {"--set-xmark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark"}


def changed(target: str, options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    """The packet behind a target that lets it go on; what it sets and how is not understood is None then."""
    effect = _EFFECTS.get(target)
    return packet if effect is None else effect(options, packet)


def _set(options: Mapping[str, str], old: int | None) -> int | None:
    """``--set-xmark V/M`` clears the bits of the mask and toggles those of the value; ``--set-mark`` sets them (xt_mark.c, libxt_MARK.c)."""
    found = next(((name, options[name]) for name in options if name in _SETS), None)
    numbers = masked(found[1]) if found else None
    if found is None or numbers is None:
        return None
    value, mask = numbers
    if found[0] == "--and-mark":
        value, mask = 0, ~value & WHOLE
    elif found[0] == "--or-mark":
        mask = value
    elif found[0] == "--xor-mark":
        mask = 0
    elif found[0] == "--set-mark":
        mask |= value
    kept = ~mask & WHOLE
    if kept and old is None:
        return None
    return ((old or 0) & kept) ^ value


def _mark(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    return replace(packet, mark=_set(options, packet.mark))


def _hashed(_options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    """A mark by a hash of the connection's ends (xt_HMARK.c)."""
    return replace(packet, mark=None)


def _connmark(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    if packet.tracked is False:
        return replace(packet, ctmark=None) if packet.templated else packet  # a rule's template is one for all packets
    shifts = any("shift" in each for each in options)
    masks = [number(options.get(name, hex(WHOLE))) for name in ("--nfmask", "--ctmask")]
    if "--mask" in options:
        masks = [number(options["--mask"])] * 2
    nfmask, ctmask = masks
    if "--save-mark" in options:
        told = None in {packet.mark, packet.ctmark, nfmask, ctmask} or shifts
        saved = None if told else ((packet.ctmark or 0) & ~(ctmask or 0)) ^ ((packet.mark or 0) & (nfmask or 0))
        return replace(packet, ctmark=saved)
    if "--restore-mark" in options:
        told = None in {packet.mark, packet.ctmark, nfmask, ctmask} or shifts
        restored = None if told else ((packet.mark or 0) & ~(nfmask or 0)) ^ ((packet.ctmark or 0) & (ctmask or 0))
        return replace(packet, mark=restored)
    return replace(packet, ctmark=_set(options, packet.ctmark))


def _conntrack(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    """The first such rule counts; a zone of one direction alone is not understood (xt_CT.c, xt_ct_target)."""
    if packet.tracked is not False or packet.ctstate == "UNTRACKED" or packet.templated:
        return packet
    if "--notrack" in options:
        return replace(packet, ctstate="UNTRACKED")
    if "--zone" in options:
        return packet.with_template(number(options["--zone"]))
    return packet.with_template(None if any(each.startswith("--zone") for each in options) else packet.zone)


def _notrack(_options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    return _conntrack({"--notrack": ""}, packet)


def _ttl(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    for name, value in options.items():
        amount, old = number(value), packet.ttl
        how = name.rpartition("-")[2]
        if how == "set":
            return replace(packet, ttl=amount)
        if amount is None or old is None:
            break
        return replace(packet, ttl=min(old + amount, _BYTE) if how == "inc" else max(old - amount, 0))
    return replace(packet, ttl=None)


def _dscp(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    value = number(options.get("--set-dscp", ""))
    return replace(packet, tos=None if value is None or packet.tos is None else (packet.tos & 3) | (value << 2))


def _tos(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    numbers = masked(options.get("--set-tos", ""), _BYTE)
    if numbers is None or packet.tos is None:
        return replace(packet, tos=None)
    return replace(packet, tos=(packet.tos & ~numbers[1] & _BYTE) ^ numbers[0])


def _mss(options: Mapping[str, str], packet: PacketTuple) -> PacketTuple:
    """``--set-mss`` never raises what was offered (xt_TCPMSS.c, tcpmss_mangle_packet)."""
    value = number(options.get("--set-mss", ""))
    return replace(packet, mss=None if value is None or packet.mss is None else min(packet.mss, value))


_EFFECTS: dict[str, Effect] = {
    "MARK": _mark,
    "HMARK": _hashed,
    "CONNMARK": _connmark,
    "CT": _conntrack,
    "NOTRACK": _notrack,
    "TTL": _ttl,
    "HL": _ttl,
    "DSCP": _dscp,
    "TOS": _tos,
    "TCPMSS": _mss,
}
CHANGING = frozenset(_EFFECTS)
"""The targets that change something here."""
