"""mtu-blackhole: what each of its facts decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, lossy, recorded, with_state, without

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

MTU, WIRE = "mtu-blackhole", "mtu-blackhole-wire"


def _with_echoes(evidence: Evidence, through: tuple[int, int] | None) -> Evidence:
    assert evidence.probe is not None
    return replace(evidence, probe=replace(evidence.probe, result=replace(evidence.probe.result, through=through)))


def test_a_segment_that_fits_is_no_blackhole() -> None:
    """The same packets, while the interface takes 1500 bytes: something else lost them."""
    assert code(with_state(recorded(MTU), "server2", "addr", '"mtu":1400', '"mtu":1500')) is None


def test_a_point_that_lost_packets_proves_nothing() -> None:
    assert code(lossy(recorded(MTU), "server2/eth0")) is None


def test_a_point_that_saw_nothing_proves_nothing() -> None:
    """Small packets must have passed the interface."""
    assert code(without(recorded(MTU), "server2/eth0")) is None


def test_echoes_that_find_the_size_to_the_byte_make_the_remedy_exact() -> None:
    found = analyze(_with_echoes(recorded(WIRE), (1400, 1401))).cause
    assert found is not None
    assert "packets of 1400 bytes are the largest that pass" in found.summary
    assert "1400 bytes came back, 1401 did not" in found.evidence[-1]
    assert commands(found)[0].endswith("--set-mss 1356")


@pytest.mark.parametrize("through", [None, (1300, 1450)])
def test_a_size_that_is_not_known_to_the_byte_leaves_the_least_that_every_link_takes(
    through: tuple[int, int] | None,
) -> None:
    found = analyze(_with_echoes(recorded(WIRE), through)).cause
    assert found is not None
    assert commands(found)[0].endswith("--set-mss 1240")


@pytest.mark.parametrize("through", [(1000, 1001), (1480, 1510)])
def test_echoes_that_the_packets_contradict_are_not_believed(through: tuple[int, int]) -> None:
    """1156 bytes passed and 1500 did not: whatever lost the echoes was not the size of this link."""
    found = analyze(_with_echoes(recorded(WIRE), through)).cause
    assert found is not None
    assert (found.code, len(found.evidence)) == (MTU, 2)
