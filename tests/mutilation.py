"""Saved captures for the replay tests, what their reports should be, and ways to take evidence away from them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.decode.table import Kind
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from tests.sharing import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.packets import Packets
    from netprobe.evidence.state import HostState

CAPTURES = Path(__file__).parents[1] / "captures"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.pcapng"))


@cache
def evidence(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


@cache
def reported(name: str) -> Mapping[str, Any]:
    """The report as JSON, worked out once for all tests of a capture. Not to be changed."""
    return to_json(analyze(evidence(name)))


@cache
def expected(name: str) -> dict[str, Any]:
    """What is the same each time the experiment is recorded."""
    return {key: value for key, value in _loaded(name).items() if key != "proof"}


def proved(name: str) -> dict[str, Any]:
    """What this one capture proves: rules, the facts of the evidence, remedies."""
    found: dict[str, Any] = _loaded(name)["proof"]
    return found


@cache
def _loaded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CAPTURES / f"{name}.expected.json").read_text())
    return loaded


def works(name: str) -> bool:
    return bool(expected(name)["verdict"] == "works")


def assert_not_another(name: str, report: Any) -> None:
    """The declared verdict and cause; or undetermined, and then the cause is among those that are still possible."""
    verdict, cause = report.verdict.value, report.cause.code if report.cause else None
    want = expected(name)
    code = want["cause"]["code"] if want["cause"] else None
    assert (verdict, cause) in {("undetermined", None), (want["verdict"], code)}
    if verdict == "undetermined" and code is not None:
        assert code in report.alternatives


def only(packets: Packets, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> Packets:
    columns = ("offset", "caplen", "origlen", "time_ns", "point", "frame")
    return replace(packets, **{name: getattr(packets, name)[keep] for name in columns})


def without_point(whole: Evidence, index: int) -> Evidence:
    keep = whole.packets.point != index
    left = only(whole.packets, keep)
    moved = np.where(left.point > index, left.point - 1, left.point).astype(np.int32)
    points = tuple(point for number, point in enumerate(whole.points) if number != index)
    return replace(whole, points=points, packets=replace(left, point=moved))


def headers_alone(whole: Evidence) -> Evidence:
    """Every packet cut behind its headers, as a short snap length does: an ICMP error's include what it quotes (RFC 792)."""
    packets, table = whole.packets, decode(whole.packets, whole.points)
    end = np.where(table.payload_off >= 0, table.payload_off - packets.offset, packets.caplen)
    quoted = np.where(table.ip_version == 4, 28, 48)
    end = end + np.where(table.kind == Kind.ICMP_ERROR, quoted, 0)
    return replace(whole, packets=replace(packets, caplen=np.minimum(end, packets.caplen)))


def without_output(state: HostState, unwanted: Callable[[str], bool], *, failed: bool) -> HostState:
    """The state of a host without some of its outputs: never asked for, or (``failed``) asked for in vain."""
    outputs = {key: value for key, value in state.outputs.items() if failed or not unwanted(key)}
    for key in filter(unwanted, outputs):
        outputs[key] = replace(outputs[key], rc=None, stdout="", error="it could not be run")
    return replace(state, outputs=outputs)


def _failed(state: HostState, key: str) -> HostState:
    return without_output(state, key.__eq__, failed=True)


one_failed = Kept(_failed)
"""The state of a host with one output that was asked for in vain; the same object each time, so that tests share what becomes of it."""
