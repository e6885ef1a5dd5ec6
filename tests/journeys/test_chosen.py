"""Which connection a report is about, and what is said where there is none or more than one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import NetprobeError
from netprobe.evidence.model import Limit, LimitKind
from netprobe.flows.model import SeveralFlows
from netprobe.pipeline import analyze
from tests.craft import evidence, handshake, udp

if TYPE_CHECKING:
    from tests.craft import Sent


def test_several_connections_are_listed() -> None:
    sent = [
        *handshake("eth0", "10.0.0.1:4000", "10.0.0.2:80", 0),
        *handshake("eth0", "10.0.0.3:4000", "10.0.0.2:80", 3e6, seq=9, ts=3),
    ]
    with pytest.raises(SeveralFlows) as fault:
        analyze(evidence(sent))
    assert [str(flow.src) for flow in fault.value.flows] == ["10.0.0.1:4000", "10.0.0.3:4000"]
    assert fault.value.exit_code == 2


def test_a_lookup_beside_a_connection_is_not_asked_about() -> None:
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04demo\x00\x00\x01\x00\x01"
    answer = (
        query[:2]
        + b"\x81\x80\x00\x01\x00\x01"
        + query[8:]
        + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x09\x00\x04\x0a\x00\x00\x02"
    )
    asked: list[Sent] = [("eth0", 0.0, udp("10.0.0.1:5353", "10.0.0.9:53", query))]
    answered: list[Sent] = [("eth0", 50.0, udp("10.0.0.9:53", "10.0.0.1:5353", answer))]
    connection = handshake("eth0", "10.0.0.1:4000", "10.0.0.2:80", 100)
    assert analyze(evidence([*asked, *answered, *connection])).dialled == "10.0.0.2:80/tcp"
    with pytest.raises(SeveralFlows):  # what nobody answered may be what is wrong
        analyze(evidence([*asked, *connection]))


def test_no_connection_at_all_is_said() -> None:
    with pytest.raises(NetprobeError, match="holds no packet"):
        analyze(evidence([]))


def test_a_file_cut_before_its_packets_is_told_from_an_empty_one() -> None:
    cut = replace(evidence([]), limits=(Limit(kind=LimitKind.FILE, subject="x.pcap", why="it ends in a header"),))
    with pytest.raises(NetprobeError, match="holds no packet: it ends in a header"):
        analyze(cut)
