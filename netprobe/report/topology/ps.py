"""Containers with their networks and published ports, and who reaches whom: for people, and as JSON (``netprobe/ps/1``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.report.document import Document, Paragraph, Row, Span, Style, Table, line
from netprobe.report.topology.json import container_json, network_json
from netprobe.report.topology.shortened import shown
from netprobe.topology.reach import Reached

if TYPE_CHECKING:
    from netprobe.report.document import Block, Line
    from netprobe.report.topology.contract import PsJson, ReachJson
    from netprobe.topology.model import ContainerNode, HostNode, Topology
    from netprobe.topology.reach import Matrix, ReachCell

PS_SCHEMA: Final = "netprobe/ps/1"
MOST_LISTED = 40
MOST_REASONS = 12
_NAME = 40
_HEAD = ("container", "host", "state", "network", "address", "published")
_NETWORK_HEAD = ("network", "host", "driver", "subnet", "at", "containers")
_WORD = {
    Reached.DIRECT: Span("yes", Style.GOOD),
    Reached.PUBLISHED: Span("port", Style.GOOD),
    Reached.NO: Span("no", Style.BAD),
    Reached.UNKNOWN: Span("?", Style.UNSURE),
    Reached.SELF: Span("-", Style.FAINT),
}
_NO_HOST = "containers and networks: a capture does not tell"
_LEGEND = "yes: at its own address · port: only by a port that its host publishes · ? the hosts' state does not tell"


def lay_out(topology: Topology, matrix: Matrix, *, whole: bool) -> Document:
    """Return the whole as a document: the containers, who reaches whom, why not, and what is not known."""
    listed = [(host, each) for host in topology.hosts for each in host.containers or ()]
    cut = listed if whole else _running_first(listed)[:MOST_LISTED]
    sections: list[tuple[Block, ...]] = [
        _containers(cut, len(listed) - len(cut), untold=bool(_untold(topology))),
        _networks_of(topology, whole=whole),
    ]
    if matrix.targets:
        sections += [_matrix(matrix), _reasons(matrix, whole=whole)]
    sections.append(
        tuple(Paragraph(content=line(Span(f"not known: {shown(each)}", Style.UNSURE))) for each in unknown(topology))
    )
    return Document(sections=tuple(each for each in sections if each))


def unknown(topology: Topology) -> list[str]:
    """Return what could not be learnt, each with its host."""
    untold = _untold(topology)
    named = ", ".join(filter(None, untold))
    what = f"containers and networks of {named}: no engine answered there" if named else _NO_HOST
    said = (f"{host.name}: {why}" for host in topology.hosts for why in host.unknown)
    return [*said, *([what] if untold else []), *topology.unknown]


def _untold(topology: Topology) -> list[str]:
    """The hosts of which no engine told the containers."""
    return [host.name for host in topology.hosts if host.containers is None]


def _running_first(listed: list[tuple[HostNode, ContainerNode]]) -> list[tuple[HostNode, ContainerNode]]:
    return sorted(listed, key=lambda each: not each[1].running)


def _containers(listed: list[tuple[HostNode, ContainerNode]], left: int, *, untold: bool) -> tuple[Block, ...]:
    if not listed:
        return (Paragraph(content=line("no container is known" if untold else "no container")),)
    table = Table(head=_HEAD, rows=tuple(_row(host, each) for host, each in listed))
    return (
        (table, Paragraph(content=line(f"+ {left} more containers (--all shows them)"), indent=2)) if left else (table,)
    )


def _networks_of(topology: Topology, *, whole: bool) -> tuple[Block, ...]:
    """The engines' networks; those that every engine has from the beginning (``host``, ``none``) tell nothing."""
    listed = [
        (host, each) for host in topology.hosts for each in host.networks or () if each.subnets or each.containers
    ]
    cut = listed if whole else listed[:MOST_LISTED]
    if not cut:
        return ()
    rows = tuple(
        Row(
            cells=(
                (line(shown(each.name, _NAME)),),
                (line(shown(host.name, _NAME)),),
                (line(shown(each.driver, _NAME)),),
                tuple(line(shown(subnet, 50)) for subnet in each.subnets) or (line(""),),
                (line(shown(each.bridge or ", ".join(each.parents), _NAME)),),
                (line(str(each.containers)),),
            )
        )
        for host, each in cut
    )
    table = Table(head=_NETWORK_HEAD, rows=rows, right=frozenset({5}))
    more = len(listed) - len(cut)
    return (
        (table, Paragraph(content=line(f"+ {more} more networks (--all shows them)"), indent=2)) if more else (table,)
    )


def _row(host: HostNode, container: ContainerNode) -> Row:
    networks, addresses = _networks(container)
    style = Style.NORMAL if container.running else Style.FAINT
    return Row(
        cells=(
            (line(Span(shown(container.name, _NAME), style)),),
            (line(shown(host.name, _NAME)),),
            (line(Span(container.state, style)),),
            networks,
            addresses,
            tuple(line(shown(each, 60)) for each in container.published) or (line(""),),
        )
    )


def _networks(container: ContainerNode) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Network and address, line by line."""
    if container.attachments:
        pairs = [(shown(each.network, _NAME), a) for each in container.attachments for a in each.addresses[:2] or ("",)]
    elif container.running and container.namespace is None:
        pairs = [("the host's own", "")]
    elif container.namespace not in {None, container.name}:
        pairs = [(f"that of {shown(container.namespace or '', _NAME)}", "")]
    else:
        pairs = [("", "")]
    return tuple(line(network) for network, _ in pairs), tuple(line(shown(address, 50)) for _, address in pairs)


def _matrix(matrix: Matrix) -> tuple[Block, ...]:
    """One column a container, by number: names are long, and the columns many."""
    number = {each: str(count) for count, each in enumerate(matrix.targets, 1)}
    rows = tuple(
        Row(
            cells=(
                (line(number.get(source, "")),),
                (line(shown(str(source), _NAME)),),
                *((line(_WORD[cell.reach]),) for cell in row),
            )
        )
        for source, row in zip(matrix.sources, matrix.rows, strict=True)
    )
    head = Paragraph(content=line(Span("who reaches whom", Style.STRONG), "  (predicted, nothing was sent)"))
    table = Table(head=("#", "from \\ to", *number.values()), rows=rows, right=frozenset({0}))
    rest = (
        f"+ {matrix.left_out} more running containers are left out (--all asks more of them)" if matrix.left_out else ""
    )
    blocks: tuple[Block, ...] = (head, table, Paragraph(content=line(Span(_LEGEND, Style.FAINT)), indent=2))
    return (*blocks, Paragraph(content=line(rest), indent=2)) if rest else blocks


def _reasons(matrix: Matrix, *, whole: bool) -> tuple[Block, ...]:
    """Why not, those of one reason together."""
    found: dict[tuple[Reached, str], list[ReachCell]] = {}
    for cell in (cell for row in matrix.rows for cell in row if cell.why):
        found.setdefault((cell.reach, cell.why), []).append(cell)
    lines = [
        _reason(reach, why, cells)
        for (reach, why), cells in sorted(found.items(), key=lambda each: each[0][0] != Reached.NO)
    ]
    cut = lines if whole else lines[:MOST_REASONS]
    if len(cut) < len(lines):
        cut.append(line(f"+ {len(lines) - len(cut)} more reasons (--all shows them)"))
    return tuple(Paragraph(content=each) for each in cut)


def _reason(reach: Reached, why: str, cells: list[ReachCell]) -> Line:
    pairs = ", ".join(f"{shown(str(each.source), _NAME)} → {shown(str(each.target), _NAME)}" for each in cells[:3])
    more = f" and {len(cells) - 3} more" if len(cells) > 3 else ""
    return line(_WORD[reach], f"  {pairs}{more}: {shown(why, 300)}")


def to_json(topology: Topology, matrix: Matrix) -> PsJson:
    """Return the whole as a JSON object, its keys always there and in this order."""
    return {
        "schema": PS_SCHEMA,
        "containers": [
            {**container_json(each), "host": host.name} for host in topology.hosts for each in host.containers or ()
        ],
        "networks": [
            {**network_json(each), "host": host.name} for host in topology.hosts for each in host.networks or ()
        ],
        "reach": [_reach(cell) for row in matrix.rows for cell in row],
        "left_out": matrix.left_out,
        "unknown": unknown(topology),
    }


def _reach(cell: ReachCell) -> ReachJson:
    return {
        "source": str(cell.source),
        "target": str(cell.target),
        "reach": cell.reach,
        "dialled": str(cell.dialled) if cell.dialled is not None else None,
        "why": cell.why or None,
    }
