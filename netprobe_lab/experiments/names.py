"""Name resolution: the embedded DNS server, links, a shared namespace, names that nobody knows. Experiments 1, 2 and 3."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, client, no_name, on, start

_NETWORK: Final = on("server2", "docker network create --subnet 172.31.0.0/24 app")
_ON_APP = "--network app"
_USER_NETWORK: Final[tuple[Step, ...]] = (
    *_NETWORK,
    *start("demo", "nginx", options=_ON_APP, port=80),
    *client(options=_ON_APP),
)
_DEFAULT_BRIDGE: Final[tuple[Step, ...]] = (*start("demo", "nginx", port=80), *client())
_LINKED: Final[tuple[Step, ...]] = (*start("demo", "nginx", port=80), *client(options="--link demo:nginx"))


NAMES: Final = (
    Experiment(
        name="container-stopped-by-name",
        title="a stopped container's name does not resolve, although the network is shared",
        explain=("demo:80", "--from", "client@server2"),
        expected=no_name("container-stopped"),
        set_up=(*_USER_NETWORK, *on("server2", "docker stop --time 0 demo")),
        near_miss=("dns-no-shared-network", "name-unknown"),
    ),
    Experiment(
        name="dns-user-network",
        title="a container finds another by name on a user-defined network",
        explain=("demo:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns"),
        set_up=_USER_NETWORK,
        numbers=(1,),
        near_miss=("dns-no-shared-network", "name-unknown"),
    ),
    Experiment(
        name="dns-user-network-ping",
        title="a container pings another by name on a user-defined network",
        explain=("demo", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns"),
        set_up=_USER_NETWORK,
        numbers=(1,),
        near_miss=("dns-no-shared-network", "name-unknown"),
    ),
    Experiment(
        name="dns-query-embedded",
        title="the embedded DNS server answers for a container's name",
        explain=("demo", "--from", "client@server2", "--proto", "dns"),
        expected=Expected(verdict="works", path="embedded-dns", resolution="embedded-dns"),
        set_up=_USER_NETWORK,
        numbers=(1,),
        near_miss=("dns-no-shared-network", "name-unknown"),
    ),
    Experiment(
        name="dns-default-bridge",
        title="on the default bridge a container's name does not resolve",
        explain=("demo:80", "--from", "client@server2"),
        expected=no_name("dns-no-shared-network"),
        set_up=_DEFAULT_BRIDGE,
        numbers=(1,),
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="dns-two-networks",
        title="two user-defined networks do not know each other's names",
        explain=("demo:80", "--from", "client@server2"),
        expected=no_name("dns-no-shared-network"),
        set_up=(
            *_NETWORK,
            *on("server2", "docker network create --subnet 172.30.0.0/24 other"),
            *start("demo", "nginx", options="--network other", port=80),
            *client(options=_ON_APP),
        ),
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="name-unknown",
        title="a misspelt container name on a user-defined network",
        asked_then=("demo:80", "--from", "client@server2"),
        explain=("dmeo:80", "--from", "client@server2"),
        expected=no_name("name-unknown"),
        set_up=_USER_NETWORK,
        near_miss=("dns-no-shared-network",),
    ),
    Experiment(
        name="shared-netns",
        title="--network container:demo: localhost reaches demo, over lo alone",
        explain=("localhost:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="shared-netns", resolution="hosts-file"),
        set_up=(*start("demo", "nginx", port=80), *client(options="--network container:demo")),
        numbers=(2,),
    ),
    Experiment(
        name="link-name",
        title="--link demo:nginx: the container's own name resolves, from /etc/hosts",
        explain=("demo:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file"),
        set_up=_LINKED,
        numbers=(3,),
        near_miss=("dns-no-shared-network",),
    ),
    Experiment(
        name="link-alias",
        title="--link demo:nginx: the alias resolves, from /etc/hosts",
        explain=("nginx:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file"),
        set_up=_LINKED,
        numbers=(3,),
        near_miss=("dns-no-shared-network", "name-unknown"),
    ),
)
