"""Holding a report against what an experiment declares. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.model.hop import Direction

if TYPE_CHECKING:
    from netprobe.model.report import Report
    from netprobe_lab.experiments.model import Expected


def disagreements(report: dict[str, Any], expected: Expected, addresses: dict[str, str]) -> list[str]:
    """Return one line for each thing that the report says otherwise; none if it agrees.

    Args:
        report: the JSON value of a report.
        expected: the experiment's declaration.
        addresses: values for the braces in the declaration.
    """
    cause = report.get("cause") or {}
    findings = tuple(sorted(finding.get("code", "") for finding in report.get("findings") or ()))
    pairs: list[tuple[str, object, object]] = [
        ("verdict", expected.verdict, report.get("verdict")),
        ("path", expected.path, report.get("path")),
        ("cause", expected.cause, cause.get("code")),
        ("findings", tuple(sorted(expected.findings)), findings),
    ]
    if expected.resolution is not None:
        pairs.append(("resolution", expected.resolution, report.get("resolution")))
    if expected.segments is not None:
        pairs.append(("segments", expected.segments, _segments(report)))
    if expected.target_sees is not None:
        pairs.append(("source seen by the target", expected.target_sees.format_map(addresses), seen_by_target(report)))
    return [f"{what}: expected {wanted}, reported {got}" for what, wanted, got in pairs if wanted != got]


def seen_by_target(report: dict[str, Any]) -> str | None:
    """Return the probe's source address (IPv4) where it was seen last: behind docker-proxy that is its inner leg."""
    requests = [hop for hop in report.get("hops") or () if hop.get("seen") and hop.get("direction") == "request"]
    inner = max((hop.get("leg", 1) for hop in requests), default=1)
    sources = [(hop.get("packet") or {}).get("src") for hop in requests if hop.get("leg", 1) == inner]
    return str(sources[-1]).partition(":")[0] if sources and sources[-1] else None


def source_seen(report: Report) -> str | None:
    """Return the same as :func:`seen_by_target`, of a report itself."""
    requests = [hop for hop in report.hops if hop.packet is not None and hop.direction is Direction.REQUEST]
    inner = max((hop.leg for hop in requests), default=1)
    sources = [hop.packet.src.address for hop in requests if hop.leg == inner and hop.packet is not None]
    return sources[-1] if sources else None


def _segments(report: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{segment.get('host')}={segment.get('path')}" for segment in report.get("segments") or ())
