"""The probe as JSON and back: what was asked, looked up and sent, and how it went."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from netprobe.evidence.jsonfield import (
    Json,
    Mismatch,
    as_bool,
    as_float,
    as_int,
    as_list,
    as_object,
    as_port,
    as_text,
    default,
    member,
    optional,
    required,
    texts,
)
from netprobe.evidence.model import Lookup, Outcome, Place, Probe, ProbeResult, Proto, Resolution, TlsSession

if TYPE_CHECKING:
    from collections.abc import Mapping


def probe_to(probe: Probe) -> Json:
    """The probe as JSON."""
    return {
        "target": probe.target,
        "source": probe.source,
        "proto": probe.proto.value,
        "source_at": _place_to(probe.source_at),
        "target_at": None if probe.target_at is None else _place_to(probe.target_at),
        "target_address": probe.target_address,
        "target_port": probe.target_port,
        "dialled": probe.dialled,
        "dialled_port": probe.dialled_port,
        "way": probe.way,
        "lookup": _lookup_to(probe.lookup),
        "result": _result_to(probe.result),
        "size": probe.size,
        "timeout_s": probe.timeout_s,
        "tag": probe.tag,
        **({"predict": True} if probe.predict else {}),
        **({"fail": True} if probe.fail else {}),
        "timing_ms": dict(probe.timing_ms),
    }


def probe_from(value: object) -> Probe:
    """The probe from JSON. Raises Mismatch."""
    obj = as_object(value)
    return Probe(
        target=required(obj, "target", as_text),
        source=required(obj, "source", as_text),
        proto=required(obj, "proto", member(Proto)),
        source_at=required(obj, "source_at", _place_from),
        target_at=optional(obj, "target_at", _place_from),
        target_address=optional(obj, "target_address", as_text),
        target_port=optional(obj, "target_port", as_port),
        dialled=optional(obj, "dialled", as_text),
        dialled_port=optional(obj, "dialled_port", as_port),
        way=default(obj, "way", as_text, ""),
        lookup=default(obj, "lookup", _lookup_from, Lookup()),
        result=default(obj, "result", _result_from, ProbeResult()),
        size=optional(obj, "size", as_int),
        timeout_s=default(obj, "timeout_s", as_float, 5.0),
        tag=default(obj, "tag", as_text, ""),
        predict=default(obj, "predict", as_bool, False),
        fail=default(obj, "fail", as_bool, False),
        timing_ms=default(obj, "timing_ms", _timing_from, {}),
    )


def _timing_from(value: object) -> Mapping[str, float]:
    return {as_text(key): as_float(ms) for key, ms in as_object(value).items()}


def _place_to(place: Place) -> Json:
    return {"host": place.host, "container": place.container}


def _place_from(value: object) -> Place:
    obj = as_object(value)
    return Place(host=required(obj, "host", as_text), container=optional(obj, "container", as_text))


def _lookup_to(lookup: Lookup) -> Json:
    return {
        "name": lookup.name,
        "how": lookup.how.value,
        "addresses": list(lookup.addresses),
        "server": lookup.server,
        "rcode": lookup.rcode,
        "steps": list(lookup.steps),
        "answered": lookup.answered,
        "wildcard": lookup.wildcard,
    }


def _lookup_from(value: object) -> Lookup:
    obj = as_object(value)
    return Lookup(
        name=optional(obj, "name", as_text),
        how=required(obj, "how", member(Resolution)),
        addresses=default(obj, "addresses", texts, ()),
        server=optional(obj, "server", as_text),
        rcode=optional(obj, "rcode", as_text),
        steps=default(obj, "steps", texts, ()),
        answered=default(obj, "answered", as_text, ""),
        wildcard=optional(obj, "wildcard", as_bool),
    )


def _result_to(result: ProbeResult) -> Json:
    form: Json = {
        "outcome": result.outcome.value,
        "detail": result.detail,
        "local": None if result.local is None else list(result.local),
        "remote": None if result.remote is None else list(result.remote),
        "replied_from": None if result.replied_from is None else list(result.replied_from),
        "started_ns": result.started_ns,
        "elapsed_us": result.elapsed_us,
        **({"head": result.head} if result.head else {}),
        **({} if result.tls is None else {"tls": _tls_to(result.tls)}),
    }
    if result.through is not None:
        form["through"] = list(result.through)
    return form


def _result_from(value: object) -> ProbeResult:
    obj = as_object(value)
    return ProbeResult(
        outcome=required(obj, "outcome", member(Outcome)),
        detail=default(obj, "detail", as_text, ""),
        local=optional(obj, "local", _endpoint_from),
        remote=optional(obj, "remote", _endpoint_from),
        replied_from=optional(obj, "replied_from", _endpoint_from),
        started_ns=optional(obj, "started_ns", as_int),
        elapsed_us=optional(obj, "elapsed_us", as_int),
        head=default(obj, "head", as_text, ""),
        tls=optional(obj, "tls", tls_from),
        through=optional(obj, "through", _sizes_from),
    )


def _tls_to(tls: TlsSession) -> Json:
    return {
        "server_name": tls.server_name,
        "version": tls.version,
        "cipher": tls.cipher,
        "error": tls.error,
        "certificates": [base64.b64encode(der).decode() for der in tls.certificates],
        "whole": tls.whole,
        "verified": tls.verified,
        "verified_why": tls.verified_why,
    }


def tls_from(value: object) -> TlsSession:
    """A TLS session from JSON. Raises Mismatch."""
    obj = as_object(value)
    return TlsSession(
        server_name=default(obj, "server_name", as_text, ""),
        version=default(obj, "version", as_text, ""),
        cipher=default(obj, "cipher", as_text, ""),
        error=default(obj, "error", as_text, ""),
        certificates=default(obj, "certificates", _ders, ()),
        whole=default(obj, "whole", as_bool, True),
        verified=optional(obj, "verified", as_int),
        verified_why=default(obj, "verified_why", as_text, ""),
    )


def _ders(value: object) -> tuple[bytes, ...]:
    try:
        return tuple(base64.b64decode(text, validate=True) for text in texts(value))
    except (binascii.Error, ValueError) as error:
        raise Mismatch(str(error)) from error


def _sizes_from(value: object) -> tuple[int, int]:
    items = [as_int(each) for each in as_list(value)]
    if len(items) != 2 or not 0 < items[0] < items[1] < 1 << 16:
        raise Mismatch("two sizes of packets that are none")
    return items[0], items[1]


def _endpoint_from(value: object) -> tuple[str, int]:
    items = as_list(value)
    if len(items) != 2:
        raise Mismatch(f"an endpoint of {len(items)} parts")
    return as_text(items[0]), as_port(items[1])
