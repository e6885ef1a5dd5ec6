"""A host whose containers, networks and interfaces are called what nobody should be called."""

from __future__ import annotations

from dataclasses import replace

from netprobe.state.engine.model import Network
from netprobe.state.links import Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from tests.worlds import container, published

NAMES = (
    "</script><script>alert(1)</script>",
    "x" * 4096,
    "\u202egnp.exe\u2066",
    "\x1b[31mred\x07\x00\x9b",
    '"];click A "javascript:alert(1)"]',
    "שלום עולם",
    "a/b/c",
    "",
    "\ud800",
    "名前" * 40,
)


def hostile_world(name: str) -> dict[str, Host]:
    """One host called so, with a container, a network, a bridge and an interface of that name."""
    network = Network(name=name, id="n" * 12, driver=name, bridge=name, subnets=(name,))
    web = replace(container(name, "172.17.0.2", published(80, 80), network=network), image=name)
    host = Host.known(name, containers=(web,), networks=(network,), namespaces={}, proxies=(), engine_version=name)
    host.own = Namespace.known(
        links=(Link(name=name, ifindex=2, kind="bridge", mac=name), Link(name=f"{name}1", ifindex=3, master=name)),
        fdb=None,
        neighbours=None,
        routes=None,
    )
    return {name: host}
