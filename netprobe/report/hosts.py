"""The inventory as ``netprobe hosts`` shows it: a table, then each host by itself; and as JSON (``netprobe/hosts/1``).

In the JSON, null is what is not known; a host with ``engine`` null has none. A key may be added at the end of its object.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from netprobe.report.document import Document, Entries, Entry, Line, Paragraph, Row, Span, Style, Table, line
from netprobe.survey.model import Usable

if TYPE_CHECKING:
    from netprobe.report.contract import HostJson, HostsJson
    from netprobe.report.document import Block
    from netprobe.survey.model import HostFacts, HostInterface, Survey

HOSTS_SCHEMA: Final = "netprobe/hosts/1"
MOST_NAMED = 12

_HEAD = ("host", "usable", "by", "root", "engine", "containers", "points", "clock")
_RIGHT = frozenset({5, 6, 7})
_STYLE = {Usable.YES: Style.GOOD, Usable.PARTLY: Style.UNSURE, Usable.NO: Style.BAD}
_NOTHING = "-"
_UNKNOWN = "?"
_SAME = "same"


def lay_out(survey: Survey) -> Document:
    """Return the whole as a document: how many can be used, the table, then what there is to say of each host."""
    table = Table(head=_HEAD, rows=tuple(_row(host) for host in survey.hosts), right=_RIGHT)
    details = tuple(section for host in survey.hosts if (section := _details(host)))
    return Document(sections=((_opening(survey),), (table,), *details, *_footing(survey)))


def _opening(survey: Survey) -> Paragraph:
    machines = [host for host in survey.hosts if not host.same_as]
    bad = [host.name for host in machines if host.usable is Usable.NO]
    number = f"{len(machines)} host{'s' if len(machines) > 1 else ''}"
    where = f" of {survey.origin}{_local(survey)}" if survey.origin else ", as there is no hosts file"
    said = Span("all usable", Style.GOOD) if not bad else Span(f"not usable: {', '.join(bad)}", Style.BAD)
    return Paragraph(content=line(Span(f"{number}{where}: ", Style.STRONG), said))


def _local(survey: Survey) -> str:
    if not survey.local:
        return " (a lab: this machine itself is none of them)"
    return ", local among them" if survey.local == "local" else f", {survey.local} is local"


def _row(host: HostFacts) -> Row:
    cells = (
        line(host.name),
        line(Span(host.usable, _STYLE[host.usable])) if not host.same_as else line(f"is {host.same_as}"),
        line(host.reach.partition(":")[0]),
        line(_root(host)),
        line(_engine(host)),
        line(_containers(host)),
        line(_points(host)),
        line(_clock(host)),
    )
    return Row(cells=tuple((cell,) for cell in cells))


def _root(host: HostFacts) -> str:
    if host.root is None:
        return _UNKNOWN
    if not host.root:
        return "no"
    return host.become.partition(" ")[0] or "yes"


def _engine(host: HostFacts) -> str:
    engine = host.engine
    if engine is None:
        return _UNKNOWN if host.fault else "none"
    if engine.of:
        return f"that of {engine.of}"
    return "no answer" if engine.fault else engine.version


def _containers(host: HostFacts) -> str:
    if host.containers is None or host.running is None:
        return _NOTHING if host.engine is None or host.engine.of else _UNKNOWN
    return f"{host.running}/{host.containers}"


def _points(host: HostFacts) -> str:
    return _UNKNOWN if host.interfaces is None else str(sum(each.up for each in host.interfaces))


def _clock(host: HostFacts) -> str:
    if host.clock is None:
        return _UNKNOWN if host.fault else _SAME
    if abs(host.clock.offset_s) <= host.clock.uncertainty_s:
        return _SAME
    return f"{host.clock.offset_s:+.3f} s"


def _details(host: HostFacts) -> tuple[Block, ...]:
    if host.same_as:
        return (
            _head(host),
            Entries(
                entries=(Entry(label="note", lines=(line(f"the same machine as {host.same_as}: counted there"),)),)
            ),
        )
    entries = [*_faults(host), *_versions(host), *_interfaces(host)]
    entries += [_lacks(host)] if host.lacks else []
    return (_head(host), Entries(entries=tuple(entries)))


def _head(host: HostFacts) -> Paragraph:
    become = f", become {host.become}" if host.become else ""
    return Paragraph(content=line(Span(host.name, Style.STRONG), Span(f"  {host.reach}{become}", Style.FAINT)))


def _faults(host: HostFacts) -> list[Entry]:
    entries = []
    if host.fault:
        entries.append(Entry(label="out of reach", lines=(line(Span(host.fault, Style.BAD)), line(host.hint))))
    if host.engine is not None and host.engine.fault:
        entries.append(Entry(label="engine", lines=(line(Span(host.engine.fault, Style.BAD)), line(host.engine.hint))))
    return entries


def _versions(host: HostFacts) -> list[Entry]:
    parts = []
    if host.kernel:
        parts.append(f"kernel {host.kernel}")
    if host.backend:
        parts.append(f"iptables {host.backend}")
    if host.python:
        parts.append(f"python {host.python}")
    if host.engine is not None and host.engine.api:
        parts.append(f"Docker API {host.engine.api}")
    if host.clock is not None:
        parts.append(f"clock {host.clock.offset_s:+.3f} s ± {host.clock.uncertainty_s:.3f} s of this machine's")
    return [Entry(label="has", lines=(line(", ".join(parts)),))] if parts else []


def _interfaces(host: HostFacts) -> list[Entry]:
    if host.interfaces is None:
        return []
    up = [each for each in host.interfaces if each.up]
    down = [each for each in host.interfaces if not each.up]
    entries = [Entry(label="points", lines=(line(_named(up) or "none"),))]
    if down:
        entries.append(Entry(label="down", lines=(line(f"{_named(down)}: nothing can be sniffed while it is down"),)))
    return entries


def _named(interfaces: list[HostInterface]) -> str:
    """Name interfaces with their kind, the veth ports of a bridge as a number beside it."""
    ports = Counter(each.master for each in interfaces if _is_port(each))
    kept = [each for each in interfaces if not _is_port(each)]
    words = [_word(each, ports[each.name]) for each in kept[:MOST_NAMED]]
    if len(kept) > MOST_NAMED:
        words.append(f"{len(kept) - MOST_NAMED} more")
    alone = sum(number for master, number in ports.items() if master not in {each.name for each in kept})
    return ", ".join([*words, f"{alone} veth"] if alone else words)


def _is_port(interface: HostInterface) -> bool:
    return interface.kind == "veth" and bool(interface.master)


def _word(interface: HostInterface, ports: int) -> str:
    kind = f"{interface.kind} with {ports} veth" if ports else interface.kind
    return f"{interface.name} ({kind})" if kind else interface.name


def _lacks(host: HostFacts) -> Entry:
    lines: list[Line] = []
    for lack in host.lacks:
        style = Style.BAD if lack.fatal else Style.UNSURE
        lines.append(line("no ", Span(lack.what, style), f": {lack.cost} ({lack.hint})"))
    return Entry(label="lacks", lines=tuple(lines))


def _footing(survey: Survey) -> tuple[tuple[Block, ...], ...]:
    if survey.tshark:
        return ()
    said = "no tshark on this machine: explain --deep shows no application layer (install the package tshark)"
    return ((Paragraph(content=line(Span(said, Style.FAINT))),),)


def to_json(survey: Survey) -> HostsJson:
    """Return the survey as a JSON object, its keys always there and in this order."""
    return {
        "schema": HOSTS_SCHEMA,
        "inventory": survey.origin or None,
        "local": survey.local or None,
        "all_usable": survey.all_usable,
        "tshark": survey.tshark,
        "hosts": [_host(host) for host in survey.hosts],
    }


def _host(host: HostFacts) -> HostJson:
    engine, clock = host.engine, host.clock
    return {
        "name": host.name,
        "reach": host.reach,
        "become": host.become or None,
        "usable": host.usable,
        "same_as": host.same_as or None,
        "reached": not host.fault,
        "fault": host.fault or None,
        "hint": host.hint or None,
        "root": host.root,
        "kernel": host.kernel or None,
        "python": host.python or None,
        "iptables": host.backend or None,
        "engine": None
        if engine is None
        else {
            "version": engine.version or None,
            "api": engine.api or None,
            "fault": engine.fault or None,
            "hint": engine.hint or None,
            "same_as": engine.of or None,
        },
        "containers": None if host.containers is None else {"running": host.running, "all": host.containers},
        "interfaces": None
        if host.interfaces is None
        else [
            {"name": each.name, "kind": each.kind or None, "up": each.up, "master": each.master or None}
            for each in host.interfaces
        ],
        "clock": None
        if clock is None
        else {"offset_s": round(clock.offset_s, 6), "uncertainty_s": round(clock.uncertainty_s, 6)},
        "lacks": [
            {"what": each.what, "cost": each.cost, "hint": each.hint, "fatal": each.fatal} for each in host.lacks
        ],
    }
