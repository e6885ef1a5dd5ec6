"""docker-proxy's two connections."""

from __future__ import annotations

from netprobe.journeys.proxy import Mapping, inner_of
from tests.craft import Sent, handshake, joined, tcp, udp

OUTER = handshake("lo", "127.0.0.1:40000", "127.0.0.1:80", 0)
INNER = handshake("B", "172.17.0.1:50000", "172.17.0.2:80", 100, seq=77, ts=900)
MAP = Mapping(
    proto="tcp", host_port=80, container_address="172.17.0.2", container_port=80, process="docker-proxy pid 7"
)


def test_joined_by_order() -> None:
    table, (outer, inner) = joined([*OUTER, *INNER])
    (pair,) = inner_of(outer, (outer, inner), table)
    assert pair.inner is inner
    assert pair.joined_by == ("order",)


def test_state_adds_the_process_and_the_gateway() -> None:
    table, (outer, inner) = joined([*OUTER, *INNER])
    (pair,) = inner_of(outer, (outer, inner), table, (MAP,), frozenset({"172.17.0.1"}))
    assert pair.joined_by == ("order", "gateway source", "proxy process")
    assert pair.process == "docker-proxy pid 7"


def test_an_inner_syn_before_the_outer_syn_ack_is_no_proxy() -> None:
    early = handshake("B", "172.17.0.1:50000", "172.17.0.2:80", 2, seq=77, ts=900)
    table, found = joined([*OUTER, *early])
    assert inner_of(found[0], found, table) == ()


def test_other_payload_is_another_connection() -> None:
    say: list[Sent] = [
        ("lo", 20, tcp("127.0.0.1:40000", "127.0.0.1:80", "PA", 1001, 6001, data=b"GET /one")),
        ("B", 120, tcp("172.17.0.1:50000", "172.17.0.2:80", "PA", 78, 5078, data=b"GET /two")),
    ]
    table, found = joined([*OUTER, *INNER, *say])
    assert inner_of(found[0], found, table) == ()


def test_equal_payload_joins_however_it_is_cut() -> None:
    say: list[Sent] = [
        ("lo", 20, tcp("127.0.0.1:40000", "127.0.0.1:80", "PA", 1001, 6001, data=b"GET /one HTTP/1.1")),
        ("B", 120, tcp("172.17.0.1:50000", "172.17.0.2:80", "PA", 78, 5078, data=b"GET /one")),
        ("B", 125, tcp("172.17.0.1:50000", "172.17.0.2:80", "PA", 86, 5078, data=b" HTTP/1.1")),
    ]
    table, found = joined([*OUTER, *INNER, *say])
    (pair,) = inner_of(found[0], found, table)
    assert "payload" in pair.joined_by


def test_two_dials_at_once_are_ambiguous_without_state() -> None:
    second = handshake("B", "172.17.0.1:50001", "172.17.0.3:80", 110, seq=88, ts=901)
    table, found = joined([*OUTER, *INNER, *second])
    assert len(inner_of(found[0], found, table)) == 2
    assert len(inner_of(found[0], found, table, (MAP,))) == 1


def test_a_udp_relay_needs_the_same_payload() -> None:
    sent: list[Sent] = [
        ("lo", 0, udp("127.0.0.1:4000", "127.0.0.1:80", b"tag")),
        ("B", 90, udp("172.17.0.1:5000", "172.17.0.2:80", b"tag")),
    ]
    table, found = joined(sent)
    assert len(inner_of(found[0], found, table)) == 1
    other: list[Sent] = [sent[0], ("B", 90, udp("172.17.0.1:5000", "172.17.0.2:80", b"gat"))]
    table, found = joined(other)
    assert inner_of(found[0], found, table) == ()


def test_an_idle_probe_is_told_from_busy_connections_at_the_same_time() -> None:
    """On a busy host many connections are relayed at once: bytes and lifetimes tell whose is whose."""
    idle = [*OUTER, ("lo", 200_000.0, tcp("127.0.0.1:40000", "127.0.0.1:80", "FA", 1001, 6001))]
    mine = [*INNER, ("B", 200_100.0, tcp("172.17.0.1:50000", "172.17.0.2:80", "FA", 78, 5078))]
    sent: list[Sent] = [*idle, *mine]
    for number in range(1, 8):
        port, seq, at = 50_000 + number, 70_001 * number, 90.0 + 1000 * number
        sent += handshake("B", f"172.17.0.1:{port}", "172.17.0.2:80", at, seq=seq, ts=1000 + number)
        sent.append(
            ("B", at + 20, tcp(f"172.17.0.1:{port}", "172.17.0.2:80", "PA", seq + 1, seq + 5001, data=b"GET /"))
        )
    sent += handshake("B", "172.17.0.1:51000", "172.17.0.2:80", 200_050, seq=5, ts=5)  # dialled after the probe's end
    table, found = joined(sent)
    (pair,) = inner_of(found[0], found, table, (MAP,), frozenset({"172.17.0.1"}))
    assert pair.inner.flows[0].client.port == 50000


def test_a_relay_does_not_end_before_its_client() -> None:
    idle = [*OUTER, ("lo", 200_000.0, tcp("127.0.0.1:40000", "127.0.0.1:80", "FA", 1001, 6001))]
    early = [*INNER, ("B", 9_000.0, tcp("172.17.0.1:50000", "172.17.0.2:80", "FA", 78, 5078))]
    table, found = joined([*idle, *early])
    assert inner_of(found[0], found, table, (MAP,)) == ()
