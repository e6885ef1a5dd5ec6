"""Containers with the host's network, with another container's, and with none: what -p does for them, and how they are reached."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, Experiment, Step, client, fails, no_name, on, start, works

_FROM_LAN: Final = ("--from", "server1")
_FROM_CLIENT: Final = ("--from", "client@server2")
_SHOP: Final = on("server2", "docker network create --subnet 172.28.8.0/24 shop")
_CLIENT: Final = (*_SHOP, *client(options="--network shop"))


def _httpd(name: str, port: int, options: str) -> tuple[Step, ...]:
    return start(name, "busybox", options=options, command=f"httpd -f -p {port} -h /etc", port=port)


def _nobody(options: str) -> tuple[Step, ...]:
    """A web server without a network."""
    return start("demo", "nginx", options=f"--network none {options}", port=80)


_PUBLISHED: Final = (*on("server2", "docker rm -f demo"), *start("demo", "nginx", options="-p 8080:80", port=80))
_LEFT: Final = Experiment(
    name="publish-ignored-disconnected",
    title="a published container was disconnected from its network: it runs, and nothing is published for it any more",
    explain=(f"{HIP}:8080", *_FROM_LAN),
    expected=fails("publish-ignored"),
    set_up=start("demo", "nginx", options="-p 8080:80", port=80),
    break_=on("server2", "docker network disconnect bridge demo"),
    near_miss=("port-closed", "port-not-published", "container-stopped"),
)
_NONE: Final = (
    _LEFT,
    Experiment(
        name="publish-connected-again",
        title="the same after it was connected again",
        explain=_LEFT.explain,
        expected=works("dnat"),
        set_up=_LEFT.set_up,
        break_=on("server2", "docker network disconnect bridge demo", "docker network connect bridge demo"),
        near_miss=("publish-ignored",),
    ),
    Experiment(
        name="publish-ignored-none",
        title="published with the network none: Docker says nothing, and nothing leads there",
        explain=(f"{HIP}:8080", *_FROM_LAN),
        expected=fails("publish-ignored"),
        set_up=_nobody("-p 8080:80"),
        near_miss=("port-closed", "port-not-published", "container-stopped"),
        cure=_PUBLISHED,
    ),
    Experiment(
        name="publish-nothing-none",
        title="the network none without -p: -p alone would do nothing there",
        explain=("demo:80", *_FROM_LAN),
        expected=fails("port-not-published", resolution="inventory"),
        set_up=_nobody(""),
        near_miss=("publish-ignored",),
        cure=_PUBLISHED,
    ),
    Experiment(
        name="no-route-none",
        title="a container with the network none asks for a name: there is not even a name server",
        explain=("web:80", "--from", "demo@server2"),
        expected=no_name("no-route"),
        set_up=(*_SHOP, *start("web", "nginx", options="--network shop", port=80), *_nobody("")),
        near_miss=("dns-no-shared-network", "dns-upstream-dead", "name-unknown"),
        cure=(*on("server2", "docker rm -f demo"), *start("demo", "nginx", options="--network shop", port=80)),
    ),
)
_HOSTED: Final = "--network host"
_HOST: Final = (
    Experiment(
        name="publish-ignored-host-port",
        title="published with the host's network, and the application has another port than -p says",
        explain=(f"{HIP}:8090", *_FROM_LAN),
        expected=fails("publish-ignored"),
        set_up=_httpd("demo", 88, f"{_HOSTED} -p 8090:80"),
        near_miss=("port-closed", "port-not-published"),
        asked_then=(f"{HIP}:88", *_FROM_LAN),
    ),
    Experiment(
        name="host-network-other-port",
        title="a container with the host's network, asked for a port on which nothing of the host listens",
        explain=("demo:80", *_FROM_LAN),
        expected=fails("app-not-listening", resolution="inventory"),
        set_up=_httpd("demo", 88, _HOSTED),
        near_miss=("port-not-published", "port-closed", "publish-ignored"),
        asked_then=("demo:88", *_FROM_LAN),
    ),
    Experiment(
        name="host-network-own-port",
        title="the same, asked for the port that it has",
        explain=("demo:88", *_FROM_LAN),
        expected=works("local", resolution="inventory"),
        set_up=_httpd("demo", 88, _HOSTED),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="dns-no-shared-network-host",
        title="a container asks by name for one with the host's network, which no network's names have",
        explain=("demo:88", *_FROM_CLIENT),
        expected=no_name("dns-no-shared-network"),
        set_up=(*_CLIENT, *_httpd("demo", 88, _HOSTED)),
        near_miss=("name-unknown",),
        cure=(
            *on("server2", "docker rm -f client"),
            *client(options="--network shop --add-host=demo:host-gateway"),
        ),
    ),
)
_VPN: Final = start("vpn", "nginx", options="-p 8070:80", port=80)
_SHARING: Final = _httpd("demo", 81, "--network container:vpn")
_SHARED: Final = (
    Experiment(
        name="publish-by-sharer",
        title="a container in another one's network, for which Docker refuses -p: the other one has to publish its port",
        explain=("demo:81", *_FROM_LAN),
        expected=fails("port-not-published", resolution="inventory"),
        set_up=(*_VPN, *_SHARING),
        near_miss=("publish-ignored", "app-not-listening"),
        cure=(
            *on("server2", "docker rm -f demo vpn"),
            *start("vpn", "nginx", options="-p 8070:80 -p 81:81", port=80),
            *_SHARING,
        ),
    ),
    Experiment(
        name="dns-no-shared-network-sharer",
        title="a container asks by name for one in another one's network: that one has the name there",
        explain=("demo:81", *_FROM_CLIENT),
        expected=no_name("dns-no-shared-network"),
        set_up=(*_CLIENT, *_VPN, *_SHARING),
        near_miss=("name-unknown",),
        asked_then=("vpn:81", *_FROM_CLIENT),
    ),
)
UNPUBLISHED: Final = (*_NONE, *_HOST, *_SHARED)
