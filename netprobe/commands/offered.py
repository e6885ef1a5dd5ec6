"""Words that may be meant: what completion offers for targets, sources, hosts, causes, columns and schemas. Quick, silent, and of this machine alone."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.survey.nearby import Nearby, NearbyContainer

SECONDS = 0.1
"""How long an engine may take: somebody waits for each Tab."""
_FIELD = re.compile(r'^    FlowField\(name="(\w+)"', re.MULTILINE)
_OF_EACH_SIDE = re.compile(r'^ {12}\("(\w+)", "\w+", "', re.MULTILINE)
_SCHEMA = re.compile(r'^    "(\w+)": \(', re.MULTILINE)
_WORD = re.compile(r"(?<!\w)(?:[A-Za-z_]\w*)?\Z")
_OPERAND = re.compile(r"(?:\A|[(,\[=<>!&|~+*/%-]|(?<!\w)(?:and|or|not|in))\s*\Z")
"""What stands before a column in a condition."""
_CODE = re.compile(r'^    code(?:: [\w\[\]]+)? = "([a-z0-9-]+)"', re.MULTILINE)


def targets(hosts: str | None) -> Iterator[str]:
    """Yield what TARGET may be: hosts, containers and services, these with the ports that they serve, too."""
    here = _nearby(hosts)
    yield from (host.name for host in here.hosts)
    for each, called in _containers(here):
        ports = dict.fromkeys((port.port, port.proto) for port in each.ports)
        for name in called:
            yield name
            yield from (f"{name}:{port}" + ("" if proto == "tcp" else f"/{proto}") for port, proto in ports)


def sources(hosts: str | None) -> Iterator[str]:
    """Yield what SOURCE may be: hosts, containers, services."""
    here = _nearby(hosts)
    yield from (host.name for host in here.hosts)
    for _, called in _containers(here):
        yield from called


def _containers(here: Nearby) -> Iterator[tuple[NearbyContainer, tuple[str, ...]]]:
    """Yield the containers, each with what it may be called: with its host where two have one of its name."""
    every = [(host, each) for host in here.hosts for each in host.containers]
    names = [each.name for _, each in every]
    for host, each in every:
        name = f"{each.name}@{host.name}" if names.count(each.name) > 1 else each.name
        yield each, tuple(filter(None, (name, each.service)))


def host_names(hosts: str | None) -> Iterator[str]:
    """Yield the names of the inventory. Nobody is asked."""
    from netprobe.live.nearby import names

    yield from names(hosts)


def cause_codes() -> Iterator[str]:
    """Yield the causes' codes, read from the files of their classes: importing these takes half a second."""
    folders = [resources.files("netprobe.causes")]
    while folders:
        for each in folders.pop().iterdir():
            if each.is_dir() and not each.name.startswith("_"):
                folders.append(each)
            elif each.name.endswith(".py"):
                yield from _CODE.findall(each.read_text(encoding="utf-8"))


def schemas() -> Iterator[str]:
    """Yield the names of the schemas, read as :func:`cause_codes` are."""
    yield from _SCHEMA.findall(_text("netprobe.report", "schema.py"))


def conditions(typed: str) -> Iterator[str]:
    """Yield what ``--where`` may go on with: what is typed, with each column that its last word may be the beginning of."""
    found = _WORD.search(typed)
    if found is None or _within_quotes(typed) or not _OPERAND.search(typed[: found.start()]):
        return
    yield from (typed[: found.start()] + each for each in _columns() if each.startswith(found[0]))


def orders(typed: str) -> Iterator[str]:
    """Yield what ``--sort`` may go on with: a column behind the last comma, in descending order behind a minus."""
    head, comma, word = typed.rpartition(",")
    minus = "-" if word.startswith("-") else ""
    yield from (f"{head}{comma}{minus}{each}" for each in _columns() if each.startswith(word.removeprefix("-")))


def _columns() -> list[str]:
    """The columns of flows, read from the file of their list: importing it takes numpy."""
    text = _text("netprobe.flowtable", "fields.py")
    sides = [f"{side}_{each}" for each in _OF_EACH_SIDE.findall(text) for side in ("client", "server")]
    return [*_FIELD.findall(text), *sides]


def _within_quotes(typed: str) -> bool:
    quote = ""
    for each in typed:
        if each == quote:
            quote = ""
        elif not quote and each in {'"', "'"}:
            quote = each
    return bool(quote)


def _text(package: str, file: str) -> str:
    return (resources.files(package) / file).read_text(encoding="utf-8")


def _nearby(hosts: str | None) -> Nearby:
    from netprobe.live.nearby import nearby

    return nearby(hosts, SECONDS)
