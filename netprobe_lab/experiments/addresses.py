"""Addresses that a client keeps while the name goes elsewhere. Experiment 4, and clients that look a name up once."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Edit, Expected, Experiment, Inside, Step, client, on, start

_OLD = "172.17.0.2"  # demo's first address: the first container's on the default bridge
_LINKED: Final = (*start("demo", "nginx", port=80), *client(options="--link demo:nginx"))
# Experiment 4: demo2 takes demo's address while demo is stopped; demo starts with another one.
_SWAPPED: Final = (
    *on("server2", "docker stop --time 0 demo"),
    *start("demo2", "nginx", port=80),
    *on("server2", "docker start demo"),
)
_DEAF: Final = (
    *on("server2", "docker stop --time 0 demo"),
    *client("demo2"),
    *on("server2", "docker start demo"),
)
_GONE: Final = (*_SWAPPED, *on("server2", "docker rm --force demo2"))
_BY_NAME = ("demo:80", "--from", "client@server2")
_BY_VARIABLE = (f"{_OLD}:80", "--from", "client@server2")
_STALE = "link-env-stale"

_ON_APP = "--network app"
_NETWORK: Final = on("server2", "docker network create --subnet 172.31.0.0/24 app")
_KEPT = "172.31.0.2"  # the backend's first address there
# Looks its backend up once, as many proxies do, and dials that address for ever.
# A new attempt every 0.04 s: a failed ARP ends all that wait for it at once, netprobe's own too, and the sockets are looked at again right after that.
_LOOP = "while :; do nc -w 1 $A 80 < /dev/null & sleep 0.04; done"
_ONCE = f'sh -c "A=$(ping -c 1 -w 5 demo | sed -n s/.*[\\(]//\\;s/[\\)].*//p | head -n 1); {_LOOP}"'
_EACH_TIME = f'sh -c "A=demo; {_LOOP}"'
_BACKEND: Final = (*_NETWORK, *start("demo", "nginx", options=_ON_APP, port=80))
_RECREATED: Final[tuple[Step, ...]] = (
    *on("server2", "docker rm --force demo"),
    *start("demo", "nginx", options=f"{_ON_APP} --ip 172.31.0.9", port=80),
)
_FORGOTTEN: Final[tuple[Step, ...]] = (
    *_RECREATED,
    Inside(host="server2", container="proxy", command="ip neigh flush dev eth0"),
)


def _proxy(command: str) -> tuple[Step, ...]:
    return start("proxy", "busybox", options=_ON_APP, command=command)


_LINKS: Final = (
    Experiment(
        name="link-stale-name",
        title="demo2 took demo's address, demo has another: the name follows, the variable does not",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file", findings=(_STALE,)),
        set_up=_LINKED,
        break_=_SWAPPED,
        numbers=(4,),
    ),
    Experiment(
        name="link-stale-alias",
        title="the same by the alias",
        explain=("nginx:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file", findings=(_STALE,)),
        set_up=_LINKED,
        break_=_SWAPPED,
        numbers=(4,),
    ),
    Experiment(
        name="link-stale-variable",
        title="the same by the variable's address: demo2 answers",
        explain=_BY_VARIABLE,
        expected=Expected(verdict="works", path="bridge", resolution="literal", findings=(_STALE,)),
        set_up=_LINKED,
        break_=_SWAPPED,
        numbers=(4,),
    ),
    Experiment(
        name="link-stale-refused",
        title="the same where what took the address does not listen",
        asked_then=("demo:80", "--from", "client@server2"),
        explain=_BY_VARIABLE,
        expected=Expected(verdict="fails", path="bridge", cause=_STALE, resolution="literal"),
        set_up=_LINKED,
        break_=_DEAF,
        numbers=(4,),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="link-stale-nobody",
        title="the same where nobody has the address any more",
        explain=(*_BY_VARIABLE, "--timeout", "4"),
        expected=Expected(verdict="fails", path="none", cause=_STALE, resolution="literal"),
        set_up=_LINKED,
        break_=_GONE,
        numbers=(4,),
        near_miss=("stale-arp", "dns-client-cache"),
    ),
    Experiment(
        name="link-restarted",
        title="demo stops and starts, and gets its address again: the variable is right",
        explain=_BY_VARIABLE,
        expected=Expected(verdict="works", path="bridge", resolution="literal"),
        set_up=_LINKED,
        break_=on("server2", "docker stop --time 0 demo", "docker start demo"),
        numbers=(4,),
        near_miss=(_STALE, "link-env-absent"),
    ),
    Experiment(
        name="link-env-absent",
        title="Engine 29 sets no link variables (built by hand: the version, and the variables that the engine no longer sets)",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file", findings=("link-env-absent",)),
        set_up=_LINKED,
        edits=(
            Edit(host="server2", key="docker-version", pattern=r'"Version": "[^"]*"', text='"Version": "29.0.2"'),
            Edit(host="server2", key="containers", pattern=r'"LinkEnv": \[[^]]*\]', text='"LinkEnv": []'),
        ),
        near_miss=(_STALE,),
    ),
    Experiment(
        name="link-env-kept",
        title="the same with DOCKER_KEEP_DEPRECATED_LEGACY_LINKS_ENV_VARS=1 (built by hand: the version)",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file"),
        set_up=_LINKED,
        edits=(Edit(host="server2", key="docker-version", pattern=r'"Version": "[^"]*"', text='"Version": "29.0.2"'),),
        near_miss=("link-env-absent",),
    ),
    Experiment(
        name="link-env-cleared",
        title="an older engine, and an entry point that clears its environment",
        explain=_BY_NAME,
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file"),
        set_up=(
            *start("demo", "nginx", port=80),
            *start("client", "busybox", options="--link demo:nginx", command="env -i A=1 sleep 1000000"),
        ),
        near_miss=("link-env-absent", _STALE),
    ),
)
_CACHES: Final = (
    Experiment(
        name="dns-client-cache",
        title="a proxy looked its backend up once; the backend was recreated with another address: what the proxy dials is nobody's",
        asked_then=("demo:80", "--from", "proxy@server2", "--timeout", "4"),
        explain=(f"{_KEPT}:80", "--from", "proxy@server2", "--timeout", "4"),
        expected=Expected(verdict="fails", path="none", cause="dns-client-cache", resolution="literal"),
        set_up=(*_BACKEND, *_proxy(_ONCE)),
        break_=_FORGOTTEN,
        near_miss=("stale-arp", "subnet-overlap"),
    ),
    Experiment(
        name="dns-client-cache-old-mac",
        title="the same while the proxy's kernel still holds the old backend's MAC: it does not even ask",
        explain=(f"{_KEPT}:80", "--from", "proxy@server2", "--timeout", "4"),
        expected=Expected(verdict="fails", path="none", cause="dns-client-cache", resolution="literal"),
        set_up=(*_BACKEND, *_proxy(_ONCE)),
        break_=_RECREATED,
        near_miss=("stale-arp",),
    ),
    Experiment(
        name="dns-client-cache-by-name",
        title="the same by name: it works, and the proxy still dials the old address",
        explain=("demo:80", "--from", "proxy@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns", findings=("dns-client-cache",)),
        set_up=(*_BACKEND, *_proxy(_ONCE)),
        break_=_RECREATED,
    ),
    Experiment(
        name="dns-client-asks",
        title="the same with a proxy that looks its backend up each time",
        explain=("demo:80", "--from", "proxy@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns"),
        set_up=(*_BACKEND, *_proxy(_EACH_TIME)),
        break_=_RECREATED,
        near_miss=("dns-client-cache",),
    ),
    Experiment(
        name="dns-client-asks-nobody",
        title="the same, asked for the address that the backend had: nobody has it, and nobody in the proxy dials it",
        explain=(f"{_KEPT}:80", "--from", "proxy@server2", "--timeout", "4"),
        expected=Expected(verdict="undetermined", path="none", resolution="literal"),
        set_up=(*_BACKEND, *_proxy(_EACH_TIME)),
        break_=_RECREATED,
        near_miss=("dns-client-cache", "stale-arp", "subnet-overlap"),
    ),
    Experiment(
        name="dns-hosts-line-stale",
        title="an --add-host line gives an address that the backend no longer has",
        explain=("demo:80", "--from", "client@server2", "--timeout", "4"),
        expected=Expected(verdict="fails", path="none", cause="dns-client-cache", resolution="hosts-file"),
        set_up=(*_BACKEND, *client(options=f"{_ON_APP} --add-host demo:{_KEPT}")),
        break_=_RECREATED,
    ),
    Experiment(
        name="dns-hosts-line-right",
        title="the same while the backend still has it",
        explain=("demo:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="hosts-file"),
        set_up=(*_BACKEND, *client(options=f"{_ON_APP} --add-host demo:{_KEPT}")),
        near_miss=("dns-client-cache",),
    ),
    Experiment(
        name="dns-alias-collision",
        title="one alias on two containers of one network",
        explain=("db:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns", findings=("dns-alias-collision",)),
        set_up=(
            *_NETWORK,
            *start("db1", "nginx", options=f"{_ON_APP} --network-alias db", port=80),
            *start("db2", "nginx", options=f"{_ON_APP} --network-alias db", port=80),
            *client(options=_ON_APP),
        ),
    ),
    Experiment(
        name="dns-alias-unique",
        title="the same with an alias of its own for each",
        explain=("db:80", "--from", "client@server2"),
        expected=Expected(verdict="works", path="bridge", resolution="embedded-dns"),
        set_up=(
            *_NETWORK,
            *start("db1", "nginx", options=f"{_ON_APP} --network-alias db", port=80),
            *start("db2", "nginx", options=f"{_ON_APP} --network-alias db-2", port=80),
            *client(options=_ON_APP),
        ),
        near_miss=("dns-alias-collision",),
    ),
)
ADDRESSES: Final = (*_LINKS, *_CACHES)
