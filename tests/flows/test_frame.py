from __future__ import annotations

from netprobe.flows.frame import busiest, frame
from netprobe.flows.model import FlowSummary
from netprobe.model.endpoint import Endpoint


def summary(number: int, point: str = "eth0") -> FlowSummary:
    return FlowSummary(
        proto="tcp",
        src=Endpoint("10.0.0.1", number),
        dst=Endpoint("10.0.0.2", 80),
        packets=number,
        payload_bytes=number * 10,
        points=(point, "docker0"),
        first_us=1e6 - number,
        number=number,
    )


def test_one_row_a_flow_in_order_of_time() -> None:
    table = frame([summary(1), summary(2)])
    assert table["src"].tolist() == ["10.0.0.1:2", "10.0.0.1:1"]
    assert table["points"].tolist() == ["eth0, docker0"] * 2


def test_the_busiest_keep_their_order() -> None:
    table = busiest(frame([summary(1), summary(2), summary(3)]), 2)
    assert table["src"].tolist() == ["10.0.0.1:3", "10.0.0.1:2"]


def test_nothing_is_an_empty_table() -> None:
    assert frame([]).empty
