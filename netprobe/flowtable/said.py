"""What a flow's packets say of DNS and TLS, as columns: ``spoken.py`` says it of single packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.tls import APPLICATION_DATA, CHANGE_CIPHER_SPEC
from netprobe.flowtable.columns import TlsSign
from netprobe.flowtable.segments import begins, firsts, lasts, latest
from netprobe.flowtable.spoken import dns_ranks, tls_signs

if TYPE_CHECKING:
    from netprobe.decode.chunk import Ints, Mask
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.batch import Batch

_OPENING = int(TlsSign.TLS | TlsSign.OTHER | TlsSign.HELLO | TlsSign.ALERT)
_LATER = int(TlsSign.ALERT | TlsSign.WENT_ON)
_WENT_ON, _DATA = int(TlsSign.WENT_ON), int(TlsSign.DATA)


def tls(batch: Batch) -> None:
    """Note what segments show of TLS. It has to be asked before their flows' ``data_ns`` is noted: that tells a side's first payload."""
    payload = np.flatnonzero(batch.column("payload_len") > 0)
    if not len(payload):
        return
    opening = firsts(payload, batch.segment)
    opening = opening[batch.flows["data_ns"][batch.segment[opening] >> 1, batch.segment[opening] & 1] < 0]
    look = np.zeros(len(batch), np.bool_)
    look[payload] = _may_be_record(batch.table, batch.rows[payload])
    look[opening] = True
    at = np.flatnonzero(look)
    if not len(at):
        return
    first = np.isin(at, opening)
    signs = tls_signs(batch.table, batch.rows[at]).astype(np.int64)
    counted = signs & np.where(first, _OPENING, _LATER)
    segment = batch.segment[at]
    starts, known = begins(segment), batch.flows["tls"]
    before = known[segment >> 1, segment & 1] & _WENT_ON != 0
    before |= latest(counted & _WENT_ON != 0, starts) >= 0
    counted |= np.where(before & ~first, signs & _DATA, 0)
    whose = segment[starts]
    known[whose >> 1, whose & 1] |= np.bitwise_or.reduceat(counted, starts).astype(np.uint8)


def _may_be_record(table: PacketTable, rows: Ints) -> Mask:
    """Whether payloads begin as a TLS record of some type does."""
    held = np.frombuffer(table.packets.data, np.uint8)
    start, kept = table.payload_off[rows], table.payload_cap[rows] > 0
    byte = np.zeros(len(rows), np.uint8)
    byte[kept] = held[start[kept]]
    return np.asarray((byte >= CHANGE_CIPHER_SPEC) & (byte <= APPLICATION_DATA), np.bool_)


def dns(batch: Batch) -> None:
    """Note which DNS questions a flow asked, and the best answer to the first or the last one."""
    table = batch.table
    at = np.flatnonzero(batch.column("dns_id") >= 0)
    at = at[table.is_dns(batch.rows[at]) & (table.kind[batch.rows[at]] == Kind.UDP)]
    if not len(at):
        return
    at = at[np.argsort(batch.place[at])]  # both sides' messages of each flow, in file order
    rows, life = batch.rows[at], batch.segment[at] >> 1
    ident, asks = table.dns_id[rows].astype(np.int64), table.dns_qr[rows] == 0
    starts, flows = begins(life), batch.flows
    asked = flows["dns_last"] >= 0  # before this chunk
    had_first, had_last = flows["dns_id"][life].astype(np.int64), flows["dns_last"][life].astype(np.int64)
    last = latest(asks, starts)
    asked_by_now = asked[life] | (last >= 0)
    opening = firsts(np.flatnonzero(asks), life)
    first_question = np.full(len(flows), -1, np.int64)
    first_question[life[opening]] = ident[opening]
    first_id = np.where(asked[life], had_first, first_question[life])
    last_id = np.where(last >= 0, ident[last], had_last)
    fits = ~asked_by_now | (ident == first_id) | (ident == last_id)
    _best(batch, rows, life, fits & ~asks)
    whose = life[starts]
    new = flows["dns_id"][whose] < 0
    flows["dns_id"][whose[new]] = ident[starts[new]]
    overwrites = opening[~asked[life[opening]]]
    flows["dns_id"][life[overwrites]] = ident[overwrites]
    ends = lasts(np.flatnonzero(asks), life)
    flows["dns_last"][life[ends]] = ident[ends]


def _best(batch: Batch, rows: Ints, life: Ints, which: Mask) -> None:
    """Note the best of some answers, of two that are as good the first, where it is better than what was noted."""
    places = np.flatnonzero(which)
    rank = dns_ranks(batch.table, rows[places]).astype(np.int64)
    places, rank = places[rank >= 0], rank[rank >= 0]
    order = np.lexsort((places, rank, life[places]))
    order = order[begins(life[places[order]])]
    places, rank = places[order], rank[order]
    flows, whose = batch.flows, life[places]
    better = (flows["dns_best"][whose] < 0) | (rank < flows["dns_best"][whose])
    whose, row = whose[better], rows[places[better]]
    flows["dns_best"][whose] = rank[better]
    flows["dns_rcode"][whose] = batch.table.dns_rcode[row]
    flows["dns_answers"][whose] = batch.table.dns_answers[row]
