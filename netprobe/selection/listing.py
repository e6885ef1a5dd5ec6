"""What there is to choose from, as people see it: made of columns when somebody looks at it, however many connections there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.tunnels import GENEVE_PORT, VXLAN_PORT, tunnel_name
from netprobe.flows.expression import FlowExpr
from netprobe.flows.model import PROTO_NAME, FlowSummary, PackedEndpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.selection.connections import ChoiceColumns

_TUNNELS = {VXLAN_PORT: "VXLAN", GENEVE_PORT: "GENEVE"}


class ConnectionListing(Sequence[FlowSummary]):
    """Connections, one line each, in order of time."""

    def __init__(self, columns: ChoiceColumns, which: NDArray[np.int64]) -> None:
        """Keep which connections they are."""
        self._columns, self._which = columns, which
        self._number = np.empty(len(columns), np.int64)
        self._number[columns.numbered] = np.arange(1, len(columns) + 1)
        self._start_ns = columns.whole.start_ns

    def __len__(self) -> int:
        return len(self._which)

    @overload
    def __getitem__(self, place: int) -> FlowSummary: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[FlowSummary]: ...
    def __getitem__(self, place: int | slice) -> FlowSummary | Sequence[FlowSummary]:
        if isinstance(place, slice):
            return tuple(self._line(each) for each in self._which[place].tolist())
        return self._line(int(self._which[place]))

    @property
    def packets(self) -> NDArray[np.int64]:
        """int64 (n,), :attr:`FlowSummary.packets` of each."""
        talks = self._columns.talks
        every: NDArray[np.int64] = talks.most(talks.sided("packets", 0) + talks.sided("packets", 1))
        return every[self._which]

    @property
    def example(self) -> str:
        """What to give ``--flow`` for the first and no other: its 5-tuple; its number, where others have that too."""
        line = self[0]
        text = f"{line.src}>{line.dst}/{line.proto}"
        return text if len(self._columns.chosen(FlowExpr.parse(text))) == 1 else f"#{line.number}"

    def _line(self, connection: int) -> FlowSummary:
        whole, joined = self._columns.whole, self._columns.joined
        members = joined.order[joined.begin[connection] : joined.begin[connection + 1]]
        rows = whole.rows[members]
        first, busiest = rows[0], rows[rows["packets"].sum(axis=1).argmax()]
        port = int(first["kind"]) != Kind.ICMP
        return FlowSummary(
            proto=PROTO_NAME[Kind(int(first["kind"]))],
            src=_end(first, 0).unpack(port=port),
            dst=_end(first, 1).unpack(port=port),
            packets=int(busiest["packets"].sum()),
            payload_bytes=int(busiest["payload"].sum()),
            points=tuple(dict.fromkeys(whole.points[point].name for point in rows["point"].tolist())),
            first_us=(int(self._columns.talks.start_ns[connection]) - self._start_ns) / 1000,
            number=int(self._number[connection]),
            carries=self._carries(first),
        )

    def _carries(self, row: np.void) -> str:
        """``VXLAN`` or ``GENEVE`` where a flow of datagrams is a tunnel's."""
        name = _TUNNELS.get(int(row["port"][1]), "")
        if not name or row["kind"] != int(Kind.UDP):
            return ""
        inside = self._columns.whole.tunnels
        seen = any(tunnel_name(each).startswith(name.lower()) for each in inside.tolist())
        return name if seen or row["head_kept"].max() < len("8 bytes.") else ""


def _end(row: np.void, side: int) -> PackedEndpoint:
    return PackedEndpoint(int(row["version"]), int(row["hi"][side]), int(row["lo"][side]), int(row["port"][side]))
