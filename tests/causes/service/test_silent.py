"""An application that took the request and said nothing: what packets and state decide, on the recorded evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.decode.table import Flag
from netprobe.pipeline import analyze
from tests.causes.altered import code, lossy, only, recorded, with_state, without, without_key

if TYPE_CHECKING:
    from netprobe.evidence.state import HostState

NAME = "app-silent"
TCP_FLAGS = 14 + 20 + 13  # in an Ethernet frame with an IPv4 header without options


def test_one_that_is_paused_is_not_silent() -> None:
    assert (
        code(with_state(recorded(NAME), "server2", "containers", '"Status": "running"', '"Status": "paused"')) != NAME
    )


def test_the_request_must_have_been_seen_inside() -> None:
    whole = recorded(NAME)
    assert code(without(whole, "server2/web/eth0")) is None
    report = analyze(lossy(whole, "server2/web/eth0"))
    assert report.cause is None
    assert NAME in report.alternatives


def test_a_request_that_nobody_acknowledged_may_be_lost() -> None:
    whole = recorded(NAME)
    table = decode(whole.packets, whole.points)
    inside = next(number for number, each in enumerate(whole.points) if each.name == "server2/web/eth0")
    acknowledgement = (table.packets.point == inside) & (table.sport == 80) & (table.tcp_flags == 0x10)
    assert acknowledgement.any()
    late = np.asarray(table.packets.time_ns) > int(table.packets.time_ns.max()) - 10**9
    assert code(only(whole, ~(acknowledgement & ~late))) is None


def test_whether_it_runs_must_be_known() -> None:
    report = analyze(without_key(recorded(NAME), "containers"))
    assert report.cause is None
    assert NAME in report.alternatives


def test_without_state_it_is_not_said() -> None:
    whole = recorded(NAME)
    assert code(replace(whole, before=(), after=())) is None


@pytest.mark.parametrize("name", ["app-silent-closes", "app-silent-closes-late"])
def test_an_end_that_is_acknowledged_before_the_clients_own_is_no_byte_that_was_heard(name: str) -> None:
    whole = recorded(name)
    assert whole.probe is not None
    table, data = decode(whole.packets, whole.points), bytearray(whole.packets.data)
    to = (80, whole.probe.dialled_port or 0)
    ends = np.flatnonzero((table.tcp_flags & Flag.FIN > 0) & np.isin(table.dport, to))
    assert len(ends)
    for row in ends.tolist():
        data[int(whole.packets.offset[row]) + TCP_FLAGS] &= ~Flag.FIN
    assert code(replace(whole, packets=replace(whole.packets, data=bytes(data)))) == NAME


def test_a_rule_inside_the_container_that_stopped_something_may_have_kept_the_answer() -> None:
    """What OUTPUT drops no interface sees: the application may have answered."""
    rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[%s] -A OUTPUT -p tcp -m tcp --tcp-flags PSH PSH -j DROP\nCOMMIT\n"
    whole = recorded("app-silent")

    def with_rule(states: tuple[HostState, ...], counted: str) -> tuple[HostState, ...]:
        found = []
        for state in states:
            output = state.outputs.get("ns/web/iptables")
            text = {"ns/web/iptables": replace(output, stdout=rules % counted)} if output is not None else {}
            found.append(replace(state, outputs={**state.outputs, **text}))
        return tuple(found)

    for counted, wanted in (("0:0", "app-silent"), ("4:900", None)):
        report = analyze(replace(whole, before=with_rule(whole.before, "0:0"), after=with_rule(whole.after, counted)))
        assert (report.cause.code if report.cause else None) == wanted
