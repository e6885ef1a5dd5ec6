"""The hops as a table: where the packet was seen, when, what it was, and what had changed since the point before."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.report.document import Divider, Line, Row, Span, Style, Table, line
from netprobe.report.language import N_, _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Change, Hop, HopPacket
    from netprobe.model.report import Report

_HEAD = (N_("at"), "+µs", N_("frame"), N_("packet"), N_("changed here"))
_RIGHT = frozenset({1, 2})
_MACS = frozenset({"src_mac", "dst_mac"})
_NOTHING = frozenset({"", "untagged", "none"})


def hop_table(report: Report) -> Table | None:
    """Return the table of all hops, None when there are none."""
    if not report.hops:
        return None
    rows: list[Row | Divider] = []
    for before, hop in pairwise((None, *report.hops)):
        assert hop is not None  # noqa: S101 - only the first element of the pairs is None
        rows.extend(_dividers(before, hop, _relay(report.hops)))
        rows.append(_row(hop, _last_like(report.hops, hop), report.first_missing))
    if not any(hop.changes for hop in report.hops):
        return _without_last_column(rows)
    return Table(head=_HEAD, rows=tuple(rows), right=_RIGHT)


def _without_last_column(rows: Sequence[Row | Divider]) -> Table:
    """Return the table of a packet that nothing changed on its way: a narrow terminal has room for the rest."""
    kept = tuple(Row(cells=row.cells[:-1]) if isinstance(row, Row) else row for row in rows)
    return Table(head=_HEAD[:-1], rows=kept, right=_RIGHT)


def _relay(hops: Sequence[Hop]) -> str:
    """Return who joins two connections: docker-proxy, or the embedded DNS server."""
    return next((change.by for hop in hops for change in hop.changes if change.field == "connection"), "docker-proxy")


def _dividers(before: Hop | None, hop: Hop, relay: str) -> list[Divider]:
    if before is not None and (before.direction, before.leg) == (hop.direction, hop.leg):
        return []
    if hop.direction is Direction.REQUEST:
        opens = _("{} asks on") if "DNS" in relay else _("{} opens its own connection")
        return [_divider(opens.format(_with_article(relay)), Style.CHANGE)] if hop.leg > 1 else []
    if hop.leg > 1:
        return [_divider(_("and the answer to {}").format(_with_article(relay)), Style.FAINT)]
    if before is None:
        return [_divider(_("the answer alone was captured"), Style.FAINT)]
    proxied = before.direction is Direction.REPLY
    back = (
        _("and {}'s answer to the client").format(_with_article(relay))
        if proxied
        else _("and the answer, on its way back")
    )
    return [_divider(back, Style.FAINT)]


def _with_article(relay: str) -> str:
    """Return ``docker-proxy``, ``the embedded DNS server``: a program's name needs no article."""
    return relay if relay == "docker-proxy" else _("the {}").format(relay)


def _divider(words: str, style: Style) -> Divider:
    return Divider(content=line(Span(words, style)))


def _last_like(hops: Sequence[Hop], hop: Hop) -> Hop | None:
    """Return the hop that ``hop``'s changes are held against: the seen one before it, same direction and leg."""
    before = None
    for other in hops:
        if other is hop:
            return before
        if other.packet is not None and (other.direction, other.leg) == (hop.direction, hop.leg):
            before = other
    return before


def _row(hop: Hop, before: Hop | None, first_missing: str | None) -> Row:
    if hop.packet is not None:  # seen, or predicted
        return Row(
            cells=(
                (line(hop.point),),
                (line("" if hop.time_us is None else f"{hop.time_us:.0f}"),),
                (line(Span(str(hop.packet.frame or ""), Style.FAINT)),),
                _packet_cell(hop, before),
                _changes_cell(hop),
            )
        )
    return Row(cells=((line(hop.point),), (line(),), (line(),), (line(_absence(hop, first_missing)),), (line(),)))


def _absence(hop: Hop, first_missing: str | None) -> Span:
    if hop.seen is None:
        return Span(_("not observable here"), Style.FAINT)
    first = hop.direction is Direction.REQUEST and hop.point == first_missing
    return Span(_("never arrived here") if first else _("not seen here"), Style.BAD)


def _packet_cell(hop: Hop, before: Hop | None) -> tuple[Line, ...]:
    packet = hop.packet
    assert packet is not None  # noqa: S101 - the caller looked
    times = [Span(_(" ({} times)").format(hop.count), Style.UNSURE)] if hop.count > 1 else []
    same = before is not None and before.packet is not None and _ends(packet) == _ends(before.packet)
    if same and not hop.changes:
        return (line(Span(_("the same frame"), Style.FAINT), *times),)
    said = any(change.field == "vlan" for change in hop.changes)
    tag = [Span(f" (VLAN {packet.tag})", Style.FAINT)] if packet.tag and not said else []
    lines = [line(f"{packet.src} → {packet.dst} {packet.info}", *tag, *times)]
    if any(change.field in _MACS for change in hop.changes) and packet.src_mac and packet.dst_mac:
        lines.append(line(Span(f"{packet.src_mac} → {packet.dst_mac}", Style.FAINT)))
    return tuple(lines)


def _ends(packet: HopPacket) -> tuple[Endpoint, Endpoint, str, str]:
    return packet.src, packet.dst, packet.proto, packet.info


def _changes_cell(hop: Hop) -> tuple[Line, ...]:
    """Return one line for addresses, TTL and tag, and one for the MAC addresses, beside the line that shows them."""
    upper = [change_words(change) for change in hop.changes if change.field not in _MACS]
    macs = [change for change in hop.changes if change.field in _MACS]
    lines = [line(Span(" · ".join(upper), Style.CHANGE))] if upper or macs else []
    if macs:
        one = _("source MAC by {}") if macs[0].field == "src_mac" else _("destination MAC by {}")
        both = _("both MACs by {}") if len(macs) > 1 else one
        lines.append(line(Span(both.format(_agent(macs[0])), Style.FAINT)))
    return tuple(lines) or (line(),)


def change_words(change: Change) -> str:
    """Return one change in a few words: ``dst by DNAT (nat/DOCKER #2)``, ``ttl 64→63``, ``VLAN tag 1 put on``."""
    if change.field == "ttl":
        return f"ttl {change.before}→{change.after}"
    if change.field == "vlan":
        return _vlan_words(change)
    if change.field == "connection":
        return _("a new connection by {}").format(change.rule or _with_article(change.by))
    if change.by == "conntrack":
        return _("{} put back by conntrack").format(change.field) + (f" ({change.rule})" if change.rule else "")
    return _("{field} by {agent}").format(field=change.field, agent=_agent(change))


def _agent(change: Change) -> str:
    rule = str(change.rule or "")
    if not rule or rule == change.by:
        return change.by
    return rule if rule.startswith(change.by) else f"{change.by} ({rule})"


def _vlan_words(change: Change) -> str:
    before, after = str(change.before), str(change.after)
    if before in _NOTHING:
        return _("VLAN tag {} put on").format(after)
    if after in _NOTHING:
        return _("VLAN tag {} taken off").format(before)
    if after.endswith(f".{before}"):
        return _("outer VLAN tag {} put on").format(after.partition(".")[0])
    if before.endswith(f".{after}"):
        return _("outer VLAN tag {} taken off").format(before.partition(".")[0])
    return _("VLAN tag {}→{}").format(before, after)
