"""What is written as text and means an address or a time."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime

from netprobe.errors import UsageFault

_FRACTION = re.compile(r"(?<=:\d\d)[.,](\d+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def address_of(text: str) -> tuple[int, int, int]:
    """Return version, upper and lower half of an address in any of its spellings; version -1, which no row has, for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return -1, 0, 0
    return address.version, int(address) >> 64, int(address) & (1 << 64) - 1


def time_of(text: str) -> int:
    """Return Unix time in ns of ISO 8601: a date, or date and time with up to nine digits behind the point. Without an offset it is UTC.

    Raises:
        UsageFault: it is none.
    """
    fraction = _FRACTION.search(text)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", text.strip()))
    except ValueError:
        raise UsageFault(
            f"--where: {text!r} is no time", "write it as '2026-11-30 12:00' or '2026-11-30T12:00:00.25Z' (UTC)"
        ) from None
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH
    digits = (fraction[1] if fraction else "")[:9].ljust(9, "0")
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + int(digits)
