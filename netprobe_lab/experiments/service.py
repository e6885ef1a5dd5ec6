"""Who has the port: an ignored publication, a process of the host, a full queue, the other address family."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    HIP,
    DeleteDnat,
    Experiment,
    Inside,
    KillProxy,
    Step,
    client,
    fails,
    on,
    settled,
    start,
    works,
)

_FROM_LAN = ("--from", "server1")
_FROM_HOST = ("--from", "server2")
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_ON_ETH1 = "docker network create -d macvlan --subnet 172.21.0.0/24 -o parent=eth1 mac_net1"
_INSIDE = "docker network create --internal --subnet 172.31.0.0/24 inside"
_SIX = "docker network create --ipv6 --subnet 172.31.0.0/24 --subnet fd00:31::/64 six"


def _service(address: str) -> tuple[Step, ...]:
    """A web server of the host's own (in its namespace) on one address, port 8000."""
    return start("service", "busybox", options="--network host", command=f"httpd -f -p {address}:8000", port=8000)


_IGNORED: Final = (
    Experiment(
        name="internal-publish",
        title="published on an internal network: Docker ignores -p there, which is no missing -p",
        explain=("demo:80", *_FROM_LAN),
        expected=fails("publish-ignored", resolution="inventory"),
        set_up=(*on("server2", _INSIDE), *start("demo", "nginx", options="--network inside -p 80:80", port=80)),
        near_miss=("port-not-published", "proxy-and-dnat-dead"),
    ),
    Experiment(
        name="publish-ignored-macvlan",
        title="published on a macvlan network: Docker ignores -p there",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=fails("publish-ignored"),
        set_up=(*on("server2", _ON_ETH1), *start("demo", "nginx", options="--network mac_net1 -p 80:80", port=80)),
        near_miss=("port-not-published", "container-stopped"),
    ),
    Experiment(
        name="publish-ignored-host",
        title="published with the host's network: Docker ignores -p there",
        explain=(f"{HIP}:8080", *_FROM_LAN),
        expected=fails("publish-ignored"),
        set_up=start("demo", "nginx", options="--network host -p 8080:80", port=80),
        near_miss=("port-closed", "port-not-published"),
    ),
    Experiment(
        name="publish-macvlan-and-bridge",
        title="the same macvlan container, connected to a bridge network as well: that publishes its port",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=works("dnat"),
        set_up=(
            *on("server2", _ON_ETH1),
            *start("demo", "nginx", options="--network mac_net1 -p 80:80", port=80),
            *on("server2", "docker network connect bridge demo"),
        ),
        near_miss=("publish-ignored",),
    ),
    Experiment(
        name="publish-nothing-macvlan",
        title="the same macvlan container without -p: nothing was ignored",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=fails("port-not-published"),
        set_up=(*on("server2", _ON_ETH1), *start("demo", "nginx", options="--network mac_net1", port=80)),
        near_miss=("publish-ignored",),
    ),
)

_LOST: Final = (*_NGINX, KillProxy(host="server2", port=80), DeleteDnat(host="server2", port=80))
_PROXY_LOST: Final = (*_NGINX, KillProxy(host="server2", port=80))


def _web(port: int = 80) -> tuple[Step, ...]:
    """Another web server, in the host's own namespace."""
    return start("web", "busybox", options="--network host", command=f"httpd -f -p {port}", port=port)


_OWNED: Final = (
    Experiment(
        name="port-owned-by-host",
        title="docker-proxy and the DNAT rule are gone, and a process of the host has the port: the wrong server answers",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=fails("port-owned-by-host"),
        set_up=(*_LOST, *_web()),
        near_miss=("proxy-and-dnat-dead", "port-not-published"),
    ),
    Experiment(
        name="port-owned-by-host-local",
        title="docker-proxy is gone, and a process of the host has the port: 127.0.0.1 is not DNATed",
        explain=("127.0.0.1:80", *_FROM_HOST),
        expected=fails("port-owned-by-host"),
        set_up=(*_PROXY_LOST, *_web()),
        near_miss=("proxy-dead",),
    ),
    Experiment(
        name="port-owned-by-host-note",
        title="the same from the LAN: DNAT still leads to the container, and the report tells of the other",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=works("dnat", findings=("port-owned-by-host",)),
        set_up=(*_PROXY_LOST, *_web()),
    ),
    Experiment(
        name="port-owned-by-nobody",
        title="docker-proxy and the DNAT rule are gone, and the process of the host has another port",
        explain=(f"{HIP}:80", *_FROM_LAN),
        expected=fails("proxy-and-dnat-dead"),
        set_up=(*_LOST, *_web(81)),
        near_miss=("port-owned-by-host",),
    ),
)

_HOST_INTERNAL: Final = client(options="--add-host host.docker.internal:host-gateway")

_SERVICE: Final = (
    Experiment(
        name="host-service-loopback",
        title="host.docker.internal: the service of the host listens on 127.0.0.1 only",
        cure=(*on("server2", "docker rm -f service"), *_service("[::]")),
        explain=("host.docker.internal:8000", "--from", "client"),
        expected=fails("host-service-loopback", resolution="hosts-file"),
        set_up=(*_HOST_INTERNAL, *_service("127.0.0.1")),
        near_miss=("port-not-published", "port-closed", "input-firewall-container-to-host"),
    ),
    Experiment(
        name="host-service-loopback-lan",
        title="the same from another host",
        explain=("server2:8000", *_FROM_LAN),
        expected=fails("host-service-loopback", resolution="inventory"),
        set_up=(*_HOST_INTERNAL, *_service("127.0.0.1")),
        near_miss=("port-not-published", "port-closed"),
    ),
    Experiment(
        name="host-service-gateway",
        title="host.docker.internal: the service of the host listens on the bridge's address",
        explain=("host.docker.internal:8000", "--from", "client"),
        expected=works("local", resolution="hosts-file"),
        set_up=(*_HOST_INTERNAL, *_service("172.17.0.1")),
        near_miss=("host-service-loopback",),
    ),
    Experiment(
        name="host-service-absent",
        title="host.docker.internal: no service listens there at all",
        explain=("host.docker.internal:8000", "--from", "client"),
        expected=fails("port-not-published", resolution="hosts-file"),
        set_up=_HOST_INTERNAL,
        near_miss=("host-service-loopback",),
    ),
)


def _six(address: str) -> tuple[Step, ...]:
    server = start("demo", "busybox", options="--network six -p 80:80", command=f"httpd -f -p {address}:80", port=80)
    return (*on("server2", _SIX), *server, *settled("demo"))


_V6: Final = (
    Experiment(
        name="v6-localhost-reset",
        title="::1 of the host, a network with IPv6, and an application that listens on IPv4 only",
        cure=(
            *on("server2", "docker rm -f demo"),
            *start("demo", "busybox", options="--network six -p 80:80", command="httpd -f -p [::]:80", port=80),
            *settled("demo"),
        ),
        explain=("[::1]:80", *_FROM_HOST),
        expected=fails("v6-localhost-reset", path="docker-proxy"),
        set_up=_six("0.0.0.0"),  # noqa: S104 - inside a container of the lab
        near_miss=("app-not-listening", "app-bound-loopback", "proxy-dead"),
    ),
    Experiment(
        name="v6-localhost-four",
        title="the same by 127.0.0.1",
        explain=("127.0.0.1:80", *_FROM_HOST),
        expected=works("docker-proxy"),
        set_up=_six("0.0.0.0"),  # noqa: S104 - inside a container of the lab
        near_miss=("v6-localhost-reset",),
    ),
    Experiment(
        name="v6-localhost-both",
        title="::1 of the host, and an application that listens on both",
        explain=("[::1]:80", *_FROM_HOST),
        expected=works("docker-proxy"),
        set_up=_six("[::]"),
        near_miss=("v6-localhost-reset",),
    ),
)


def _queued(number: int) -> tuple[Step, ...]:
    """A server that never accepts, a backlog of 1, and so many connections that wait for it."""
    listen = "socat TCP-LISTEN:80,backlog=1,fork,max-children=1 PIPE"
    knock = "tail -f /dev/null | nc demo 80 & " * number
    return (
        *start("demo", "busyboxplus", command=listen, port=80),
        *start(
            "crowd",
            "busybox",
            options="--link demo",
            command=f"sh -c '{knock}sleep 1000000'",
        ),
        Inside(
            host="server2",
            container="demo",
            command=f"timeout 120 sh -c 'until ss -Hlnt sport = :80 | grep -q \"^LISTEN {number - 1} \"; do sleep 0.1; done'",
        ),
    )


_QUEUE: Final = (
    Experiment(
        name="silent-inside",
        title="the SYN comes to the container, and the policy of a chain in there drops it",
        explain=("demo:80", *_FROM_HOST, "--timeout", "3"),
        expected=fails("container-firewall", path="bridge", resolution="inventory"),
        set_up=(
            *start("demo", "busyboxplus", command="socat TCP-LISTEN:80,backlog=1,fork,max-children=1 PIPE", port=80),
            Inside(host="server2", container="demo", command="nft add table ip inside"),
            Inside(
                host="server2",
                container="demo",
                command="nft add chain ip inside input '{ type filter hook input priority 0; policy drop; }'",
            ),
        ),
        near_miss=("accept-queue-full", "app-not-listening", "input-drop"),
    ),
    Experiment(
        name="accept-queue-full",
        title="the application does not accept, and its backlog is full",
        explain=("demo:80", *_FROM_HOST, "--timeout", "3"),
        expected=fails("accept-queue-full", path="bridge", resolution="inventory"),
        set_up=_queued(3),
        near_miss=("container-paused", "app-not-listening", "input-drop"),
    ),
    Experiment(
        name="accept-queue-room",
        title="the same with one connection less: there is room for this one",
        explain=("demo:80", *_FROM_HOST, "--timeout", "3"),
        expected=works("bridge", resolution="inventory"),
        set_up=_queued(2),
        near_miss=("accept-queue-full",),
    ),
)

SERVICE: Final = (*_IGNORED, *_OWNED, *_SERVICE, *_V6, *_QUEUE)
