"""netprobe's own blocks: a damaged one is left out and said, the others count."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.evidence import notes
from netprobe.evidence.model import LimitKind
from netprobe.evidence.notes import read_notes

PROBE = {"target": "demo:80", "source": "local", "proto": "tcp", "source_at": {"host": "local", "container": None}}
STATE = {"host": "h", "outputs": {"addr": {"argv": ["ip"], "rc": 0, "stdout": "x", "error": ""}}}


def note(kind: str, value: object, encoding: str = "json") -> bytes:
    text = json.dumps(value).encode()
    return (
        f"netprobe/1 {kind} {encoding}\n".encode()
        + (zlib.compress(text) if encoding == "json+zlib" else text)
        + b"\0\0\0"
    )


def test_a_later_probe_supersedes() -> None:
    found = read_notes([note("probe", PROBE), note("probe", PROBE | {"target": "other:81"})], "f")
    assert found.probe is not None
    assert found.probe.target == "other:81"
    assert found.limits == []


def test_kinds_of_a_later_netprobe_are_passed_over() -> None:
    found = read_notes([note("trace", [1, 2]), note("probe", PROBE)], "f")
    assert found.probe is not None
    assert found.limits == []


BROKEN: list[tuple[str, bytes, str]] = [
    ("another version", b"netprobe/2 probe json\n{}", "another version"),
    ("no header line", b"netprobe/1 probe json", "another version"),
    ("no encoding", b"netprobe/1 probe\n{}", "no kind"),
    ("unknown encoding", b"netprobe/1 probe cbor\n{}", "cbor"),
    ("not JSON", b"netprobe/1 probe json\n{", "Expecting"),
    ("not UTF-8", b"netprobe/1 probe json\n\xff", "utf-8"),
    ("too deep", b"netprobe/1 probe json\n" + b"[" * 100_000, ""),
    ("a huge number", b"netprobe/1 probe json\n" + b"9" * 10_000, ""),
    ("NaN", note("probe", PROBE | {"timeout_s": float("nan")}), "NaN"),
    ("wrong type", note("probe", PROBE | {"target": 5}), "not a string"),
    ("a boolean for a number", note("probe", PROBE | {"size": True}), "integer"),
    ("wrong word", note("probe", PROBE | {"proto": "sctp"}), "sctp"),
    ("missing field", note("probe", {"target": "x"}), "no source"),
    ("port out of range", note("probe", PROBE | {"dialled_port": 65536}), "not a port"),
    ("not an object", note("probe", []), "not an object"),
    ("limits that are no list", note("limits", {}), "not a list"),
    ("unknown limit", note("limits", [{"kind": "mood", "subject": "", "why": ""}]), "mood"),
    ("not compressed", note("state-before", STATE).replace(b" json\n", b" json+zlib\n"), "header"),
    ("compressed and cut", note("state-before", STATE, "json+zlib")[:-12], "cut short"),
    ("same as nothing", note("state-after", STATE | {"same": ["route"]}), "route"),
    ("output without argv", note("state-before", {"host": "h", "outputs": {"addr": {}}}), "argv"),
]


@pytest.mark.parametrize(("body", "words"), [item[1:] for item in BROKEN], ids=[item[0] for item in BROKEN])
def test_a_broken_block_is_a_limit(body: bytes, words: str) -> None:
    found = read_notes([note("state-before", STATE), body], "FILE")
    assert found.probe is None
    assert found.after == {}
    assert set(found.before) == {"h"}
    (limit,) = found.limits
    assert (limit.kind, limit.subject) == (LimitKind.FILE, "FILE")
    assert words in limit.why
    assert "\n" not in limit.why
    assert len(limit.why) < 200


def test_unpacking_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MAX_UNPACKED", 1000)
    small = note("state-before", STATE, "json+zlib")
    bomb = b"netprobe/1 state-before json+zlib\n" + zlib.compress(b'"' + b"x" * 100_000 + b'"')
    found = read_notes([bomb, small], "f")
    assert set(found.before) == {"h"}
    assert len(found.limits) == 1
    # together they may not pass it either
    other = note("state-before", {"host": "g", "outputs": {"addr": {"argv": ["x" * 900]}}}, "json+zlib")
    assert set(read_notes([other, small, small, small], "f").before) == {"g"}


def test_lone_surrogates_become_replacement_characters() -> None:
    found = read_notes([note("probe", PROBE | {"target": "a\ud800b"})], "f")
    assert found.probe is not None
    assert found.probe.target == "a\ufffdb"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*PROBE, "outputs", "argv", "h"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    value=JSON,
    kind=st.sampled_from(["probe", "limits", "state-before", "state-after"]),
    key=st.sampled_from([*PROBE, "lookup", "result"]),
)
def test_any_json_is_taken_or_left(value: object, kind: str, key: str) -> None:
    found = read_notes([note(kind, value), note("probe", PROBE | {key: value})], "f")
    assert len(found.limits) <= 2
