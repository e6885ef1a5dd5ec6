"""What a chunk of packets adds to its flows' rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Flag, Kind
from netprobe.flowtable import letters, said
from netprobe.flowtable.handshake import handshake
from netprobe.flowtable.heads import data, heads
from netprobe.flowtable.keys import ECHO_REQUESTS
from netprobe.flowtable.segments import firsts
from netprobe.flowtable.sequence import numbers

if TYPE_CHECKING:
    from netprobe.decode.chunk import Ints, Mask
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.batch import Batch
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.state import States

_DNS = 53


def opening(table: PacketTable, rows: Ints, side: Ints, flows: FlowRows, states: States) -> None:
    """Note what a flow's first packet tells: its frame, and who the client may be.

    In mid-stream of TCP that is guessed by the ports: the larger one is the client's. A datagram that answers one that was not captured is the
    server's. An echo's request tells.
    """
    flows["first_frame"] = table.packets.frame[rows]
    kind = table.kind[rows]
    sends = np.ones(len(rows), np.bool_)
    segment, datagram, echo = kind == Kind.TCP, kind == Kind.UDP, kind == Kind.ICMP
    sends[segment] = table.sport[rows[segment]] >= table.dport[rows[segment]]
    sends[datagram] = ~_answers(table, rows[datagram])
    sends[echo] = np.isin(table.icmp_type[rows[echo]], ECHO_REQUESTS)
    states["guess"] = np.where(sends, side, 1 - side)
    states["turned"] = segment | (datagram & ~sends)


def _answers(table: PacketTable, rows: Ints) -> Mask:
    """Whether datagrams answer ones that were not captured. What goes to a group answers nobody."""
    six, lo = table.ip_version[rows] == 6, table.dst_lo[rows]
    group = np.where(
        six, table.dst_hi[rows] >> np.uint64(56) == 0xFF, (lo >> np.uint64(28) == 0xE) | (lo == 0xFFFFFFFF)
    )
    answer = table.is_dns(rows) & (table.dns_qr[rows] == 1)
    answer |= (table.sport[rows] == _DNS) & (table.dport[rows] != _DNS)
    return np.asarray(answer & ~group, np.bool_)


def count(batch: Batch) -> None:
    """Add a chunk of packets to their flows' rows and states."""
    _sums(batch)
    kind = batch.flows["kind"][batch.segment >> 1]
    heads(batch)
    segments = batch.pick(kind == Kind.TCP)
    if len(segments):
        _flags(segments)
        said.tls(segments)
        told = numbers(segments, handshake(segments))
        letters.segments(segments, told)
    datagrams = batch.pick(kind == Kind.UDP)
    if len(datagrams):
        said.dns(datagrams)
        letters.datagrams(datagrams)
    data(batch)


def _sums(batch: Batch) -> None:
    flows, life, side, starts = batch.flows, batch.life, batch.side, batch.starts
    fresh = (flows["packets"] == 0).all(axis=1)
    flows["packets"][life, side] += np.diff(starts, append=len(batch))
    flows["bytes"][life, side] += np.add.reduceat(batch.column("origlen"), starts)
    flows["payload"][life, side] += np.add.reduceat(np.maximum(batch.column("payload_len"), 0), starts)
    time = batch.column("time_ns")
    for name, choose in (("first_ns", np.minimum), ("last_ns", np.maximum)):
        extreme = np.zeros(len(flows), np.int64)
        extreme[life] = choose.reduceat(time, starts)  # of one side; the other's follows
        choose.at(extreme, life, choose.reduceat(time, starts))
        flows[name] = np.where(fresh, extreme, choose(extreme, flows[name]))
    anomaly = batch.column("anomaly")
    if anomaly.any():
        np.bitwise_or.at(flows["anomaly"], life, np.bitwise_or.reduceat(anomaly, starts))


def _flags(batch: Batch) -> None:
    """SYNs, SYN-ACKs, resets, and when each side first sent FIN and RST."""
    flags = batch.column("tcp_flags").astype(np.int64)
    flows, segment = batch.flows, batch.segment
    shaken = np.flatnonzero(flags & SYN)
    fins, resets = np.flatnonzero(flags & Flag.FIN), np.flatnonzero(flags & Flag.RST)
    answers = flags[shaken] & SYN_ACK == SYN_ACK
    for name, events in (("syns", shaken[~answers]), ("syn_acks", shaken[answers]), ("resets", resets)):
        np.add.at(flows[name], (segment[events] >> 1, segment[events] & 1), 1)
    for name, events in (("fin_ns", firsts(fins, segment)), ("rst_ns", firsts(resets, segment))):
        life, side = segment[events] >> 1, segment[events] & 1
        new = flows[name][life, side] < 0
        flows[name][life[new], side[new]] = batch.column("time_ns")[events[new]]
