"""Docker Compose: containers as Compose names, labels and connects them; services of several containers, one name in two projects."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    Expected,
    Experiment,
    Step,
    client,
    fails,
    no_name,
    on,
    start,
    works,
)

_CODE: Final = "dns-alias-collision"
_KEY: Final = "com.docker.compose"
_SLEEP: Final = "sleep 1000000"


def network(name: str, project: str, subnet: str) -> tuple[Step, ...]:
    """A network as Compose makes it."""
    return on("server2", f"docker network create --subnet {subnet} --label {_KEY}.project={project} {name}")


def service(
    project: str,
    name: str,
    number: int = 1,
    *,
    image: str = "nginx",
    options: str = "",
    command: str = "",
    net: str = "",
) -> tuple[Step, ...]:
    """A container of a Compose service, on its project's network (or on `net`), under the names that Compose gives it."""
    labels = {"project": project, "service": name, "container-number": number, "oneoff": "False"}
    words = " ".join(f"--label {_KEY}.{key}={value}" for key, value in labels.items())
    named = f"{words} --network {net or f'{project}_default'} --network-alias {name} {options}"
    port = 80 if image == "nginx" else None
    return start(f"{project}-{name}-{number}", image, options=named, command=command, port=port)


def _waiting(project: str, name: str, number: int = 1, *, net: str = "") -> tuple[Step, ...]:
    return service(project, name, number, image="busybox", command=_SLEEP, net=net)


_NETWORKS: Final = (
    *network("shop_default", "shop", "172.28.1.0/24"),
    *network("blog_default", "blog", "172.28.2.0/24"),
)
_SHARED: Final = on("server2", "docker network create --subnet 172.28.9.0/24 shared")
_TWO: Final = (
    *_NETWORKS,
    *service("shop", "web", options="-p 8080:80"),
    *service("blog", "web", options="-p 8081:80"),
    *_waiting("shop", "worker"),
)
_STOPPED: Final = on("server2", "docker stop --time 0 shop-web-1")
_SCALED: Final = (*_NETWORKS, *service("shop", "web", 1), *service("shop", "web", 2), *_waiting("shop", "worker"))
_APP: Final = _waiting("shop", "app", net="shared")
_ASK: Final = ("db:80", "--from", "shop/app")
_THEIRS: Final = fails(_CODE, path="bridge", resolution="embedded-dns")
_OURS: Final = works("bridge", resolution="embedded-dns", findings=(_CODE,))
_COLLIDING: Final = (*_SHARED, *service("shop", "db", net="shared"), *_waiting("blog", "db", net="shared"), *_APP)
_DEAF: Final = (*_SHARED, *_waiting("shop", "db", net="shared"), *service("blog", "db", net="shared"), *_APP)
_UNLABELLED: Final = (
    *_SHARED,
    *start("one-db-1", "nginx", options="--network shared --network-alias db --network-alias one-db", port=80),
    *start("two-db-1", "busybox", options="--network shared --network-alias db --network-alias two-db", command=_SLEEP),
    *client("one-app-1", options="--network shared"),
)
_ALIASES: Final = (
    *start("one", "nginx", options="--network shared --network-alias db", port=80),
    *start("two", "busybox", options="--network shared --network-alias db", command=_SLEEP),
)

_SERVICES: Final = (
    Experiment(
        name="compose-service",
        title="a service by its project's name, from another host; another project has a service of that name",
        explain=("shop/web:80", "--from", "server1"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_TWO,
    ),
    Experiment(
        name="compose-own-project",
        title="a service's name means the source's own project first",
        explain=("web@server2:80", "--from", "shop/worker"),
        expected=Expected(verdict="works", path="bridge", resolution="inventory"),
        set_up=_TWO,
    ),
    Experiment(
        name="compose-stopped-by-service",
        title="a stopped container by its service's name, which its own name does not hold",
        explain=("web:80", "--from", "shop/worker"),
        expected=no_name("container-stopped"),
        set_up=_TWO,
        break_=_STOPPED,
        near_miss=("name-unknown", "dns-no-shared-network"),
    ),
    Experiment(
        name="compose-stopped-published",
        title="the same from another host, where a port is published",
        explain=("shop/web:80", "--from", "server1"),
        expected=fails("container-stopped", resolution="inventory"),
        set_up=_TWO,
        break_=_STOPPED,
        near_miss=("port-not-published",),
    ),
    Experiment(
        name="compose-no-such-service",
        title="the other project's service does not know this one's: no container of that name is near",
        explain=("worker:80", "--from", "blog/web"),
        expected=no_name("dns-no-shared-network"),
        set_up=_TWO,
        near_miss=("container-stopped",),
    ),
    Experiment(
        name="compose-scaled",
        title="a service of two containers: the name gives both, which is meant",
        explain=("web:80", "--from", "shop/worker"),
        expected=works("bridge", resolution="embedded-dns"),
        set_up=_SCALED,
        near_miss=(_CODE,),
    ),
)
_COLLISIONS: Final = (
    Experiment(
        name="dns-alias-collision-project",
        title="two projects share a network, both have a service db, and the other project's was given: it listens elsewhere",
        explain=_ASK,
        expected=_THEIRS,
        chance=_OURS,
        set_up=_COLLIDING,
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="dns-alias-collision-own",
        title="the same where the own project's was given",
        explain=_ASK,
        expected=_OURS,
        chance=_THEIRS,
        set_up=_COLLIDING,
    ),
    Experiment(
        name="dns-alias-collision-names",
        title="the same where only the containers' names tell the project",
        explain=("db:80", "--from", "one-app-1@server2"),
        expected=_THEIRS,
        chance=_OURS,
        set_up=_UNLABELLED,
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="dns-alias-collision-own-deaf",
        title="the same where nothing listens in the own project's db: the name is not the reason",
        explain=_ASK,
        expected=fails("app-not-listening", path="bridge", resolution="embedded-dns", findings=(_CODE,)),
        chance=_OURS,
        set_up=_DEAF,
    ),
    Experiment(
        name="dns-alias-collision-unknown",
        title="two containers of no project have one alias, and nothing tells whose it is: the one that was given refuses",
        explain=("db:80", "--from", "client@server2"),
        expected=_THEIRS,
        set_up=(*_SHARED, *_ALIASES, *client(options="--network shared")),
        chance=_OURS,
    ),
)
COMPOSE: Final = (*_SERVICES, *_COLLISIONS)
