from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.errors import UsageFault
from netprobe.evidence.model import Place
from netprobe.probe.names import containers_named, hint_for, nearest, source_place, the_container
from netprobe.probe.target import parse_source
from netprobe.state.engine.model import ComposeLabels, Container, ContainerState
from tests.worlds import NET2, container, host, world


def composed(
    project: str, service: str, number: int, *, name: str = "", state: ContainerState = ContainerState.RUNNING
) -> Container:
    made = container(name or f"{project}-{service}-{number}", state=state)
    return replace(made, compose=ComposeLabels(project=project, service=service, number=number))


WORLD = world(
    host("server1", "192.168.3.201", container("web", "172.17.0.2"), container("twin", "172.17.0.3")),
    host(
        "server2",
        "192.168.3.202",
        container("demo", "172.17.0.2"),
        container("twin", "172.17.0.3"),
        container("side", netns_of="demo", mode="container:demo"),
        container("inn", mode="host"),
        container("old", state=ContainerState.EXITED),
    ),
    host("outside", "192.168.3.1", docker=False),
)


def at(text: str) -> Place:
    return source_place(WORLD, parse_source(text))[0]


def test_sources() -> None:
    assert at("server1") == Place(host="server1")
    assert at("server1@server1") == Place(host="server1")
    assert at("demo") == at("demo@server2") == Place(host="server2", container="demo")
    assert at("twin@server1") == Place(host="server1", container="twin")


def test_a_shared_namespace_is_its_owners() -> None:
    assert at("side") == Place(host="server2", container="demo")
    assert at("inn") == Place(host="server2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nobody", "no host, container or service is called 'nobody'"),
        ("demo@server1", "no host, container or service is called 'demo@server1'"),
        ("demo@nowhere", "no host is called 'nowhere'"),
        ("twin", "ambiguous: twin@server1, twin@server2"),
        ("old", "old@server2 does not run (exited)"),
    ],
)
def test_sources_that_are_none(text: str, says: str) -> None:
    with pytest.raises(UsageFault) as fault:
        at(text)
    assert says in fault.value.message
    assert fault.value.hint


def test_targets() -> None:
    assert str(the_container(WORLD, "demo", None)) == "demo@server2"
    assert str(the_container(WORLD, "twin", "server1")) == "twin@server1"
    assert the_container(WORLD, "nobody", None) is None
    with pytest.raises(UsageFault, match="ambiguous"):
        the_container(WORLD, "twin", None)


def test_one_engine_seen_twice_counts_once() -> None:
    same = container("demo", "172.17.0.2")
    hosts = world(host("local", "192.168.3.202", same), host("server2", "192.168.3.202", same))
    assert [str(each) for each in containers_named(hosts, "demo")] == ["demo@server2"]


COMPOSED = world(
    host("server1", "192.168.3.201", composed("shop", "web", 1), container("api", "172.17.0.9")),
    host(
        "server2",
        "192.168.3.202",
        composed("shop", "db", 1),
        composed("blog", "db", 1),
        composed("blog", "db", 2, state=ContainerState.EXITED),
        composed("blog", "api", 1),
        composed("blog", "cache", 1, name="cache"),
        composed("shop", "worker", 2),
        composed("shop", "worker", 1, state=ContainerState.EXITED),
        composed("shop", "worker", 10),
    ),
)


@pytest.mark.parametrize(
    ("name", "project", "host_name", "own", "chosen", "said"),
    [
        ("web", None, None, "", "shop-web-1@server1", ""),
        ("web", "shop", None, "", "shop-web-1@server1", ""),
        ("db", None, None, "shop", "shop-db-1@server2", ""),
        ("db", "blog", None, "shop", "blog-db-1@server2", "blog/db is 2 containers (blog-db-2 is exited)"),
        ("api", None, "server1", "", "api@server1", ""),
        ("api", None, None, "blog", "blog-api-1@server2", ""),
        ("cache", None, None, "", "cache@server2", ""),
        ("cache", "blog", None, "", "cache@server2", ""),
        ("worker", None, None, "", "shop-worker-2@server2", "shop/worker is 3 containers (shop-worker-1 is exited)"),
        ("shop-worker-1", None, None, "", "shop-worker-1@server2", ""),
    ],
)
def test_services(name: str, project: str | None, host_name: str | None, own: str, chosen: str, said: str) -> None:
    named = the_container(COMPOSED, name, host_name, project, own=own)
    assert named is not None
    assert (str(named), named.said) == (chosen, said)


def test_a_services_containers_are_in_the_order_of_their_numbers() -> None:
    named = the_container(COMPOSED, "worker", None)
    assert named is not None
    assert [each.container.name for each in named.of] == ["shop-worker-1", "shop-worker-2", "shop-worker-10"]
    assert named.said_of("is asked").endswith(", shop-worker-2 is asked")


def test_two_that_fit_are_listed_and_none_is_chosen() -> None:
    with pytest.raises(UsageFault) as fault:
        the_container(COMPOSED, "db", None, own="other")
    assert fault.value.message == "'db' is ambiguous: blog/db, shop/db"
    assert fault.value.hint == "write one of blog/db, shop/db"
    api = COMPOSED["server1"].container("api")
    with pytest.raises(UsageFault) as fault:
        the_container(COMPOSED, "api", None)
    assert api is not None
    assert fault.value.message == f"'api' is ambiguous: {api.id[:12]} (the container api@server1), blog/api"
    twice = world(*(host(each, "192.168.3.9", composed("shop", "web", 1)) for each in ("server1", "server2")))
    with pytest.raises(UsageFault, match=r"shop/web@server1, shop/web@server2"):
        the_container(twice, "web", None)


def test_a_source_by_its_service() -> None:
    place, named = source_place(COMPOSED, parse_source("shop/worker"))
    assert place == Place(host="server2", container="shop-worker-2")
    assert named is not None
    assert len(named.of) == 3
    with pytest.raises(UsageFault, match="ambiguous: blog/db, shop/db"):
        source_place(COMPOSED, parse_source("db"))
    with pytest.raises(UsageFault) as fault:
        source_place(COMPOSED, parse_source("shop/wob"))
    assert (fault.value.message, fault.value.hint) == (
        "no service is called 'shop/wob'",
        "did you mean shop/web or shop/db or shop/worker?",
    )


def test_hints() -> None:
    assert nearest("dmeo", ["demo", "web"]) == "did you mean demo?"
    assert nearest("zzz", ["demo", "web"]) == "known: demo, web"
    assert nearest("zzz", [f"n{number:02}" for number in range(12)]).endswith("n10, n11")
    assert nearest("zzz", [f"n{number:02}" for number in range(19)]).endswith("n10, n11 … and 7 more")
    assert "--hosts" in nearest("zzz", [])


def test_a_network_is_said_to_be_one() -> None:
    known = world(host("server2", "192.168.3.202", container("web", "172.18.0.2", network=NET2), container("db")))
    assert hint_for(known, "net2") == "net2 is a network of server2; its containers are web"
    assert hint_for(known, "nett2") == "net2 is a network of server2; its containers are web"
    assert hint_for(known, "wbe") == "did you mean web?"
    assert hint_for(known, "zzz").startswith("known: ")
