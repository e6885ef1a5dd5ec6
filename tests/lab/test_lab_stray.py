"""The stray segment: sent once in each connection, at its moment, as a network would bring it. Pure."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether

from netprobe_lab.stray import Watch, parse

CLIENT, SERVER = ("192.0.2.1", 4000), ("192.0.2.2", 80)
MACS = {CLIENT: "02:00:00:00:00:01", SERVER: "02:00:00:00:00:02"}


def frame(source: tuple[str, int], flags: str, seq: int, ack: int = 0, data: bytes = b"") -> bytes:
    target = SERVER if source == CLIENT else CLIENT
    ethernet = Ether(src=MACS[source], dst=MACS[target])
    ends = {"sport": source[1], "dport": target[1]}
    return bytes(ethernet / IP(src=source[0], dst=target[0]) / TCP(**ends, flags=flags, seq=seq, ack=ack) / data)


HANDSHAKE = (frame(CLIENT, "S", 1000), frame(SERVER, "SA", 6000, 1001))
ACKED = frame(CLIENT, "A", 1001, 6001)


def watch(**options: Any) -> Watch:
    return Watch(**{"port": 80, "sender": "client", "ahead": 0, "after": 0, "reset": False, **options})


def test_in_the_clients_name_beyond_the_window() -> None:
    watched = watch(ahead=1_000_000)
    assert [watched.see(each) for each in HANDSHAKE] == [None, None]
    sent = Ether(watched.see(ACKED))
    assert (sent.src, sent[IP].src, sent[TCP].dport) == (MACS[CLIENT], CLIENT[0], 80)
    assert (sent[TCP].seq, sent[TCP].ack, str(sent[TCP].flags)) == (1_001_001, 6001, "PA")
    assert watched.see(ACKED) is None, "once in a connection"


def test_checksums_are_right() -> None:
    watched = watch()
    for each in HANDSHAKE:
        watched.see(each)
    raw = watched.see(ACKED)
    sent = Ether(raw)
    del sent[IP].chksum, sent[TCP].chksum
    assert bytes(sent) == raw


def test_in_the_servers_name_once_so_much_was_acknowledged() -> None:
    watched = watch(sender="server", after=5, ahead=-3)
    for each in (*HANDSHAKE, ACKED):
        assert watched.see(each) is None
    assert watched.see(frame(CLIENT, "PA", 1001, 6006, b"data")) is None, "not while the client sends itself"
    sent = Ether(watched.see(frame(CLIENT, "A", 1005, 6006)))
    assert (sent.dst, sent[IP].src, sent[TCP].sport) == (MACS[CLIENT], SERVER[0], 80)
    assert (sent[TCP].seq, sent[TCP].ack) == (6003, 1005)


def test_a_reset() -> None:
    watched = watch(sender="server", reset=True)
    for each in HANDSHAKE:
        watched.see(each)
    sent = Ether(watched.see(ACKED))
    assert (str(sent[TCP].flags), sent[TCP].seq, bytes(sent[TCP].payload)) == ("R", 6001, b"")


def test_what_is_no_segment_of_such_a_connection_is_let_alone() -> None:
    watched = watch(port=81)
    assert [watched.see(each) for each in (*HANDSHAKE, ACKED)] == [None] * 3
    assert parse(bytes(Ether() / ARP())) is None
    for length in range(len(ACKED)):
        parse(ACKED[:length])
