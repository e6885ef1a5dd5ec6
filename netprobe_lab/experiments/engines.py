"""Engines that run otherwise: without docker-proxy, without root."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    DeleteDnat,
    Edit,
    Engine,
    Experiment,
    client,
    fails,
    on,
    start,
    works,
)

_FROM_LAN = ("--from", "server1")
_FROM_HOST = ("--from", "server2")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)


_NO_PROXY: Final = (Engine(host="server2", options=(("userland-proxy", False),)), *client(), *_NGINX)
_NO_BRIDGE_NF: Final = on("server2", "sysctl -w net.bridge.bridge-nf-call-iptables=0")
_NO_LOCALNET: Final = on("server2", "sysctl -w net.ipv4.conf.docker0.route_localnet=0")

_WITHOUT: Final = (
    Experiment(
        name="noproxy-same-network",
        title="userland-proxy=false: a container dials its host's published port, the target is on the same network",
        explain=(f"{HIP}:80", "--from", "client"),
        expected=works("dnat"),
        set_up=_NO_PROXY,
        near_miss=("noproxy-no-bridge-nf",),
    ),
    Experiment(
        name="noproxy-localhost",
        title="userland-proxy=false: 127.0.0.1 of the host is DNATed",
        explain=("127.0.0.1:80", *_FROM_HOST),
        expected=works("dnat"),
        set_up=_NO_PROXY,
        near_miss=("noproxy-no-route-localnet", "proxy-dead"),
    ),
    Experiment(
        name="noproxy-no-bridge-nf",
        title="userland-proxy=false without bridge netfilter: the answer comes from the container's own address",
        explain=(f"{HIP}:80", "--from", "client", "--timeout", "3"),
        expected=fails("noproxy-no-bridge-nf", path="dnat"),
        set_up=_NO_PROXY,
        break_=_NO_BRIDGE_NF,
        near_miss=("inter-network", "forward-drop", "noproxy-no-route-localnet"),
    ),
    Experiment(
        name="noproxy-no-bridge-nf-lan",
        title="the same from the LAN: the answer is routed, and its source put back",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=works("dnat"),
        set_up=_NO_PROXY,
        break_=_NO_BRIDGE_NF,
        near_miss=("noproxy-no-bridge-nf",),
    ),
    Experiment(
        name="noproxy-no-route-localnet",
        title="userland-proxy=false without route_localnet: 127.0.0.1 is DNATed, and leaves by no other interface",
        explain=("127.0.0.1:80", *_FROM_HOST, "--timeout", "3"),
        expected=fails("noproxy-no-route-localnet"),
        set_up=_NO_PROXY,
        break_=_NO_LOCALNET,
        near_miss=("proxy-dead", "noproxy-no-bridge-nf", "upstream-drop"),
    ),
    Experiment(
        name="noproxy-no-route-localnet-address",
        title="the same by the host's own address",
        explain=(f"{HIP}:80", *_FROM_HOST),
        expected=works("dnat"),
        set_up=_NO_PROXY,
        break_=_NO_LOCALNET,
        near_miss=("noproxy-no-route-localnet",),
    ),
)

_PROXIED: Final = (*_NGINX, DeleteDnat(host="server2", port=80))
_ROOTLESS: Final = (
    Experiment(
        name="rootless-path",
        title="a rootless engine: RootlessKit hands on (built by hand: the engine's security options, the name of the process)",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=works("docker-proxy", findings=("rootless-path",)),
        set_up=_PROXIED,
        edits=(
            Edit(
                host="server2",
                key="docker-info",
                pattern=r'"SecurityOptions": \[',
                text='"SecurityOptions": ["name=rootless", ',
            ),
            Edit(host="server2", key="sockets", pattern=r'"docker-proxy"', text='"rootlesskit"'),
        ),
        near_miss=("dnat-missing",),
    ),
    Experiment(
        name="rootful-path",
        title="the same with an engine that runs as root: docker-proxy hands on",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=works("docker-proxy", findings=("dnat-missing",)),
        set_up=_PROXIED,
        near_miss=("rootless-path",),
    ),
)

ENGINES: Final = (*_WITHOUT, *_ROOTLESS)
