"""The name of the way."""

from __future__ import annotations

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, UDP

from netprobe.evidence.model import Place, Proto
from netprobe.journeys.hops import hops
from netprobe.journeys.model import Journey
from netprobe.model.endpoint import Endpoint
from netprobe.paths.classify import Way, classify
from netprobe.paths.observe import observe
from netprobe.paths.story import Intent, Observation, Symptom
from tests.craft import Sent, evidence, handshake, joined, tcp

LAN, OWN, INSIDE = "192.168.3.201:41000", "192.168.3.202:80", "172.17.0.2:80"
NEAR, OTHER = "172.17.0.3:41000", "203.0.113.10:80"
DEMO, HOST2, OUT = Place(host="s2", container="demo"), Place(host="s2"), Place(host="out")


def way(sent: list[Sent], target: Place | None, legs: int = 1, dialled: str | None = None) -> Way:
    table, found = joined(sent)
    points = evidence(sent).points
    journey = Journey(legs=found[:legs])
    intent = Intent(target=target, proto=Proto.TCP, probed=True)
    story = observe(journey, table, points, intent)
    return classify(
        journey,
        hops(journey, table, points, dialled=Endpoint.parse(dialled) if dialled else None, delivered=story.good),
        points,
        intent,
        story,
    )


def at(points: list[tuple[str, str, str, int]], seq: int = 1000, ts: int = 7, start: float = 0) -> list[Sent]:
    """One connection's handshakes at several points: (point, client, server, ttl)."""
    sent: list[Sent] = []
    for number, (point, client, server, ttl) in enumerate(points):
        sent += handshake(point, client, server, start + number, ttl=ttl, seq=seq, ts=ts)
    return sent


DNAT = at(
    [
        ("s1/eth0", LAN, OWN, 64),
        ("s2/eth0", LAN, OWN, 64),
        ("s2/docker0", LAN, INSIDE, 63),
        ("s2/demo/eth0", LAN, INSIDE, 63),
    ]
)
PROXY = [
    *at([("s2/lo", "127.0.0.1:4000", "127.0.0.1:80", 64)]),
    *at([("s2/docker0", "172.17.0.1:5000", INSIDE, 64), ("s2/demo/eth0", "172.17.0.1:5000", INSIDE, 64)], 77, 90, 200),
]
BRIDGE = at([("s2/c1/eth0", NEAR, INSIDE, 64), ("s2/veth1", NEAR, INSIDE, 64), ("s2/demo/eth0", NEAR, INSIDE, 64)])
OWN_ADDRESS = at([("s2/docker0", "192.168.3.202:4000", INSIDE, 64), ("s2/demo/eth0", "192.168.3.202:4000", INSIDE, 64)])
MASQUERADE = at(
    [("s2/c1/eth0", NEAR, OTHER, 64), ("s2/docker0", NEAR, OTHER, 64), ("s2/eth0", "192.168.3.202:41000", OTHER, 63)]
)
CROSS = [
    *at(
        [
            ("s1/c1/eth0", NEAR, OWN, 64),
            ("s1/eth0", LAN, OWN, 63),
            ("s2/eth0", LAN, OWN, 63),
            ("s2/docker0", LAN, INSIDE, 62),
        ]
    ),
    *handshake("s2/demo/eth0", LAN, INSIDE, 9, ttl=62),
]
BOTH = at(
    [
        ("s2/c1/eth0", NEAR, OWN, 64),
        ("s2/br1", NEAR, OWN, 64),
        ("s2/br2", "172.18.0.1:41000", INSIDE, 63),
        ("s2/demo/eth0", "172.18.0.1:41000", INSIDE, 63),
    ]
)
ROUTED = at(
    [
        ("s2/c1/eth0", NEAR, INSIDE, 64),
        ("s2/br1", NEAR, INSIDE, 64),
        ("s2/br2", NEAR, INSIDE, 63),
        ("s2/demo/eth0", NEAR, INSIDE, 63),
    ]
)
SHARED = at([("s2/demo/lo", "127.0.0.1:4000", "127.0.0.1:80", 64)])
MACVLAN = at(
    [
        ("s1/c1/eth0", "172.21.0.11:4000", "172.21.0.12:80", 64),
        ("s2/eth1", "172.21.0.11:4000", "172.21.0.12:80", 64),
        ("s2/demo/eth0", "172.21.0.11:4000", "172.21.0.12:80", 64),
    ]
)
LOCAL = at([("s1/eth0", LAN, OWN, 64), ("s2/eth0", LAN, OWN, 64)])


@pytest.mark.parametrize(
    ("sent", "target", "legs", "dialled", "path", "segments"),
    [
        (DNAT, DEMO, 1, OWN, "dnat", [("s2", "dnat")]),
        (DNAT, None, 1, None, "dnat", [("s2", "dnat")]),
        (PROXY, DEMO, 2, None, "docker-proxy", [("s2", "docker-proxy")]),
        (BRIDGE, DEMO, 1, INSIDE, "bridge", [("s2", "bridge")]),
        (OWN_ADDRESS, DEMO, 1, OWN, "dnat", [("s2", "dnat")]),
        (OWN_ADDRESS, DEMO, 1, INSIDE, "bridge", [("s2", "bridge")]),
        (MASQUERADE, None, 1, OTHER, "masquerade", [("s2", "masquerade")]),
        (CROSS, DEMO, 1, OWN, "dnat", [("s1", "masquerade"), ("s2", "dnat")]),
        (BOTH, DEMO, 1, OWN, "dnat-masquerade", [("s2", "dnat-masquerade")]),
        (ROUTED, DEMO, 1, INSIDE, "routed", [("s2", "routed")]),
        (SHARED, DEMO, 1, None, "shared-netns", [("s2", "shared-netns")]),
        (MACVLAN, DEMO, 1, None, "macvlan", [("s2", "macvlan")]),
        (LOCAL, HOST2, 1, OWN, "local", [("s2", "local")]),
    ],
)
def test_codes(
    sent: list[Sent], target: Place | None, legs: int, dialled: str | None, path: str, segments: list[tuple[str, str]]
) -> None:
    found = way(sent, target, legs, dialled)
    assert found.path.value == path
    assert [(segment.host, segment.path.value) for segment in found.segments] == segments


def test_refused_before_anything_was_done_is_none() -> None:
    refused: list[Sent] = [
        ("s2/lo", 0, tcp("127.0.0.1:4000", "127.0.0.1:80")),
        ("s2/lo", 3, tcp("127.0.0.1:80", "127.0.0.1:4000", "RA", 0, 1001)),
        ("s2/demo/eth0", 9, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3)),
    ]
    assert way(refused, DEMO).path.value == "none"


def test_plain_captures_have_no_hosts_and_say_what_they_assume() -> None:
    sent = at([("veth1", NEAR, INSIDE, 64), ("veth2", NEAR, INSIDE, 64)])
    found = way(sent, None)
    assert found.path.value == "bridge"
    assert found.assumptions
    assert found.segments == ()


def test_a_tag_on_the_way_is_reported() -> None:
    from scapy.layers.l2 import Dot1Q, Ether

    tagged = [
        ("s2/eth1", time + 3, Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=1) / packet)
        for _, time, packet in handshake("x", "172.22.0.21:4", "172.22.0.22:80", 0)
    ]
    ends = at(
        [("s1/c1/eth0", "172.22.0.21:4", "172.22.0.22:80", 64), ("s2/demo/eth0", "172.22.0.21:4", "172.22.0.22:80", 64)]
    )
    found = way([*ends, *tagged], DEMO)
    assert (found.path.value, found.vlan) == ("macvlan-vlan", 1)


def test_a_router_that_no_point_shows() -> None:
    one, other = "172.21.0.11:4000", "172.22.0.22:80"
    wires = [("s1/c1/eth0", one, other, 64), ("s1/eth1", one, other, 64), ("s2/eth1", one, other, 63)]
    found = way(at([*wires, ("s2/demo/eth0", one, other, 63)]), DEMO)
    assert (found.path.value, found.segments, found.between) == ("routed", (), (("s1/eth1", "s2/eth1"),))


def test_a_router_that_sends_back_into_the_same_wire() -> None:
    one, other = "172.21.0.11:4000", "172.22.0.22:80"
    target = Place(host="s1", container="demo")
    again = tagged("s1/eth1", one, other, 63, 2)
    sent = at([("s1/c1/eth0", one, other, 64), ("s1/eth1", one, other, 64)])
    found = way([*sent, *again, *handshake("s1/demo/eth0", one, other, 3, ttl=63)], target)
    assert (found.path.value, found.segments, found.between) == ("routed", (), (("s1/eth1", "s1/eth1"),))


def test_the_router_itself_sees_it_come_and_go_by_one_wire() -> None:
    one, other = "172.21.0.11:4000", "172.22.0.22:80"
    sent = [*at([("s1/c1/eth0", one, other, 64), ("r/eth1", one, other, 64)]), *tagged("r/eth1", one, other, 63, 2)]
    found = way([*sent, *handshake("s2/demo/eth0", one, other, 3, ttl=63)], DEMO)
    assert [(segment.host, segment.path.value) for segment in found.segments] == [("r", "routed")]
    assert found.between == ()


def tagged(point: str, client: str, server: str, ttl: int, time: float) -> list[Sent]:
    from scapy.layers.l2 import Dot1Q, Ether

    head = Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / Dot1Q(vlan=1)
    return [(name, us, head / packet) for name, us, packet in handshake(point, client, server, time, ttl=ttl)]


@pytest.mark.parametrize(("tagged", "path"), [(True, "none"), (False, "bridge")])
def test_a_vlan_interface_and_its_parent_are_no_ports_of_one_bridge(tagged: bool, path: str) -> None:
    """From plain captures: nothing tells what joins the two, and a tag that comes off tells that it is no plain bridge."""
    from scapy.layers.l2 import Dot1Q, Ether

    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    packets = [(time, packet) for _, time, packet in handshake("x", NEAR, INSIDE, 0)]
    sent: list[Sent] = [
        *(("eth1", time, link / Dot1Q(vlan=1) / packet if tagged else packet) for time, packet in packets),
        *(("eth1.1", time + 3, packet) for time, packet in packets),
    ]
    assert way(sent, None).path.value == path


def test_a_plain_capture_of_a_question_to_the_embedded_dns_server_names_that() -> None:
    sent: list[Sent] = [
        ("s1/c1/lo", 0, IP(src="127.0.0.1", dst="127.0.0.11") / UDP(sport=4000, dport=40053) / DNS(id=7, rd=1)),
        ("s1/c1/lo", 9, IP(src="127.0.0.11", dst="127.0.0.1") / UDP(sport=53, dport=4000) / DNS(id=7, qr=1, ancount=1)),
        ("s1/eth0", 3, IP(src="192.168.3.201", dst="192.168.3.1") / UDP(sport=5000, dport=53) / DNS(id=7, rd=1)),
    ]
    table, found = joined(sent)
    points = evidence(sent).points
    journey = Journey(legs=(next(each for each in found if each.points == {0}), found[-1]))
    story = Observation(symptom=Symptom.OK)
    seen = hops(journey, table, points, delivered=True)
    plain = classify(journey, seen, points, Intent(proto=Proto.UDP, plain=True), story)
    failed = classify(
        journey, seen, points, Intent(proto=Proto.UDP, plain=True), Observation(symptom=Symptom.NO_ANSWER)
    )
    assert (plain.path.value, plain.segments[0].host, failed.path.value) == ("embedded-dns", "s1", "none")
