"""The report as JSON, ``netprobe/report/1``: ``report.contract`` has its types, every key always there, in that order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from netprobe.evidence.model import Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.model.hop import Change, Hop, HopPacket
    from netprobe.model.http import HttpAnswer
    from netprobe.model.neighbours import NeighbourExchange, NeighbourFrame
    from netprobe.model.remedy import Remedy
    from netprobe.model.report import Alternative, Clock, Finding, Report
    from netprobe.model.tls import TlsFacts
    from netprobe.model.trace import KernelDrop, TraceWalk
    from netprobe.report.contract import (
        AlternativeJson,
        ChangeJson,
        ClockJson,
        DropJson,
        ErrorJson,
        FindingJson,
        HopJson,
        HttpJson,
        NeighbourFrameJson,
        NeighbourJson,
        PacketJson,
        RemedyJson,
        ReportJson,
        TlsJson,
        TraceJson,
    )

REPORT_SCHEMA: Final = "netprobe/report/1"
ERROR_SCHEMA: Final = "netprobe/error/1"


def to_json(report: Report) -> ReportJson:
    """Return the report as a JSON object, its keys in the order of the contract."""
    return {
        "schema": REPORT_SCHEMA,
        "target": report.target,
        "source": report.source,
        "dialled": report.dialled,
        "sent": report.sent,
        "verdict": report.verdict,
        "path": report.path,
        "segments": [{"host": segment.host, "path": segment.path} for segment in report.segments],
        "vlan": report.vlan,
        "resolution": Resolution(report.resolution),
        "predicted_path": report.predicted_path,
        "why": report.why,
        "cause": None if report.cause is None else _finding(report.cause),
        "findings": [_finding(finding) for finding in report.findings],
        "hops": [_hop(hop) for hop in report.hops],
        "last_seen": report.last_seen,
        "first_missing": report.first_missing,
        "assumptions": list(report.assumptions),
        "unknowns": list(report.unknowns),
        "alternatives": list(report.alternatives),
        "alternatives_why": [_alternative(each) for each in report.alternatives_why],
        "after": None if report.after is None else [_finding(finding) for finding in report.after],
        "clocks": [_clock(clock) for clock in report.clocks],
        "arp": [_neighbour(exchange) for exchange in report.neighbours if exchange.protocol == "ARP"],
        "ndp": [_neighbour(exchange) for exchange in report.neighbours if exchange.protocol == "NDP"],
        "trace": None if report.trace is None else [_walk(walk) for walk in report.trace],
        "drops": None if report.drops is None else [_drop(drop) for drop in report.drops],
        "tls": None if report.tls is None else _tls(report.tls),
        "http": None if report.http is None else _http(report.http),
    }


def failure(exit_code: int, message: str, hint: str = "") -> ErrorJson:
    """Return the JSON object of a run that ended without a report."""
    return {"schema": ERROR_SCHEMA, "exit": exit_code, "error": message, "hint": hint}


def dumps(value: Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    """Return the text that is printed: pure ASCII without control characters, so that it is safe on a terminal."""
    # json leaves DEL as it is; every other control character and all non-ASCII text is escaped by ensure_ascii.
    return json.dumps(value, ensure_ascii=True, indent=2).replace("\x7f", "\\u007f")


def _finding(finding: Finding) -> FindingJson:
    where = finding.where
    return {
        "code": finding.code,
        "summary": finding.summary,
        "where": {"host": where.host, "component": where.component, "rule": where.rule},
        "evidence": list(finding.evidence),
        "remedy": list(finding.remedy),
        "remedies": [_remedy(remedy) for remedy in finding.remedies],
        "confidence": finding.confidence,
    }


def _remedy(remedy: Remedy) -> RemedyJson:
    return {"host": remedy.host, "run": [list(command) for command in remedy.commands], "text": remedy.advice}


def _alternative(each: Alternative) -> AlternativeJson:
    return {"code": each.code, "reason": each.reason, "would_tell": each.would_tell}


def _hop(hop: Hop) -> HopJson:
    return {
        "point": hop.point,
        "seen": hop.seen,
        "time_us": hop.time_us,
        "packet": None if hop.packet is None else _packet(hop.packet),
        "changes": [_change(change) for change in hop.changes],
        "direction": hop.direction,
        "leg": hop.leg,
        "count": hop.count,
    }


def _clock(clock: Clock) -> ClockJson:
    return {
        "host": clock.host,
        "against": clock.against,
        "offset_us": clock.offset_us,
        "uncertainty_us": clock.uncertainty_us,
        "frames": clock.frames,
        "corrected": clock.corrected,
        "low_us": clock.low_us,
        "high_us": clock.high_us,
        "drift_ppm": clock.drift_ppm,
        "stepped": clock.stepped,
    }


def _walk(walk: TraceWalk) -> TraceJson:
    return {
        "host": walk.host,
        "direction": walk.direction,
        "leg": walk.leg,
        "src": str(walk.src),
        "dst": str(walk.dst),
        "info": walk.info,
        "frame": walk.frame or None,
        "count": walk.count,
        "steps": [
            {
                "component": step.rule.component,
                "number": step.rule.number,
                "rule": None if step.rule.policy else step.rule.text,
                "verdict": step.verdict,
            }
            for step in walk.steps
        ],
    }


def _http(http: HttpAnswer) -> HttpJson:
    return {
        "status": http.status,
        "reason": http.reason,
        "version": http.version,
        "location": http.location or None,
        "server": http.server or None,
        "frame": http.frame or None,
    }


def _tls(tls: TlsFacts) -> TlsJson:
    return {
        "version": tls.version or None,
        "server_name": tls.server_name or None,
        "subject": tls.subject or None,
        "issuer": tls.issuer or None,
        "names": list(tls.names),
        "not_before": tls.not_before,
        "not_after": tls.not_after,
        "trusted": tls.trusted,
        "alert": tls.alert or None,
    }


def _drop(drop: KernelDrop) -> DropJson:
    return {
        "host": drop.host,
        "container": drop.container,
        "direction": drop.direction,
        "leg": drop.leg,
        "src": str(drop.src),
        "dst": str(drop.dst),
        "info": drop.info,
        "reason": drop.reason,
        "at": drop.at,
        "interface": drop.interface or None,
        "count": drop.count,
    }


def _neighbour(exchange: NeighbourExchange) -> NeighbourJson:
    return {
        "asker": exchange.asker,
        "asked": exchange.asked,
        "requests": [_neighbour_frame(frame) for frame in exchange.requests],
        "answers": [_neighbour_frame(frame) for frame in exchange.answers],
        "asker_name": exchange.asker_name,
        "answerers": [{"mac": mac, "name": exchange.names.get(mac)} for mac in exchange.bearers],
    }


def _neighbour_frame(frame: NeighbourFrame) -> NeighbourFrameJson:
    return {
        "point": frame.point,
        "time_us": frame.time_us,
        "mac": frame.mac,
        "vlan": frame.vlan,
        "frame": frame.frame,
    }


def _packet(packet: HopPacket) -> PacketJson:
    return {
        "src": str(packet.src),
        "dst": str(packet.dst),
        "proto": packet.proto,
        "info": packet.info,
        "ttl": packet.ttl,
        "src_mac": packet.src_mac,
        "dst_mac": packet.dst_mac,
        "vlan": packet.vlan,
        "frame": packet.frame,
        "vlan_inner": packet.vlan_inner,
    }


def _change(change: Change) -> ChangeJson:
    return {
        "field": change.field,
        "from": str(change.before),
        "to": str(change.after),
        "by": change.by,
        "rule": None if change.rule is None else str(change.rule),
    }
