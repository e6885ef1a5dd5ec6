"""Hosts' state and limits as JSON and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.jsonfield import (
    Json,
    Mismatch,
    as_int,
    as_list,
    as_object,
    as_text,
    default,
    member,
    optional,
    required,
    texts,
)
from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.state import CommandOutput, HostState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.model import Evidence


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
    host = required(obj, "host", as_text)
    outputs = {as_text(key): _output_from(item) for key, item in required(obj, "outputs", as_object).items()}
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
        argv=required(obj, "argv", texts),
        rc=optional(obj, "rc", as_int),
        stdout=default(obj, "stdout", as_text, ""),
        error=default(obj, "error", as_text, ""),
    )


def limits_to(evidence: Evidence) -> list[Json]:
    """The limits as JSON."""
    return [{"kind": limit.kind.value, "subject": limit.subject, "why": limit.why} for limit in evidence.limits]


def limits_from(value: object) -> tuple[Limit, ...]:
    """Limits from JSON. Raises Mismatch."""
    return tuple(_limit_from(as_object(item)) for item in as_list(value))


def _limit_from(obj: Json) -> Limit:
    return Limit(
        kind=required(obj, "kind", member(LimitKind)),
        subject=required(obj, "subject", as_text),
        why=required(obj, "why", as_text),
    )
