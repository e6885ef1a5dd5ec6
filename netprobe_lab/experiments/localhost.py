"""What is meant by localhost and host.docker.internal in a container, and which port a neighbour has."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Step, client, fails, no_name, on, start, works

_SHOP: Final = on("server2", "docker network create --subnet 172.28.4.0/24 shop")
_ASK: Final = ("localhost:8000", "--from", "client@server2")
_CLIENT: Final = client(options="--network shop")
_ETC: Final = "httpd -f -p 8000 -h /etc"


def _api(options: str = "--network shop", command: str = _ETC) -> tuple[Step, ...]:
    return start("api", "busybox", options=options, command=command, port=8000)


def _own(address: str = "[::]") -> tuple[Step, ...]:
    """A web server of the host's own."""
    return _api("--network host", f"httpd -f -p {address}:8000 -h /etc")


LOCALHOST: Final = (
    Experiment(
        name="localhost-is-the-container",
        title="a container dials localhost, and the service is another container's on the same network",
        explain=_ASK,
        expected=fails("localhost-is-the-container", path="shared-netns", resolution="hosts-file"),
        set_up=(*_SHOP, *_api(), *_CLIENT),
        near_miss=("app-not-listening", "app-not-ready"),
        asked_then=("api:8000", "--from", "client@server2"),
    ),
    Experiment(
        name="localhost-published",
        title="the same by the port that another container publishes on the host",
        explain=_ASK,
        expected=fails("localhost-is-the-container", path="shared-netns", resolution="hosts-file"),
        set_up=(*_SHOP, *start("web", "nginx", options="--network shop -p 8000:80", port=80), *_CLIENT),
        near_miss=("app-not-listening",),
        asked_then=("web:80", "--from", "client@server2"),
    ),
    Experiment(
        name="localhost-of-the-host",
        title="the same where a process of the host has the port",
        explain=_ASK,
        expected=fails("localhost-is-the-container", path="shared-netns", resolution="hosts-file"),
        set_up=(*_own(), *client(options="--add-host host.docker.internal:host-gateway")),
        near_miss=("app-not-listening",),
        asked_then=("host.docker.internal:8000", "--from", "client@server2"),
    ),
    Experiment(
        name="localhost-nobody",
        title="a container dials localhost, and nobody near has that port",
        explain=_ASK,
        expected=fails("app-not-listening", path="shared-netns", resolution="hosts-file"),
        set_up=(*_SHOP, *start("web", "nginx", options="--network shop", port=80), *_CLIENT),
        near_miss=("localhost-is-the-container",),
    ),
    Experiment(
        name="localhost-own",
        title="a container dials localhost, and has the port itself; so has another",
        explain=("localhost:8000", "--from", "own@server2"),
        expected=works("shared-netns", resolution="hosts-file"),
        set_up=(*_SHOP, *_api(), *start("own", "busybox", options="--network shop", command=_ETC, port=8000)),
        near_miss=("localhost-is-the-container",),
    ),
    Experiment(
        name="published-port-inside",
        title="a neighbour is asked by the port that it publishes on the host: inside it has another",
        explain=("web:8080", "--from", "client@server2"),
        expected=fails("app-not-listening", path="bridge", resolution="embedded-dns"),
        set_up=(*_SHOP, *start("web", "nginx", options="--network shop -p 8080:80", port=80), *_CLIENT),
        asked_then=("web:80", "--from", "client@server2"),
    ),
    Experiment(
        name="host-gateway-not-set",
        title="a container asks for host.docker.internal, which nobody told it",
        explain=("host.docker.internal:8000", "--from", "client@server2"),
        expected=no_name("host-gateway-not-set"),
        set_up=(*_own(), *client()),
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="host-gateway-not-set-network",
        title="the same on a network with names",
        explain=("host.docker.internal:8000", "--from", "client@server2"),
        expected=no_name("host-gateway-not-set"),
        set_up=(*_SHOP, *_own(), *_CLIENT),
        near_miss=("name-unknown",),
    ),
    Experiment(
        name="host-gateway-misspelt",
        title="a name like it that is nobody's",
        explain=("host.docker.intern:8000", "--from", "client@server2"),
        expected=no_name("name-unknown"),
        set_up=(*_own(), *client()),
        near_miss=("host-gateway-not-set",),
    ),
)
