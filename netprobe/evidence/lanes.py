"""The walk through a large buffer in many places at once: what plain Python does a record at a time is a numpy operation for hundreds of records.

Theory: the way from record to record is a chain, each length leads to the next header. The buffer is divided into lanes; where a lane looks as if a
record began there, that is guessed to be its first, and all lanes are gone through in step. A guess is right if the lane before it ends where it
begins, which makes it certain, by induction from the first record. What begins at a wrong guess is thrown away, and that part is gone through record by
record: so the result never depends on guesses, only the time does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from netprobe.evidence.walker import MAX_BLOCK, MAX_KEPT, ChainWalker, one_by_one
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.evidence.walker import RecordWalker, Step

    Places = NDArray[np.int64]
    Words = NDArray[Any]

_NOWHERE = 1 << 60
_PACKET_BLOCK = 6  # of pcapng, the enhanced one


class LanesWalked(NamedTuple):
    """Lanes: where each begins, where each one's walk ended, and where records start in all of them, in order."""

    begins: Places
    ended: Places
    places: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """A :class:`~netprobe.evidence.walker.RecordChain` that goes through many lanes at once.

    Attributes:
        size: bytes of a lane.
        look: bytes of its beginning that are searched for a record: more than a packet of Ethernet.
        few: lanes that are not worth it: the rest of them is walked record by record.
    """

    size: int = 1 << 15
    look: int = 1 << 11
    few: int = 16

    def __call__(self, data: bytes, pos: int, final: int, step: Step, most: int) -> tuple[Places, int]:
        """As :class:`~netprobe.evidence.walker.RecordChain` says."""
        lanes = (final - pos) // self.size - 1
        if lanes < 2 * self.few:
            return one_by_one(data, pos, final, step, most)
        words = np.ndarray((len(data) - 3,), np.dtype(step.order + "u4"), data, strides=(1,))  # one at every byte
        likely = self._blocks(data, pos, lanes) if step.more == 0 else self._records(data, words, pos, lanes, step)
        at = likely[_leads_on(words, likely, final, step)]
        first = np.flatnonzero(np.diff((at - pos) // self.size, prepend=-1))
        walked = self._walked(words, np.append(pos, at[first]), final, step)
        starts, at_last = _joined(data, walked, final, step, most)
        return (starts[:most], int(starts[most])) if len(starts) > most else (starts, at_last)

    def _records(self, data: bytes, words: Words, pos: int, lanes: int, step: Step) -> Places:
        """Where lanes may begin with a packet of about the time of the one at ``pos``: within the same 18 hours."""
        one, two = (
            np.ndarray((lanes, self.look), np.uint8, data, pos + self.size + byte, (self.size, 1)) == data[pos + byte]
            for byte in ((3, 2) if step.order == "<" else (0, 1))
        )
        at = self._places(pos, np.flatnonzero(one & two))
        kept, wire = words[at + step.at], words[at + step.at + 4]
        likely: Places = at[(kept > 0) & (kept <= wire) & (wire <= MAX_KEPT)]
        return likely

    def _blocks(self, data: bytes, pos: int, lanes: int) -> Places:
        """Where lanes may begin with a packet's block, of either byte order."""
        seen = np.ndarray((lanes, self.look // 4), np.uint32, data, pos + self.size, (self.size, 4))
        return self._places(pos, 4 * np.flatnonzero((seen == _PACKET_BLOCK) | (seen == _PACKET_BLOCK << 24)))

    def _places(self, pos: int, looked: Places) -> Places:
        return pos + (looked // self.look + 1) * self.size + looked % self.look

    def _walked(self, words: Words, begins: Places, final: int, step: Step) -> LanesWalked:
        """Go through all lanes, each up to the next one's beginning."""
        ended = begins.copy()
        lane, at, end = np.arange(len(begins)), begins, np.append(begins[1:], final + 1)
        seen = [at[:0]]
        while len(lane) >= self.few:
            seen.append(at)
            length = words[at + step.at].astype(np.int64)
            length += step.more
            following = at + np.where(length < step.least, _NOWHERE, length)
            on = following < end
            if on.all():
                at = following
                continue
            ended[lane[~on]] = following[~on]
            lane, at, end = lane[on], following[on], end[on]
        ended[lane] = at
        return LanesWalked(begins, ended, np.sort(np.concatenate(seen)))


LANES: RecordWalker = ChainWalker(Lanes())


def _leads_on(words: Words, at: Places, final: int, step: Step) -> NDArray[np.bool_]:
    """Whether what is at these places leads to something like it."""
    length = words[at + step.at].astype(np.int64) + step.more
    behind = at + length
    good = (length >= step.least) & (length <= MAX_BLOCK) & (behind <= final)
    if step.more == 0:
        good[good] = words[behind[good] - 4] == length[good]
    else:
        good[good] = words[behind[good]] >> 16 == words[at[good]] >> 16
    return np.asarray(good, np.bool_)


def _joined(data: bytes, walked: LanesWalked, final: int, step: Step, most: int) -> tuple[Places, int]:
    """The lanes whose guess was right, one behind the other, and between them what is walked record by record."""
    begins, ended, places = walked
    if (ended[:-1] == begins[1:]).all() and ended[-1] > final:
        return places, int(ended[-1])
    bounds = np.append(np.searchsorted(places, begins), len(places)).tolist()
    parts, at = [], int(begins[0])
    for lane, begin in enumerate([*begins.tolist(), final + 1]):
        if at < begin:
            part, at = one_by_one(data, at, begin - 1, step, most)
            parts.append(part)
        if at < begin:  # as many as are wanted, or more
            break
        if at == begin and lane < len(begins):
            parts.append(places[bounds[lane] : bounds[lane + 1]])
            at = int(ended[lane])
    return np.concatenate(parts), at
