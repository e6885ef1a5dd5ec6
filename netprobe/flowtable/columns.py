"""The flow table: which columns a flow has, and what each means. This is the one place for that.

A flow table is a numpy structured array of :data:`FLOW`, one row a flow at one capture point. Both trackers fill the same rows: :mod:`track` (numpy,
a chunk of packets at a time) and the compiled one (a packet at a time). Fields of shape (2,) are a side each. While a flow is tracked the sides are
0: the smaller endpoint by (address, port), 1: the larger one; a finished table has 0: the client, 1: the server. ``client`` says which side the
client is.

Times are Unix times in ns, -1 where there is none; sizes are bytes; counts are packets.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FlowRows = NDArray[np.void]

HISTORY = 40  # letters: each of Zeek's once a side, and those that count again at the powers of ten


class ConnState(IntEnum):
    """Zeek's ``conn_state`` (base/protocols/conn/main.zeek). ``NONE``: no TCP; Zeek has states for other protocols too, which tell only who spoke."""

    NONE = 0
    S0 = 1
    S1 = 2
    SF = 3
    REJ = 4
    S2 = 5
    S3 = 6
    RSTO = 7
    RSTR = 8
    RSTOS0 = 9
    RSTRH = 10
    SH = 11
    SHR = 12
    OTH = 13


class DnsAnswer(IntEnum):
    """How well a DNS question was answered, the best first (RFC 1035 section 4.1.1); ``spoken.dns_ranks`` says it of a packet."""

    WELL = 0  # with a record; or an operation that is no query was done
    REFERRAL = 1  # another server is named, as who asks without recursion expects
    TRUNCATED = 2  # to be asked again over TCP
    EMPTY = 3  # the name exists, and has no record of the type
    ERROR = 4


class TlsSign(IntFlag):
    """What a side's segments show of TLS (RFC 8446 section 5.1) by how they begin; ``spoken.tls_signs`` says it of a packet.

    Of a side's first segment with payload count TLS, OTHER, HELLO, ALERT; of the others ALERT, WENT_ON, and DATA where WENT_ON was set before.
    """

    TLS = 1  # it begins as a TLS record does
    OTHER = 2  # it does not
    HELLO = 4  # with a ClientHello, and the whole segment was kept
    ALERT = 8  # with a fatal alert in clear
    WENT_ON = 16  # with a record other than an alert, longer than an encrypted alert behind a ChangeCipherSpec
    DATA = 32  # with application data, longer than an encrypted alert


_FIELDS: tuple[tuple[Any, ...], ...] = (
    # what a flow is: its key, sides 0 and 1
    ("point", "i4"),  # index of the capture point
    ("vlan", "i4"),  # outermost VLAN id; -1 untagged (PacketTable.vlan)
    ("tunnel", "i4"),  # number of the tunnel that carries it (VXLAN, GENEVE, GRE, IPIP); -1 none
    ("kind", "u1"),  # decode.table.Kind: TCP, UDP, ICMP (echo), SCTP
    ("version", "i1"),  # 4 or 6
    ("client", "i1"),  # which side is the client; -1 while not known
    ("guessed", "i1"),  # 1: that it is the client is taken from the ports or from who spoke first
    ("hi", "u8", (2,)),  # address, upper half (IPv4: 0)
    ("lo", "u8", (2,)),  # address, lower half
    ("port", "i4", (2,)),  # TCP, UDP, SCTP port; ICMP echo: both the identifier
    # how much, and when
    ("first_ns", "i8"),
    ("last_ns", "i8"),
    ("first_frame", "i8"),  # frame number of its first packet in its file
    ("packets", "i8", (2,)),
    ("bytes", "i8", (2,)),  # on the wire, link header included (origlen)
    ("payload", "i8", (2,)),  # bytes behind TCP's, UDP's header on the wire, as often as they were sent
    ("copies", "i4", (2,)),  # packets that the capture holds once more (flows/copies.py): in none of the other counts
    ("anomaly", "u2"),  # decode.table.Anomaly bits of all its packets
    ("conn_state", "u1"),  # ConnState; 0 while tracked
    ("dns_best", "i1"),  # DnsAnswer, of the best answer to either (as far as asked by then; of any, where no question was seen by then); -1 none
    # TCP
    ("flags", "u2", (2,)),  # all TCP flags of the side, or-ed
    ("syns", "i4", (2,)),  # SYNs without ACK
    ("syn_acks", "i4", (2,)),
    ("isn", "i8", (2,)),  # initial sequence number: of the first SYN or SYN-ACK; -1
    ("next", "i8", (2,)),  # highest sequence number behind what was sent, mod 2^32; -1
    ("next_ns", "i8", (2,)),  # when that grew last
    ("gap_ns", "i8", (2,)),  # when a segment last began behind it; -1
    ("acked", "i8", (2,)),  # last acknowledgement number that the side sent; -1
    ("gaps", "i4", (2,)),  # segments that began behind `next`
    ("retransmits", "i4", (2,)),
    ("out_of_order", "i4", (2,)),
    ("zero_windows", "i4", (2,)),  # segments with window 0, without SYN, RST, FIN
    ("resets", "i4", (2,)),
    ("fin_ns", "i8", (2,)),
    ("rst_ns", "i8", (2,)),  # of the side's first RST
    ("syn_ns", "i8"),  # the last SYN before the first SYN-ACK
    ("syn_ack_ns", "i8"),  # the first SYN-ACK
    ("ack_ns", "i8"),  # the first ACK of the client behind that
    ("history", "u1", (HISTORY,)),  # Zeek's history; 0 behind its end. While tracked: the letter, upper-case for side 0
    ("events", "i4"),  # letters in `history`
    # what other flows may quote of it
    ("errors", "i4"),  # ICMP errors that quote a packet of it
    ("error_type", "i2"),  # of the first of them; -1
    ("error_code", "i2"),
    ("error_ns", "i8"),
    # DNS over UDP, and TLS over TCP
    ("dns_id", "i4"),  # of its first question, else of its first message; -1 no DNS
    ("dns_last", "i4"),  # of its last question; -1 no question
    ("dns_rcode", "i2"),  # of the answer that `dns_best` is of (the first that is as good); -1
    ("tls", "u1", (2,)),  # TlsSign bits
    ("dns_answers", "i4"),  # ANCOUNT of that
    # the packet of each side by which other points' flows find it: TCP the first SYN or SYN-ACK, else the first packet
    ("head_ns", "i8", (2,)),
    ("head_ttl", "i2", (2,)),
    ("head_from", "i8", (2,)),  # link address of its sender; -1
    ("head_to", "i8", (2,)),  # and receiver
    ("head_ip_id", "i4", (2,)),
    ("head_tsval", "i8", (2,)),
    ("head_seq", "i8", (2,)),
    ("head_ack", "i8", (2,)),
    ("head_window", "i4", (2,)),
    ("head_length", "i8", (2,)),  # its payload on the wire
    ("head_kept", "i4", (2,)),  # bytes of that in `head_digest`: at most 64
    ("head_digest", "u8", (2,)),  # FNV-1a (64 bit) of them
    ("head_frame", "i8", (2,)),
    # of each side the first packet with payload: what a relay (docker-proxy) hands on in another connection
    ("data_ns", "i8", (2,)),
    ("data_length", "i8", (2,)),  # its payload on the wire; -1 it sent none
    ("data_kept", "i4", (2,)),  # bytes of that in `data_digest`: at most 64
    ("data_digest", "u8", (2,)),  # as `head_digest`
)  # fmt: skip

FLOW = np.dtype(list(_FIELDS))
"""One row of the flow table. Words of 32 bits hold whole fields, so that words can be kept instead of rows (:mod:`blocks`)."""

_ZERO = frozenset(
    (
        *("packets", "bytes", "payload", "copies", "anomaly", "flags", "syns", "syn_acks", "gaps", "retransmits"),
        *("out_of_order", "zero_windows", "resets", "history", "events", "errors", "guessed"),
        *("hi", "lo", "tls", "head_digest", "head_kept", "data_digest", "data_kept"),
    )
)


def absent(count: int) -> FlowRows:
    """``count`` rows of which nothing is known yet: counts are 0, all else is -1."""
    rows = np.zeros(count, FLOW)
    for name in FLOW.names or ():
        if name not in _ZERO and rows[name].dtype.kind == "i":
            rows[name] = -1
    return rows


def finish(rows: FlowRows) -> FlowRows:
    """Turn sides into client and server: side 0 is the client then. A history of a client that was side 1 changes its letters' case.

    Args:
        rows: :data:`FLOW`, tracked; ``client`` is 0 or 1 in each.

    Returns:
        The same rows, changed in place.
    """
    turn = np.flatnonzero(rows["client"] == 1)
    for name, (dtype, _) in (FLOW.fields or {}).items():  # type: ignore[misc]
        if dtype.shape == (2,):
            rows[name][turn] = rows[name][turn][:, ::-1]
    letters = rows["history"][turn]
    letter = (letters >= ord("A")) & (letters <= ord("z")) & (letters != ord("^"))
    rows["history"][turn] = np.where(letter, letters ^ 0x20, letters)
    rows["client"] = 0
    return rows


def histories(rows: FlowRows) -> Sequence[bytes]:
    """The histories as bytes: ``b"ShADadFf"``."""
    out: list[bytes] = np.ascontiguousarray(rows["history"]).view(f"S{HISTORY}").ravel().tolist()
    return out
