"""Networks that are joined, or made again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Place
from netprobe.forward import Request, predict
from netprobe.forward.model import PredictedOutcome
from netprobe.model.remedy import run
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from netprobe.state.effects.commands import fixed
from netprobe.state.effects.texts import NotModelled
from netprobe.state.lookup import route_lookup
from tests.mutilation import evidence
from tests.state.effects.changed import after, hosts

if TYPE_CHECKING:
    from netprobe.state.model import Host


def test_a_container_that_joins_a_network_dials_there_without_being_routed() -> None:
    name = "truth-tcp-other-bridge-direct-normal"
    question = Request(source=Place(host="server2", container="c2"), dialled="172.17.0.2", port=80, proto="tcp")
    assert predict(question, hosts(name)).outcome is PredictedOutcome.STOPPED
    joined = fixed(hosts(name), [run("server2", "docker", "network", "connect", "bridge", "c2")])
    then = predict(question, joined)
    assert then.outcome is PredictedOutcome.WORKS
    assert then.obstacles == ()
    container = joined["server2"].container("c2")
    assert container is not None
    assert set(container.networks) == {"other", "bridge"}
    others = [each for each in joined["server2"].containers or () if each.name != "c2"]
    assert not set(container.networks["bridge"].all_addresses) & {one for each in others for one in each.addresses}


def with_subnet(subnet: str) -> dict[str, Host]:
    """The engine's default network is another one."""
    whole = evidence("truth-tcp-other-bridge-direct-normal")
    server = next(each for each in whole.before if each.host == "server2")
    networks = server.outputs["networks"]
    other = replace(networks, stdout=networks.stdout.replace("172.17.0.0/16", subnet))
    assert other != networks
    state = replace(server, outputs={**server.outputs, "networks": other})
    return dict(build_world(replace(whole, before=(state,), after=())).before)


def test_a_network_of_any_size_is_joined_while_an_address_is_free() -> None:
    """The engine's largest pool would have 16 million addresses: they are not all looked at."""
    connect = run("server2", "docker", "network", "connect", "bridge", "c2")
    container = fixed(with_subnet("172.0.0.0/8"), [connect])["server2"].container("c2")
    assert container is not None
    assert container.networks["bridge"].address == "172.255.255.254"
    with pytest.raises(NotModelled):
        fixed(with_subnet("172.17.0.0/30"), [connect])


def test_a_container_of_an_internal_network_gets_its_way_out() -> None:
    host = after("internal-network", "docker", "network", "connect", "bridge", "client")
    way = route_lookup(host.namespace("client"), "203.0.113.10")
    assert way is not None
    assert way.via == "172.17.0.1"


def test_a_network_made_again_with_another_gateway_moves_the_default_route() -> None:
    name = "macvlan-wrong-gateway"
    cause = analyze(evidence(name)).cause
    assert cause is not None
    way = route_lookup(fixed(hosts(name), cause.remedies)["server1"].namespace("c11"), "203.0.113.10")
    assert way is not None
    assert way.via == "172.21.0.254"


def test_a_network_made_again_otherwise_is_not_modelled() -> None:
    cause = analyze(evidence("macvlan-private")).cause
    assert cause is not None
    with pytest.raises(NotModelled):
        fixed(hosts("macvlan-private"), cause.remedies)
