"""Every form that a topology is printed in, in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.topology.model import Topology

    Print = Callable[[Topology, bool], str]


def _tree(topology: Topology, whole: bool) -> str:
    from netprobe.report.topology.tree import tree

    return tree(topology, whole=whole)


def _svg(topology: Topology, whole: bool) -> str:
    from netprobe.report.topology.svg import svg

    return svg(topology, whole=whole)


def _mermaid(topology: Topology, whole: bool) -> str:
    from netprobe.report.topology.mermaid import mermaid

    return mermaid(topology, whole=whole)


def _json(topology: Topology, whole: bool) -> str:
    from netprobe.report.json import dumps
    from netprobe.report.topology.json import to_json

    del whole  # JSON always is
    return dumps(to_json(topology)) + "\n"


TREE = "tree"
OUTPUTS: dict[str, Print] = {TREE: _tree, "svg": _svg, "mermaid": _mermaid, "json": _json}
"""By the name of ``--format``: the topology, and whether to leave nothing out of large hosts, to text."""
ENDINGS = {"svg": "svg", "mmd": "mermaid", "mermaid": "mermaid", "json": "json", "txt": TREE}
"""How names of files end -> the form that says so."""


def form_of(asked: str | None, output: str | None) -> str:
    """Return the form: the one asked for, else as the file's name ends, else a tree."""
    ending = (output or "").rpartition(".")[2].lower()
    return asked or ENDINGS.get(ending, TREE)
