"""Rows of raw bytes for the decoder, and the promises that its table keeps whatever the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.decode.table import Kind, PacketTable
from netprobe.evidence.model import CapturePoint
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Sequence


class Decoded(Protocol):
    def __call__(self, raws: Sequence[bytes], *, linktype: int = 1, origlen: int | None = None) -> PacketTable: ...


def check(table: PacketTable) -> None:
    rows = table.packets
    here = table.payload_off >= 0
    end = rows.offset + rows.caplen
    assert (table.payload_off[here] >= rows.offset[here]).all()
    assert (table.payload_off[here] + table.payload_cap[here] <= end[here]).all()
    assert (table.payload_cap[here] >= 0).all()
    assert (table.payload_cap[here] <= table.payload_len[here]).all()
    assert (table.payload_cap[~here] == -1).all()
    assert (table.payload_len[~here] == -1).all()
    for kind, column in ((Kind.TCP, table.tcp_flags), (Kind.ARP, table.arp_op), (Kind.ICMP_ERROR, table.icmp_type)):
        assert (column[table.kind == kind] >= -(1 << 15)).all()
    assert (table.tcp_flags[table.kind == Kind.TCP] >= 0).all()
    assert (table.ip_version[table.kind == Kind.IP_OTHER] > 0).all()
    assert (table.dns_id[table.kind != Kind.UDP] == -1).all()
    assert (table.inner_proto[table.kind != Kind.ICMP_ERROR] == -1).all()


@pytest.fixture(scope="session")
def decoded() -> Decoded:
    """Decode raw packets of one link type, laid one after the other between bytes that belong to none."""

    def make(raws: Sequence[bytes], *, linktype: int = 1, origlen: int | None = None) -> PacketTable:
        gap = b"\xee" * 3
        lengths = np.array([len(raw) for raw in raws], np.int64)
        packets = Packets(
            data=gap + gap.join(raws) + (gap if raws else b""),
            offset=np.cumsum(lengths + len(gap)) - lengths,
            caplen=lengths,
            origlen=lengths if origlen is None else np.full(len(raws), origlen, np.int64),
            time_ns=np.zeros(len(raws), np.int64),
            point=np.zeros(len(raws), np.int32),
            frame=np.arange(1, len(raws) + 1, dtype=np.int64),
        )
        table = decode(packets, [CapturePoint(name="x", interface="x", linktype=linktype)])
        check(table)
        return table

    return make
