"""Every capture that these tests make has, in the flow table, the flows that replay sees; and is told the same where it is too large to be held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.decode.decoder import decode
from netprobe.evidence.writer import write
from tests import craft
from tests.flowtable.against import built, listed, tracked
from tests.selection.both import flows_of, held, picked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flowtable.against import Flows

MOST_TOLD = 2
"""Captures of one test."""


@pytest.fixture(autouse=True)
def same_flows() -> Iterator[None]:
    """Replay makes one flow of two VLANs that hold one direction each; in the table they are two, and it is their sum that is the same."""
    craft.MADE.clear()
    yield
    for case in craft.MADE:
        table = decode(case.packets, case.points)
        found, expected = listed(tracked(case.packets, case.points)), built(table)
        if len(set(table.vlan.tolist())) > 1:
            assert summed(found) == summed(expected)
        else:
            assert found == expected


def summed(flows: Flows) -> int:
    """Packets of all flows."""
    return sum(count[1] + count[2] for counts in flows.values() for count in counts)


# Two clients' SYNs of one number, without an answer and without an IP id: the flow table, which sees how few bear the number, has one connection.
LISTED_OTHERWISE = {"test_unanswered_questions_of_two_clients_and_of_a_router_by_their_ip_id[opened]"}


@pytest.fixture(autouse=True)
def same_story(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of a large capture only one connection's packets are taken: what is listed and said is the same."""
    craft.MADE.clear()
    yield
    if request.node.name in LISTED_OTHERWISE:
        return
    for case in list(craft.MADE)[:MOST_TOLD]:
        data = write(case)
        told = held(data)
        assert picked(data) == told
        for flow in flows_of(told):
            assert picked(data, flow) == held(data, flow)
