"""How a container ended that runs again: inspect forgets its exit code at the next start (moby daemon, SetRunning), the Engine's events have it for a while."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from netprobe.hosts.listing import FRESH
from netprobe.state.issues import dict_of, int_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEFORE_S = 120
"""The Engine waits a minute at most before it starts a container again (moby restartmanager/restartmanager.go)."""


def ended_just_now(entry: Mapping[str, Any], inspect: Mapping[str, Any]) -> bool:
    """Tell whether a container was started again by its restart policy less than a minute ago, by its entry in the list and its inspect."""
    status = text_of(dict_of(dict(inspect), "State"), "Status")
    return status == "running" and bool(int_of(dict(inspect), "RestartCount")) and FRESH in str(entry.get("Status"))


def parameters(inspect: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the parameters of GET /events for the ends of a container before its last start. None: it tells no start."""
    found = _span(inspect)
    if found is None:
        return None
    wanted = {"type": ["container"], "event": ["die"], "container": [text_of(dict(inspect), "Id")]}
    return {"since": found[0], "until": found[1], "filters": json.dumps(wanted)}


def _span(inspect: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the time before its start in which its last end lies: since and until, Unix time in s on the Engine's clock. None: it tells no start.

    All of it has passed, so that the Engine answers at once instead of going on to tell what comes.
    """
    try:
        found = datetime.fromisoformat(text_of(dict_of(dict(inspect), "State"), "StartedAt"))
        started = found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return (f"{started - _BEFORE_S:.6f}", f"{started:.6f}") if started > _BEFORE_S else None


def last_exit_code(body: str) -> int | None:
    """Return the exit code of the last of the events in an answer, an object a line (Actor.Attributes.exitCode); None where none tells it."""
    codes = [code for line in body.splitlines() if (code := _exit_code(line)) is not None]
    return codes[-1] if codes else None


def _exit_code(line: str) -> int | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    code = text_of(dict_of(dict_of(event, "Actor"), "Attributes"), "exitCode") if isinstance(event, dict) else ""
    return int(code) if code.isascii() and code.isdecimal() and len(code) < 4 else None
