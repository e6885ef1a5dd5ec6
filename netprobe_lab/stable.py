"""What expected.json files hold of a report: what is the same each time an experiment is recorded, and what its saved capture proves.

Pure. :func:`stable` leaves out times, frame numbers, ports, MACs, counters and the sentences made of them; :func:`proof` has the rule, the facts of
the evidence (frames, counters) and the remedies, which are the same whenever that one file is replayed. Names that Docker makes up are aliased.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# veth1a2b3c4 and br-0123456789ab: Docker's random names of links and user-defined bridges.
_VETH = re.compile(r"\bveth[0-9a-f]{7}\b")
_BRIDGE = re.compile(r"\bbr-[0-9a-f]{12}\b")
_PLAIN = (
    "target",
    "source",
    "dialled",
    "verdict",
    "path",
    "segments",
    "vlan",
    "resolution",
    "predicted_path",
    "alternatives",
)


def stable(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stable fields of a report's JSON (`netprobe/report/1`)."""
    kept = {name: report.get(name) for name in _PLAIN}
    kept["cause"] = _cause(report.get("cause"))
    kept["findings"] = sorted(filter(None, (_code(finding) for finding in report.get("findings") or ())))
    after = report.get("after")
    kept["after"] = None if after is None else [_code(finding) for finding in after]
    kept["hops"] = [_hop(hop) for hop in report.get("hops") or ()]
    kept["last_seen"], kept["first_missing"] = report.get("last_seen"), report.get("first_missing")
    aliased = _aliased(kept)
    return aliased if isinstance(aliased, dict) else {}


def expectation(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what NAME.expected.json holds: the stable fields, and under ``proof`` what this one capture proves."""
    return {**stable(report), "proof": proof(report)}


def proof(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return why, the cause, the findings and what stands behind them: where, by which rule, on what evidence, and the remedies."""
    cause, after = report.get("cause"), report.get("after")
    kept = {
        "why": report.get("why"),
        "cause": None if cause is None else _proved(cause),
        "findings": [_proved(finding) for finding in report.get("findings") or ()],
        "after": None if after is None else [_proved(finding) for finding in after],
    }
    aliased = _aliased(kept)
    return aliased if isinstance(aliased, dict) else {}


def _proved(finding: dict[str, Any]) -> dict[str, Any]:
    return {name: finding.get(name) for name in ("code", "where", "evidence", "remedy", "remedies", "confidence")}


def _cause(cause: dict[str, Any] | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    where = cause.get("where") or {}
    return {"code": cause.get("code"), "host": where.get("host"), "confidence": cause.get("confidence")}


def _code(finding: dict[str, Any]) -> str | None:
    code = finding.get("code")
    return code if isinstance(code, str) else None


def _hop(hop: dict[str, Any]) -> dict[str, Any]:
    fields = [change.get("field") for change in hop.get("changes") or ()]
    return {"point": hop.get("point"), "seen": hop.get("seen"), "changes": fields}


def _aliased(value: Any) -> Any:
    if isinstance(value, str):
        return _BRIDGE.sub("br-*", _VETH.sub("veth*", value))
    if isinstance(value, list):
        return [_aliased(item) for item in value]
    if isinstance(value, dict):
        return {key: _aliased(item) for key, item in value.items()}
    return value
