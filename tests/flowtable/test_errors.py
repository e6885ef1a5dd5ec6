"""ICMP errors and the flows that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scapy.layers.inet import IP
from scapy.layers.sctp import SCTP, SCTPChunkInit

from netprobe.decode.table import Kind
from netprobe.flowtable import errors
from netprobe.flowtable.errors import ERROR, QuotedErrors
from tests.craft import evidence, tagged, tcp, udp, unreachable
from tests.flowtable.against import tracked

if TYPE_CHECKING:
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.errors import ErrorRows
    from tests.craft import Sent

ASKED = udp("10.0.0.1:5000", "10.0.0.2:9000")


def flows(sent: list[Sent]) -> FlowRows:
    """Each packet has an identification of its own: none is another's copy."""
    for number, (*_, packet) in enumerate(sent):
        packet["IP"].id = number + 1
    case = evidence(sent)
    return tracked(case.packets, case.points)


def test_type_code_and_time_of_the_first_one() -> None:
    (row,) = flows(
        [
            ("eth0", 0, ASKED),
            ("eth0", 10, unreachable("10.0.0.2", "10.0.0.1", ASKED, code=1)),
            ("eth0", 30, unreachable("10.0.0.2", "10.0.0.1", ASKED, code=3)),
        ]
    )
    assert (row["errors"], row["error_type"], row["error_code"]) == (2, 3, 1)
    assert row["error_ns"] - row["first_ns"] == 10_000


def test_an_error_about_sctp_is_its_flows() -> None:
    """RFC 792: eight bytes of what is quoted are there at least, and SCTP's ports are the first four (RFC 9260 section 3.1)."""
    asked = IP(src="10.0.0.1", dst="10.0.0.2") / SCTP(sport=5000, dport=9000) / SCTPChunkInit()
    (row,) = flows([("eth0", 0, asked), ("eth0", 10, unreachable("10.0.0.2", "10.0.0.1", asked, code=2))])
    assert (Kind(row["kind"]), row["errors"], row["error_code"]) == (Kind.SCTP, 1, 2)


def test_an_error_before_its_flow_belongs_to_it() -> None:
    (row,) = flows([("eth0", 0, unreachable("10.0.0.2", "10.0.0.1", ASKED)), ("eth0", 10, ASKED)])
    assert row["errors"] == 1


def test_an_error_is_of_the_flow_that_had_begun_last() -> None:
    one, other = (tcp("10.0.0.1:5000", "10.0.0.2:80", "S", seq) for seq in (1, 99))
    about = [
        ("eth0", at, unreachable("10.0.0.2", "10.0.0.1", quoted))
        for at, quoted in ((1.0, one), (3.0, other), (4.0, other))
    ]
    rows = flows([("eth0", 0, one), about[0], ("eth0", 2, other), *about[1:]])
    assert rows["errors"].tolist() == [1, 2]


def test_what_is_nobodys() -> None:
    """Of another point, about a segment, about other ends, of another IP version's header."""
    segment = tcp("10.0.0.1:5000", "10.0.0.2:9000")
    rows = flows(
        [
            ("eth0", 0, ASKED),
            ("eth1", 1, unreachable("10.0.0.2", "10.0.0.1", ASKED)),
            ("eth0", 2, unreachable("10.0.0.2", "10.0.0.1", segment)),
            ("eth0", 3, unreachable("10.0.0.2", "10.0.0.1", udp("10.0.0.1:5001", "10.0.0.2:9000"))),
        ]
    )
    assert rows["errors"].tolist() == [0]


def test_an_error_is_of_these_ends_in_every_vlan() -> None:
    rows = flows(
        [
            ("eth0", 0, tagged(7, ASKED)),
            ("eth0", 1, tagged(8, ASKED)),
            ("eth0", 2, unreachable("10.0.0.2", "10.0.0.1", ASKED)),
        ]
    )
    assert rows["errors"].tolist() == [1, 1]


def kept(count: int, ports: int = 1) -> ErrorRows:
    """Errors a millisecond apart about some ports in turn."""
    rows = np.zeros(count, ERROR)
    rows["kind"], rows["version"], rows["type"], rows["count"] = 3, 4, 3, 1
    rows["port"][:, 0] = np.arange(count) % ports
    rows["ns"] = np.arange(count) * 1_000_000
    return rows


@pytest.mark.parametrize("chunk", [1000, 7001, 100_000])
def test_many_are_folded_by_the_second_however_they_came(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(errors, "MOST", 5000)
    log, rows = QuotedErrors(), kept(20_000, ports=2)
    for start in range(0, len(rows), chunk):
        log.add(rows[start : start + chunk])
    found = log.rows()
    assert (len(found), int(found["count"].sum())) == (40, 20_000)
    assert found["ns"][:3].tolist() == [0, 1_000_000, 1_000_000_000]


def test_few_are_kept_one_by_one() -> None:
    log = QuotedErrors()
    log.add(kept(100))
    assert len(log.rows()) == 100
