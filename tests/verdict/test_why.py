"""The one sentence that says why."""

from __future__ import annotations

import pytest

from netprobe.model.report import PathCode
from netprobe.pipeline import analyze
from netprobe.report.labels import PATH_WORDS
from netprobe.verdict.why import WORKS, sentence
from tests.causes.altered import recorded, with_state


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ("the SYN reached eth0", "The SYN reached eth0."),
        ("no container publishes port 80", "No container publishes port 80."),
        ("demo is paused", "demo is paused."),
        ("docker-proxy is not running", "docker-proxy is not running."),
        ("", "."),
    ],
)
def test_a_sentence_begins_with_a_capital_or_a_name(summary: str, words: str) -> None:
    assert sentence(summary) == words


@pytest.mark.parametrize("name", ["two", "all", "a", "network"])
def test_a_name_that_is_a_word_keeps_its_case(name: str) -> None:
    assert sentence(f"{name} is paused", {name}) == f"{name} is paused."
    assert sentence(f"{name} of them", {"web"}) == f"{name.capitalize()} of them."


@pytest.mark.parametrize("path", PathCode)
def test_every_path_has_its_sentence_and_its_words(path: PathCode) -> None:
    assert path in WORKS
    assert path in PATH_WORDS


def test_what_made_it_work_is_said() -> None:
    why = analyze(recorded("demo")).why
    assert "rule nat/DOCKER #2 turns 192.168.3.202:80 into demo's 172.17.0.2:80" in why
    assert "docker-proxy listens too" in why


def test_what_was_seen_is_said_where_nothing_is_proved() -> None:
    why = analyze(recorded("upstream-drop-once")).why
    assert why.endswith("the reason could not be proved.")


@pytest.mark.parametrize(("health", "said"), [("unhealthy", True), ("healthy", False), ("starting", False)])
def test_an_unhealthy_container_that_answers_is_said_to_be_one(health: str, said: bool) -> None:
    """``depends_on: condition: service_healthy`` never starts what asks, though the network and the application work."""
    old, new = '"Status": "running"', f'"Status": "running", "Health": {{"Status": "{health}"}}'
    report = analyze(with_state(recorded("demo"), "server2", "containers", old, new))
    assert report.verdict.value == "works"
    assert ("The health check of demo fails all the same" in report.why) is said
