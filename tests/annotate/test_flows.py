from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from netprobe.annotate.flows import FlowComments, points_said, summary
from netprobe.flowtable.table import FlowTable
from netprobe.tabulate import tabulate

CAPTURES = Path(__file__).parents[2] / "captures"


def of(table: FlowTable) -> dict[int, list[str]]:
    return {frame: list(texts) for frame, texts in FlowComments(table).between(1, 1 << 40)}


def test_a_connection_is_followed_from_point_to_point() -> None:
    table = tabulate([str(CAPTURES / "truth-http-lan-normal.pcapng")], {})
    found = [text for _, texts in sorted(of(table).items()) for text in texts]
    assert found[0] == "connection 1 (tcp), point 1 of 5; works, by DNAT; next: server2/eth0, to 192.168.3.202:80"
    assert found[1] == "connection 1 (tcp), point 2 of 5; works, by DNAT; next: server2/docker0, to 172.17.0.2:80"
    assert found[4] == "connection 1 (tcp), point 5 of 5; works, by DNAT"
    assert summary(table) == "1 connection: 1 works"
    assert points_said(table)[0] == "1 flow, 10 packets in it"


def test_where_one_ended_is_said_there() -> None:
    table = tabulate([str(CAPTURES / "docker-user-drop.pcapng")], {})
    found = [text for _, texts in sorted(of(table).items()) for text in texts]
    assert found[0].startswith("connection 1 (tcp), point 1 of 2; undetermined: nothing answered; next: server2/eth0")
    assert found[1] == "connection 1 (tcp), point 2 of 2; undetermined: nothing answered; last seen here"


@pytest.mark.parametrize("size", [1, 7, 64])
def test_it_is_the_same_in_pieces(size: int, tmp_path: Path) -> None:
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    file = tmp_path / "many.pcap"
    wrpcap(
        str(file),
        [ether / IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=5000 + port, flags="S") for port in range(50)],
    )
    comments = FlowComments(tabulate([str(file)], {}))
    parts = [each for low in range(1, 60, size) for each in comments.between(low, low + size)]
    assert parts == list(comments.between(1, 60))
    assert [frame for frame, _ in parts] == list(range(1, 51))


def test_a_capture_without_connections() -> None:
    table = tabulate([str(CAPTURES / "truth-http-lan-normal.pcapng")], {})
    none = FlowTable(rows=table.rows[:0], points=table.points)
    assert of(none) == {}
    assert summary(none) == "0 flows"
