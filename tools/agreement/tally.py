"""How many files agree in each column, and the kinds of differences in the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from agreement.compare import COLUMNS
from agreement.reasons import UNKNOWN, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from agreement.compare import Compared, Difference

_WIDTH = 17
_LONGEST = 40  # characters of a value that is shown


class Tally:
    """One collection's files."""

    def __init__(self, name: str, folder: Path, files: Sequence[Compared], others: Mapping[str, int]) -> None:
        """Count.

        Args:
            name: the collection's.
            folder: where it is.
            files: all that was compared.
            others: files that were not, by what they are.
        """
        self.others = others
        self.name = name
        self.folder = folder
        self.files = files
        self.total = Counter(column for each in files for column in each.columns)
        self.differing = Counter(
            column for each in files for column in {difference.column for difference in each.differences}
        )

    def summary(self) -> str:
        """How many files and frames were compared, of how many."""
        compared = sum(not each.refused for each in self.files)
        return f"{compared} of {len(self.files)} files compared, {sum(each.frames for each in self.files)} frames"

    def left_out(self) -> Iterator[str]:
        """Return a line for each kind of files and of frames that are not compared, or not in all columns."""
        files = Counter(each.refused for each in self.files if each.refused)
        frames: Counter[str] = Counter()
        for each in self.files:
            frames.update(each.left_out)
        for what, kinds in (("files", files), ("files", Counter(self.others)), ("frames", frames)):
            yield from (f"  not compared: {count} {what}: {why}" for why, count in kinds.most_common())

    def share(self, column: str) -> float:
        """The share of files that agree in a column, of those in which it says something."""
        return self.pooled([self], column)

    @staticmethod
    def pooled(tallies: Sequence[Tally], column: str) -> float:
        """The same of several collections together."""
        total = sum(tally.total[column] for tally in tallies)
        return 1.0 if not total else (total - sum(tally.differing[column] for tally in tallies)) / total

    def worst_of_all(self) -> float:
        """The share of all its compared files that agree in the worst column."""
        compared = sum(not each.refused for each in self.files)
        return 1.0 if not compared else (compared - max(self.differing.values(), default=0)) / compared

    def unknown(self) -> int:
        """How many differences have no reason."""
        return sum(reason_of(difference) == UNKNOWN for each in self.files for difference in each.differences)

    @staticmethod
    def table(tallies: Sequence[Tally]) -> Iterator[str]:
        """Return a line a column: files that agree, of those in which it says something, for each collection and together."""
        names = "".join(f" {tally.name.rpartition('/')[2][:_WIDTH]:>{_WIDTH}}" for tally in tallies)
        yield f"\n{'column':12}{names} {'all':>{_WIDTH}}"
        for column in COLUMNS:
            every = [(tally.total[column], tally.differing[column]) for tally in tallies]
            every.append((sum(total for total, _ in every), sum(differing for _, differing in every)))
            yield f"{column:12}" + "".join(f" {_share(*each):>{_WIDTH}}" for each in every)

    def kinds(self, *, every_file: bool) -> Iterator[str]:
        """Return each kind of difference: in how many files and frames, why, and an example."""
        kinds: dict[tuple[str, str], list[tuple[Compared, Difference]]] = {}
        for each in self.files:
            for difference in each.differences:
                kinds.setdefault((reason_of(difference), difference.column), []).append((each, difference))
        for (reason, column), found in sorted(kinds.items(), key=lambda kind: (kind[0][0], -len(kind[1]))):
            names = list(dict.fromkeys(str(each.file.relative_to(self.folder)) for each, _ in found))
            first = found[0][1]
            yield (
                f"{column}: {len(names)} files, {len(found)} frames: {reason}; for example {names[0]} frame {first.frame} "
                f"({':'.join(first.protocols)}{'; ' + ' '.join(first.anomalies) if first.anomalies else ''}): "
                f"netprobe {_short(first.ours)}, tshark {_short(first.theirs)}"
            )
            if every_file:
                yield from (f"    {name}" for name in names)


def _share(total: int, differing: int) -> str:
    return f"{total - differing}/{total} {(total - differing) / total:7.2%}" if total else "-"


def _short(value: object) -> str:
    text = str(value)
    return repr(text) if len(text) < _LONGEST else repr(text[:_LONGEST]) + f" ({len(text)} characters)"
