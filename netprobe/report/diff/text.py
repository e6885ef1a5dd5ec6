"""A comparison for people: whether they differ, where the journeys part, the line of state that decides, and what else bears on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.diff.model import Sameness
from netprobe.report.document import Document, Entries, Entry, Paragraph, Span, Style, line
from netprobe.report.labels import VERDICT_STYLE
from netprobe.report.text import verdict_words
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netprobe.diff.model import Comparison, Difference, Weighed
    from netprobe.model.report import Report
    from netprobe.report.document import Block, Line

MOST_ALSO: Final = 3
"""How many differences that bear on it beside the one that decides are shown."""
MOST_DECIDING: Final = 6
NONE_DECIDES: Final = "No difference of the hosts' state decides: what does is not in what was read of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLines:
    """A difference as lines of a diff.

    Attributes:
        where: whose, and of what: ``server2, filter/INPUT``.
        good, bad: the text in each, None where it is not there. moved: it stands at another place.
    """

    where: str
    good: str | None
    bad: str | None
    moved: bool


def change_of(difference: Difference) -> DiffLines:
    """Return a difference in the words in which it is shown."""
    at = str(difference.place)
    told = difference.good or difference.bad or ""
    subject = difference.subject
    where = at if subject in {told, "ip rule"} or told.startswith(f"{subject}:") else f"{at}, {subject}"
    return DiffLines(where=where, good=difference.good, bad=difference.bad, moved=difference.moved)


def lay_out(comparison: Comparison, names: tuple[str, str], *, whole: bool = False) -> Document:
    """Return the whole as a document.

    Args:
        comparison: what was found.
        names: what the two runs are called: their files.
        whole: show every difference of state.
    """
    sections: tuple[tuple[Block, ...], ...] = (
        _opening(comparison),
        _sides(comparison, names),
        _parting(comparison),
        _state(comparison, whole=whole),
        _rest(comparison, whole=whole),
    )
    return Document(sections=tuple(each for each in sections if each))


def headline(comparison: Comparison) -> str:
    """Return the answer in a few words."""
    match comparison.outcome:
        case Sameness.SAME:
            return f"the same: both {_both(comparison)}"
        case Sameness.DIFFERS:
            return "they differ"
        case Sameness.UNDETERMINED:
            return "no difference seen, and not all of it could be"


def _both(comparison: Comparison) -> str:
    ours, theirs = verdict_words(comparison.good), verdict_words(comparison.bad)
    if ours != theirs:
        return f"{ours}; {theirs}"
    verb, _, rest = ours.partition(",")
    plural = {"works": "work", "fails": "fail", "undetermined": "are undetermined"}.get(verb, verb)
    return ", ".join(filter(None, (plural, rest.strip())))


def _opening(comparison: Comparison) -> tuple[Block, ...]:
    style = {Sameness.SAME: Style.GOOD, Sameness.DIFFERS: Style.BAD, Sameness.UNDETERMINED: Style.UNSURE}
    report = comparison.good
    return (
        Paragraph(
            content=line(
                Span(f"{report.target} from {report.source}: ", Style.STRONG),
                Span(headline(comparison), style[comparison.outcome]),
            )
        ),
    )


def _sides(comparison: Comparison, names: tuple[str, str]) -> tuple[Block, ...]:
    entries = []
    for label, name, report in (("GOOD", names[0], comparison.good), ("BAD", names[1], comparison.bad)):
        entries.append(Entry(label=label, lines=(_side(name, report),)))
    entries += [Entry(label="asked", lines=(line(f"not quite alike: {each}"),)) for each in comparison.asked]
    return (Entries(entries=tuple(entries)),)


def _side(name: str, report: Report) -> Line:
    return line(f"{name}  ", Span(verdict_words(report), VERDICT_STYLE[report.verdict]))


def _parting(comparison: Comparison) -> tuple[Block, ...]:
    found = comparison.parting
    if found is None:
        return ()
    entries = [Entry(label="alike", lines=(line(f"up to {found.common}"),))] if found.common else []
    entries += [
        Entry(label="GOOD", lines=(line(found.good),)),
        Entry(label="BAD", lines=(line(found.bad),)),
    ]
    head = Paragraph(content=line(Span("where they part", Style.STRONG)))
    return (head, Entries(entries=tuple(entries)))


def _state(comparison: Comparison, *, whole: bool) -> tuple[Block, ...]:
    if comparison.parting is None:
        return ()
    if not comparison.decides and not comparison.also:
        return (Paragraph(content=line(Span(NONE_DECIDES, Style.UNSURE))),)
    blocks: list[Block] = []
    if comparison.decides:
        blocks += _changes("what decides", comparison.decides[: None if whole else MOST_DECIDING])
    else:
        blocks.append(Paragraph(content=line(Span(NONE_DECIDES, Style.UNSURE))))
    if comparison.also:
        named = "what else differs on the way" if comparison.decides else "what differs on the way"
        blocks += _changes(named, comparison.also[: None if whole else MOST_ALSO])
    return tuple(blocks)


def _changes(title: str, weighed: Iterable[Weighed]) -> Iterator[Block]:
    yield Paragraph(content=line(Span(title, Style.STRONG), Span("  - in GOOD alone, + in BAD alone", Style.FAINT)))
    yield from _diff_lines(each.difference for each in weighed)


def _diff_lines(differences: Iterable[Difference]) -> Iterator[Block]:
    before = ""
    for difference in differences:
        change = change_of(difference)
        if change.where != before:
            yield Paragraph(content=line(change.where), indent=2)
            before = change.where
        yield from _lines_of(change)


def _lines_of(change: DiffLines) -> Iterator[Block]:
    if change.moved:
        yield Paragraph(content=line(Span(f"~ {change.bad} (at another place of the list)", Style.CHANGE)), indent=4)
        return
    if change.good is not None:
        yield Paragraph(content=line(Span(f"- {change.good}", Style.GOOD)), indent=4)
    if change.bad is not None:
        yield Paragraph(content=line(Span(f"+ {change.bad}", Style.BAD)), indent=4)


def left_out(comparison: Comparison) -> int:
    """Return how many differences are not shown without ``--all``."""
    return (
        len(comparison.unrelated)
        + max(len(comparison.also) - MOST_ALSO, 0)
        + max(len(comparison.decides) - MOST_DECIDING, 0)
    )


def _rest(comparison: Comparison, *, whole: bool) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if whole and comparison.unrelated:
        blocks.append(Paragraph(content=line(Span("what differs and does not bear on it", Style.STRONG))))
        blocks += _diff_lines(comparison.unrelated)
    elif left := left_out(comparison):
        other = "other " if comparison.decides or comparison.also else ""
        shown = f"{left} {other}difference{'' if left == 1 else 's'} of state {_less(left, comparison)}: --all shows {'it' if left == 1 else 'them'}"
        blocks.append(Paragraph(content=line(Span(shown, Style.FAINT))))
    blocks += [
        Paragraph(content=line(Span(f"not compared: {each}", Style.UNSURE)))
        for each in (comparison.unknown if whole else () if comparison.decides else comparison.unknown[:MOST_ALSO])
    ]
    return tuple(blocks)


def _less(left: int, comparison: Comparison) -> str:
    verb = "bears" if left == 1 else "bear"
    if left > len(comparison.unrelated):
        return f"{verb} less on it, or not at all"
    return f"{'does' if left == 1 else 'do'} not bear on it"
