from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netprobe.evidence.model import Place, Resolution
from netprobe.probe.by_state import resolve_by_state
from netprobe.state.engine.model import ContainerState
from netprobe.state.names import HostsFile, HostsLine, ResolvConf
from tests.worlds import BRIDGE, NET2, container, host

EMBEDDED = ResolvConf(nameservers=("127.0.0.11",), search=("corp.test",), ndots=0)


def looked_up(
    name: str, *, conf: ResolvConf | None = EMBEDDED, network: Any = NET2, links: tuple[str, ...] = ()
) -> Any:
    def on(one: str, address: str, *aliases: str, **more: Any) -> Any:
        made = container(one, address, network=more.pop("network", NET2), **more)
        endpoint = next(iter(made.networks.values()))
        return replace(made, networks={endpoint.network: replace(endpoint, aliases=aliases)})

    asker = container("app", "172.18.0.9", network=network)
    endpoint = next(iter(asker.networks.values()))
    asker = replace(asker, networks={endpoint.network: replace(endpoint, links=links)})
    known = host(
        "server2",
        "192.168.3.202",
        asker,
        on("shop-db-1", "172.18.0.2", "db"),
        on("shop-web-1", "172.18.0.3", "web"),
        on("shop-web-2", "172.18.0.4", "Web."),
        on("gone", "", state=ContainerState.EXITED),
        on("other", "172.17.0.5", network=BRIDGE),
    )
    line = HostsLine(address="10.1.1.1", names=("pinned", "db2"))
    known.namespaces["app"].__dict__.update(hosts_file=HostsFile(lines=(line,)), resolv_conf=conf)
    return resolve_by_state(known, Place(host="server2", container="app"), name)


@pytest.mark.parametrize(
    ("name", "how", "addresses"),
    [
        ("db", Resolution.EMBEDDED_DNS, ("172.18.0.2",)),
        ("DB.", Resolution.EMBEDDED_DNS, ("172.18.0.2",)),
        ("shop-db-1", Resolution.EMBEDDED_DNS, ("172.18.0.2",)),
        ("db.net2", Resolution.EMBEDDED_DNS, ("172.18.0.2",)),
        ("web", Resolution.EMBEDDED_DNS, ("172.18.0.3", "172.18.0.4")),
        ("PINNED", Resolution.HOSTS_FILE, ("10.1.1.1",)),
        ("gone", Resolution.FAILED, ()),
        ("other", Resolution.FAILED, ()),
        ("www.example.org", Resolution.FAILED, ()),
    ],
)
def test_names_by_state(name: str, how: Resolution, addresses: tuple[str, ...]) -> None:
    lookup = looked_up(name)
    assert (lookup.how, lookup.addresses) == (how, addresses)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "127.0.0.11 does not know gone (gone is exited); whom it asks on is not asked"),
        ("other", "(other is on no network of app's)"),
        ("www.example.org", "does not know www.example.org (no container has that name)"),
    ],
)
def test_why_state_does_not_tell(name: str, why: str) -> None:
    assert why in looked_up(name).steps[-1]


def test_the_search_list_is_asked_first_with_ndots_and_is_outside() -> None:
    lookup = looked_up("db", conf=replace(EMBEDDED, ndots=1))
    assert lookup.how is Resolution.FAILED
    assert "does not know db.corp.test" in lookup.steps[-1]


def test_links_of_a_network_are_names_too() -> None:
    assert looked_up("database", links=("shop-db-1:database",)).addresses == ("172.18.0.2",)


@pytest.mark.parametrize("conf", [None, ResolvConf(nameservers=("192.0.2.1",))])
def test_another_server_is_named_and_not_asked(conf: ResolvConf | None) -> None:
    lookup = looked_up("db", conf=conf)
    server = conf.nameservers[0] if conf else "127.0.0.1"
    assert (lookup.how, lookup.server) == (Resolution.FAILED, server)
    assert lookup.steps[-1] == f"{server} would be asked for db, and --predict sends nothing"


@pytest.mark.parametrize(
    ("six", "how", "addresses"),
    [
        (None, Resolution.EMBEDDED_DNS, ("172.18.0.2",)),
        (False, Resolution.EMBEDDED_DNS, ("172.18.0.2",)),
        (True, Resolution.EMBEDDED_DNS, ("fd00:5::2",)),
    ],
)
def test_either_ip_version_is_known_by_state(six: bool | None, how: Resolution, addresses: tuple[str, ...]) -> None:
    both = container("db", "172.18.0.2", network=NET2)
    endpoint = next(iter(both.networks.values()))
    both = replace(both, networks={endpoint.network: replace(endpoint, address6="fd00:5::2", aliases=("db",))})
    known = host(
        "server2",
        "192.168.3.202",
        container("app", "172.18.0.9", network=NET2),
        both,
        container("web", "172.18.0.7", network=NET2),
    )
    known.namespaces["app"].__dict__.update(hosts_file=HostsFile(lines=()), resolv_conf=EMBEDDED)
    at = Place(host="server2", container="app")
    lookup = resolve_by_state(known, at, "db", six)
    assert (lookup.how, lookup.addresses) == (how, addresses)
    other = resolve_by_state(known, at, "web", six)
    assert (other.addresses, other.rcode) == (((), "NOERROR") if six else (("172.18.0.7",), None))
