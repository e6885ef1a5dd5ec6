"""Why the two differ where neither is to be changed. Every kind of difference that stays has its line here, with a test of what tshark says or the bytes are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from agreement.reason import Reason

if TYPE_CHECKING:
    from agreement.compare import Difference

UNKNOWN = "NO REASON KNOWN"

_LARGEST = 14 + 40 + 0xFFFF  # bytes of a frame whose lengths fit their fields
_LINK_BYTES = {"eth": 14, "sll": 16, "null": 4, "vlan": 4, "pppoes": 6, "ppp": 2}  # at least
_LENGTHS = ("payload_len", "payload")
_LEAST_TCP = 20
_LEAST_IP = 20
_SIGNED = 1 << 31
_MODIFIED = (8, 12)  # bytes by which the packet headers of other variants of pcap are longer than pcap's


def _is_cut(difference: Difference) -> bool:
    """Both say so: netprobe by its anomaly, tshark by "truncated" or "malformed", or the rest is in the next fragment."""
    ours = {"TRUNCATED_TRANSPORT", "TRUNCATED_NET"} & {*difference.anomalies}
    short = any(difference.said.text(name) is not None for name in ("_ws.short", "_ws.malformed"))
    return bool(ours) and (short or difference.said.number("ip.flags.mf") == 1)


def _claims_more(difference: Difference) -> bool:
    """The header's length is more than the frame's bytes behind the link headers, or than what PPPoE's length leaves for it."""
    before = tuple(itertools.takewhile(lambda layer: layer not in ("ip", "ipv6"), difference.protocols))
    room = difference.length - sum(_LINK_BYTES.get(layer, 0) for layer in before)
    session = difference.said.number("pppoe.payload_length") if "pppoes" in before else None
    if session is not None:
        room = min(room, session - _LINK_BYTES["ppp"])
    return difference.column in _LENGTHS and difference.claimed > room


def _is_big(difference: Difference) -> bool:
    return difference.length > _LARGEST and difference.column in (*_LENGTHS, "tsval", "tsecr", "mss")


def _is_no_time(difference: Difference) -> bool:
    """Both have the same seconds and fraction, which tshark keeps in 32 bits and prints behind the point as they are."""
    printed, ours = difference.said.text("frame.time_epoch"), difference.ours
    if difference.column != "time_ns" or printed is None or not isinstance(ours, int):
        return False
    second, _, fraction = printed.lstrip("-").partition(".")
    kept = (ours - int(second) * 10**9 + _SIGNED) % (2 * _SIGNED) - _SIGNED
    return abs(kept) == int(fraction) and (abs(kept) >= 10**9 or kept < 0 or ours - int(second) * 10**9 != kept)


def _is_bad_option(difference: Difference) -> bool:
    options = (difference.said.number("ip.hdr_len") or 0) > _LEAST_IP
    return difference.protocols[-1:] == ("ip",) and options and difference.said.text("_ws.malformed") is not None


def _is_bad_extension(difference: Difference) -> bool:
    last = difference.protocols[-1:] in {("ipv6.dstopts",), ("ipv6.hopopts",), ("ipv6.routing",)}
    return last and difference.said.text("_ws.malformed") is not None


def _is_later_fragment(difference: Difference) -> bool:
    """A fragment header with an offset, and tshark reads on behind it."""
    offsets = difference.said.said.get("ipv6.fraghdr.offset", [])
    return difference.protocols.count("ipv6.fraghdr") > 1 and any(int(each, 0) for each in offsets)


def _is_bogus_offset(difference: Difference) -> bool:
    header = difference.said.number("tcp.hdr_len")
    return "BAD_TCP_OFFSET" in difference.anomalies and header is not None and header < _LEAST_TCP


def _is_split(difference: Difference) -> bool:
    header, fragment = difference.said.number("tcp.hdr_len") or 0, difference.said.number("ip.flags.mf")
    room = difference.claimed - (difference.said.number("ip.hdr_len") or 0)
    return "BAD_TCP_OFFSET" in difference.anomalies and fragment == 1 and header > room


def _is_cut_at_the_end(difference: Difference) -> bool:
    stopped = any("cut short" in each or "damaged" in each for each in difference.anomalies)
    return difference.column == "frame" and difference.theirs == 1 and stopped


def _is_empty(difference: Difference) -> bool:
    return difference.column == "frame" and any("zeros" in each for each in difference.anomalies)


def _is_huge(difference: Difference) -> bool:
    return difference.column == "origlen" and difference.theirs == _SIGNED - 1 < int(difference.ours or 0)


def _is_another_pcap(difference: Difference) -> bool:
    """What tshark takes for the frame's beginning stands so much later that a longer packet header was before it."""
    address = bytes.fromhex((difference.said.text("eth.dst") or "").replace(":", ""))
    return bool(address) and any(difference.data[skip : skip + 6] == address for skip in _MODIFIED)


def _is_cisco(difference: Difference) -> bool:
    return difference.protocols[:2] in {("eth", "eth"), ("eth", "cfp")}


REASONS: tuple[Reason[Difference], ...] = (
    Reason(
        why="of a header that was cut off in the middle, or goes on in the next fragment, netprobe reads its first fields alone, tshark all before the cut",
        fits=_is_cut,
    ),
    Reason(
        why="the IP header claims more bytes than the frame had, or PPPoE's length leaves: netprobe believes the header, as files "
        "that were cut later have the frame's new length; tshark believes the smaller",
        fits=_claims_more,
    ),
    Reason(why="tshark 4.0 does not read packets of more than 64 KiB (BIG TCP, RFC 2675)", fits=_is_big),
    Reason(why="a record of zeros is the end of a file to netprobe, and an empty frame to tshark", fits=_is_empty),
    Reason(why="Cisco's ISL and FabricPath, a frame inside of a frame: netprobe reads the outer one", fits=_is_cisco),
    Reason(
        why="a time whose fraction is more than a second: tshark keeps that in 32 bits (files that were made to be bad)",
        fits=_is_no_time,
    ),
    Reason(
        why="a malformed IPv4 option: tshark stops at it, netprobe goes by the header's length", fits=_is_bad_option
    ),
    Reason(
        why="the last packet of a file that was cut off or damaged: tshark shows what is there of it",
        fits=_is_cut_at_the_end,
    ),
    Reason(why="a length of 2 GiB and more: tshark's is a signed number of 32 bits", fits=_is_huge),
    Reason(
        why="several fragment headers in one IPv6 packet, one with an offset: netprobe stops there, as what follows is no header; "
        "tshark reads on",
        fits=_is_later_fragment,
    ),
    Reason(why="a damaged file that tshark takes for another variant of pcap", fits=_is_another_pcap),
    Reason(
        why="a TCP header of less than 20 bytes by its offset: netprobe has no payload of it, tshark counts from there",
        fits=_is_bogus_offset,
    ),
    Reason(why="a TCP header that ends in the next IP fragment: netprobe reads no options of it", fits=_is_split),
    Reason(
        why="an IPv6 extension header with an option that is longer than it: tshark stops there, netprobe goes by the header's length",
        fits=_is_bad_extension,
    ),
)
"""In the order in which they are asked."""


def reason_of(difference: Difference) -> str:
    """Return the first reason that fits, or that none is known."""
    return next((reason.why for reason in REASONS if reason.fits(difference)), UNKNOWN)
