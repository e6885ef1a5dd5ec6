"""What the prober answered, as the evidence's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.evidence.model import Lookup, Outcome, ProbeResult
from netprobe.evidence.probejson import tls_from

if TYPE_CHECKING:
    from netprobe.live.naming import SourceResolver


def probe_result(answer: dict[str, Any]) -> ProbeResult:
    """Return the remote program's answer to ``go`` as a result."""

    def pair(key: str) -> tuple[str, int] | None:
        value = answer.get(key)
        return (str(value[0]), int(value[1])) if value else None

    return ProbeResult(
        outcome=Outcome(answer["outcome"]),
        detail=str(answer["detail"]),
        local=pair("local"),
        remote=pair("remote"),
        replied_from=pair("replied_from"),
        started_ns=int(answer["started_ns"]),
        elapsed_us=int(answer["elapsed_us"]),
        head=str(answer["head"]),
        tls=tls_from(answer["tls"]) if answer.get("tls") else None,
        through=pair_of_sizes(answer.get("through")),
    )


def pair_of_sizes(value: object) -> tuple[int, int] | None:
    """Return the two sizes that echoes told; None where they told nothing."""
    return (int(value[0]), int(value[1])) if isinstance(value, list) and len(value) == 2 else None


def dns_result(lookup: Lookup, resolver: SourceResolver) -> ProbeResult:
    """Return a lookup as the result of a DNS probe."""
    silent = Outcome.TIMEOUT if lookup.rcode is None else Outcome.NO_NAME
    return ProbeResult(
        outcome=Outcome.ANSWERED if lookup.addresses else silent,
        detail=lookup.steps[-1] if lookup.steps else "",
        local=resolver.local,
        remote=(lookup.server, 53) if lookup.server else None,
        started_ns=resolver.started_ns,
        elapsed_us=resolver.elapsed_us,
    )
