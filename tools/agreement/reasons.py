"""Why the two differ where neither is to be changed. Every kind of difference that stays has its line here."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agreement.compare import Difference

UNKNOWN = "NO REASON KNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason.

    Attributes:
        why: a sentence.
        fits: whether a difference is of that kind.
    """

    why: str
    fits: Callable[[Difference], bool]


_LARGEST = 14 + 40 + 0xFFFF  # bytes of a frame whose lengths fit their fields


_LINK_BYTES = {"eth": 14, "sll": 16, "null": 4, "vlan": 4, "pppoes": 6, "ppp": 2}  # at least


def _is_big(difference: Difference) -> bool:
    return difference.length > _LARGEST and difference.column in ("payload", "payload_len", "tsval", "tsecr", "mss")


def _is_no_time(difference: Difference) -> bool:
    ours, theirs = difference.ours, difference.theirs
    return (
        difference.column == "time_ns"
        and isinstance(ours, int)
        and isinstance(theirs, int)
        and abs(ours - theirs) >= 10**8
    )


def _is_split(difference: Difference) -> bool:
    return "BAD_TCP_OFFSET" in difference.anomalies and "tcp" in difference.protocols


def _is_bad_extension(difference: Difference) -> bool:
    return difference.protocols[-1:] in {("ipv6.dstopts",), ("ipv6.hopopts",), ("ipv6.routing",)}


def _claims_more(difference: Difference) -> bool:
    before = itertools.takewhile(lambda layer: layer not in ("ip", "ipv6"), difference.protocols)
    room = difference.length - sum(_LINK_BYTES.get(layer, 0) for layer in before)
    return difference.column in ("payload_len", "payload") and difference.claimed > room


def _is_cut(difference: Difference) -> bool:
    return "TRUNCATED_TRANSPORT" in difference.anomalies or "TRUNCATED_NET" in difference.anomalies


def _is_no_dns(difference: Difference) -> bool:
    return difference.column.startswith("dns_") and "BAD_DNS" in difference.anomalies


def _is_bad_option(difference: Difference) -> bool:
    return difference.protocols[-1:] == ("ip",)


def _is_cut_at_the_end(difference: Difference) -> bool:
    return difference.column == "frame" and any(
        "cut short" in each or "damaged" in each for each in difference.anomalies
    )


def _is_huge(difference: Difference) -> bool:
    return difference.column == "origlen" and isinstance(difference.ours, int) and difference.ours >= 1 << 31


def _is_cisco_arp(difference: Difference) -> bool:
    return difference.protocols == ("chdlc", "data")


def _has_many_extensions(difference: Difference) -> bool:
    return difference.protocols.count("ipv6.fraghdr") > 1


def _is_another_pcap(difference: Difference) -> bool:
    return difference.protocols == ("eth", "ethertype", "data") and "BAD_TCP_OFFSET" in difference.anomalies


def _is_empty(difference: Difference) -> bool:
    return difference.column == "frame" and any("zeros" in each for each in difference.anomalies)


def _is_cisco(difference: Difference) -> bool:
    return difference.protocols[:2] in {("eth", "eth"), ("eth", "cfp")}


REASONS: tuple[Reason, ...] = (
    Reason(
        why="of a header that the capture cut off in the middle netprobe reads nothing, tshark the fields before the cut",
        fits=_is_cut,
    ),
    Reason(
        why="the IP header claims more bytes than the frame had: netprobe believes the header, as files that were cut "
        "later have the frame's new length; tshark believes the frame",
        fits=_claims_more,
    ),
    Reason(why="tshark 4.0 does not read packets of more than 64 KiB (BIG TCP, RFC 2675)", fits=_is_big),
    Reason(
        why="not DNS to netprobe, though of its port: an operation that DNS has not, or a question that begins with no label",
        fits=_is_no_dns,
    ),
    Reason(why="a record of zeros is the end of a file to netprobe, and an empty frame to tshark", fits=_is_empty),
    Reason(why="Cisco's ISL and FabricPath, a frame inside of a frame: netprobe reads the outer one", fits=_is_cisco),
    Reason(
        why="a time whose fraction is more than a second: tshark's arithmetic has 32 bits (files that were made to be bad)",
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
    Reason(why="ARP on Cisco's HDLC: tshark does not read it", fits=_is_cisco_arp),
    Reason(
        why="several fragment headers in one IPv6 packet: netprobe stops at the first later fragment, or at the ninth header",
        fits=_has_many_extensions,
    ),
    Reason(why="a damaged file that tshark takes for another variant of pcap", fits=_is_another_pcap),
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
