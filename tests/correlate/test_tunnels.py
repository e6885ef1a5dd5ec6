"""What two hosts send each other inside of tunnels: seen at both, and without the tunnel at a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import GRE, Ether
from scapy.layers.vxlan import VXLAN

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS, Reason
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from tests.craft import evidence, served, tcp, udp

if TYPE_CHECKING:
    from netprobe.correlate.joined import Joined
    from netprobe.correlate.judge import Judged
    from netprobe.flowtable.columns import FlowRows
    from tests.craft import Sent

ONE, OTHER = "192.0.2.1", "192.0.2.2"
CLIENT, SERVER = "10.0.1.3:40000", "10.0.1.4:80"
FRAME = {"src": "02:42:0a:00:01:03", "dst": "02:42:0a:00:01:04"}


def _udp(port: int, inside: Any) -> Any:
    return UDP(sport=51000, dport=port) / inside


WRAPPED = {
    "vxlan": lambda network, packet: _udp(4789, VXLAN(vni=network, flags=8) / Ether(**FRAME) / packet),
    "geneve": lambda network, packet: _udp(6081, GENEVE(vni=network, proto=0x6558) / Ether(**FRAME) / packet),
    "gre": lambda network, packet: GRE(key_present=1, key=network) / packet,
}


def in_tunnel(kind: str, network: int, sent: list[Sent], point: str, later_us: float = 0) -> list[Sent]:
    """The same between two hosts."""
    out: list[Sent] = []
    for number, (_, at, packet) in enumerate(sent):
        ends = (ONE, OTHER) if packet[IP].src == CLIENT.partition(":")[0] else (OTHER, ONE)
        outer = (
            Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
            / IP(src=ends[0], dst=ends[1], id=number + 1)
            / WRAPPED[kind](network, packet)
        )
        out.append((point, at + later_us, outer))
    return out


def joined(sent: list[Sent]) -> tuple[FlowRows, Joined, Judged]:
    case = evidence(sent)
    tracker = Tracker(options())
    tracker.take(case.packets, case.points)
    rows = tracker.finish()
    found = join(rows, case.points)
    return rows, found, judge(rows, found, case.points)


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("network", [42, 0xABCD42])
def test_what_is_inside_is_one_connection_at_both_hosts_and_at_the_container(kind: str, network: int) -> None:
    sent = served("h1/web/eth0", CLIENT, SERVER, 0, seq=77)
    wires = [*in_tunnel(kind, network, sent, "h1/eth0", 3), *in_tunnel(kind, network, sent, "h2/eth0", 30)]
    rows, found, judged = joined([*sent, *wires])
    inside = (rows["tunnel"] >= 0) | (rows["port"][:, 1] == 80)
    assert inside.sum() == 3
    assert len(set(found.connection[inside].tolist())) == 1
    number = int(found.connection[inside][0])
    assert VERDICTS[judged.verdict[number]].value == "works"
    outside = {Reason(judged.reason[each]) for each in found.connection[~inside].tolist()}
    assert outside <= {Reason.CARRIES}, "each way has ports of its own, and that nothing answers there is no failure"


@pytest.mark.parametrize("kind", WRAPPED)
def test_networks_whose_numbers_end_alike_are_two(kind: str) -> None:
    """The same addresses and ports at one time in two tenants' networks: datagrams in which nothing differs."""
    asked, answered = udp(CLIENT, SERVER, b"x", ip_id=0), udp(SERVER, CLIENT, b"y", ip_id=0)
    sent: list[Sent] = [("", 0, asked), ("", 900, answered)]
    rows, found, _ = joined(
        [*in_tunnel(kind, 0x10042, sent, "h1/eth0"), *in_tunnel(kind, 0x20042, sent, "h2/eth0", 400)]
    )
    inside = rows["tunnel"] >= 0
    assert len(set(found.connection[inside].tolist())) == inside.sum() == 2


def test_a_datagram_to_a_tunnels_port_with_nothing_inside_is_not_answered() -> None:
    _, _, judged = joined([("h1/eth0", 0, udp(CLIENT, "192.0.2.9:4789", b"?"))])
    assert Reason(judged.reason[0]) is Reason.NO_ANSWER


def test_a_number_joins_what_is_inside_of_one_tunnel_and_what_is_not() -> None:
    syn = tcp(CLIENT, SERVER, "S", 9)
    rows, found, _ = joined([("h1/eth0", 0, syn), *in_tunnel("vxlan", 7, [("", 10.0, syn)], "h1/eth1")])
    inside = (rows["tunnel"] >= 0) | (rows["port"][:, 1] == 80)
    assert len(set(found.connection[inside].tolist())) == 1
