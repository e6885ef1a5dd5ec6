"""Which connections a probe's own may be: which of them it is, :func:`netprobe.journeys.select.of_probe` says, with their packets at hand."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.beyond import names
from netprobe.decode.table import Kind
from netprobe.journeys.chosen import lookup_is_it
from netprobe.journeys.select import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.evidence.model import Probe
    from netprobe.selection.whole import WholeCapture

MOST_SEEDS = 256
"""Connections, the first ones: a probe sends from a port of its own."""


def seeds(whole: WholeCapture, probe: Probe) -> NDArray[np.int64]:
    """Return the connections that have the probe's own port or dialled endpoint; of a lookup all name servers' exchanges."""
    if lookup_is_it(probe):
        return np.flatnonzero(names(whole.talks))[:MOST_SEEDS]
    rows = whole.rows
    fits = np.zeros(len(rows), np.bool_)
    if probe.result.local is not None:
        fits |= whole.talks.sided("port", 0) == probe.result.local[1]
    remote = probe.result.remote or ((probe.dialled, probe.dialled_port or 0) if probe.dialled else None)
    if remote is not None:
        number = int(ip_address(remote[0]))
        there = whole.talks.sided("lo", 1) == np.uint64(number & (1 << 64) - 1)
        fits |= there & ((rows["kind"] == int(Kind.ICMP)) | (whole.talks.sided("port", 1) == remote[1]))
    fits &= rows["kind"] == int(KINDS[probe.proto.transport])
    found = np.unique(whole.joined.connection[fits])
    own = probe.result.local is not None and len(found) > MOST_SEEDS
    return _own_port(whole, found, probe)[:MOST_SEEDS] if own else found[:MOST_SEEDS]


def _own_port(whole: WholeCapture, found: NDArray[np.int64], probe: Probe) -> NDArray[np.int64]:
    """Of these, those with the probe's own port first."""
    port = probe.result.local[1] if probe.result.local else -1
    has = whole.talks.most(whole.talks.sided("port", 0) == port)[found]
    return np.concatenate([found[has], found[~has]])
