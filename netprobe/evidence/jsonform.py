"""Evidence's own values as JSON and back. Reading trusts nothing: a wrong type anywhere is a :class:`Mismatch`."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, NoReturn, TypeVar

from netprobe.evidence.model import (
    CommandOutput,
    HostState,
    Limit,
    LimitKind,
    Lookup,
    Outcome,
    Place,
    Probe,
    ProbeResult,
    Proto,
    Resolution,
    TlsSession,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum

    from netprobe.evidence.model import Evidence

Json = dict[str, object]
T = TypeVar("T")
E = TypeVar("E", bound="StrEnum")


class Mismatch(ValueError):
    """The JSON is not of the form that netprobe writes."""


def dump(value: object) -> bytes:
    """Compact JSON, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def load(text: bytes) -> object:
    """Parse JSON, strictly: no NaN, nothing too deep, no lone surrogates.

    Raises:
        Mismatch: it is not JSON, or not of a kind that may be trusted.
    """
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Mismatch(str(error)) from error


def _no_constant(name: str) -> NoReturn:
    raise Mismatch(name)


# --- reading one field -----------------------------------------------------------------------------------------------


def as_object(value: object) -> Json:
    """A JSON object. Raises Mismatch."""
    if not isinstance(value, dict):
        raise Mismatch(f"not an object: {type(value).__name__}")
    return value


def as_list(value: object) -> list[object]:
    """A JSON array. Raises Mismatch."""
    if not isinstance(value, list):
        raise Mismatch(f"not a list: {type(value).__name__}")
    return value


def as_text(value: object) -> str:
    """A string that can be encoded (lone surrogates become U+FFFD). Raises Mismatch."""
    if not isinstance(value, str):
        raise Mismatch(f"not a string: {type(value).__name__}")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_int(value: object) -> int:
    """An integer of 64 bits. Raises Mismatch."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise Mismatch(f"not a 64-bit integer: {type(value).__name__}")
    return value


def as_port(value: object) -> int:
    """A port number, or an ICMP identifier in its place. Raises Mismatch."""
    number = as_int(value)
    if not 0 <= number <= 0xFFFF:
        raise Mismatch(f"not a port: {number}")
    return number


def as_bool(value: object) -> bool:
    """A truth value. Raises Mismatch."""
    if not isinstance(value, bool):
        raise Mismatch(f"not true or false: {value!r:.60}")
    return value


def as_float(value: object) -> float:
    """A number. Raises Mismatch."""
    if isinstance(value, float) and value == value and abs(value) < float("inf"):  # noqa: PLR0124 - NaN is not itself
        return value
    return float(as_int(value))


def texts(value: object) -> tuple[str, ...]:
    """An array of strings. Raises Mismatch."""
    return tuple(as_text(item) for item in as_list(value))


def _field(obj: Json, key: str, read: Callable[[object], T]) -> T:
    if key not in obj:
        raise Mismatch(f"no {key}")
    return read(obj[key])


def _optional(obj: Json, key: str, read: Callable[[object], T]) -> T | None:
    value = obj.get(key)
    return None if value is None else read(value)


def _default(obj: Json, key: str, read: Callable[[object], T], default: T) -> T:
    return read(obj[key]) if key in obj else default


def _enum(kind: type[E]) -> Callable[[object], E]:
    def read(value: object) -> E:
        try:
            return kind(as_text(value))
        except ValueError as error:
            raise Mismatch(str(error)) from error

    return read


# --- the probe -------------------------------------------------------------------------------------------------------


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
        target=_field(obj, "target", as_text),
        source=_field(obj, "source", as_text),
        proto=_field(obj, "proto", _enum(Proto)),
        source_at=_field(obj, "source_at", _place_from),
        target_at=_optional(obj, "target_at", _place_from),
        target_address=_optional(obj, "target_address", as_text),
        target_port=_optional(obj, "target_port", as_port),
        dialled=_optional(obj, "dialled", as_text),
        dialled_port=_optional(obj, "dialled_port", as_port),
        way=_default(obj, "way", as_text, ""),
        lookup=_default(obj, "lookup", _lookup_from, Lookup()),
        result=_default(obj, "result", _result_from, ProbeResult()),
        size=_optional(obj, "size", as_int),
        timeout_s=_default(obj, "timeout_s", as_float, 5.0),
        tag=_default(obj, "tag", as_text, ""),
        predict=_default(obj, "predict", as_bool, False),
        fail=_default(obj, "fail", as_bool, False),
        timing_ms=_default(obj, "timing_ms", _timing_from, {}),
    )


def _timing_from(value: object) -> Mapping[str, float]:
    return {as_text(key): as_float(ms) for key, ms in as_object(value).items()}


def _place_to(place: Place) -> Json:
    return {"host": place.host, "container": place.container}


def _place_from(value: object) -> Place:
    obj = as_object(value)
    return Place(host=_field(obj, "host", as_text), container=_optional(obj, "container", as_text))


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
        name=_optional(obj, "name", as_text),
        how=_field(obj, "how", _enum(Resolution)),
        addresses=_default(obj, "addresses", texts, ()),
        server=_optional(obj, "server", as_text),
        rcode=_optional(obj, "rcode", as_text),
        steps=_default(obj, "steps", texts, ()),
        answered=_default(obj, "answered", as_text, ""),
        wildcard=_optional(obj, "wildcard", as_bool),
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
        outcome=_field(obj, "outcome", _enum(Outcome)),
        detail=_default(obj, "detail", as_text, ""),
        local=_optional(obj, "local", _endpoint_from),
        remote=_optional(obj, "remote", _endpoint_from),
        replied_from=_optional(obj, "replied_from", _endpoint_from),
        started_ns=_optional(obj, "started_ns", as_int),
        elapsed_us=_optional(obj, "elapsed_us", as_int),
        head=_default(obj, "head", as_text, ""),
        tls=_optional(obj, "tls", tls_from),
        through=_optional(obj, "through", _sizes_from),
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
        server_name=_default(obj, "server_name", as_text, ""),
        version=_default(obj, "version", as_text, ""),
        cipher=_default(obj, "cipher", as_text, ""),
        error=_default(obj, "error", as_text, ""),
        certificates=_default(obj, "certificates", _ders, ()),
        whole=_default(obj, "whole", as_bool, True),
        verified=_optional(obj, "verified", as_int),
        verified_why=_default(obj, "verified_why", as_text, ""),
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


# --- host state and limits -------------------------------------------------------------------------------------------


def state_to(state: HostState, *, before: HostState | None = None) -> Json:
    """One host's state as JSON; outputs that are the same as in ``before`` are only named, under ``same``."""
    known = {} if before is None else before.outputs
    same = sorted(key for key, output in state.outputs.items() if known.get(key) == output)
    changed = sorted(set(state.outputs) - set(same))
    form: Json = {"host": state.host, "outputs": {key: _output_to(state.outputs[key]) for key in changed}}
    if before is not None:
        form["same"] = same
    return form


def state_from(value: object, before: Mapping[str, HostState]) -> HostState:
    """One host's state from JSON, with what it says is the same taken from ``before``.

    Raises:
        Mismatch: wrong form, or it refers to an output that ``before`` does not have.
    """
    obj = as_object(value)
    host = _field(obj, "host", as_text)
    outputs = {as_text(key): _output_from(item) for key, item in _field(obj, "outputs", as_object).items()}
    known = before[host].outputs if host in before else {}
    for key in texts(obj.get("same", [])):
        if key not in known:
            raise Mismatch(f"{host}: {key} is said to be the same as before, and is not there")
        outputs[key] = known[key]
    return HostState(host=host, outputs=outputs)


def _output_to(output: CommandOutput) -> Json:
    return {"argv": list(output.argv), "rc": output.rc, "stdout": output.stdout, "error": output.error}


def _output_from(value: object) -> CommandOutput:
    obj = as_object(value)
    return CommandOutput(
        argv=_field(obj, "argv", texts),
        rc=_optional(obj, "rc", as_int),
        stdout=_default(obj, "stdout", as_text, ""),
        error=_default(obj, "error", as_text, ""),
    )


def limits_to(evidence: Evidence) -> list[Json]:
    """The limits as JSON."""
    return [{"kind": limit.kind.value, "subject": limit.subject, "why": limit.why} for limit in evidence.limits]


def limits_from(value: object) -> tuple[Limit, ...]:
    """Limits from JSON. Raises Mismatch."""
    return tuple(_limit_from(as_object(item)) for item in as_list(value))


def _limit_from(obj: Json) -> Limit:
    return Limit(
        kind=_field(obj, "kind", _enum(LimitKind)),
        subject=_field(obj, "subject", as_text),
        why=_field(obj, "why", as_text),
    )
