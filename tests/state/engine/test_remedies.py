from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.model.remedy import lines
from netprobe.state.engine.docker import Docker
from netprobe.state.engine.model import Container, ContainerState, EndpointSettings, Network

REMEDIES = Docker().remedies
APP = Network(name="app", driver="macvlan", subnets=("10.0.0.0/24",), gateways=("10.0.0.1",))
DEMO = Container(
    name="demo",
    state=ContainerState.RUNNING,
    network_mode="app",
    networks={"app": EndpointSettings(network="app", address="10.0.0.2", prefixlen=24)},
)


def test_a_restart_says_what_it_cuts() -> None:
    (command, advice) = REMEDIES.restart("server2", "demo").lines
    assert command == "docker restart demo"
    assert "cuts demo's connections" in advice


@pytest.mark.parametrize("mode", ["host", "none", "container:0123456789ab"])
def test_the_engine_refuses_another_network_for_such_a_namespace(mode: str) -> None:
    apart = replace(DEMO, network_mode=mode)
    assert not REMEDIES.joins(apart, APP)
    assert REMEDIES.connect("server2", APP, apart).commands == ()
    assert REMEDIES.joins(DEMO, APP)


def test_a_network_is_left_before_it_is_made_again_and_joined_with_the_same_address() -> None:
    commands = lines(REMEDIES.recreate("server2", APP, (DEMO,), parent="eth1"))[:-1]
    assert commands == (
        "docker network disconnect --force app demo",
        "docker network rm app",
        "docker network create -d macvlan --subnet 10.0.0.0/24 --gateway 10.0.0.1 -o parent=eth1 app",
        "docker network connect --ip 10.0.0.2 app demo",
    )


def test_a_network_that_is_called_like_an_option_is_none() -> None:
    odd = replace(APP, name="-rf")
    demo = replace(DEMO, networks={"-rf": DEMO.networks["app"]})
    left, removed, made, joined = lines(REMEDIES.recreate("server2", odd, (demo,), parent="eth1"))[:-1]
    assert left == "docker network disconnect --force -- -rf demo"
    assert removed == "docker network rm -- -rf"
    assert made.endswith(" -- -rf")
    assert joined.endswith(" -- -rf demo")
    assert REMEDIES.connect("server2", odd, DEMO).commands == (("docker", "network", "connect", "--", "-rf", "demo"),)


def test_the_engines_own_networks_are_not_removed() -> None:
    (remedy,) = REMEDIES.recreate("server2", replace(APP, name="bridge"), (), parent="eth1")
    assert remedy.commands == ()


def test_a_restart_of_the_engine_starts_again_what_ran_owners_first() -> None:
    sharer = replace(DEMO, name="a", netns_of="demo")
    stopped = replace(DEMO, name="b", state=ContainerState.EXITED)
    said = lines(REMEDIES.restart_engine("server2", (sharer, stopped, DEMO)))
    assert [line for line in said if not line.startswith("#")] == ["systemctl restart docker", "docker start demo a"]


@pytest.mark.parametrize("driver", ["host", "null"])
def test_nobody_joins_the_network_of_the_host_or_none(driver: str) -> None:
    assert not REMEDIES.joins(DEMO, Network(name="none", driver=driver))
    assert not REMEDIES.joins(DEMO, None)


def test_joining_says_what_it_opens() -> None:
    step = REMEDIES.connect("server2", APP, DEMO, address="10.0.0.9", aliases=("db",))
    assert step.commands == (("docker", "network", "connect", "--alias", "db", "--ip", "10.0.0.9", "app", "demo"),)
    assert "opens demo to all of app" in step.advice


def test_in_another_subnet_addresses_and_the_gateway_are_new() -> None:
    (step,) = REMEDIES.recreate("server2", APP, (DEMO,), subnet="10.200.0.0/24")
    assert "--gateway" not in step.commands[-2]
    assert step.commands[-1] == ("docker", "network", "connect", "app", "demo")


@pytest.mark.parametrize("subnets", [("172.31.0.0/24", "fd00:31::/64"), ("fd00:31::/64",), ()])
def test_what_cannot_be_made_again_by_these_commands_is_advice(subnets: tuple[str, ...]) -> None:
    (step,) = REMEDIES.recreate("server2", replace(APP, subnets=subnets), (), subnet="10.200.0.0/24")
    assert step.commands == ()
    assert step.advice


@pytest.mark.parametrize("state", [ContainerState.RESTARTING, ContainerState.DEAD, ContainerState.REMOVING])
def test_a_start_does_not_help_what_restarts_or_is_dead(state: ContainerState) -> None:
    (step,) = REMEDIES.start("server2", replace(DEMO, state=state))
    assert step.commands == ()
    assert "docker logs demo" in step.advice


def test_the_owner_of_a_shared_namespace_is_started_first() -> None:
    ended, owner = replace(DEMO, state=ContainerState.EXITED), replace(DEMO, name="owner")
    (step,) = REMEDIES.start("server2", ended, replace(owner, state=ContainerState.EXITED))
    assert step.commands == (("docker", "start", "owner", "demo"),)
    (step,) = REMEDIES.start("server2", ended, owner)
    assert step.commands == (("docker", "start", "demo"),)


def test_what_was_never_started_has_not_ended() -> None:
    """A service of a profile that nobody asked for is made by ``docker compose create`` alone."""
    said = {
        state: REMEDIES.start("server2", replace(DEMO, state=state))[0].advice
        for state in (ContainerState.CREATED, ContainerState.EXITED)
    }
    assert "never started" in said[ContainerState.CREATED]
    assert "says why it ended" not in said[ContainerState.CREATED]
    assert "says why it ended" in said[ContainerState.EXITED]
