"""What a packet's payload tells of DNS and of TLS, a packet at a time: as :mod:`netprobe.flowtable.spoken`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled
from netprobe.compiled.reads import u8, u16
from netprobe.decode.table import Anomaly
from netprobe.decode.tls import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT_HELLO, HANDSHAKE, MAX_PAYLOAD
from netprobe.flows.build import DNS_PORT
from netprobe.flowtable.columns import DnsAnswer, TlsSign
from netprobe.flowtable.spoken import ALERT_BYTES, CHANGE_BYTES, FATAL

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Buffer, Row

BAD_DNS = int(Anomaly.BAD_DNS)
_MDNS, _LLMNR = 5353, 5355
_AA, _TC, _RD, _RA, _OPCODE = 0x0400, 0x0200, 0x0100, 0x0080, 0x7800
_WELL, _REFERRAL, _TRUNCATED, _EMPTY, _ERROR = (int(each) for each in DnsAnswer)
_TLS, _OTHER, _HELLO = int(TlsSign.TLS), int(TlsSign.OTHER), int(TlsSign.HELLO)
_ALERT, _WENT_ON, _DATA = int(TlsSign.ALERT), int(TlsSign.WENT_ON), int(TlsSign.DATA)


@compiled
def is_dns(r: Row) -> bool:
    """As :meth:`netprobe.decode.table.PacketTable.is_dns`."""
    one, other = r[c.SPORT], r[c.DPORT]
    ported = one in (DNS_PORT, _MDNS) or other in (DNS_PORT, _MDNS)
    return (ported or _LLMNR not in (one, other)) and r[c.DNS_QR] >= 0 and r[c.ANOMALY] & BAD_DNS == 0


@compiled
def dns(x: Any, b: Buffer, r: Row) -> None:
    """Note a question, or an answer that is better than those before."""
    number = r[c.DNS_ID]
    if number < 0 or not is_dns(r):
        return
    if r[c.DNS_QR] == 0:
        if x["dns_last"] < 0:
            x["dns_id"] = number
        x["dns_last"] = number
        return
    if x["dns_id"] < 0:
        x["dns_id"] = number
    rank = _rank(b, r)
    asked = x["dns_last"] < 0 or number == x["dns_id"] or number == x["dns_last"]
    if asked and (x["dns_best"] < 0 or rank < x["dns_best"]):
        x["dns_best"], x["dns_rcode"], x["dns_answers"] = rank, r[c.DNS_RCODE], r[c.DNS_ANSWERS]


@compiled
def _rank(b: Buffer, r: Row) -> int:
    flags = u16(b, r[c.PAYLOAD_OFF] + 2)
    other, cut = flags & _OPCODE != 0, flags & _TC != 0
    if r[c.DNS_RCODE] != 0:
        return _ERROR
    if (r[c.DNS_ANSWERS] > 0 or other) and (not cut or other):
        return _WELL
    if cut:
        return _TRUNCATED
    return _REFERRAL if flags & (_AA | _RA | _RD) == 0 else _EMPTY


@compiled
def tls(x: Any, side: int, b: Buffer, r: Row) -> None:
    """Note what a segment with payload shows. The side's first one is told by its ``data_ns``, which is not set yet."""
    if x["data_ns"][side] < 0:
        x["tls"][side] |= _signs(b, r) & (_TLS | _OTHER | _HELLO | _ALERT)
        return
    signs = _signs(b, r) & (_ALERT | _WENT_ON | _DATA)
    if x["tls"][side] & _WENT_ON == 0:
        signs &= ~_DATA
    x["tls"][side] |= signs


@compiled
def _signs(b: Buffer, r: Row) -> int:
    at, kept, length = r[c.PAYLOAD_OFF], r[c.PAYLOAD_CAP], r[c.PAYLOAD_LEN]
    if at < 0 or kept <= 0:
        return 0
    kind = u8(b, at)
    mine = kind in (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA)
    if not mine or (kept >= 2 and u8(b, at + 1) != 3) or (kept >= 3 and u8(b, at + 2) > 4):
        return _OTHER
    record = u16(b, at + 3) if kept >= 5 else 1
    if record == 0 or record > MAX_PAYLOAD:
        return _OTHER
    if kept < 6:
        return _TLS
    return _TLS | _whole(kind, record, u8(b, at + 5), kept, length)


@compiled
def _whole(kind: int, record: int, what: int, kept: int, length: int) -> int:
    out = 0
    if kind == HANDSHAKE and what == CLIENT_HELLO and kept == length:
        out |= _HELLO
    if kind == ALERT and record == 2 and what == FATAL:
        out |= _ALERT
    if kind != ALERT and length > CHANGE_BYTES + ALERT_BYTES:
        out |= _WENT_ON
    if kind == APPLICATION_DATA and length > ALERT_BYTES:
        out |= _DATA
    return out
