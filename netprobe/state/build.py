"""From evidence to the world. See :mod:`netprobe.state.model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.model import Host, Outputs, World

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, HostState


def build_world(evidence: Evidence) -> World:
    """Every host of the evidence; nothing is parsed yet. A host seen only after the probe is in ``after`` alone."""
    before = {state.host: build_host(state) for state in evidence.before}
    after = dict(before)
    for state in evidence.after:
        earlier = before.get(state.host)
        after[state.host] = build_host(state, earlier)
    return World(before=before, after=after)


def build_host(state: HostState, earlier: Host | None = None) -> Host:
    """One host; with ``earlier``, what this state does not have is taken from there."""
    if earlier is None:
        return Host(state.host, Outputs(state.outputs))
    merged = {**earlier.outputs.outputs, **state.outputs}
    return Host(state.host, Outputs(merged, earlier.outputs))
