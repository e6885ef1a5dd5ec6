"""macvlan segments and their names: routers with one wire, containers of one host, names of another host's containers."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.macvlan import BOTH, ROUTER
from netprobe_lab.experiments.model import Expected, Experiment, Step, client, on, start

_C13: Final = start("c13", "nginx", options="--network mac_net1 --ip 172.21.0.13", host="server1", port=80)
_C23: Final = start("c23", "nginx", options="--network mac_net2 --ip 172.22.0.23", host="server1", port=80)
_ROUTED: Final = Expected(verdict="works", path="routed", resolution="literal", segments=("router=routed",))
_UNSEEN: Final = Expected(verdict="works", path="routed", resolution="literal", segments=())
_NO_SHARED: Final = "dns-no-shared-network"
_ELSEWHERE: Final = Expected(verdict="fails", path="none", cause=_NO_SHARED, resolution="failed")
_BRIDGED: Final[tuple[Step, ...]] = (
    *on("server1", "docker network create --subnet 172.31.0.0/24 app"),
    *client(options="--network app", host="server1"),
)

SEGMENTS: Final = (
    Experiment(
        name="macvlan-router-same-host",
        title="source and target on one host, a router host between their networks: eth1 is passed twice",
        explain=("172.22.0.23:80", "--from", "c11@server1"),
        expected=_ROUTED,
        set_up=(*BOTH, *_C23, *ROUTER),
        near_miss=("macvlan-isolated-l3",),
    ),
    Experiment(
        name="macvlan-router-unlisted",
        title="the router host between two macvlan networks is not in the inventory",
        explain=("172.22.0.22:80", "--from", "c11@server1"),
        expected=_UNSEEN,
        set_up=(*BOTH, *_C23, *ROUTER),
        unlisted=("router",),
        near_miss=("macvlan-isolated-l3",),
    ),
    Experiment(
        name="macvlan-router-unlisted-same-host",
        title="the same with source and target on one host",
        explain=("172.22.0.23:80", "--from", "c11@server1"),
        expected=_UNSEEN,
        set_up=(*BOTH, *_C23, *ROUTER),
        unlisted=("router",),
        near_miss=("macvlan-isolated-l3",),
    ),
    Experiment(
        name="macvlan-vlan-one-host",
        title="two containers of one host on a macvlan network on eth1.1: no wire, so no tag",
        explain=("172.22.0.23:80", "--from", "c21@server1"),
        expected=Expected(verdict="works", path="macvlan", resolution="literal", segments=("server1=macvlan",)),
        set_up=(*BOTH, *_C23),
    ),
    Experiment(
        name="dns-macvlan-elsewhere",
        title="the bare name of another host's container, although both are on one macvlan segment",
        explain=("c12:80", "--from", "c11@server1"),
        expected=_ELSEWHERE,
        set_up=BOTH,
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="dns-macvlan-here",
        title="the same with the container on the source's own host",
        explain=("c13:80", "--from", "c11@server1"),
        expected=Expected(verdict="works", path="macvlan", resolution="embedded-dns"),
        set_up=(*BOTH, *_C13),
        near_miss=(_NO_SHARED, "name-unknown"),
    ),
    Experiment(
        name="macvlan-by-name",
        title="the container of another host by NAME@HOST",
        explain=("c12@server2:80", "--from", "c11@server1"),
        expected=Expected(verdict="works", path="macvlan", resolution="inventory"),
        set_up=BOTH,
        numbers=(10,),
        near_miss=(_NO_SHARED,),
    ),
    Experiment(
        name="dns-other-host",
        title="the bare name of another host's container, from a bridge network",
        explain=("demo:80", "--from", "client@server1"),
        expected=_ELSEWHERE,
        set_up=(*_BRIDGED, *start("demo", "nginx", options="-p 80:80", port=80)),
        near_miss=("name-unknown",),
    ),
)
