"""netprobe's own blocks in a file: reading back probe, limits and host state, with a limit for each that is unreadable."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from netprobe.evidence.jsonfield import Mismatch, load
from netprobe.evidence.model import Limit, LimitKind, Probe
from netprobe.evidence.probejson import probe_from
from netprobe.evidence.statejson import limits_from, state_from

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.evidence.state import HostState

MAX_UNPACKED = 64 << 20
"""Bytes that all compressed blocks of a file may unpack to together: more is no host's state."""

MAX_BLOCKS = 4096
"""Blocks of netprobe's own that are read: there is one for each host and moment, and few more."""

MAGIC = b"netprobe/1 "


@dataclass(slots=True, kw_only=True)
class Notes:
    """What netprobe's own blocks say. Mutable: filled block by block."""

    probe: Probe | None = None
    before: dict[str, HostState] = field(default_factory=dict)
    after: dict[str, HostState] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)


def read_notes(bodies: Iterable[bytes], subject: str) -> Notes:
    """Read the blocks in file order; a later ``probe`` supersedes an earlier one. Never raises on any bytes."""
    notes = Notes()
    budget = MAX_UNPACKED
    for body in islice(bodies, MAX_BLOCKS):
        kind = "block"
        try:
            kind, value, used = _open(body, budget)
            budget -= used
            _take(notes, kind, value)
        except Mismatch as error:
            why = f"its {kind} block is unreadable and was left out ({_short(error)})"
            notes.limits.append(Limit(kind=LimitKind.FILE, subject=subject, why=why))
    return notes


def _take(notes: Notes, kind: str, value: object) -> None:
    match kind:
        case "probe":
            notes.probe = probe_from(value)
        case "limits":
            notes.limits += limits_from(value)
        case "state-before":
            state = state_from(value, {})
            notes.before.setdefault(state.host, state)
        case "state-after":
            state = state_from(value, notes.before)
            notes.after.setdefault(state.host, state)
        case _:  # a later netprobe's addition: not needed to read what is known
            pass


def _open(body: bytes, budget: int) -> tuple[str, object, int]:
    """The block's kind, its JSON value, and how many bytes were unpacked."""
    head, newline, rest = body[:80].partition(b"\n")
    if not newline or not head.startswith(MAGIC):
        raise Mismatch("written by another version of netprobe")
    words = head.decode("ascii", "replace").split(" ")
    if len(words) != 3:
        raise Mismatch("its header line has no kind and encoding")
    rest = body[len(head) + 1 :]
    match words[2]:
        case "json":
            return words[1], load(rest.rstrip(b"\0")), 0
        case "json+zlib":
            text = _unpack(rest, budget)
            return words[1], load(text), len(text)
        case other:
            raise Mismatch(f"unknown encoding {other}")


def _unpack(packed: bytes, budget: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, max(budget, 1))
    except zlib.error as error:
        raise Mismatch(str(error)) from error
    if not unpacker.eof:  # the block's padding stands after the end of the stream, in unused_data
        raise Mismatch("unpacks to too much, or is cut short")
    return text


def _short(error: Mismatch) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= 100 else line[:99] + "…"
