"""The owner's own command alone lets the connection through, and holds as long as the report says: a reload of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe_lab.cures import Cured, cure
from netprobe_lab.experiments import experiment
from netprobe_lab.firewalls import missing
from netprobe_lab.runner import ask, make_situation, situation
from netprobe_lab.steps import clean, on_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netprobe_lab.cures import Cure
    from netprobe_lab.layout import Lab

pytestmark = pytest.mark.whole


@pytest.fixture
def after(lab: Lab) -> Iterator[Lab]:
    yield lab
    clean(lab)


def cured(lab: Lab, name: str, folder: Path) -> tuple[Cure, list[str]]:
    """Carry the report's remedy out; how that ended, and its first command."""
    found = experiment(name)
    if missing(found):
        pytest.skip(f"not installed: {', '.join(missing(found))}")
    make_situation(lab, situation(found))
    report = ask(lab, found, folder / "first.pcapng").answer.report
    first: list[str] = report["cause"]["remedies"][0]["run"][0]
    return cure(lab, found, report, folder / "again.pcapng"), first


def works(lab: Lab, name: str, folder: Path) -> bool:
    return bool(ask(lab, experiment(name), folder / "then.pcapng").answer.report["verdict"] == "works")


@pytest.mark.parametrize(
    ("name", "reload"),
    [
        ("ufw-input", ("ufw", "reload")),
        ("ufw-route", ("ufw", "reload")),
        ("fail2ban-docker-user", ("fail2ban-client", "reload")),
    ],
)
def test_what_stays_outlives_a_reload(after: Lab, tmp_path: Path, name: str, reload: tuple[str, ...]) -> None:
    found, _ = cured(after, name, tmp_path)
    assert found.how is Cured.LIVE, found.why
    assert len(found.carried_out) == 1, "what does the same by hand is not needed"
    on_host(after, "server2", reload)
    assert works(after, name, tmp_path)


@pytest.mark.parametrize("name", ["firewalld-input", "firewalld-rich-rule"])
def test_what_firewalld_forgets_it_keeps_with_permanent(after: Lab, tmp_path: Path, name: str) -> None:
    found, first = cured(after, name, tmp_path)
    assert found.how is Cured.LIVE, found.why
    if name == "firewalld-input":  # the rich rule that denied is gone as well, with the port that was let in
        on_host(after, "server2", ["firewall-cmd", "--reload"])
        assert not works(after, name, tmp_path)
    on_host(after, "server2", [*first, "--permanent"])
    on_host(after, "server2", ["firewall-cmd", "--reload"])
    assert works(after, name, tmp_path)
