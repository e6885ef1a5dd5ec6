"""The connections of a flow table to choose from: which are listed, in which order, and which a ``--flow`` expression takes.

The rules are those of :mod:`netprobe.journeys.choice`, which small captures are listed by, too: no inner legs of a proxy, no answers that stand alone, DNS only where there is
nothing else or no answer came; what was not answered is listed whatever it is.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.beyond import names
from netprobe.correlate.sights import mixed
from netprobe.decode.table import Kind
from netprobe.flows.model import PROTO_NAME
from netprobe.journeys import choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flows.expression import End, FlowExpr, Moment
    from netprobe.selection.whole import WholeCapture

    Index = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_KIND_OF = {name: int(kind) for kind, name in PROTO_NAME.items()}
_FOUR = 4


class ChoiceColumns:
    """What tells which connection is meant; one entry a connection."""

    def __init__(self, whole: WholeCapture) -> None:
        """Take what the first pass found."""
        self.whole, self.talks, self.joined = whole, whole.talks, whole.joined

    def __len__(self) -> int:
        return len(self.joined)

    @cached_property
    def _names(self) -> Mask:
        """Whether each is a name server's exchange."""
        return names(self.talks)

    @cached_property
    def listed(self) -> Index:
        """Those to choose from where nothing was asked for, in order of time."""
        if len(self) < len(("one", "another")):
            return np.arange(len(self))
        answers = np.zeros(len(self), np.bool_)
        answers[self.joined.stray_of[self.joined.stray_of >= 0]] = True
        return choice.Choice(inner=self._inner, answers=answers, silent=self._silent, names=self._names).listed()

    @cached_property
    def numbered(self) -> Index:
        """All, by their places: what is listed, then the others."""
        return choice.numbered(self.listed, len(self))

    @cached_property
    def _inner(self) -> Mask:
        """Those that a proxy opened; what a name server asked on is a question of its own."""
        outer = self.joined.outer_of
        return np.asarray((outer >= 0) & ~self._names[np.maximum(outer, 0)])

    @cached_property
    def _silent(self) -> Mask:
        """Those that no answer came to; of a name server errors alone, where no other question of that client was answered with a record."""
        silent = ~self.talks.answered
        if not self._names.any():
            return silent
        rows, connection = self.whole.rows, self.joined.connection
        record, helped = np.zeros(len(self), np.bool_), np.zeros(len(self), np.bool_)
        record[connection[(rows["dns_answers"] > 0)]] = True
        client = mixed([rows["version"].astype(np.uint64), self.talks.sided("hi", 0), self.talks.sided("lo", 0)])
        helped[connection[np.isin(client, np.unique(client[record[connection]]))]] = True
        good = np.zeros(len(self), np.bool_)
        good[connection[(rows["dns_best"] >= 0) & (rows["dns_rcode"] <= 0)]] = True
        return np.asarray(silent | (self._names & ~good & ~helped))

    def chosen(self, expr: FlowExpr | None) -> Index:
        """The connections that may be meant, in the order of :attr:`listed` or of time."""
        if expr is None:
            return self.listed
        if expr.number is not None:
            return self.numbered[expr.number - 1 : expr.number] if expr.number else self.numbered[:0]
        found = np.zeros(len(self), np.bool_)
        found[self.joined.connection[self._fitting(expr)]] = True
        those = np.flatnonzero(found)
        return those if expr.moment is None else self._at(those, expr.moment)

    def _fitting(self, expr: FlowExpr) -> Mask:
        """The rows that an expression's ends and protocol fit."""
        kind = self.whole.rows["kind"]
        fits = np.ones(len(kind), np.bool_) if expr.proto is None else kind == _KIND_OF[expr.proto]
        fits &= self._is(expr.src, 0) & self._is(expr.dst, 1)
        return np.asarray(fits & (self._is(expr.either, 0) | self._is(expr.either, 1)))

    def _is(self, end: End, side: int) -> Mask:
        """The rows that have this end at this side."""
        rows = self.whole.rows
        fits = np.ones(len(rows), np.bool_)
        if end.address is not None:
            address = ip_address(end.address)
            number, four = int(address), address.version == _FOUR
            fits &= rows["version"] == address.version
            fits &= self.talks.sided("lo", side) == np.uint64(number & (1 << 64) - 1)
            fits &= four | (self.talks.sided("hi", side) == np.uint64(number >> 64))
        if end.port is not None:
            fits &= (self.talks.sided("port", side) == end.port) & (rows["kind"] != int(Kind.ICMP))
        return fits

    def _at(self, those: Index, moment: Moment) -> Index:
        """What began at a time; else what was under way then."""
        start = self.whole.start_ns
        return those[choice.at(moment, self.talks.start_ns[those] - start, self.talks.last_ns[those] - start)]
