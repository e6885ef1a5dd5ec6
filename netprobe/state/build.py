"""From evidence to the world. See :mod:`netprobe.state.model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.model import Host, World
from netprobe.state.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import CommandOutput, HostState

WORDS = "nft-text"


def build_world(evidence: Evidence) -> World:
    """Every host of the evidence; nothing is parsed yet. A host seen only after the probe is in ``after`` alone."""
    later = {state.host: _words(state) for state in evidence.after}
    before = {state.host: build_host(state, words=later.get(state.host)) for state in evidence.before}
    after = dict(before)
    for state in evidence.after:
        earlier = before.get(state.host)
        after[state.host] = build_host(state, earlier)
    return World(before=before, after=after)


def _words(state: HostState) -> dict[str, CommandOutput]:
    """The rules in nft's own words: asked for once, after the probe, and joined by handle."""
    return {key: output for key, output in state.outputs.items() if key.rpartition("/")[2] == WORDS}


def build_host(
    state: HostState, earlier: Host | None = None, *, words: Mapping[str, CommandOutput] | None = None
) -> Host:
    """One host; with ``earlier``, what this state does not have is taken from there. ``words``: as :func:`_words` finds them."""
    if earlier is None:
        return Host(state.host, Outputs({**words, **state.outputs} if words else state.outputs))
    merged = {**earlier.outputs.outputs, **state.outputs}
    return Host(state.host, Outputs(merged, earlier.outputs))
