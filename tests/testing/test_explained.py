"""Assertions about reports: what passes, what fails and shows the report, what is a mistake of the test."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

import netprobe
from netprobe.testing import Explained, assert_fails, assert_works
from tests.mutilation import CAPTURES

if TYPE_CHECKING:
    from netprobe import Report


@cache
def report(name: str) -> Report:
    return netprobe.replay(CAPTURES / f"{name}.pcapng")


def test_what_is_so_passes() -> None:
    works = Explained(report=report("demo"))
    assert works.assert_works().assert_works(path="dnat") is works
    fails = Explained(report=report("docker-user-drop"))
    assert fails.assert_fails().assert_fails(cause="docker-user-drop", rule="-s 192.168.3.0/24") is fails


@pytest.mark.parametrize(
    ("name", "said", "first"),
    [
        ("docker-user-drop", assert_works, "should work; fails"),
        ("demo", lambda found: assert_works(found, path="macvlan"), "should work by the path macvlan; path: dnat"),
        ("demo", assert_fails, "should fail; works"),
        (
            "docker-user-drop",
            lambda found: assert_fails(found, cause="input-drop"),
            "should fail by input-drop; cause: docker-user-drop",
        ),
        (
            "docker-user-drop",
            lambda found: assert_fails(found, rule="198.51.100.7"),
            "should fail by a rule with '198.51.100.7'; rule: -A DOCKER-USER",
        ),
        ("ct-count-uncounted", assert_fails, "should fail; undetermined"),
        ("ct-count-uncounted", assert_works, "should work; undetermined"),
    ],
)
def test_what_is_not_so_fails_and_shows_the_report(name: str, said: object, first: str) -> None:
    found = report(name)
    with pytest.raises(AssertionError) as failed:
        said(found)  # type: ignore[operator]  # one of the functions above
    assert first in str(failed.value).splitlines()[0]
    assert found.why.splitlines()[0] in str(failed.value)


def test_a_code_that_there_is_not_is_a_mistake_of_the_test_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="there is no path 'dnta'; did you mean dnat"):
        assert_works(report("demo"), path="dnta")
    with pytest.raises(ValueError, match="there is no cause 'docker-user-drp'; did you mean docker-user-drop"):
        assert_fails(report("docker-user-drop"), cause="docker-user-drp")
    with pytest.raises(ValueError, match="there is no path 'xyzzy'; there are bridge, dnat, "):
        assert_works(report("demo"), path="xyzzy")


def test_without_pytest_there_is_nowhere_to_keep_a_snapshot() -> None:
    with pytest.raises(TypeError, match="explain_capture"):
        Explained(report=report("demo")).assert_snapshot()
