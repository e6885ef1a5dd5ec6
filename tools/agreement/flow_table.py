"""The flow table before splitting, beside tshark's conversations: flows, packets and bytes at each interface."""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agreement.conversations import Key, Told, conversations, in_words, key_of
from agreement.reason import Reason
from netprobe.decode.address import text as address_text
from netprobe.decode.table import Kind
from netprobe.evidence.stream.stream import open_stream
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.flowtable.columns import FlowRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A flow of which both do not say the same.

    Attributes:
        key: which.
        ours, theirs: what netprobe and tshark say of it; None: they do not have it.
        copies: packets of it that the capture holds once more, as netprobe counts them.
        frames: how many tshark read of the file.
        carried: whether packets with its addresses are in a tunnel, or carry others.
    """

    key: Key
    ours: Told | None
    theirs: Told | None
    copies: int = 0
    frames: int = 1
    carried: bool = False

    def __str__(self) -> str:
        return f"{', '.join(in_words(self.key))}: netprobe {self.ours}, tshark {self.theirs}"


def _held_twice(difference: Difference) -> bool:
    """With its copies netprobe has just as many packets; without them as many bytes at the most."""
    ours, theirs = difference.ours, difference.theirs
    return (
        ours is not None
        and theirs is not None
        and difference.copies > 0
        and sum(ours.packets) + difference.copies == sum(theirs.packets)
        and all(
            mine <= their + unsure for mine, their, unsure in zip(ours.bytes, theirs.bytes, theirs.unsure, strict=True)
        )
    )


def _unread_by_tshark(difference: Difference) -> bool:
    return difference.frames == 0 and difference.theirs is None


def _in_a_tunnel(difference: Difference) -> bool:
    ours, theirs = difference.ours, difference.theirs
    return (
        difference.carried
        and ours is not None
        and theirs is not None
        and ours.packets == theirs.packets
        and all(
            mine <= their + unsure for mine, their, unsure in zip(ours.bytes, theirs.bytes, theirs.unsure, strict=True)
        )
    )


REASONS: tuple[Reason[Difference], ...] = (
    Reason(
        why="a flow inside of a tunnel has the bytes of its own frames: tshark counts those of the frames that carry them",
        fits=_in_a_tunnel,
    ),
    Reason(why="tshark does not read the file's link type", fits=_unread_by_tshark),
    Reason(
        why="the capture holds packets twice (a bridge and its port, a frame that was looped): netprobe counts them as copies, apart",
        fits=_held_twice,
    ),
)
_SECTION = re.compile(
    rb"\n\r\r\n....(?:\x1a\x2b\x3c\x4d|\x4d\x3c\x2b\x1a)", re.DOTALL
)  # block type, length, byte order
UNKNOWN = "NO REASON KNOWN"


def reason_of(difference: Difference) -> str:
    """Return why both differ, or :data:`UNKNOWN`."""
    return next((each.why for each in REASONS if each.fits(difference)), UNKNOWN)


def compare(file: Path) -> tuple[int, list[Difference]]:
    """Return how many flows agree, and what differs.

    tshark numbers the interfaces of each pcapng section from 0; of a file of several sections all interfaces are taken together.
    """
    sections = _sections(file)
    ours, copies, interfaces = flows(file)
    said = conversations(file, interfaces if sections == 1 else 0)
    mine, theirs = ours, said.flows
    if sections > 1:
        mine, theirs = _together(mine), _together(theirs)
    differences = [
        Difference(
            key=key,
            ours=mine.get(key),
            theirs=theirs.get(key),
            copies=copies[key],
            frames=said.frames,
            carried=tuple(address for address, _ in key.ends) in {tuple(sorted(pair)) for pair in said.tunnelled},
        )
        for key in sorted(mine.keys() | theirs.keys())
        if not _alike(mine.get(key), theirs.get(key))
    ]
    return len(mine.keys() | theirs.keys()) - len(differences), differences


def _together(flows: Mapping[Key, Told]) -> dict[Key, Told]:
    """The flows of all interfaces as if there were one."""
    found: defaultdict[Key, Told] = defaultdict(Told.nothing)
    for key, told in flows.items():
        for side in (0, 1):
            found[key._replace(interface=0)].add(side, told.packets[side], told.bytes[side], told.unsure[side] + 1)
    return dict(found)


def _alike(ours: Told | None, theirs: Told | None) -> bool:
    if ours is None or theirs is None or ours.packets != theirs.packets:
        return False
    bounds = zip(ours.bytes, theirs.bytes, theirs.unsure, strict=True)
    return all(least <= size <= least + unsure for size, least, unsure in bounds)


def flows(file: Path) -> tuple[dict[Key, Told], Counter[Key], int]:
    """Return netprobe's flows of a file, unsplit: of each its packets, and apart how many copies; and the number of interfaces."""
    tracker = Tracker(options(merge=True))
    stream = open_stream([str(file)], {})
    for packets in stream.chunks():
        tracker.take(packets, stream.points)
    return *told(tracker.finish()), len(stream.points)


def told(rows: FlowRows) -> tuple[dict[Key, Told], Counter[Key]]:
    """Add up rows of the same ends at an interface: tshark's conversations know neither VLAN nor tunnel."""
    found: defaultdict[Key, Told] = defaultdict(Told.nothing)
    copies: Counter[Key] = Counter()
    for row in rows:
        ends = [
            (address_text(int(row["version"]), int(row["hi"][side]), int(row["lo"][side])), int(row["port"][side]))
            for side in (0, 1)
        ]
        key, first = key_of(int(row["point"]), Kind(int(row["kind"])).name.lower(), *ends)
        for side in (0, 1):
            found[key].add(side ^ first, int(row["packets"][side]), int(row["bytes"][side]))
        copies[key] += int(row["copies"].sum())
    return dict(found), copies


def _sections(file: Path) -> int:
    """How many pcapng sections the file has; 0: it is none."""
    return len(_SECTION.findall(file.read_bytes()))


def summary(files: Sequence[Path]) -> Iterator[str]:
    """Yield lines about the agreement over some files; a difference without a reason is named with its file."""
    agreed, kinds = 0, Counter[str]()
    for file in files:
        alike, differences = compare(file)
        agreed += alike
        for each in differences:
            kinds[why := reason_of(each)] += 1
            if why == UNKNOWN:
                yield f"{file.name}: {each}"
    yield f"{len(files)} files: {agreed} flows agree"
    yield from (f"  {count} differ: {why}" for why, count in kinds.most_common())


if __name__ == "__main__":
    print("\n".join(summary([Path(name) for name in sys.argv[1:]])))
