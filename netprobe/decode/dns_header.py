"""The DNS header (RFC 1035 §4.1.1) of UDP datagrams to or from a port of DNS, mDNS (RFC 6762) or LLMNR (RFC 4795), as columns.

Docker's embedded server answers at 127.0.0.11 on a high port, so that address counts as well as the ports.

The header stands where it stands, and a server answers by it, also where the rest is nonsense (NOTIMP, FORMERR). But what is no DNS at all comes
to these ports too (tunnels like them): :attr:`Anomaly.BAD_DNS` tells both, and :meth:`PacketTable.is_dns` leaves them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Anomaly

if TYPE_CHECKING:
    from netprobe.decode.chunk import Chunk, Ints, Layer, Mask

PORTS = (53, 5353, 5355)
EMBEDDED_SERVER = 0x7F00000B
OPCODES = (0, 1, 2, 4, 5)  # query, inverse query, status, notify, update


def dns_header(chunk: Chunk, layer: Layer) -> None:
    """Fill the DNS columns of UDP rows (standing at the UDP header) of these ports; those that do not look like DNS are BAD_DNS."""
    layer = layer.pick(_may_be_dns(chunk, layer.rows))
    rows = layer.rows
    kept, length = chunk.columns["payload_cap"][rows], chunk.columns["payload_len"][rows]
    chunk.mark(rows[length < 12], Anomaly.BAD_DNS)
    _direction_alone(chunk, rows[(kept < 12) & (length >= 12)])
    layer = layer.pick(kept >= 12)
    data, rows, at = chunk.bytes, layer.rows, layer.at + 8
    flags = data.u16(at + 2)
    good = np.isin(flags >> 11 & 0xF, OPCODES) & _question_begins(chunk, at, chunk.columns["payload_cap"][rows])
    chunk.mark(rows[~good], Anomaly.BAD_DNS)
    chunk.put("dns_id", rows, data.u16(at))
    chunk.put("dns_qr", rows, flags >> 15)
    chunk.put("dns_rcode", rows, flags & 0xF)
    chunk.put("dns_answers", rows, data.u16(at + 6))


def _direction_alone(chunk: Chunk, rows: Ints) -> None:
    """Queries and responses whose header was not kept are told apart by which side is the server's."""
    column = chunk.columns
    ours, theirs = (
        np.isin(column[f"{end}port"][rows], PORTS)
        | ((column[f"{side}_lo"][rows] == EMBEDDED_SERVER) & (column["ip_version"][rows] == 4))
        for end, side in (("s", "src"), ("d", "dst"))
    )
    chunk.put("dns_qr", rows[ours != theirs], ours[ours != theirs].astype(np.int8))


def _may_be_dns(chunk: Chunk, rows: Ints) -> Mask:
    column = chunk.columns
    server = (column["src_lo"][rows] == EMBEDDED_SERVER) | (column["dst_lo"][rows] == EMBEDDED_SERVER)
    embedded: Mask = server & (column["ip_version"][rows] == 4)
    return embedded | np.isin(column["sport"][rows], PORTS) | np.isin(column["dport"][rows], PORTS)


def _question_begins(chunk: Chunk, at: Ints, kept: Ints) -> Mask:
    """At most a few questions (mDNS asks several), and the first begins with a label, where it was kept."""
    asked = chunk.bytes.u16(at + 4)
    good = asked <= 64
    look = np.flatnonzero((asked > 0) & (kept > 12))
    good[look] &= chunk.bytes.u8(at[look] + 12) <= 63
    return good
