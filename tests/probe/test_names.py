from __future__ import annotations

import pytest

from netprobe.errors import UsageFault
from netprobe.evidence.model import Place
from netprobe.probe.names import containers_named, nearest, source_place, the_container
from netprobe.probe.target import parse_source
from netprobe.state.engine.model import ContainerState
from tests.worlds import container, host, world

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
        ("nobody", "no host or container is called 'nobody'"),
        ("demo@server1", "no host or container is called 'demo@server1'"),
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


def test_hints() -> None:
    assert nearest("dmeo", ["demo", "web"]) == "did you mean demo?"
    assert nearest("zzz", ["demo", "web"]) == "known: demo, web"
    assert nearest("zzz", [f"n{number:02}" for number in range(12)]).endswith("n10, n11")
    assert nearest("zzz", [f"n{number:02}" for number in range(19)]).endswith("n10, n11 … and 7 more")
    assert "--hosts" in nearest("zzz", [])
