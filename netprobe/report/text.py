"""The report for people: the verdict and why first, then the hops, the cause, what it all rests on, and the time it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.point import PointName
from netprobe.model.remedy import shell_line
from netprobe.model.report import PathCode, Verdict
from netprobe.report.beside import with_names
from netprobe.report.clocks import shown
from netprobe.report.document import Block, Document, Entries, Entry, Line, Paragraph, Span, Style, line
from netprobe.report.hops import hop_table
from netprobe.report.labels import (
    PATH_WORDS,
    PHASES_TOTAL,
    RESOLUTION_WORDS,
    SURE_WORDS,
    VERDICT_STYLE,
    path_words,
)
from netprobe.report.language import ENGLISH, N_, _, language
from netprobe.report.neighbours import neighbour_blocks
from netprobe.report.trace import drops_block, trace_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.model.remedy import Remedy
    from netprobe.model.report import Finding, Report


_LIKELIEST = 5  # causes that are shown where none was proved


def lay_out(report: Report) -> Document:
    """Return the whole report as a document."""
    table = hop_table(report)
    sections: tuple[tuple[Block, ...], ...] = (
        _opening(report),
        _facts(report),
        () if table is None else (table,),
        trace_table(report),
        drops_block(report),
        neighbour_blocks(report),
        _clocks(report),
        () if report.cause is None else (_cause_block(report, report.cause),),
        *_findings(report),
        _footing(report),
        _timing(report.timing_ms),
    )
    return named(Document(sections=tuple(section for section in sections if section)), report)


def named(document: Document, report: Report) -> Document:
    """Return a document of a report's with the names that stand beside its interfaces."""
    return with_names(document, report.beside, one_host=_one_host(report))


def _one_host(report: Report) -> bool:
    """Whether all that was looked at is this machine: then its name goes without saying."""
    return bool(report.hops) and {PointName.parse(hop.point).host for hop in report.hops} == {"local"}


def render(report: Report, *, columns: int | None = None, colour: bool = False) -> str:
    """Return the report as text: plain without ``columns``, for a terminal that many cells wide with them."""
    return printed(lay_out(report), columns=columns, colour=colour)


def printed(document: Document, *, columns: int | None, colour: bool) -> str:
    """Return any document as text, as :func:`render` does."""
    if language() != ENGLISH:
        from netprobe.report.spoken import spoken

        document = spoken(document)
    # Imported here: rich costs more than all the rest of a small replay, and a pipe needs none of it.
    if columns is None:
        from netprobe.report.plain import to_plain

        return to_plain(document)
    from netprobe.report.terminal import to_terminal

    return to_terminal(document, columns=columns, colour=colour)


def _opening(report: Report) -> tuple[Block, ...]:
    style = VERDICT_STYLE[report.verdict]
    head = (
        Span(_("{}: ").format(asked_words(report)), Style.STRONG),
        Span(verdict_words(report), style),
    )
    return (Paragraph(content=head), Paragraph(content=line(report.why)))


def asked_words(report: Report) -> str:
    """Return who asks whom: ``demo:80 from server1``."""
    return _("{target} from {source}").format(target=report.target, source=report.source)


def verdict_words(report: Report) -> str:
    """Return the verdict in a few words: ``works, by DNAT; answered 404``, ``fails, docker-user-drop``."""
    words = _judged_words(report)
    if report.http is not None:
        answered = _("; first answered {}") if report.http.more else _("; answered {}")
        words += answered.format(report.http.status)
    # netprobe's own probe goes on where a browser stops: who asks because of that browser reads it first.
    caveat = next((each.caveat for each in report.findings if each.caveat and report.tls is not None), "")
    return _("{}; but {}").format(words, caveat) if caveat else words


def _judged_words(report: Report) -> str:
    works, fails = (_("works"), _("fails")) if report.sent else (_("would work"), _("would fail"))
    match report.verdict:
        case Verdict.WORKS:
            if report.path is PathCode.NONE:
                return _("{}; nothing tells by which path").format(works)
            return _("{}, by {}").format(works, path_words(report.path, report.vlan))
        case Verdict.FAILS:
            return fails if report.cause is None else _("{}, {}").format(fails, report.cause.code)
        case Verdict.UNDETERMINED:
            return _("undetermined")


def _facts(report: Report) -> tuple[Block, ...]:
    entries = [Entry(label=label, lines=(line(words),)) for label, words in facts(report)]
    return (Entries(entries=tuple(entries)),) if entries else ()


def facts(report: Report) -> list[tuple[str, str]]:
    """Return what verdict and why did not say, by labels: the address dialled and why, the name lookup, the hosts passed, where an open question ends."""
    found = []
    if report.dialled is not None:
        found.append((N_("dialled"), report.dialled + (f" ({report.way})" if report.way else "")))
    if words := RESOLUTION_WORDS.get(str(report.resolution)):
        found.append((N_("name"), _(words)))
    if len(report.segments) > 1:
        steps = (
            _("{path} on {host}").format(path=_(PATH_WORDS[each.path]), host=each.host) for each in report.segments
        )
        found.append((N_("path"), _(", then ").join(steps)))
    if report.predicted_path is not None and report.predicted_path is not report.path:
        said = _("the host's state says {}; the packets went by {}")
        words = said.format(_(PATH_WORDS[report.predicted_path]), _(PATH_WORDS[report.path]))
        found.append((N_("predicted"), words))
    if report.verdict is Verdict.UNDETERMINED:
        found += _where_it_ended(report)
    return found


def _where_it_ended(report: Report) -> list[tuple[str, str]]:
    ends = ((N_("last seen"), report.last_seen), (N_("missing at"), report.first_missing))
    return [(label, point) for label, point in ends if point is not None]


def _cause_block(report: Report, cause: Finding) -> Entries:
    """Return the cause, and what stands behind it."""
    block = _finding_block(cause, said=report.why)
    if report.after is None:
        return block
    lines = [
        line(_("then {code}: {summary} (predicted)").format(code=each.code, summary=each.summary))
        for each in report.after
    ]
    after = Entry(label=N_("after"), lines=tuple(lines or [line(_("nothing else stands in the way (predicted)"))]))
    return Entries(entries=(*block.entries, after))


def _finding_block(finding: Finding, *, said: str) -> Entries:
    sure = Span(_(" ({})").format(_(SURE_WORDS[finding.confidence])), Style.FAINT)
    summary = [] if same_words(finding.summary, said) else [line(finding.summary)]
    entries = [Entry(label=N_("cause"), lines=(line(Span(finding.code, Style.BAD), sure), *summary))]
    return Entries(entries=(*entries, *_finding_entries(finding)))


def same_words(one: str, other: str) -> bool:
    """Return whether two sentences differ in nothing but their first capital and their full stop."""
    return one.rstrip(".").casefold() == other.rstrip(".").casefold()


def _finding_entries(finding: Finding) -> list[Entry]:
    entries = []
    where = _(", ").join(
        part for part in (finding.where.component, finding.where.host and on_host(finding.where.host)) if part
    )
    if where:
        entries.append(Entry(label=N_("where"), lines=(line(where),)))
    if finding.where.rule:
        entries.append(Entry(label=N_("rule"), lines=(line(finding.where.rule),), whole=True))
    if finding.evidence:
        entries.append(Entry(label=N_("evidence"), lines=tuple(line(sentence) for sentence in finding.evidence)))
    if finding.remedies:
        lines = tuple(each for remedy in finding.remedies for each in _remedy(remedy))
        entries.append(Entry(label=N_("fix"), lines=lines, whole=True))
    return entries


def on_host(host: str) -> str:
    """Return ``on server2``."""
    return _("on {}").format(host)


def _remedy(remedy: Remedy) -> Iterator[Line]:
    for command in remedy.commands:
        yield line(Span(shell_line(command), Style.COMMAND), f"      {on_host(remedy.host)}")
    if remedy.advice:
        yield line(remedy.advice)


def _clocks(report: Report) -> tuple[Block, ...]:
    """Return a line a clock, where packets were seen on more than one host."""
    if not report.clocks:
        return ()
    return (Entries(entries=(Entry(label=N_("clocks"), lines=tuple(line(shown(clock)) for clock in report.clocks)),)),)


def _findings(report: Report) -> tuple[tuple[Block, ...], ...]:
    """Return one section a finding, under one heading."""
    sections = []
    for number, finding in enumerate(report.findings):
        heading: tuple[Block, ...] = (
            (Paragraph(content=line(_("also worth knowing")), indent=2),) if number == 0 else ()
        )
        head = Entry(label=N_("note"), lines=(line(Span(finding.code, Style.UNSURE)), line(finding.summary)))
        sections.append((*heading, Entries(entries=(head, *_finding_entries(finding)))))
    return tuple(sections)


def _footing(report: Report) -> tuple[Block, ...]:
    lists = (
        (N_("assumed"), report.assumptions),
        (N_("unknown"), report.unknowns),
    )
    entries = [Entry(label=label, lines=tuple(line(text) for text in texts)) for label, texts in lists if texts]
    if report.alternatives:
        entries.append(Entry(label=N_("may be"), lines=tuple(_alternatives(report))))
    return (Entries(entries=tuple(entries)),) if entries else ()


def _alternatives(report: Report) -> Iterator[Line]:
    """The likeliest causes, each with what speaks for it and what would tell; and how many more there are."""
    for each in report.alternatives_why[:_LIKELIEST]:
        yield line(Span(each.code, Style.UNSURE), f": {each.reason}")
        if each.would_tell:
            yield line(Span(_("    would tell: {}").format(each.would_tell), Style.FAINT))
    more = len(report.alternatives) - _LIKELIEST
    if more > 0:
        yield line(_("and {} more that nothing rules out: --json lists them").format(more))


_PHASES = (
    N_("start"),
    N_("engines"),
    N_("names"),
    N_("state"),
    N_("trace"),
    N_("probe"),
    N_("stop"),
    N_("state-after"),
)
"""The phases of a live run. Others, in a file of another version, stay as they are."""


def _timing(timing_ms: Mapping[str, float]) -> tuple[Block, ...]:
    if not timing_ms:
        return ()
    phases = {name: spent for name, spent in timing_ms.items() if name != PHASES_TOTAL}
    total = timing_ms.get(PHASES_TOTAL, sum(phases.values()))
    parts = _(", ").join(f"{_(name) if name in _PHASES else name} {spent:.0f} ms" for name, spent in phases.items())
    words = _("took {:.1f} s").format(total / 1000)
    words = _("{}: ").format(words) + parts if parts else words
    return (Paragraph(content=line(Span(words, Style.FAINT))),)
