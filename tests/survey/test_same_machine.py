from __future__ import annotations

from dataclasses import replace

from netprobe.state.engine.model import Container, ContainerState
from netprobe.state.links import Address, Link
from netprobe.survey.same_machine import Identity, same_engine, same_machine

WHO = Identity(boot="b", netns="net:[1]")
ETH0 = Link(name="eth0", ifindex=2, mac="02:00:00:00:00:01", addresses=(Address(address="10.0.0.1", prefixlen=24),))
DEMO = Container(name="demo", id="a" * 64, pid=7, state=ContainerState.RUNNING, started="2026-01-01T00:00:00Z")


def test_one_machine_has_one_boot_one_namespace_and_its_addresses() -> None:
    assert same_machine(WHO, WHO, [ETH0], [ETH0])
    assert not same_machine(WHO, replace(WHO, netns="net:[2]"), [ETH0], [ETH0])
    assert not same_machine(WHO, replace(WHO, boot="c"), [ETH0], [ETH0])


def test_a_clone_of_a_running_machine_is_another() -> None:
    clone = replace(ETH0, addresses=(Address(address="10.0.0.2", prefixlen=24),))
    assert not same_machine(WHO, WHO, [ETH0], [clone])


def test_who_is_not_known_is_nobodys_twin() -> None:
    nobody = Identity(boot="", netns="")
    assert not same_machine(nobody, nobody, [], [])
    half = Identity(boot="b", netns="")
    assert not same_machine(half, half, [], [])


def test_one_engine_shows_the_same_process() -> None:
    assert same_engine([DEMO], [DEMO])
    assert not same_engine([DEMO], [replace(DEMO, pid=8)])
    assert not same_engine([], [])


def test_containers_that_do_not_run_tell_nothing() -> None:
    stopped = replace(DEMO, pid=0, state=ContainerState.EXITED)
    assert not same_engine([stopped], [stopped])
