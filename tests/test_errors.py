from __future__ import annotations

import pytest

from netprobe.errors import close_to, did_you_mean

NAMES = ["demo", "shop-web-1", "shop/web", "web", "db", "Cache"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("dmeo", ["demo"]),
        ("demmo", ["demo"]),
        ("DEMO", ["demo"]),
        ("cache", ["Cache"]),
        ("shop-web-2", ["shop-web-1", "shop/web"]),
        ("shop", ["shop/web", "shop-web-1"]),
        ("xyzzy", []),
        ("", []),
        ("x" * 100_000, []),
        ("we\x1bb", ["web"]),
    ],
)
def test_names_that_are_near(name: str, near: list[str]) -> None:
    assert sorted(close_to(name, NAMES)) == sorted(near)


def test_what_is_a_letter_away_is_not_doubted() -> None:
    assert close_to("explan", ["explain", "replay", "flows"]) == ["explain"]


def test_the_words_of_it() -> None:
    assert did_you_mean("dmeo", NAMES) == "did you mean demo?"
    assert did_you_mean("xyzzy", NAMES) == ""
    assert did_you_mean("dns", ["dns-errors", "stale-arp", "zzz-y"]) == "did you mean dns-errors?"
