"""Why the two differ where neither is to be changed. Every kind of difference that stays has its line here."""

from __future__ import annotations

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


def _is_big(difference: Difference) -> bool:
    return difference.length > _LARGEST and difference.column in ("payload", "payload_len", "tsval", "tsecr", "mss")


def _is_no_time(difference: Difference) -> bool:
    ours, theirs = difference.ours, difference.theirs
    return (
        difference.column == "time_ns"
        and isinstance(ours, int)
        and isinstance(theirs, int)
        and abs(ours - theirs) >= 10**9
    )


def _is_split(difference: Difference) -> bool:
    return "BAD_TCP_OFFSET" in difference.anomalies and "tcp" in difference.protocols


def _is_bad_extension(difference: Difference) -> bool:
    return difference.protocols[-1:] in {("ipv6.dstopts",), ("ipv6.hopopts",), ("ipv6.routing",)}


def _claims_more(difference: Difference) -> bool:
    return difference.column in ("payload_len", "payload") and difference.claimed > difference.length


def _is_cut(difference: Difference) -> bool:
    return "TRUNCATED_TRANSPORT" in difference.anomalies or "TRUNCATED_NET" in difference.anomalies


def _is_no_dns(difference: Difference) -> bool:
    return difference.column.startswith("dns_") and "BAD_DNS" in difference.anomalies


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
