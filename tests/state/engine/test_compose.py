from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netprobe.state.engine.allow import allow_network
from netprobe.state.engine.compose import (
    in_file,
    kept_address,
    kept_joined,
    kept_left,
    listed,
    network_again,
    network_labels,
    recreated,
)
from netprobe.state.engine.docker import Docker, parse_networks
from netprobe.state.engine.model import ComposeLabels, ComposeNetwork, Container, EndpointSettings, Network
from netprobe.state.engine.remedies import aliases_of
from netprobe.state.issues import Issues

FRONT = Network(
    name="shop_front", driver="bridge", subnets=("10.0.0.0/24",), compose=ComposeNetwork(project="shop", key="front")
)
SHARED = Network(name="shared", driver="bridge")
WEB = Container(
    name="shop-web-1",
    id="0123456789abcdef",
    networks={
        "shop_default": EndpointSettings(network="shop_default", aliases=("shop-web-1", "web", "0123456789ab")),
    },
    compose=ComposeLabels(project="shop", service="web", number=1),
)
ALONE = replace(WEB, name="web", compose=None)


def test_compose_is_told_by_the_service_and_its_own_command() -> None:
    again = recreated(WEB, "with --dns 10.0.0.1", f"dns: {listed('10.0.0.1')}")
    assert again == (
        "recreate shop-web-1 with --dns 10.0.0.1 "
        '(service web in shop\'s compose file: dns: ["10.0.0.1"], then docker compose up -d web)'
    )
    assert recreated(ALONE, "with --dns 10.0.0.1", "dns: []") == "recreate web with --dns 10.0.0.1"


def test_what_compose_did_not_make_has_no_file() -> None:
    said = (in_file(ALONE, "x"), kept_joined(ALONE, SHARED), kept_left(ALONE, SHARED), kept_address(ALONE, SHARED, "x"))
    assert said == ("", "", "", "")
    assert network_again(SHARED, {}, "10.1.0.0/24", "") == ""
    assert network_labels(SHARED) == ()


@pytest.mark.parametrize(
    ("network", "keys"),
    [
        (FRONT, "networks: [default, front], then"),
        (SHARED, "networks: [default, shared] (networks: shared: external: true), then"),
        (replace(FRONT, compose=ComposeNetwork(project="blog", key="front")), "[default, shop_front] (networks: shop_front: external: true)"),
    ],
)  # fmt: skip
def test_a_network_that_was_joined_by_hand_is_written_into_the_file(network: Network, keys: str) -> None:
    assert keys in kept_joined(WEB, network)
    assert kept_joined(WEB, network).endswith("docker compose up -d web")


def test_a_network_that_was_left_or_an_address_is_written_into_the_file() -> None:
    assert "networks without front" in kept_left(WEB, FRONT)
    assert "networks: front: ipv4_address: 10.0.0.9" in kept_address(WEB, FRONT, "10.0.0.9")


def test_a_network_of_compose_keeps_its_labels_and_its_file_says_the_same() -> None:
    web = replace(WEB, networks={"shop_front": EndpointSettings(network="shop_front", aliases=("shop-web-1", "web"))})
    (step,) = Docker().remedies.recreate("server2", FRONT, (web,), subnet="10.200.0.0/24")
    create, connect = step.commands[-2:]
    labels = ("com.docker.compose.project=shop", "com.docker.compose.network=front")
    assert [word for word in create if word.startswith("com.docker.compose")] == list(labels)
    assert connect == ("docker", "network", "connect", "--alias", "web", "shop_front", "shop-web-1")
    assert "networks: front: ipam: {config: [{subnet: 10.200.0.0/24}]}" in step.advice


def test_a_gateway_of_a_network_is_written_with_its_subnet() -> None:
    assert "[{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]" in network_again(FRONT, {}, "", "10.0.0.1")
    assert "driver_opts: {parent: eth1}" in network_again(FRONT, {"parent": "eth1"}, "", "")


def test_aliases_are_what_a_container_has_beside_its_own_name_and_id() -> None:
    assert aliases_of(WEB) == aliases_of(WEB, "shop_default") == ("web",)


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ({"com.docker.compose.project": "shop", "com.docker.compose.network": "front", "secret": "x"}, "front"),
        ({"com.docker.compose.project": "shop"}, "default"),
        ({"com.docker.compose.project": "sh\nop"}, None),
        ({"com.docker.compose.project": 1, "com.docker.compose.network": []}, None),
        ({}, None),
    ],
)
def test_a_network_of_compose_is_known_by_its_labels(labels: dict[str, object], key: str | None) -> None:
    kept = allow_network({"Name": "shop_default", "Driver": "bridge", "Labels": labels})
    assert "secret" not in kept["Labels"]
    (network,) = parse_networks(json.dumps([kept]), Issues("networks")) or ()
    assert (network.compose.key if network.compose else None) == key
