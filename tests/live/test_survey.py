from __future__ import annotations

import time

from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import Reach
from netprobe.live.survey import HostSurvey
from netprobe.survey.facts import judge
from netprobe.survey.model import HostFacts, Usable


def look_at(reach: Reach, docker: str | None = None, seconds: float = 5.0) -> HostFacts:
    one = HostSurvey(HostEntry(name="here", reach=reach, docker=docker), time.monotonic() + seconds)
    one.start()
    try:
        return judge(one.wait())
    finally:
        one.sessions.close()


def test_this_machine_answers() -> None:
    host = look_at(Reach())
    assert host.fault == ""
    assert host.root is not None
    assert host.kernel
    assert "lo" in {each.name for each in host.interfaces or ()}


def test_a_host_without_python() -> None:
    host = look_at(Reach(python="no-such-python3"))
    assert host.usable is Usable.NO
    assert "no-such-python3" in host.fault
    assert host.hint == "install the package python3 there"


def test_a_way_in_that_is_not_installed() -> None:
    host = look_at(Reach(prefix=("no-such-program",)))
    assert host.fault == "no-such-program: not installed"
    assert "install" in host.hint


def test_a_host_that_says_nothing_is_given_up() -> None:
    begin = time.monotonic()
    host = look_at(Reach(prefix=("sh", "-c", "exec sleep 20")), seconds=0.5)
    assert "no answer" in host.fault
    assert time.monotonic() - begin < 15


def test_another_machines_clock_is_compared() -> None:
    host = look_at(Reach(same_machine=False))
    assert host.clock is not None
    assert abs(host.clock.offset_s) <= host.clock.uncertainty_s + 0.001


def test_an_engine_that_is_not_there() -> None:
    host = look_at(Reach(), docker="unix:///no/such.sock")
    assert host.engine is not None
    assert "no engine answers at unix:///no/such.sock" in host.engine.fault
    assert host.usable is Usable.NO
