"""What can be explained, for whoever asked for nothing: containers, services, networks, and a line to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.endpoint import Endpoint
from netprobe.report.document import Document, Entries, Entry, Paragraph, Row, Span, Style, Table, line
from netprobe.report.topology.shortened import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.report.document import Block
    from netprobe.survey.nearby import NearbyContainer, NearbyHost, NearbyPort

MOST = 40
_HEAD = ("container", "host", "state", "network", "address", "published")
_CELLS = 60


def lay_out(hosts: Sequence[NearbyHost], examples: Sequence[str]) -> Document:
    """Return the list as a document.

    Args:
        hosts: the inventory's, as far as this machine knows of them.
        examples: command lines that ask about something in the list.
    """
    listed = [(host, each) for host in hosts for each in host.containers]
    sections: list[tuple[Block, ...]] = [_containers(listed), (_names(hosts),), _examples(examples)]
    return Document(sections=tuple(each for each in sections if each))


def _containers(listed: list[tuple[NearbyHost, NearbyContainer]]) -> tuple[Block, ...]:
    if not listed:
        return (Paragraph(content=line("no container is known here")),)
    table = Table(head=_HEAD, rows=tuple(_row(host, each) for host, each in listed[:MOST]))
    more = len(listed) - MOST
    return (table, Paragraph(content=line(f"+ {more} more containers"), indent=2)) if more > 0 else (table,)


def _row(host: NearbyHost, container: NearbyContainer) -> Row:
    style = Style.NORMAL if container.running else Style.FAINT
    networks = container.networks or (("", ""),)
    published = [port for port in container.ports if port.host_port]
    return Row(
        cells=(
            (line(Span(shown(container.name, _CELLS), style)),),
            (line(shown(host.name, _CELLS)),),
            (line(Span(shown(container.state, _CELLS), style)),),
            tuple(line(shown(name, _CELLS)) for name, _ in networks),
            tuple(line(shown(address, _CELLS)) for _, address in networks),
            tuple(line(_published(each)) for each in published) or (line(""),),
        )
    )


def _published(port: NearbyPort) -> str:
    return shown(f"{Endpoint(port.host_ip, port.host_port)}->{port.port}/{port.proto}", _CELLS)


def _names(hosts: Sequence[NearbyHost]) -> Entries:
    services = [each for host in hosts for each in host.services]
    networks = [f"{each.name} ({each.driver}, on {host.name})" for host in hosts for each in host.networks]
    entries = [
        Entry(label="services", lines=_lines(list(dict.fromkeys(services)))),
        Entry(label="networks", lines=_lines(networks)),
        Entry(label="hosts", lines=_lines([host.name for host in hosts])),
        Entry(label="not known", lines=_lines([f"{host.name}: {host.why}" for host in hosts if host.why])),
    ]
    return Entries(entries=tuple(each for each in entries if each.lines))


def _lines(words: list[str]) -> tuple[tuple[Span, ...], ...]:
    more = [f"+ {len(words) - MOST} more"] if len(words) > MOST else []
    return tuple(line(shown(each, 200)) for each in (*words[:MOST], *more))


def _examples(examples: Sequence[str]) -> tuple[Block, ...]:
    if not examples:
        return ()
    lines = (Paragraph(content=line(Span(each, Style.COMMAND)), indent=2, whole=True) for each in examples)
    return (Paragraph(content=line("for example:")), *lines)
