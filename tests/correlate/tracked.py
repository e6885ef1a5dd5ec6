"""A flow table's rows and their joins made of the flows and connections of replay, packet by packet: slow, and independent of the trackers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.joined import Joined, Role
from netprobe.decode.table import SYN, SYN_ACK, Flag, Kind
from netprobe.flowtable.columns import TlsSign, absent
from netprobe.flowtable.spoken import dns_ranks, tls_signs
from netprobe.journeys.chosen import journey_of
from netprobe.journeys.hops import is_advice, request_row
from netprobe.journeys.stray import Strays
from netprobe.state.model import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow
    from netprobe.flowtable.columns import FlowRows
    from netprobe.journeys.model import Connection

_WHOLE, _HALF = 1 << 32, 1 << 31
ACK, FIN, RST = int(Flag.ACK), int(Flag.FIN), int(Flag.RST)


def rows_of(flows: Sequence[Flow], table: PacketTable) -> FlowRows:
    """One row a flow, in their order; side 0 is the flow's client."""
    rows = absent(len(flows))
    for row, flow in zip(rows, flows, strict=True):
        _identity(row, flow, table)
        for side, sent in enumerate((flow.forward, flow.reverse)):
            _side(row, side, sent, flow, table)
        _history(row, flow, table)
        _dns(row, flow, table)
        _errors(row, flow, table)
        if flow.kind == Kind.TCP:
            _handshake(row, flow, table)
    return rows


def _identity(row: np.void, flow: Flow, table: PacketTable) -> None:
    every = np.concatenate([flow.forward, flow.reverse])
    row["point"], row["vlan"], row["kind"], row["version"] = flow.point, flow.vlan, flow.kind, flow.client.version
    row["client"] = 0
    for side, end in enumerate((flow.client, flow.server)):
        row["hi"][side], row["lo"][side], row["port"][side] = end.hi, end.lo, end.port
    times = table.packets.time_ns[every]
    row["first_ns"], row["last_ns"] = times.min(), times.max()
    row["first_frame"] = table.packets.frame[every[int(times.argmin())]]


def _side(row: np.void, side: int, sent: np.ndarray, flow: Flow, table: PacketTable) -> None:
    row["packets"][side] = len(sent)
    row["payload"][side] = np.maximum(table.payload_len[sent], 0).sum()
    tcp = flow.kind == Kind.TCP
    for packet in sent.tolist():
        time = int(table.packets.time_ns[packet])
        flags = int(table.tcp_flags[packet]) if tcp else 0
        size = max(int(table.payload_len[packet]), 0)
        if tcp:
            _segment(row, side, packet, flags, size, table)
        if size and row["data_length"][side] < 0:
            row["data_ns"][side], row["data_length"][side] = time, size
    if not len(sent):
        return
    head = int(sent[0])
    if tcp:
        wanted = SYN if side == 0 else SYN_ACK
        opened = [packet for packet in sent.tolist() if table.tcp_flags[packet] & SYN_ACK == wanted]
        head = opened[0] if opened else head
        assert side or head == request_row(flow, table)
    for name, column in (
        ("head_ns", table.packets.time_ns), ("head_ttl", table.ttl), ("head_from", table.eth_src), ("head_to", table.eth_dst),
        ("head_ip_id", table.ip_id), ("head_tsval", table.tsval), ("head_seq", table.seq), ("head_ack", table.ack),
        ("head_length", table.payload_len), ("head_frame", table.packets.frame),
    ):  # fmt: skip
        row[name][side] = column[head]
    said = table.payload(head)[:64]
    row["head_kept"][side], row["head_digest"][side] = len(said), _fnv(said)


def _fnv(said: bytes) -> int:
    out = 0xCBF29CE484222325
    for byte in said:
        out = (out ^ byte) * 0x100000001B3 % (1 << 64)
    return out


def _segment(row: np.void, side: int, packet: int, flags: int, size: int, table: PacketTable) -> None:
    time, seq = int(table.packets.time_ns[packet]), int(table.seq[packet])
    row["flags"][side] |= flags
    if flags & SYN_ACK == SYN:
        row["syns"][side] += 1
    elif flags & SYN_ACK == SYN_ACK:
        row["syn_acks"][side] += 1
    if flags & SYN and row["isn"][side] < 0:
        row["isn"][side] = seq
    _numbers(row, side, seq, size + bool(flags & SYN) + bool(flags & FIN))
    if flags & ACK:
        row["acked"][side] = table.ack[packet]
    if flags & RST:
        row["resets"][side] += 1
    for name, flag in (("fin_ns", FIN), ("rst_ns", RST)):
        if flags & flag and row[name][side] < 0:
            row[name][side] = time
    if size:
        _signs(row, side, int(tls_signs(table, np.array([packet]))[0]))


def _numbers(row: np.void, side: int, seq: int, length: int) -> None:
    end = (seq + length) % _WHOLE
    if row["next"][side] < 0 or (length and (end - int(row["next"][side]) + _HALF) % _WHOLE - _HALF > 0):
        row["next"][side] = end
    elif length:
        row["retransmits"][side] += 1


def _signs(row: np.void, side: int, sign: int) -> None:
    if row["data_length"][side] < 0:
        row["tls"][side] |= sign & 15
        return
    if not row["tls"][side] & TlsSign.WENT_ON:
        sign &= ~int(TlsSign.DATA)
    row["tls"][side] |= sign & (TlsSign.ALERT | TlsSign.WENT_ON | TlsSign.DATA)


def _history(row: np.void, flow: Flow, table: PacketTable) -> None:
    sent = sorted(
        [(int(table.packets.time_ns[each]), each, 0) for each in flow.forward.tolist()]
        + [(int(table.packets.time_ns[each]), each, 1) for each in flow.reverse.tolist()]
    )
    said = ""
    for _, packet, side in sent:
        letters = (
            _letters(int(table.tcp_flags[packet]), int(table.payload_len[packet])) if flow.kind == Kind.TCP else "D"
        )
        for letter in letters:
            cased = letter.lower() if side else letter
            said += "" if cased in said else cased
    row["history"][: len(said)] = np.frombuffer(said.encode(), np.uint8)
    row["events"] = len(said)


def _letters(flags: int, size: int) -> str:
    out = "H" if flags & SYN_ACK == SYN_ACK else "S" if flags & SYN else ""
    out += "F" if flags & FIN else ""
    out += "R" if flags & RST else ""
    out += "D" if size > 0 else ""
    return out or ("A" if flags & ACK else "")


def _handshake(row: np.void, flow: Flow, table: PacketTable) -> None:
    flags, times = table.tcp_flags, table.packets.time_ns
    accepted = [int(times[each]) for each in flow.reverse.tolist() if flags[each] & SYN_ACK == SYN_ACK]
    asked = [int(times[each]) for each in flow.forward.tolist() if flags[each] & SYN_ACK == SYN]
    if accepted:
        row["syn_ack_ns"] = accepted[0]
        row["ack_ns"] = next(
            (
                int(times[each])
                for each in flow.forward.tolist()
                if flags[each] & (SYN | RST | ACK) == ACK and times[each] >= accepted[0]
            ),
            -1,
        )
    before = [time for time in asked if not accepted or time <= accepted[0]]
    row["syn_ns"] = before[-1] if before else -1


def _dns(row: np.void, flow: Flow, table: PacketTable) -> None:
    sent = np.sort(np.concatenate([flow.forward, flow.reverse]))
    for packet in sent[table.is_dns(sent) & (table.dns_id[sent] >= 0)].tolist() if flow.kind == Kind.UDP else []:
        number = int(table.dns_id[packet])
        if table.dns_qr[packet] == 0:
            row["dns_id"] = number if row["dns_last"] < 0 else row["dns_id"]
            row["dns_last"] = number
            continue
        row["dns_id"] = number if row["dns_id"] < 0 else row["dns_id"]
        rank = int(dns_ranks(table, np.array([packet]))[0])
        if (row["dns_last"] < 0 or number in (row["dns_id"], row["dns_last"])) and (
            row["dns_best"] < 0 or rank < row["dns_best"]
        ):
            row["dns_best"], row["dns_rcode"], row["dns_answers"] = (
                rank,
                table.dns_rcode[packet],
                table.dns_answers[packet],
            )


def _errors(row: np.void, flow: Flow, table: PacketTable) -> None:
    row["errors"] = len(flow.errors)
    told = [each for each in flow.errors if not is_advice(table, each)] or list(flow.errors)
    if told:
        row["error_type"], row["error_code"] = table.icmp_type[told[0]], table.icmp_code[told[0]]
        row["error_ns"] = table.packets.time_ns[told[0]]


def joined_of(found: Sequence[Connection], flows: Sequence[Flow], table: PacketTable) -> Joined:
    """What replay joins, as columns."""
    count = len(found)
    connection, turned = np.zeros(len(flows), np.int64), np.zeros(len(flows), np.bool_)
    order: list[int] = []
    begin = [0]
    number = {id(each): index for index, each in enumerate(found)}
    inner_of, outer_of, stray_of = (np.full(count, -1, np.int64) for _ in range(3))
    role, unclear = np.zeros(count, np.uint8), np.zeros(count, np.bool_)
    strays = Strays(found, table)
    for index, each in enumerate(found):
        for flow in each.flows:
            connection[flow.number] = index
            turned[flow.number] = flow.client != flows[flow.number].client
            order.append(flow.number)
        begin.append(len(order))
        journey = journey_of(each, found, table, World())
        unclear[index] = bool(journey.unknowns)
        if journey.proxied:
            inner = number[id(journey.inner)]
            inner_of[index], outer_of[inner] = inner, index
            role[index], role[inner] = Role.OUTER, Role.INNER
        stray = strays.reply_to(each)
        if stray is not None:
            stray_of[index] = number[id(stray)]
            role[number[id(stray)]] = Role.STRAY
    return Joined(
        connection=connection, turned=turned, shift_ns=np.zeros(len(flows), np.int64),
        order=np.array(order, np.int64), begin=np.array(begin, np.int64), role=role, unclear=unclear, inner_of=inner_of, outer_of=outer_of, stray_of=stray_of,
    )  # fmt: skip
