"""A capture told both ways: all of its packets held, and one connection's taken out of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.engine import PLAIN_ENGINE
from netprobe.errors import NetprobeError
from netprobe.evidence.stream.source import KeptFile
from netprobe.evidence.stream.whole import read
from netprobe.flows.expression import FlowExpr
from netprobe.flows.model import SeveralFlows
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe.selection.select import SelectedRun, selected

if TYPE_CHECKING:
    from netprobe.engine import PacketEngine

FILE = "capture.pcapng"


def taken(data: bytes, flow: str | None = None, engine: PacketEngine = PLAIN_ENGINE) -> SelectedRun:
    """What is taken of a capture file's bytes."""
    kept = KeptFile.of_bytes(FILE, data)
    asked = FlowExpr.parse(flow) if flow else None
    return selected(lambda: engine.stream([FILE], {}, {FILE: kept}), engine, asked)


def held(data: bytes, flow: str | None = None) -> Any:
    """The report of a capture file as JSON has it, or what was said instead."""
    try:
        return to_json(analyze(read(data, name=FILE), FlowExpr.parse(flow) if flow else None))
    except NetprobeError as fault:
        return _said(fault)


def picked(data: bytes, flow: str | None = None, engine: PacketEngine = PLAIN_ENGINE) -> Any:
    """The same of what is taken."""
    try:
        found = taken(data, flow, engine)
        return to_json(analyze(found.evidence, found.picked))
    except NetprobeError as fault:
        return _said(fault)


def flows_of(told: Any) -> list[str | None]:
    """What to ask for after nothing was: each of the first few that were listed, by its number."""
    lines = told[-1] if isinstance(told, tuple) else ()
    return [f"#{line.number}" for line in lines[:2]]


def _said(fault: NetprobeError) -> object:
    lines = tuple(fault.flows) if isinstance(fault, SeveralFlows) else ()
    return type(fault), str(fault), fault.hint, lines
