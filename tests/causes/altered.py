"""Recorded evidence with one fact changed: for tests of what each fact decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.evidence.stream.whole import read
from netprobe.flows.build import build
from netprobe.journeys.chosen import choose, journey_of
from netprobe.journeys.clocks import on_one_clock
from netprobe.journeys.join import connections
from netprobe.model.remedy import shell_line
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from netprobe.verdict.gather import gather
from netprobe.verdict.target import intent_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState
    from netprobe.model.report import Finding


CAPTURES = Path(__file__).parents[2] / "captures"


def recorded(name: str) -> Evidence:
    """A capture of the collection."""
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def changed(state: HostState, kind: str, old: str, new: str) -> HostState:
    """One command's output changed; the text must be there."""
    output = state.outputs[kind]
    assert old in output.stdout
    return replace(state, outputs={**state.outputs, kind: replace(output, stdout=output.stdout.replace(old, new))})


def with_state(evidence: Evidence, host: str, kind: str, old: str, new: str) -> Evidence:
    """One command's output of a host changed, before the probe and (where it was asked again) after it."""
    before, after = (
        tuple(changed(each, kind, old, new) if each.host == host and kind in each.outputs else each for each in states)
        for states in (evidence.before, evidence.after)
    )
    return replace(evidence, before=before, after=after)


def conntrack_counter(evidence: Evidence, column: int, value: int) -> Evidence:
    """One of server2's conntrack counters after the probe as it should be (processor 0; the others at 0)."""

    def changed(state: HostState) -> HostState:
        output = state.outputs.get("conntrack-stat")
        if state.host != "server2" or output is None:
            return state
        head, *lines = output.stdout.splitlines()
        rows = [line.split() for line in lines]
        for number, row in enumerate(rows):
            row[column] = f"{0 if number else value:08x}"
        text = "\n".join([head, *(" ".join(row) for row in rows)])
        return replace(state, outputs={**state.outputs, "conntrack-stat": replace(output, stdout=text)})

    return replace(evidence, after=tuple(map(changed, evidence.after)))


def without_key(evidence: Evidence, key: str) -> Evidence:
    """The evidence as if this command had never been asked."""
    before, after = (
        tuple(replace(each, outputs={k: v for k, v in each.outputs.items() if k != key}) for each in states)
        for states in (evidence.before, evidence.after)
    )
    return replace(evidence, before=before, after=after)


def only(evidence: Evidence, keep: np.ndarray) -> Evidence:
    """The evidence with only these packets."""
    packets = evidence.packets
    columns = ("offset", "caplen", "origlen", "time_ns", "point", "frame")
    return replace(evidence, packets=replace(packets, **{column: getattr(packets, column)[keep] for column in columns}))


def without(evidence: Evidence, *points: str) -> Evidence:
    """The evidence as if these points had seen nothing."""
    hidden = [number for number, point in enumerate(evidence.points) if point.name in points]
    return only(evidence, ~np.isin(evidence.packets.point, hidden))


def lossy(evidence: Evidence, point: str) -> Evidence:
    """The evidence as if the sniffer of a point had dropped packets."""
    points = tuple(replace(each, dropped=1) if each.name == point else each for each in evidence.points)
    return replace(evidence, points=points)


def code(evidence: Evidence) -> str | None:
    """The cause that is named."""
    found = analyze(evidence).cause
    return found.code if found else None


def commands(finding: Finding) -> tuple[str, ...]:
    """The commands of a remedy, without what is said about them."""
    return tuple(shell_line(command) for step in finding.remedies for command in step.commands)


def case_of(name: str) -> Case:
    evidence = recorded(name)
    world = build_world(evidence)
    table, _ = on_one_clock(decode(evidence.packets, evidence.points), evidence.points, "server1", world.before)
    found = connections(build(table), table)
    outer = choose(evidence, table, found, None)
    assert outer is not None
    journey = journey_of(outer, found, table, world)
    return gather(evidence, table, world, intent_of(evidence, world, outer), journey)
