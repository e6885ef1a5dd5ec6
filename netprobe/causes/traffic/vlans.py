"""Trouble of the tags: one connection whose two directions are in two VLANs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.traffic.base import Trouble
from netprobe.decode.table import TAG_UNKNOWN
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.decode.table import PacketTable
    from netprobe.journeys.model import Connection
    from netprobe.model.report import Finding
    from netprobe.paths.tcp import Ints

_SHOWN = 3  # frames of each direction


class TwoVlans(Trouble):
    """What one side sends is in one VLAN, and what comes back is in another.

    What it is: at one capture point every packet of the one direction has one VLAN tag (or none), and every packet of the other direction another.
    Why it happens: the two ends' switch ports have different native VLANs (PVID); a host sends by one VLAN interface and hears by another; private VLANs, where it
        is meant; a mirror port that tags each direction, or a card that takes the tag off what it receives before the capture sees it.
    Evidence: the tags of the request and of the answer, by their frames.
    Remedy: look at the VLAN (tagged, and untagged: PVID) of both switch ports, and at the hosts' VLAN interfaces (ip -d link); where one direction has
        no tag, first capture without VLAN offload (ethtool -K DEV rxvlan off), as the tag may be lost in the capture alone.
    Source: RFC 5517 section 2 (private VLANs); IEEE 802.1Q; ethtool(8), rxvlan.
    """

    code = "two-vlans"
    symptoms: ClassVar[frozenset[Symptom]] = frozenset(Symptom) - {Symptom.NO_PACKETS}

    def found(self, case: Case, connection: Connection) -> Finding | None:
        """Fires where one point saw both directions, and no tag of the one in the other."""
        for flow in connection.flows:
            forth, back = _tags(case.table, flow.forward), _tags(case.table, flow.reverse)
            if forth and back and not forth & back and TAG_UNKNOWN not in forth | back:
                return self.finding(
                    f"what {flow.client.unpack()} sends is {_words(forth)}, and what comes back is {_words(back)}",
                    *(
                        f"{_words(tags)} at {case.points[flow.point].name}: {_frames(case.table, rows)}"
                        for tags, rows in ((forth, flow.forward), (back, flow.reverse))
                    ),
                    at=case.points[flow.point].name,
                )
        return None


def _tags(table: PacketTable, rows: Ints) -> frozenset[int]:
    """The outermost tags of these packets, -1 for none."""
    return frozenset(table.vlan[rows].tolist())


def _words(tags: frozenset[int]) -> str:
    named = [f"in VLAN {tag}" if tag >= 0 else "untagged" for tag in sorted(tags)]
    return " and ".join(named)


def _frames(table: PacketTable, rows: Ints) -> str:
    return frame_numbers(table.packets.frame[rows[:_SHOWN]].tolist())
