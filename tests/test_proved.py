"""What was proved live stays proved until its declaration, its capture or a file of its causes is another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe_lab.experiments import EXPERIMENTS, experiment
from tests import proved

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DEMO = experiment("demo")


def test_a_declaration_counts_with_all_that_it_says() -> None:
    other = replace(DEMO, expected=replace(DEMO.expected, path="bridge"))
    assert {key for key, value in proved.hashes(other).items() if proved.hashes(DEMO)[key] != value} == {"declaration"}
    assert proved.hashes(replace(DEMO, break_=())) == proved.hashes(DEMO), "what is left at its default says nothing"


def test_an_unknown_capture_and_another_cause_differ() -> None:
    assert proved.hashes(replace(DEMO, name="nothing"))["capture"] != proved.hashes(DEMO)["capture"]
    assert proved.hashes(replace(DEMO, near_miss=("proxy-dead",)))["causes"] != proved.hashes(DEMO)["causes"]


def test_hashes_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = proved.hashes(DEMO)["capture"]
    (tmp_path / "demo.pcapng").write_bytes((proved.CAPTURES / "demo.pcapng").read_bytes())
    monkeypatch.setattr(proved, "CAPTURES", tmp_path)
    assert proved.hashes(DEMO)["capture"] == before
    (tmp_path / "demo.pcapng").write_bytes(b"other")
    assert proved.hashes(DEMO)["capture"] != before


def test_what_a_run_showed_is_written(tmp_path: Path) -> None:
    file, names = tmp_path / "proved.json", {each.name for each in EXPERIMENTS}
    other, third = EXPERIMENTS[1], EXPERIMENTS[2]
    proved.note([DEMO, other], [], names, file)
    assert proved.differing([DEMO, other, third], proved.load(file)) == [third]
    proved.note([third], [other.name], names - {DEMO.name}, file)
    assert sorted(proved.load(file)) == [third.name]


def test_nothing_is_proved_without_a_file(tmp_path: Path) -> None:
    assert proved.differing([DEMO], proved.load(tmp_path / "none.json")) == [DEMO]


def test_a_sample_is_small_the_same_and_in_order() -> None:
    some = proved.sample(EXPERIMENTS, 10)
    assert len(some) == 10
    assert some == proved.sample(EXPERIMENTS, 10) == [each for each in EXPERIMENTS if each in some]
    assert proved.sample(EXPERIMENTS[:3], 10) == list(EXPERIMENTS[:3])


def test_one_of_five_is_about_a_fifth_and_does_not_depend_on_the_others() -> None:
    names = [each.name for each in EXPERIMENTS]
    fifth = proved.one_of(5, names)
    assert len(names) / 7 < len(fifth) < len(names) / 4
    assert proved.one_of(5, names[:50]) == fifth & set(names[:50])
    assert len(names) / 22 < len(proved.one_of(15, names)) < len(names) / 10
    assert proved.one_of(15, names) < fifth
