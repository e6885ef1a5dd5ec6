from __future__ import annotations

from netprobe.annotate.names import names
from netprobe.state.engine.model import Container, EndpointSettings
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace


def host(name: str, containers: dict[str, str], *own: str) -> Host:
    links = (
        Link(name="lo", ifindex=1, addresses=(Address(address="127.0.0.1", prefixlen=8, scope="host"),)),
        Link(name="eth0", ifindex=2, addresses=tuple(Address(address=each, prefixlen=24) for each in own)),
    )
    found = tuple(
        Container(name=each, networks={"bridge": EndpointSettings(network="bridge", address=address)})
        for each, address in containers.items()
    )
    return Host.known(name, containers=found, own=Namespace.known(links=links), namespaces={})


def test_containers_and_hosts_are_named() -> None:
    found = names({"a": host("a", {"demo": "172.17.0.2"}, "192.168.3.202", "172.17.0.1")})
    assert found == {"172.17.0.2": ("demo",), "192.168.3.202": ("a",), "172.17.0.1": ("a",)}


def test_an_address_of_several_is_called_by_all() -> None:
    hosts = {
        "a": host("a", {"web": "172.17.0.2", "db": "172.17.0.3"}, "172.17.0.1"),
        "b": host("b", {"web": "172.17.0.2"}, "172.17.0.1"),
    }
    assert names(hosts) == {"172.17.0.2": ("web@a|web@b",), "172.17.0.3": ("db",), "172.17.0.1": ("a|b",)}


def test_what_is_not_known_has_no_name() -> None:
    assert names({"a": Host("a")}) == {}


def test_hostile_names_are_spelt() -> None:
    found = names({"a": host("a", {"x y\x1b\u202e": "172.17.0.2"})})
    assert found["172.17.0.2"] == ("x_y\\x1b\\u202e",)
