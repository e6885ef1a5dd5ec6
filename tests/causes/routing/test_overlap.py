"""A Docker network that covers somebody else's addresses: for requests, for answers, for its own containers; and where nobody else has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Place, Proto
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state
from tests.verdict.test_prediction import unsent

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Finding

CLIENT, OUTSIDE = Place(host="server2", container="client"), Place(host="outside")


def predicted(evidence: Evidence, source: Place, address: str) -> Finding | None:
    """What would stop a ping, by the same state."""
    assert evidence.probe is not None
    probe = replace(
        evidence.probe, proto=Proto.ICMP, source_at=source, target_at=None, dialled=address, dialled_port=None,
        target_address=None, target_port=None,
    )  # fmt: skip
    return analyze(replace(evidence, probe=probe)).cause


def test_a_container_of_that_network_takes_the_other_for_a_neighbour() -> None:
    evidence = with_state(unsent("internal-network-and-another"), "outside", "addr", "203.0.113.10", "172.17.0.99")
    cause = predicted(evidence, CLIENT, "172.17.0.99")
    assert cause is not None
    assert (cause.code, cause.where.host) == ("subnet-overlap", "server2")
    assert predicted(unsent("internal-network-and-another"), CLIENT, "172.17.0.99") is not cause


def test_an_answer_to_whoever_has_such_an_address_is_lost() -> None:
    """The network covers a part of the LAN: what a host there asks arrives, and its answer goes to the bridge."""
    evidence = unsent("subnet-overlap")
    for key in ("route", "networks"):
        evidence = with_state(evidence, "server2", key, "203.0.113.0/25", "192.168.3.0/25")
    lost = predicted(evidence, OUTSIDE, "192.168.3.202")
    assert lost is not None
    assert lost.code == "subnet-overlap"
    assert "the answer" in lost.summary
    assert "docker network rm lap" in commands(lost)
    assert predicted(evidence, Place(host="server1"), "192.168.3.202") is None


@pytest.mark.parametrize("name", ["subnet-overlap", "subnet-overlap-empty", "subnet-overlap-container"])
def test_the_prediction_names_it_too(name: str) -> None:
    cause = analyze(unsent(name)).cause
    assert cause is not None
    assert cause.code == "subnet-overlap"


def test_what_nobody_else_has_is_not_it() -> None:
    assert analyze(recorded("nobody-on-bridge")).cause is None
