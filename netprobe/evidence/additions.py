"""What is written into a capture beside its packets: comments, descriptions of interfaces, names of addresses; as pcapng's options and blocks.

All that netprobe says there begins with :data:`OURS`. By that it is known again and replaced, whoever copied the file meanwhile.

Source: draft-ietf-opsawg-pcapng (opt_comment, if_description, section 4.5: Name Resolution Block).
"""

from __future__ import annotations

import struct
from dataclasses import field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from netprobe.evidence.walker import SHB
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from netprobe.evidence.capture import Interface
    from netprobe.evidence.walker import ByteOrder

    RawOption = tuple[int, bytes]

OURS = "[netprobe] "
"""How every text of netprobe's own begins: comments and descriptions that begin so are its own, others are not touched."""

NRB = 4
OPT_COMMENT, OPT_CUSTOM = 1, 2988
IF_NAME, IF_DESCRIPTION, IF_TSRESOL = 2, 3, 9
MOST_TEXT = 8_000
"""Bytes of one text: more is cut. An option may have 65,535."""

_NRB_IPV4, _NRB_IPV6 = 1, 2
_MOST_NAME = 200  # bytes: Wireshark takes 256 (epan/addr_resolv.h MAXDNSNAMELEN)
_NRB_BYTES = 1 << 20  # of one block: Wireshark refuses one of 16 MiB and more
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")


class FrameComments(Protocol):
    """Comments on frames."""

    def between(self, low: int, high: int) -> Iterable[tuple[int, Sequence[str]]]:
        """The commented frames from ``low`` on and below ``high``, in ascending order, each with its comments (without :data:`OURS`)."""
        ...


class NoComments:
    """None at all."""

    def between(self, low: int, high: int) -> Iterable[tuple[int, Sequence[str]]]:  # noqa: ARG002 - as FrameComments has it
        """None."""
        return ()


class KnownComments:
    """A few, by frame."""

    def __init__(self, comments: Mapping[int, Sequence[str]]) -> None:
        self._comments = sorted(comments.items())

    def between(self, low: int, high: int) -> Iterable[tuple[int, Sequence[str]]]:
        """As :class:`FrameComments` says."""
        return [each for each in self._comments if low <= each[0] < high]


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What is said of a capture. Texts have no :data:`OURS`; lines are parted by a newline.

    Attributes:
        section: of the whole.
        interfaces: of interfaces, by their number in the file, from 0.
        called: the names of interfaces that the file gives none, by number (a pcap file's only one has none).
        names: address -> its names.
        comments: of frames.
    """

    section: str = ""
    interfaces: Mapping[int, str] = field(default_factory=dict)
    called: Mapping[int, str] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    comments: FrameComments = field(default_factory=NoComments)


NOTHING_SAID = Additions()


def ours(text: str) -> bytes:
    """A text as it stands in a file: UTF-8, with :data:`OURS` before it, cut where it is too long."""
    raw = (OURS + text).encode("utf-8", "backslashreplace")
    if len(raw) <= MOST_TEXT:
        return raw
    return raw[: MOST_TEXT - 3].decode("utf-8", "ignore").encode() + "…".encode()


def is_ours(option: RawOption) -> bool:
    """Whether netprobe wrote that option."""
    return option[0] in (OPT_COMMENT, IF_DESCRIPTION) and option[1].startswith(OURS.encode())


def option_bytes(code: int, value: bytes, order: ByteOrder) -> bytes:
    """One option, padded."""
    value = value[:0xFFFF]
    return struct.pack(order + "HH", code, len(value)) + value + _PAD[len(value) & 3]


def block_bytes(kind: int, body: bytes, order: ByteOrder) -> bytes:
    """One block."""
    body += _PAD[len(body) & 3]
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def name_blocks(names: Mapping[str, Sequence[str]], order: ByteOrder) -> Iterator[bytes]:
    """Name Resolution Blocks that give addresses their names; what is no address is left out."""
    end = struct.pack(order + "HH", 0, 0) + option_bytes(OPT_COMMENT, ours("names of containers and hosts"), order)
    end += struct.pack(order + "HH", 0, 0)
    records = b""
    for address, called in names.items():
        records += _name_record(address, called, order)
        if len(records) > _NRB_BYTES:
            yield block_bytes(NRB, records + end, order)
            records = b""
    if records:
        yield block_bytes(NRB, records + end, order)


def _name_record(address: str, called: Sequence[str], order: ByteOrder) -> bytes:
    try:
        raw = ip_address(address.partition("%")[0])
    except ValueError:
        return b""
    texts = b"".join(_name(each) + b"\0" for each in called[:16] if each)
    return option_bytes(_NRB_IPV4 if raw.version == 4 else _NRB_IPV6, raw.packed + texts, order) if texts else b""


def _name(text: str) -> bytes:
    raw = text.replace("\0", "").encode("utf-8", "backslashreplace")
    return raw if len(raw) <= _MOST_NAME else raw[: _MOST_NAME - 3].decode("utf-8", "ignore").encode() + "…".encode()


def section_bytes(order: ByteOrder, length: int, said: Sequence[str]) -> bytes:
    """A new section header.

    Args:
        order: its byte order.
        length: how long the section's other blocks are; -1: it does not say.
        said: comments on it.
    """
    head = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length)
    return block_bytes(SHB, head + options_bytes([(OPT_COMMENT, ours(each)) for each in said], order), order)


def interface_bytes(interface: Interface, order: ByteOrder, *, name: str, unit: int, said: str) -> bytes:
    """A new interface block.

    Args:
        interface: what is known of it.
        order: byte order.
        name: what it is called.
        unit: ns that one tick of its packets' times is: 1 or 1000.
        said: its description.
    """
    given = [(IF_NAME, name.encode("utf-8", "backslashreplace")), (IF_TSRESOL, b"\x09" if unit == 1 else b"\x06")]
    if said:
        given.insert(1, (IF_DESCRIPTION, ours(said)))
    head = struct.pack(order + "HHI", interface.linktype, 0, interface.snaplen)
    return block_bytes(1, head + options_bytes(given, order), order)


def options_bytes(given: Sequence[RawOption], order: ByteOrder) -> bytes:
    """Options and what ends them; nothing where there are none."""
    if not given:
        return b""
    return b"".join(option_bytes(code, value, order) for code, value in given) + struct.pack(order + "HH", 0, 0)
