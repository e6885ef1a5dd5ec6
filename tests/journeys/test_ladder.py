"""The ladder: each packet once, with all that saw it."""

from __future__ import annotations

import pytest

from netprobe.journeys.hops import hops
from netprobe.journeys.ladder import FIRST, LAST, ladder
from netprobe.journeys.model import Journey
from netprobe.model.hop import Direction
from netprobe.model.ladder import Arrow, Gap, Ladder
from tests.craft import Sent, echo, evidence, handshake, joined, tcp, udp, unreachable
from tests.report.html.pages import part_of

CLIENT, HOST, INSIDE = "192.168.3.201:41000", "192.168.3.202:80", "172.17.0.2:80"
DNAT = [*handshake("s/eth0", CLIENT, HOST, 0), *handshake("s/docker0", CLIENT, INSIDE, 1, ttl=63)]


def of(sent: list[Sent]) -> Ladder:
    table, found = joined(sent)
    journey = Journey(legs=found[:1])
    points = evidence(sent).points
    return ladder(journey, table, points, hops(journey, table, points, delivered=True))


def recorded(name: str) -> Ladder:
    found = part_of(name)[1].ladder
    assert found is not None
    return found


def arrows(found: Ladder) -> list[Arrow]:
    return [rung for rung in found.rungs if isinstance(rung, Arrow)]


def passed(arrow: Arrow) -> list[int]:
    return [sight.column for sight in arrow.sights]


def test_a_packet_is_one_arrow_through_all_that_saw_it() -> None:
    found = of(DNAT)
    assert [column.point for column in found.columns] == ["s/eth0", "s/docker0"]
    assert [str(column.ends) for column in found.columns] == [f"{CLIENT} → {HOST}", f"{CLIENT} → {INSIDE}"]
    assert [(arrow.info, arrow.direction, passed(arrow)) for arrow in arrows(found)] == [
        ("SYN", Direction.REQUEST, [0, 1]),
        ("SYN-ACK", Direction.REPLY, [1, 0]),
        ("ACK", Direction.REQUEST, [0, 1]),
    ]
    assert arrows(found)[0].sights[0].time_us == 0


def test_what_is_sent_again_is_an_arrow_of_its_own() -> None:
    sent: list[Sent] = []
    for time in (0.0, 1e6, 3e6):
        sent += [("s/eth0", time, tcp(CLIENT, HOST)), ("s/docker0", time + 5, tcp(CLIENT, INSIDE, ttl=63))]
    found = arrows(of(sent))
    assert [(arrow.again, passed(arrow)) for arrow in found] == [(False, [0, 1]), (True, [0, 1]), (True, [0, 1])]


def test_frames_are_those_of_the_capture() -> None:
    frames = [sight.frame for arrow in arrows(of(DNAT)) for sight in arrow.sights]
    assert sorted(frames) == list(range(1, len(DNAT) + 1))


def test_datagrams_are_known_by_what_they_carry() -> None:
    sent: list[Sent] = [
        ("s/eth0", 0, udp("10.0.0.1:1000", "10.0.0.2:2000", b"one")),
        ("s/docker0", 1, udp("10.0.0.1:1000", "172.17.0.2:2000", b"one", ttl=63)),
        ("s/eth0", 5, udp("10.0.0.1:1000", "10.0.0.2:2000", b"three", ip_id=2)),
        ("s/docker0", 6, udp("10.0.0.1:1000", "172.17.0.2:2000", b"three", ttl=63, ip_id=2)),
    ]
    assert [(arrow.size, passed(arrow)) for arrow in arrows(of(sent))] == [(3, [0, 1]), (5, [0, 1])]


def test_an_error_is_an_answer() -> None:
    asked = udp("10.0.0.1:1000", "10.0.0.2:2000", b"one")
    sent: list[Sent] = [("s/eth0", 0, asked), ("s/eth0", 9, unreachable("10.0.0.2", "10.0.0.1", asked))]
    assert [(arrow.info, arrow.direction) for arrow in arrows(of(sent))] == [
        ("3 bytes", Direction.REQUEST),
        ("ICMP port unreachable", Direction.REPLY),
    ]


def test_echoes_have_no_ports() -> None:
    found = of([("s/eth0", 0, echo("10.0.0.1", "10.0.0.2"))])
    assert str(found.columns[0].ends) == "10.0.0.1 → 10.0.0.2"


def test_the_middle_of_a_long_connection_is_left_out_and_counted() -> None:
    sent = handshake("s/eth0", CLIENT, HOST, 0)
    data = [
        ("s/eth0", 10.0 + at, tcp(CLIENT, HOST, "PA", 1001 + 10 * at, 9001, data=b"0123456789")) for at in range(1000)
    ]
    found = of([*sent, *data])
    gaps = [rung for rung in found.rungs if isinstance(rung, Gap)]
    shown = arrows(found)
    assert len(gaps) == 1
    assert len(shown) == FIRST + LAST
    assert gaps[0].packets == len(sent) + len(data) - FIRST - LAST
    assert shown[0].info == "SYN"
    assert max(sight.frame for arrow in shown for sight in arrow.sights) == len(sent) + len(data)
    assert gaps[0].from_us < gaps[0].until_us


def test_a_long_connection_is_not_looked_at_packet_by_packet() -> None:
    """Both ends of it alone, whatever its length: their packets pair up at two points."""
    sent: list[Sent] = []
    for at in range(400):
        sent.append(("s/eth0", 10.0 * at, tcp(CLIENT, HOST, "PA", 1001 + at, 9001, data=b"x")))
        sent.append(("s/docker0", 10.0 * at + 1, tcp(CLIENT, INSIDE, "PA", 1001 + at, 9001, data=b"x", ttl=63)))
    assert all(passed(arrow) == [0, 1] for arrow in arrows(of(sent)))


def test_two_connections_stand_side_by_side() -> None:
    found = recorded("truth-http-lan-dnat-deleted")
    assert found.relay == "docker-proxy"
    assert [column.leg for column in found.columns] == [1, 1, 2, 2, 2]
    assert {tuple(sorted(passed(arrow))) for arrow in arrows(found)} == {(0, 1), (2, 3, 4)}


def test_what_never_arrived_is_lost_where_it_should_have_come() -> None:
    found = recorded("docker-user-drop")
    assert [column.seen for column in found.columns] == [True, True, False, False, False]
    assert {(arrow.info, arrow.lost) for arrow in arrows(found)} == {("SYN", 2)}


def test_an_answer_is_lost_on_its_way_back() -> None:
    lost = {(arrow.info, arrow.direction, arrow.lost) for arrow in arrows(recorded("forward-drop-reply"))}
    assert ("SYN-ACK", Direction.REPLY, 1) in lost
    assert ("SYN", Direction.REQUEST, None) in lost


def test_a_tag_stands_where_it_was_on_the_wire() -> None:
    tags = {column.point: column.tag for column in recorded("macvlan-vlan").columns}
    assert tags["server1/eth1"] == tags["server2/eth1"] == "1"
    assert tags["server1/eth1.1"] == ""


@pytest.mark.parametrize("name", ["truth-http-lan-normal", "truth-http-lan-dnat-deleted", "macvlan-vlan"])
def test_every_arrow_of_what_works_passes_all_points_of_its_leg(name: str) -> None:
    found = recorded(name)
    for arrow in arrows(found):
        own = [index for index, column in enumerate(found.columns) if column.leg == arrow.leg]
        assert sorted(passed(arrow)) == own
        assert arrow.lost is None
        times = [sight.time_us for sight in arrow.sights]
        assert times == sorted(times)
