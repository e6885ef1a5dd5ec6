"""Containers in one network namespace: its owner restarted, two servers after one port."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import Experiment, Step, WaitPort, fails, on, start, works

_FROM_HOST = ("--from", "server2")


def _second(command: str = "") -> tuple[Step, ...]:
    return start("api", "nginx", options="--network container:web", command=command)


def _ended(container: str) -> tuple[Step, ...]:
    return on("server2", f"timeout 120 docker wait {container}")


_81 = "sh -c \"sed -i 's/listen 80/listen 81/' /etc/nginx/nginx.conf && exec nginx -e stderr -g 'daemon off;'\""
_WEB: Final = start("web", "nginx", port=80)

SHARED: Final = (
    Experiment(
        name="owner-restarted",
        title="the owner of a shared namespace was restarted: what listens there now is not the target's",
        explain=("side:80", *_FROM_HOST),
        expected=fails("netns-owner-restarted", path="bridge", resolution="inventory"),
        set_up=(
            *start("own", "busybox", command="sleep 100000"),
            *start("side", "nginx", options="--network container:own", port=80),
            *on("server2", "docker restart --time 0 own"),
        ),
        near_miss=("app-not-listening", "app-bound-loopback", "port-not-published"),
    ),
    Experiment(
        name="owner-restarted-published",
        title="the owner publishes the port that its sidecar serves, and was restarted: nothing listens in its new namespace",
        explain=("192.168.3.202:80", "--from", "server1"),
        expected=fails("netns-owner-restarted", path="dnat"),
        set_up=(
            *start("own", "busybox", options="-p 80:80", command="sleep 100000"),
            *start("side", "nginx", options="--network container:own", port=80),
            *on("server2", "docker restart --time 0 own"),
        ),
        near_miss=("app-not-listening", "app-bound-loopback"),
    ),
    Experiment(
        name="owner-published",
        title="the same before the restart",
        explain=("192.168.3.202:80", "--from", "server1"),
        expected=works("dnat"),
        set_up=(
            *start("own", "busybox", options="-p 80:80", command="sleep 100000"),
            *start("side", "nginx", options="--network container:own", port=80),
        ),
        near_miss=("netns-owner-restarted",),
    ),
    Experiment(
        name="owner-restarted-source",
        title="the same, asked from the one that was left behind: its namespace has only lo",
        explain=("192.168.3.201:80", "--from", "side"),
        expected=fails("netns-owner-restarted"),
        set_up=(
            *start("own", "busybox", command="sleep 100000"),
            *start("side", "nginx", options="--network container:own", port=80),
            *on("server2", "docker restart --time 0 own"),
        ),
        near_miss=("no-route",),
    ),
    Experiment(
        name="owner-and-sidecar-restarted",
        title="the owner of a shared namespace was restarted, and its sidecar after it",
        explain=("side:80", *_FROM_HOST),
        expected=works("bridge", resolution="inventory"),
        set_up=(
            *start("own", "busybox", command="sleep 100000"),
            *start("side", "nginx", options="--network container:own", port=80),
            *on("server2", "docker restart --time 0 own", "docker restart --time 0 side"),
            WaitPort(host="server2", container="side", port=80),
        ),
        near_miss=("netns-owner-restarted",),
    ),
    Experiment(
        name="netns-port-clash",
        title="two web servers in one namespace: the second cannot bind and ends, the first answers for it",
        cure=(
            *on("server2", "docker rm -f api"),
            *start("api", "busybox", options="--network container:web", command="httpd -f -p 81", port=81),
        ),
        asked_then=("api:81", *_FROM_HOST),
        explain=("api:80", *_FROM_HOST),
        expected=fails("netns-port-clash", path="bridge", resolution="inventory"),
        set_up=(*_WEB, *_second(), *_ended("api")),
        near_miss=("container-stopped", "netns-owner-restarted"),
    ),
    Experiment(
        name="netns-port-clash-running",
        title="the same with a second that goes on without its port",
        explain=("api:80", *_FROM_HOST),
        expected=fails("netns-port-clash", path="bridge", resolution="inventory"),
        set_up=(*_WEB, *_second("sh -c \"until nginx -e stderr -g 'daemon off;'; do sleep 1; done\"")),
        near_miss=("container-stopped", "app-not-listening"),
    ),
    Experiment(
        name="netns-two-ports",
        title="two web servers in one namespace, each with its own port",
        explain=("api:81", *_FROM_HOST),
        expected=works("bridge", resolution="inventory"),
        set_up=(*_WEB, *_second(_81), WaitPort(host="server2", container="web", port=81)),
        near_miss=("netns-port-clash",),
    ),
    Experiment(
        name="netns-sharer-stopped",
        title="the second was stopped, which is no clash",
        explain=("api:80", *_FROM_HOST),
        expected=fails("container-stopped", path="bridge", resolution="inventory"),
        set_up=(
            *_WEB,
            *_second(_81),
            WaitPort(host="server2", container="web", port=81),
            *on("server2", "docker stop --time 5 api"),
        ),
        near_miss=("netns-port-clash",),
    ),
)
