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


def test_the_engines_own_networks_are_not_removed() -> None:
    (remedy,) = REMEDIES.recreate("server2", replace(APP, name="bridge"), (), parent="eth1")
    assert remedy.commands == ()


def test_a_restart_of_the_engine_starts_again_what_ran_owners_first() -> None:
    sharer = replace(DEMO, name="a", netns_of="demo")
    stopped = replace(DEMO, name="b", state=ContainerState.EXITED)
    said = lines(REMEDIES.restart_engine("server2", (sharer, stopped, DEMO)))
    assert [line for line in said if not line.startswith("#")] == ["systemctl restart docker", "docker start demo a"]
