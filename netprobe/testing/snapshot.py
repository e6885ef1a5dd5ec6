"""What a report comes to, kept beside a test: it changes where the capture, or netprobe's answer, does."""

from __future__ import annotations

import json
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from netprobe.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.model.hop import Hop
    from netprobe.model.report import Finding, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """The snapshots of one test.

    Attributes:
        folder: where they are.
        test: the test's name, as a file may be called.
        update: write what is found, in place of holding it against what is kept.
    """

    folder: Path
    test: str
    update: bool = False

    def hold(self, report: Report, name: str | None = None) -> None:
        """Hold a report against the snapshot of this name.

        Raises:
            AssertionError: it differs, or there is none.
            OSError: it cannot be read or written.
        """
        __tracebackhide__ = True
        file = self.folder / (f"{self.test}.json" if name is None else f"{self.test}.{plain(name)}.json")
        found = json.dumps(summary(report), indent=2) + "\n"
        if self.update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(found)
            return
        if not file.exists():
            raise AssertionError(f"there is no snapshot {file} yet: pytest --netprobe-update writes it; read it then")
        kept = file.read_text()
        if kept != found:
            lines = unified_diff(kept.splitlines(), found.splitlines(), "the snapshot", "now", lineterm="", n=2)
            told = "\n".join(lines)
            raise AssertionError(
                f"it is not as in {file} any more; where this is right, pytest --netprobe-update\n{told}"
            )


def plain(name: str) -> str:
    """A name as a file may be called: letters, digits, ``-``, ``_`` and ``.``, at most 150 of them."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "-" for each in name)[:150].strip(
        "-"
    )


def summary(report: Report) -> dict[str, Any]:
    """What a report comes to, in JSON's types: what a newer netprobe with better sentences says, too, and nothing that depends on the clock."""
    return {
        "target": report.target,
        "source": report.source,
        "dialled": report.dialled,
        "verdict": report.verdict.value,
        "path": report.path.value,
        "vlan": report.vlan,
        "cause": None if report.cause is None else _finding(report.cause),
        "findings": [_finding(each) for each in report.findings],
        "hops": [_hop(each) for each in report.hops],
        "last_seen": report.last_seen,
        "first_missing": report.first_missing,
        "alternatives": list(report.alternatives),
    }


def _finding(found: Finding) -> dict[str, str | None]:
    return {
        "code": found.code,
        "host": found.where.host,
        "component": found.where.component,
        "rule": found.where.rule,
    }


def _hop(hop: Hop) -> dict[str, Any]:
    packet = hop.packet
    return {
        "point": hop.point,
        "seen": hop.seen,
        "direction": hop.direction.value,
        "packet": None if packet is None else f"{packet.src} > {packet.dst} {packet.proto} {packet.info}".strip(),
        "changes": [f"{each.field} by {each.by}" for each in hop.changes],
    }
