from __future__ import annotations

from dataclasses import replace

import numpy as np

from netprobe.flows.expression import FlowExpr
from netprobe.flows.frame import frame
from netprobe.flows.model import FlowSummary
from netprobe.journeys.choice import at
from netprobe.model.endpoint import Endpoint
from netprobe.report.listing import MOST_LISTED
from netprobe.report.listing import listing as laid_out
from netprobe.report.plain import to_plain


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


def listing(*flows: FlowSummary) -> str:
    return to_plain(laid_out(frame(flows)))


def test_the_listing_can_be_copied_into_flow() -> None:
    lines = listing(summary(1), summary(2)).splitlines()
    assert len(lines) == 3
    number, flow = lines[1].strip().split("  ")[:2]
    assert FlowExpr.parse(number) == FlowExpr(number=2)
    chosen = FlowExpr.parse(flow)
    assert chosen.matches(proto="tcp", src="10.0.0.1", sport=2, dst="10.0.0.2", dport=80)


def test_when_it_began_can_be_copied_into_flow() -> None:
    flow = replace(summary(1), first_us=12_345_999.0)
    assert " 12.346 " in listing(flow)
    moment = FlowExpr.parse("@12.346").moment
    assert moment is not None
    begun = np.array([int(flow.first_us * 1000)])
    assert at(moment, begun, begun).tolist() == [0]


def test_the_busiest_are_listed_and_the_rest_counted() -> None:
    text = listing(*(summary(number) for number in range(1, MOST_LISTED + 11)))
    assert text.endswith("… and 10 more with fewer packets\n")
    assert "10.0.0.1:10 " not in text
    assert f"10.0.0.1:{MOST_LISTED + 10} " in text


def test_names_are_made_safe() -> None:
    assert "\x1b" not in listing(summary(1, point="\x1b[2J"), summary(2))
