"""What packets and neighbour entries show of ARP and IPv6 neighbour discovery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.obstacle import asked_times, whose
from netprobe.model.point import point_name
from netprobe.state.address import same

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Asked
    from netprobe.model.neighbours import NeighbourExchange, NeighbourFrame

_USELESS = frozenset({"FAILED", "INCOMPLETE"})
_SHOWN = 6  # frames


def about(case: Case, address: str) -> tuple[NeighbourExchange, ...]:
    """Every exchange about an address of somebody who wants to send to it."""
    return tuple(each for each in case.neighbours if same(each.asked, address) and each.asker != "::")


def asked_at(case: Case, asked: Asked) -> tuple[str, list[NeighbourFrame], list[NeighbourFrame]]:
    """The asker's own point, with the questions and the answers that were seen there."""
    at = point_name(asked.by.host, asked.device, asked.by.container)
    found = about(case, asked.address)
    requests = [frame for each in found for frame in each.requests if frame.point == at]
    return at, requests, [frame for each in found for frame in each.answers if frame.point == at]


def seen(case: Case, asked: Asked) -> str:
    """The exchange as a sentence; ``""`` where nothing of it was seen."""
    found = about(case, asked.address)
    answers = [frame for each in found for frame in each.answers]
    if not found or not answers:
        return asked_times(found[0]) if found and found[0].requests else ""
    points = ", ".join(dict.fromkeys(frame.point for frame in answers))
    times = max((each.times for each in found), default=0)
    often = "once" if times == 1 else f"{times} times"
    return f"{found[0].protocol}: who has {asked.address}? asked {often}; answers seen at {points}: {frame_numbers((each.frame for each in answers), _SHOWN)}"


def entry_after(case: Case, asked: Asked) -> str:
    """What the asker's neighbour entry says after the probe, where it is of no use; ``""`` else."""
    host = case.after(asked.by.host)
    entries = host.namespace(asked.by.container).neighbours if host is not None else None
    for each in entries or ():
        if each.dev == asked.device and same(each.address, asked.address) and {*each.state.split(",")} & _USELESS:
            program = "ip -6 neigh" if ":" in asked.address else "ip neigh"
            return f"{program} of {whose(asked.by)}: {each.address} dev {each.dev} {each.state}"
    return ""


def in_vain(case: Case, protocol: str = "NDP") -> bool:
    """Whether some question of neighbour discovery (or ``ARP``) stayed without an answer."""
    return any(each.protocol == protocol and each.requests and not each.answers for each in case.neighbours)
