"""Names that are answered, and not with the container's address: search domains, wildcards, hosts lines."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Expected, Experiment, Step, client, fails, on, start, works

_CODE: Final = "name-answered-elsewhere"
_NETWORK: Final = on("server2", "docker network create --subnet 172.31.0.0/24 app")
_OTHER: Final = on("server2", "docker network create --subnet 172.30.0.0/24 other")
_WILD: Final = "--network app --dns-search apps.outside.test"  # every name there is the outside host
_RECORD: Final = "--network app --dns-search corp.outside.test"  # it has db, and nothing else
_DB: Final = start("db", "nginx", options="--network app", port=80)
_ASK: Final = ("db:80", "--from", "client@server2")


def _elsewhere() -> Expected:
    """It was answered, by the outside host."""
    return fails(_CODE, path="masquerade", resolution="embedded-dns")


def _labelled(project: str, service: str, *, options: str, image: str = "nginx", command: str = "") -> tuple[Step, ...]:
    """A container with the labels and names that Compose gives it."""
    key = "com.docker.compose"
    labels = f"--label {key}.project={project} --label {key}.service={service} --label {key}.container-number=1"
    named = f"{labels} --label {key}.oneoff=False --network-alias {service} {options}"
    return start(f"{project}-{service}-1", image, options=named, command=command)


ANSWERED: Final = (
    Experiment(
        name="name-answered-elsewhere",
        title="a container does not run, and a wildcard record of the search domain answers for its name",
        explain=_ASK,
        expected=_elsewhere(),
        set_up=(*_NETWORK, *_DB, *client(options=_WILD)),
        break_=on("server2", "docker stop --time 0 db"),
        near_miss=("container-stopped", "name-unknown"),
    ),
    Experiment(
        name="name-answered-container",
        title="the same while it runs: the embedded DNS server answers first",
        explain=_ASK,
        expected=works("bridge", resolution="embedded-dns"),
        set_up=(*_NETWORK, *_DB, *client(options=_WILD)),
        near_miss=(_CODE,),
    ),
    Experiment(
        name="name-answered-elsewhere-dns",
        title="the same where only the name is asked for",
        explain=("db", "--from", "client@server2", "--proto", "dns"),
        expected=fails(_CODE, path="embedded-dns", resolution="embedded-dns"),
        set_up=(*_NETWORK, *_DB, *client(options=_WILD)),
        break_=on("server2", "docker stop --time 0 db"),
    ),
    Experiment(
        name="name-answered-elsewhere-record",
        title="the search domain has a record of its own for the name of a container that does not run",
        explain=_ASK,
        expected=_elsewhere(),
        set_up=(*_NETWORK, *_DB, *client(options=_RECORD)),
        break_=on("server2", "docker stop --time 0 db"),
    ),
    Experiment(
        name="name-answered-record",
        title="the same where no container has the name: the search domain's own record is what is meant",
        explain=_ASK,
        expected=works("masquerade", resolution="embedded-dns"),
        set_up=(*_NETWORK, *client(options=_RECORD)),
        near_miss=(_CODE,),
    ),
    Experiment(
        name="name-answered-other-project",
        title="the same where another Compose project has a service of that name: it is not this one's",
        explain=("db:80", "--from", "shop-app-1@server2"),
        expected=works("masquerade", resolution="embedded-dns"),
        set_up=(
            *_NETWORK,
            *_OTHER,
            *_labelled("blog", "db", options="--network other"),
            *_labelled("shop", "app", options=_RECORD, image="busybox", command="sleep 1000000"),
        ),
        near_miss=(_CODE,),
    ),
    Experiment(
        name="name-answered-elsewhere-misspelt",
        title="a misspelt name, which a wildcard record of the search domain answers as any other",
        explain=("dbb:80", "--from", "client@server2"),
        asked_then=_ASK,
        expected=_elsewhere(),
        set_up=(*_NETWORK, *_DB, *client(options=_WILD)),
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="name-answered-elsewhere-network",
        title="the container of that name is on another network, and the wildcard answers",
        explain=_ASK,
        expected=_elsewhere(),
        set_up=(
            *_NETWORK,
            *_OTHER,
            *start("db", "nginx", options="--network other", port=80),
            *client(options=_WILD),
        ),
        near_miss=("dns-no-shared-network",),
    ),
    Experiment(
        name="name-answered-elsewhere-ndots",
        title="ndots:1 has the search domain asked first: its wildcard answers for a container that runs on the same network",
        explain=_ASK,
        asked_then=("db.:80", "--from", "client@server2"),
        expected=_elsewhere(),
        set_up=(*_NETWORK, *_DB, *client(options=f"{_WILD} --dns-opt ndots:1")),
    ),
    Experiment(
        name="name-answered-elsewhere-hosts",
        title="an --add-host line gives another address than that of the container which has the name",
        explain=_ASK,
        expected=fails(_CODE, path="masquerade", resolution="hosts-file"),
        set_up=(*_NETWORK, *_DB, *client(options="--network app --add-host db:203.0.113.10")),
        cure=(*on("server2", "docker rm --force client"), *client(options="--network app")),
        near_miss=("dns-client-cache",),
    ),
    Experiment(
        name="name-answered-hosts",
        title="an --add-host line for a name that no container has",
        explain=("search:80", "--from", "client@server2"),
        expected=works("masquerade", resolution="hosts-file"),
        set_up=(*_NETWORK, *_DB, *client(options="--network app --add-host search:203.0.113.10")),
        near_miss=(_CODE,),
    ),
)
