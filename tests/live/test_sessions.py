"""Hosts that are of no use: said in one line each, and only where they are needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netprobe.errors import EnvironmentFault
from netprobe.hosts import collect
from netprobe.inventory.hosts import HostEntry, Inventory
from netprobe.inventory.reach import Reach
from netprobe.live.sessions import HostSessions

SYSTEM_PYTHON = "/usr/bin/python3"
AS_NOBODY = ("setpriv", "--reuid=65534", "--clear-groups", "--")


def sessions(**reaches: Reach) -> HostSessions:
    hosts = {name: HostEntry(name=name, reach=reach, docker=None) for name, reach in reaches.items()}
    return HostSessions(Inventory(hosts=hosts), 20)


def test_a_host_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        collect, "SECONDS", -1.0
    )  # of patience are left 4 s: the other host answers, on a busy machine too
    silent = Reach(prefix=("sh", "-c", "exec sleep 30", "sh"), same_machine=False, spoken="ssh root@silent")
    with sessions(silent=silent, other=Reach(same_machine=False)) as hosts:
        hosts.reach()
        hosts.survey(())
        with pytest.raises(EnvironmentFault, match="silent cannot be reached: it does not answer") as fault:
            hosts.session("silent")
        assert "ssh root@silent" in fault.value.hint
        if os.geteuid() == 0:
            assert hosts.session("other")


@pytest.mark.skipif(os.geteuid() != 0 or not Path(SYSTEM_PYTHON).exists(), reason="becomes another user")
def test_a_user_who_is_not_root_there() -> None:
    with sessions(plain=Reach(prefix=AS_NOBODY, python=SYSTEM_PYTHON, same_machine=False)) as hosts:
        hosts.reach()
        hosts.survey(())
        with pytest.raises(EnvironmentFault, match=r"not root there \(user id 65534\)") as fault:
            hosts.session("plain")
        assert 'become = "sudo -n"' in fault.value.hint


def test_without_root_here_only_other_machines_are_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with sessions(local=Reach(), server=Reach(same_machine=False)) as hosts:
        hosts.reach()
        with pytest.raises(EnvironmentFault, match="not root here") as fault:
            hosts.session("local")
        assert "sudo" in fault.value.hint
    with sessions(local=Reach()) as alone, pytest.raises(EnvironmentFault, match="needs root"):
        alone.reach()


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_plain_host_has_its_session_once_something_leads_to_it() -> None:
    own = f"/proc/{os.getpid()}/ns/net"
    inside = Reach(prefix=("nsenter", f"--net={own}", "--"), netns=own)
    with sessions(asks=Reach(), plain=Reach(), inside=inside) as hosts:
        hosts.reach({"asks", None})
        hosts.survey(())
        assert {name: known.session is not None for name, known in hosts.by_name.items()} == {
            "asks": True,
            "plain": False,
            "inside": False,
        }
        learnt = {name: known.before.outputs for name, known in hosts.by_name.items()}
        assert {key: each.argv for key, each in learnt["plain"].items()} == {
            key: each.argv for key, each in learnt["asks"].items()
        }
        links = {name: [link.name for link in host.own.links or ()] for name, host in hosts.hosts().items()}
        assert links["plain"] == links["inside"] == links["asks"] != []
        assert hosts.session("plain").ask("hello")["uid"] == 0
        hosts.ask_rest("inside")
        hosts.receive_rest(["inside"])
        assert learnt["inside"]["sockets"].ok
        assert not hosts.limits(["plain", "inside"])


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_plain_host_that_is_gone_is_said_as_any_other() -> None:
    gone = Reach(prefix=("nsenter", "--net=/nowhere/at-all", "--"), netns="/nowhere/at-all")
    for named in ({"asks"}, {"asks", "gone"}):
        with sessions(asks=Reach(), gone=gone) as hosts:
            hosts.reach(named)
            hosts.survey(())
            with pytest.raises(EnvironmentFault, match="gone cannot be reached: nsenter: cannot open /nowhere/at-all"):
                hosts.session("gone")


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_where_no_host_is_named_each_has_its_session() -> None:
    with sessions(one=Reach(), two=Reach()) as hosts:
        hosts.reach()
        assert all(known.session is not None for known in hosts.by_name.values())
