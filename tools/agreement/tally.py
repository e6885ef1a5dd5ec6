"""How many files agree in each column, and the kinds of differences in the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from agreement.compare import COLUMNS
from agreement.reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from agreement.compare import Compared, Difference

_LONGEST = 40  # characters of a value that is shown


class Tally:
    """One collection's files."""

    def __init__(self, name: str, folder: Path, files: Sequence[Compared]) -> None:
        """Count.

        Args:
            name: the collection's.
            folder: where it is.
            files: all that was compared.
        """
        self.name = name
        self.folder = folder
        self.files = files
        self.total = Counter(column for each in files for column in each.columns)
        self.differing = Counter(
            column for each in files for column in {difference.column for difference in each.differences}
        )

    def summary(self) -> str:
        """Files, frames, and what was left out of them."""
        refused = sum(bool(each.refused) for each in self.files)
        left_out: Counter[str] = Counter()
        for each in self.files:
            left_out.update(each.left_out)
        said = ", ".join(f"{why} {count}" for why, count in left_out.most_common())
        return (
            f"{len(self.files)} files, {sum(each.frames for each in self.files)} frames; refused {refused}; "
            f"frames left out behind layers that are not read: {said or 'none'}"
        )

    def share(self, column: str) -> float:
        """The share of files that agree in a column, of those in which it says something."""
        total = self.total[column]
        return 1.0 if not total else (total - self.differing[column]) / total

    def worst(self) -> float:
        """The share of the worst column."""
        return min(map(self.share, COLUMNS))

    @staticmethod
    def table(tallies: Sequence[Tally]) -> Iterator[str]:
        """Return a line a column: files that agree / files in which it says something."""
        yield (
            f"\n{'column':12}" + "".join(f" {tally.name.rpartition('/')[2][:16]:>16}" for tally in tallies) + "     all"
        )
        for column in COLUMNS:
            total = sum(tally.total[column] for tally in tallies)
            agreed = total - sum(tally.differing[column] for tally in tallies)
            each = "".join(
                f" {f'{tally.total[column] - tally.differing[column]}/{tally.total[column]}':>16}" for tally in tallies
            )
            yield f"{column:12}{each}" + (f"   {agreed / total:6.2%}" if total else "        -")

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


def _short(value: object) -> str:
    text = str(value)
    return repr(text) if len(text) < _LONGEST else repr(text[:_LONGEST]) + f" ({len(text)} characters)"
