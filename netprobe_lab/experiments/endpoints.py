"""The target's end: how the port is published, what listens there, and in which state the container is."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import HIP, Expected, Experiment, Step, WaitPort, fails, on, start

_FROM_LAN = ("--from", "server1")
_BY_NAME = ("demo:80", *_FROM_LAN)
_BY_ADDRESS = (f"{HIP}:80", *_FROM_LAN)
_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_DNAT = Expected(verdict="works", path="dnat", resolution="inventory", target_sees="192.168.3.201")
_DNAT_LITERAL = Expected(verdict="works", path="dnat", resolution="literal", target_sees="192.168.3.201")


def _httpd(address: str) -> tuple[Step, ...]:
    """Start a web server that listens on one address of the container."""
    return start("demo", "busybox", options="-p 80:80", command=f"httpd -f -p {address}:80", port=80)


ENDPOINTS: Final = (
    Experiment(
        name="port-taken-by-another",
        title="the container does not publish the port, another one does: its answer is not the target's",
        explain=("other:80", *_FROM_LAN),
        expected=fails("port-not-published", path="dnat", resolution="inventory"),
        set_up=(*_NGINX, *start("other", "nginx", port=80)),
        near_miss=("app-not-listening", "port-closed"),
    ),
    Experiment(
        name="container-stopped-host-answers",
        title="the container is stopped, and a process of the host answers on its port",
        explain=_BY_NAME,
        expected=fails("container-stopped", resolution="inventory"),
        set_up=(
            *_NGINX,
            *on("server2", "docker stop --time 0 demo"),
            *start("web", "nginx", options="--network host"),
            WaitPort(host="server2", container="web", port=80),
        ),
        near_miss=("port-not-published", "port-closed"),
    ),
    Experiment(
        name="demo",
        title="the published port of a container on another host",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_NGINX,
        numbers=(6,),
        near_miss=("app-not-listening", "container-stopped", "container-paused", "port-not-published"),
    ),
    Experiment(
        name="demo-http",
        title="the web page of a container on another host",
        explain=(*_BY_NAME, "--proto", "http"),
        expected=_DNAT,
        set_up=_NGINX,
        numbers=(6,),
    ),
    Experiment(
        name="app-not-listening",
        title="published to a container port on which nothing listens",
        cure=(*on("server2", "docker rm -f demo"), *start("demo", "nginx", options="-p 80:80", port=80)),
        explain=_BY_ADDRESS,
        expected=fails("app-not-listening", path="dnat", resolution="literal"),
        set_up=start("demo", "nginx", options="-p 80:81", port=80),
        near_miss=("app-bound-loopback", "port-not-published"),
    ),
    Experiment(
        name="app-not-listening-via-proxy",
        title="nothing listens, seen from the host itself: docker-proxy accepts, then closes",
        explain=("127.0.0.1:80", "--from", "server2"),
        expected=fails("app-not-listening", path="docker-proxy", resolution="literal"),
        set_up=start("demo", "nginx", options="-p 80:81", port=80),
        near_miss=("app-bound-loopback", "proxy-dead"),
    ),
    Experiment(
        name="app-bound-loopback",
        title="the application listens on the container's 127.0.0.1 only",
        cure=(
            *on("server2", "docker rm -f demo"),
            *start("demo", "busybox", options="-p 80:80", command="httpd -f -p 0.0.0.0:80", port=80),
        ),
        explain=_BY_NAME,
        expected=fails("app-bound-loopback", path="dnat", resolution="inventory"),
        set_up=_httpd("127.0.0.1"),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="app-bound-any",
        title="the same application listens on 0.0.0.0",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=_httpd("0.0.0.0"),  # noqa: S104 - inside a container of the lab
        near_miss=("app-bound-loopback", "app-not-listening"),
    ),
    Experiment(
        name="container-stopped",
        title="the container is stopped",
        explain=_BY_NAME,
        expected=fails("container-stopped", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "docker stop --time 2 demo"),
        near_miss=("port-not-published", "proxy-and-dnat-dead"),
    ),
    Experiment(
        name="container-restarted",
        title="the container was stopped and started again",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=(*_NGINX, *on("server2", "docker stop --time 2 demo", "docker start demo")),
        near_miss=("container-stopped",),
    ),
    Experiment(
        name="container-paused",
        title="the container is paused: the kernel still completes the handshake",
        explain=_BY_NAME,
        expected=fails("container-paused", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "docker pause demo"),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="container-paused-http",
        title="the container is paused: a request gets no answer",
        explain=(*_BY_NAME, "--proto", "http", "--timeout", "3"),
        expected=fails("container-paused", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "docker pause demo"),
    ),
    Experiment(
        name="container-unpaused",
        title="the container was paused and goes on",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=(*_NGINX, *on("server2", "docker pause demo", "docker unpause demo")),
        near_miss=("container-paused",),
    ),
    Experiment(
        name="port-not-published",
        title="the container's port is not published",
        cure=(*on("server2", "docker rm -f demo"), *start("demo", "nginx", options="-p 80:80", port=80)),
        explain=_BY_ADDRESS,
        expected=fails("port-not-published", resolution="literal"),
        set_up=start("demo", "nginx", port=80),
        near_miss=("port-closed", "container-stopped", "proxy-and-dnat-dead"),
    ),
    Experiment(
        name="port-not-published-protocol",
        title="published for TCP, asked over UDP",
        explain=(f"{HIP}:80/udp", *_FROM_LAN),
        expected=fails("port-not-published", resolution="literal"),
        set_up=_NGINX,
        near_miss=("port-closed", "proxy-and-dnat-dead"),
    ),
    Experiment(
        name="port-published-elsewhere",
        title="the port is published on another host port: netprobe dials that one",
        explain=_BY_NAME,
        expected=_DNAT,
        set_up=start("demo", "nginx", options="-p 8080:80", port=80),
        near_miss=("port-not-published",),
    ),
    Experiment(
        name="publish-loopback-only",
        title="published on 127.0.0.1 only, asked from the LAN",
        cure=(*on("server2", "docker rm -f demo"), *start("demo", "nginx", options="-p 80:80", port=80)),
        explain=_BY_ADDRESS,
        expected=fails("publish-loopback-only", resolution="literal"),
        set_up=start("demo", "nginx", options="-p 127.0.0.1:80:80", port=80),
        near_miss=("port-not-published", "proxy-and-dnat-dead"),
    ),
    Experiment(
        name="publish-loopback-local",
        title="published on 127.0.0.1 only, asked from the host itself",
        explain=("127.0.0.1:80", "--from", "server2"),
        expected=Expected(verdict="works", path="docker-proxy", resolution="literal", target_sees="172.17.0.1"),
        set_up=start("demo", "nginx", options="-p 127.0.0.1:80:80", port=80),
        near_miss=("publish-loopback-only",),
    ),
    Experiment(
        name="publish-one-address",
        title="published on the host's LAN address, asked from the LAN",
        explain=_BY_ADDRESS,
        expected=_DNAT_LITERAL,
        set_up=start("demo", "nginx", options=f"-p {HIP}:80:80", port=80),
        near_miss=("publish-loopback-only",),
    ),
)
