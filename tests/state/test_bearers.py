from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.state.bearers import nearest_bearers, one_service
from netprobe.state.engine.model import ComposeLabels, Container, ContainerState, Network
from tests.worlds import BRIDGE, NET2, container, host

OTHER = Network(name="other", id="d" * 12, driver="bridge")


def named(name: str, network: Network, *aliases: str, of: str = "", running: bool = True) -> Container:
    state = ContainerState.RUNNING if running else ContainerState.EXITED
    made = container(name, "172.18.0.9" if running else "", network=network, state=state)
    endpoint = replace(made.networks[network.name], aliases=aliases)
    project, _, service = of.partition("/")
    compose = ComposeLabels(project=project, service=service, number=1) if of else None
    return replace(made, networks={network.name: endpoint}, compose=compose)


ASKER = named("app", NET2, of="shop/app")


@pytest.mark.parametrize(
    ("others", "means"),
    [
        ((named("shop-db-1", NET2, "db", of="shop/db"), named("blog-db-1", NET2, "db", of="blog/db")), ["shop-db-1"]),
        ((named("blog-db-1", NET2, "db", of="blog/db"), named("shop-db-1", OTHER, of="shop/db")), ["blog-db-1"]),
        ((named("shop-db-1", OTHER, of="shop/db"), named("db", OTHER)), ["shop-db-1"]),
        ((named("db", OTHER), named("x-db-1", OTHER, "db", of="x/db")), ["db"]),
        ((named("x-db-1", OTHER, "db", of="x/db"), named("y-db-1", OTHER, "db")), ["x-db-1", "y-db-1"]),
        ((named("one", NET2, "DB"), named("two", NET2, "db.", running=False)), ["one", "two"]),
        ((named("one", BRIDGE, "db"), named("db", OTHER)), ["db"]),
        ((named("web", NET2, "web"),), []),
    ],
)
def test_the_nearest_come_first(others: tuple[Container, ...], means: list[str]) -> None:
    known = host("server2", "192.168.3.202", ASKER, *others)
    known.__dict__["networks"] = (BRIDGE, NET2, OTHER)
    assert [each.name for each in nearest_bearers(known, ASKER, "db")] == means


def test_who_asks_is_nobody_else() -> None:
    side = container("side", netns_of="app", mode="container:app")
    known = host("server2", "192.168.3.202", replace(ASKER, name="db"), replace(side, netns_of="db"))
    asker = known.container("db")
    assert nearest_bearers(known, asker, "db") == nearest_bearers(known, asker, "side") == ()


def test_containers_of_one_service() -> None:
    one, two = (named(f"shop-db-{number}", NET2, of="shop/db") for number in (1, 2))
    assert one_service((one, two))
    assert not one_service((one, named("blog-db-1", NET2, of="blog/db")))
    assert not one_service((named("a", NET2), named("b", NET2)))
