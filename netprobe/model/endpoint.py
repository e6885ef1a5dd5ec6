"""An address and port: the one value, its one text form, and the one way to read it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

UNCHOSEN: Final = -1
"""A port that is chosen only when the packet is sent: shown as ``*``, as ss(8) does."""

_BRACKETED = re.compile(r"\[([^\]]*)\](?::(\d{1,5}|\*))?", re.ASCII)
_PLAIN = re.compile(r"([^:]*):(\d{1,5}|\*)", re.ASCII)


class Endpoint(NamedTuple):
    """One end of a connection.

    Attributes:
        address: ``192.0.2.1``, ``2001:db8::1``; ``""`` where it is not known (shown as ``?``).
        port: None where the protocol has none (ICMP, ARP); :data:`UNCHOSEN` where it is not known yet.
    """

    address: str
    port: int | None = None

    def __str__(self) -> str:
        """``192.0.2.1:80``, ``[2001:db8::1]:80`` (RFC 5952 §6), ``192.0.2.1``, ``192.0.2.1:*``."""
        address = self.address or "?"
        if self.port is None:
            return address
        port = "*" if self.port == UNCHOSEN else str(self.port)
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    @property
    def is_v6(self) -> bool:
        """Whether the address is IPv6's."""
        return ":" in self.address

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` writes. A text without a port, or with none that is a number, is all address."""
        found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
        if found is None:
            return cls("" if text == "?" else text)
        address, port = found.groups()
        number = UNCHOSEN if port == "*" else int(port) if port is not None else None
        return cls("" if address == "?" else address, number)


class Ends(NamedTuple):
    """Both ends of a packet, or of a connection."""

    src: Endpoint
    dst: Endpoint

    def __str__(self) -> str:
        """``192.0.2.1:41290 → 192.0.2.2:80``."""
        return f"{self.src} → {self.dst}"
