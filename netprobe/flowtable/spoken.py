"""What a packet's payload tells of DNS and of TLS, for the columns ``dns_best`` and ``tls``: many packets at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.tls import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT_HELLO, HANDSHAKE, MAX_PAYLOAD
from netprobe.flowtable.columns import DnsAnswer, TlsSign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable

_AA, _TC, _RD, _RA, _OPCODE = 0x0400, 0x0200, 0x0100, 0x0080, 0x7800
_HEAD = 7  # bytes that are looked at
FATAL = 2
ALERT_BYTES = 5 + 2 + 1 + 16  # of a record of TLS 1.3: header, level and description, type, an AEAD's tag
CHANGE_BYTES = 6  # of a ChangeCipherSpec


def dns_ranks(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.int8]:
    """How well each of these packets answers a DNS question.

    Args:
        table: the packet table.
        rows: rows of it.

    Returns:
        int8, one a row: :class:`DnsAnswer`; -1 where it is no answer of DNS or mDNS (LLMNR is asked of a group), or its header was not kept.
        Of the response code the header's four bits count.
    """
    out = np.full(len(rows), -1, np.int8)
    told = np.flatnonzero(table.is_dns(rows) & (table.dns_qr[rows] == 1) & (table.dns_id[rows] >= 0))
    at = rows[told]
    head = _first_bytes(table, at)
    flags = head[:, 2].astype(np.int64) << 8 | head[:, 3]
    other = (flags & _OPCODE) != 0
    cut = (flags & _TC) != 0
    full = (table.dns_answers[at] > 0) | other
    out[told] = np.select(
        [table.dns_rcode[at] != 0, full & (~cut | other), cut, (flags & (_AA | _RA | _RD)) == 0],
        [DnsAnswer.ERROR, DnsAnswer.WELL, DnsAnswer.TRUNCATED, DnsAnswer.REFERRAL],
        DnsAnswer.EMPTY,
    )
    return out


def tls_signs(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """What each of these packets shows of TLS: :class:`TlsSign` bits, 0 for what is no TCP or has no payload that was kept.

    Which of them count depends on the packet's place in its flow: see :class:`TlsSign`.
    """
    length, kept = table.payload_len[rows], table.payload_cap[rows]
    head = _first_bytes(table, rows)
    kind, major, minor = head[:, 0], head[:, 1], head[:, 2]
    record = head[:, 3].astype(np.int64) << 8 | head[:, 4]
    mine = (kind == CHANGE_CIPHER_SPEC) | (kind == ALERT) | (kind == HANDSHAKE) | (kind == APPLICATION_DATA)
    mine &= ((kept < 2) | (major == 3)) & ((kept < 3) | (minor <= 4))
    mine &= (kept < 5) | ((record > 0) & (record <= MAX_PAYLOAD))
    whole = mine & (kept >= _HEAD - 1)
    signs = np.where(mine, TlsSign.TLS, TlsSign.OTHER).astype(np.int64)
    for sign, holds in (
        (TlsSign.HELLO, whole & (kind == HANDSHAKE) & (head[:, 5] == CLIENT_HELLO) & (kept == length)),
        (TlsSign.ALERT, whole & (kind == ALERT) & (record == 2) & (head[:, 5] == FATAL)),
        (TlsSign.WENT_ON, whole & (kind != ALERT) & (length > CHANGE_BYTES + ALERT_BYTES)),
        (TlsSign.DATA, whole & (kind == APPLICATION_DATA) & (length > ALERT_BYTES)),
    ):
        signs |= np.where(holds, sign, 0)
    signs[(table.kind[rows] != Kind.TCP) | (kept <= 0)] = 0
    return signs.astype(np.uint8)


def _first_bytes(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The first bytes of each payload, 0 behind what was kept: uint8 (n, 7)."""
    held = np.frombuffer(table.packets.data, np.uint8)
    if not len(held):
        return np.zeros((len(rows), _HEAD), np.uint8)
    offset = np.arange(_HEAD)
    at = table.payload_off[rows][:, None] + offset
    inside = (offset < table.payload_cap[rows][:, None]) & (table.payload_off[rows][:, None] >= 0)
    return np.where(inside, held[np.where(inside, at, 0)], 0).astype(np.uint8)
