"""The ``--flow`` expression: a 5-tuple or any part of one.

Accepted, and each part may be left out::

    192.168.3.201:41290>192.168.3.202:80/tcp     who began > who was asked / protocol
    192.168.3.201:41290 → 192.168.3.202:80 tcp   the same, as listings print it
    >:80      192.168.3.202      :80      [fd00::1]:80/tcp      udp
    #3        the third of the listing
    @12.5     what began 12.5 s after the capture's first packet, as exactly as that is written; else what was under way then
    :80@12.5  both

One end without ``>`` fits either end of a flow. A 5-tuple that was used twice is chosen by its number or its time.
"""

from __future__ import annotations

import ipaddress
import re

from netprobe.errors import UsageFault
from netprobe.values import dataclass

PROTOCOLS = ("tcp", "udp", "icmp")
_FORM = re.compile(r"\[(?P<v6>[^\]]*)\](?::(?P<v6port>.*))?|(?P<v4>[^:]*):(?P<port>[^:]*)|(?P<bare>.*)", re.DOTALL)
_CHOICE = re.compile(
    r"(?P<ends>.*?)(?:@(?P<whole>\d{1,9})(?:\.(?P<part>\d{1,9}))?|#(?P<number>\d{1,9}))\s*", re.DOTALL | re.ASCII
)
_HINT = "a flow is SRC:PORT>DST:PORT/PROTO or a part of that, such as 192.0.2.1, :80, '>:80' or udp; '#3' is the third listed, @12.5 what began at 12.5 s"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a flow; None means any.

    Attributes:
        address: in canonical text form.
        port: 0 to 65535.
    """

    address: str | None = None
    port: int | None = None

    def matches(self, address: str, port: int | None) -> bool:
        """Return whether this end is that one; a flow without ports (ICMP) fits no port."""
        return self.address in (None, address) and self.port in (None, port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time of a capture, as exactly as somebody wrote it.

    Attributes:
        at_ns: ns since the capture's first packet.
        unit_ns: what its last digit stands for: ``12.5`` is one of 0.1 s.
    """

    at_ns: int
    unit_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowExpr:
    """A choice among flows.

    Attributes:
        src, dst: the initiator's and the responder's end.
        either: the end that may be on either side; used when the text has no ``>``.
        proto: ``tcp``, ``udp``, ``icmp`` or None.
        number: the place in the listing of all, from 1; None: not chosen by it.
        moment: when it began, or was under way; None: whenever.
    """

    src: End = End()
    dst: End = End()
    either: End = End()
    proto: str | None = None
    number: int | None = None
    moment: Moment | None = None

    @classmethod
    def parse(cls, text: str) -> FlowExpr:
        """Read an expression.

        Raises:
            UsageFault: it is none.
        """
        whole, number, moment = _chosen(text)
        if not whole.strip() and (number is not None or moment is not None):
            return cls(number=number, moment=moment)
        ends, proto = _without_proto(whole)
        source, arrow, destination = re.sub(r"→|->", ">", ends).partition(">")
        if arrow:
            return cls(src=_end(source, text), dst=_end(destination, text), proto=proto, moment=moment)
        if not ends.strip() and proto is None:
            raise _bad(text)
        return cls(either=_end(ends, text), proto=proto, moment=moment)

    def matches(self, *, proto: str, src: str, sport: int | None, dst: str, dport: int | None) -> bool:
        """Return whether a flow fits; addresses are in canonical text form."""
        if self.proto not in (None, proto):
            return False
        if not (self.src.matches(src, sport) and self.dst.matches(dst, dport)):
            return False
        return self.either.matches(src, sport) or self.either.matches(dst, dport)


def _chosen(text: str) -> tuple[str, int | None, Moment | None]:
    """Split off the number (which stands alone) or the time behind it."""
    found = _CHOICE.fullmatch(text)
    if found is None:
        return text, None, None
    if found["number"] is not None:
        if found["ends"].strip():
            raise _bad(text)
        return "", int(found["number"]), None
    part = found["part"] or ""
    unit = 10 ** (9 - len(part))
    return found["ends"], None, Moment(at_ns=int(found["whole"]) * 10**9 + int(part or 0) * unit, unit_ns=unit)


def _without_proto(text: str) -> tuple[str, str | None]:
    """Split off the protocol: behind ``/``, behind a space, or all there is."""
    found = re.fullmatch(
        rf"(?P<ends>.*?)(?:[/\s]|^)\s*(?P<proto>{'|'.join(PROTOCOLS)})\s*", text, re.DOTALL | re.IGNORECASE
    )
    return (text, None) if found is None else (found["ends"], found["proto"].lower())


def _end(text: str, whole: str) -> End:
    text = text.strip()
    if not text:
        return End()
    if text.count(":") > 1 and not text.startswith("["):
        return End(address=_address(text, whole))
    found = _FORM.fullmatch(text)
    if found is None:
        raise _bad(whole)
    address = found["v6"] or found["v4"] or found["bare"]
    port = found["v6port"] or found["port"]
    return End(address=_address(address, whole) if address else None, port=_port(port, whole) if port else None)


def _address(text: str, whole: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _bad(whole) from None


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise _bad(whole)
    return int(text)


def _bad(text: str) -> UsageFault:
    return UsageFault(f"--flow: cannot read {text!r}", _HINT)
