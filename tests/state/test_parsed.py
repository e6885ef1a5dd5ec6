"""What was made of a text is kept, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state import parsed
from netprobe.state.parsed import understood

if TYPE_CHECKING:
    import pytest

    from netprobe.state.issues import Issues


def words(text: str, issues: Issues) -> list[str]:
    issues.add(1, text, "just so")
    return text.split()


def test_the_same_text_is_read_once_for_each_parser_and_key() -> None:
    first = understood(words, "addr", "a b")
    assert first[0] == ["a", "b"]
    assert understood(words, "addr", "".join(["a", " b"]))[0] is first[0]
    other = understood(words, "ns/demo/addr", "a b")
    assert other[0] is not first[0]
    assert [each.source for each in (*first[1], *other[1])] == ["addr", "ns/demo/addr"]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "_RECENT", parsed._Recent())
    monkeypatch.setattr(parsed, "MOST", 10)
    first = understood(words, "addr", "one two")
    assert understood(words, "addr", "one two")[0] is first[0]
    understood(words, "addr", "three")
    assert understood(words, "addr", "one two")[0] is not first[0]
    assert understood(words, "addr", "longer than what is kept")[0] == ["longer", "than", "what", "is", "kept"]
