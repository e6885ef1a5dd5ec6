"""Firewall programs on a host of the lab: they run there alone, end with the experiment, and leave their configuration as it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe_lab import firewalls
from netprobe_lab.commands import fitting
from netprobe_lab.errors import LabError
from netprobe_lab.experiments import experiment
from netprobe_lab.experiments.model import Firewall, FirewallName
from netprobe_lab.processes import start_time
from netprobe_lab.steps import carry_out, clean, on_host

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

FILES = {
    "ufw": "/etc/ufw/user.rules",
    "firewalld": "/etc/firewalld/firewalld.conf",
    "fail2ban": "/etc/fail2ban/jail.local",
}


def test_an_experiment_without_its_program_is_left_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    needing, other = experiment("ufw-input"), experiment("input-drop")
    assert firewalls.missing(needing) == ("ufw",)
    assert fitting(lab, [needing, other]) == [other]
    with pytest.raises(LabError, match="not installed: ufw"):
        fitting(lab, [needing])


@pytest.mark.parametrize("name", ["ufw", "firewalld", "fail2ban"])
def test_a_program_runs_on_its_host_alone_and_ends_with_the_experiment(clean_lab: Lab, name: FirewallName) -> None:
    program = firewalls.PROGRAMS[name]
    if shutil.which(program.command) is None:
        pytest.skip(f"not installed: {program.command}")
    own, before = Path(FILES[name]), on_host(clean_lab, "server2", ["cat", FILES[name]], check=False).stdout
    machines = own.read_text() if own.is_file() else None
    carry_out(
        clean_lab,
        Firewall(
            host="server2",
            program=name,
            files=((FILES[name], before or "[sshd]\nenabled = false\n"), ("/run/mark", "x")),
        ),
    )
    assert on_host(clean_lab, "server2", list(program.ready)).returncode == 0
    assert (own.read_text() if own.is_file() else None) == machines
    pids = [on_host(clean_lab, "server2", ["cat", each]).stdout.strip() for each in program.pids]
    assert all(start_time(int(each)) is not None for each in pids)
    clean(clean_lab)
    assert not [each for each in pids if start_time(int(each)) is not None]
    assert on_host(clean_lab, "server2", ["cat", FILES[name]], check=False).stdout == before
    saved = (
        on_host(clean_lab, "server2", ["iptables-save"]).stdout
        + on_host(clean_lab, "server2", ["nft", "list", "ruleset"]).stdout
    )
    assert not [word for word in ("ufw", "firewalld", "f2b") if word in saved]
    assert on_host(clean_lab, "server2", ["docker", "ps", "--quiet"]).returncode == 0
