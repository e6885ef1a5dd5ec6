"""Containers that end again and again, and applications that are not there yet."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.model import (
    Expected,
    Experiment,
    Step,
    WaitPort,
    client,
    fails,
    no_name,
    on,
    start,
    works,
)

_BY_NAME: Final = ("web:80", "--from", "server1")
_NET: Final = on("server2", "docker network create --subnet 172.28.3.0/24 shop")
_PUBLISHED: Final = "-p 8080:80"
_LISTENS: Final = WaitPort(host="server2", container="web", port=80)


def _until(state: str, name: str = "web") -> tuple[Step, ...]:
    """Wait until a container's state and RestartCount match a regular expression (grep -E), at most 300 s (each start of a container takes seconds on a busy machine)."""
    ask = f'docker inspect -f "{{{{.State.Status}}}} {{{{.RestartCount}}}}" {name}'
    return on("server2", f"timeout 300 sh -c 'until {ask} | grep -Eq \"{state}\"; do sleep 0.05; done'")


def _ending(command: str, *, options: str = _PUBLISHED, policy: str = "always") -> tuple[Step, ...]:
    return start("web", "busybox", options=f"--restart {policy} {options}", command=f"sh -c '{command}'")


def _slow(seconds: int, *, options: str = _PUBLISHED) -> tuple[Step, ...]:
    return start("web", "busybox", options=options, command=f"sh -c 'sleep {seconds}; exec httpd -f -p 80 -h /etc'")


_WAITS: Final = _until("restarting ([6-9]|[0-9]{2})")  # the engine waits 6.4 s and longer then
_RUNS: Final = _until("running ([2-9]|[0-9]{2})")
_STAYS: Final = (*on("server2", "docker rm -f web"), *start("web", "nginx", options=_PUBLISHED, port=80))
_CHECKED: Final = f"{_PUBLISHED} --health-cmd 'nc -z 127.0.0.1 80' --health-interval 1s --health-start-period 60s"
_ONCE: Final = "test -e /tmp/again || { touch /tmp/again; exit 1; }; exec httpd -f -p 80 -h /etc"

_LOOPS: Final = (
    Experiment(
        name="restart-loop",
        title="the container's main process ends at once, and its restart policy starts it again and again",
        explain=_BY_NAME,
        expected=fails("restart-loop", resolution="inventory"),
        chance=fails("restart-loop", path="dnat", resolution="inventory"),  # it runs for the moment
        set_up=(*_ending("exit 3"), *_WAITS),
        near_miss=("container-stopped", "port-not-published"),
        cure=_STAYS,
    ),
    Experiment(
        name="restart-loop-address",
        title="the same by the host's address",
        explain=("192.168.3.202:8080", "--from", "server1"),
        expected=fails("restart-loop"),
        chance=fails("restart-loop", path="dnat"),
        set_up=(*_ending("exit 3"), *_WAITS),
        near_miss=("container-stopped", "port-closed", "port-not-published"),
    ),
    Experiment(
        name="restart-loop-name",
        title="the same by its name, which Docker's DNS server does not know while it does not run",
        explain=("web:80", "--from", "client@server2"),
        expected=no_name("restart-loop"),
        chance=Expected(verdict="undetermined", path="none", resolution="embedded-dns"),  # it ran for the moment
        set_up=(*_NET, *client(options="--network shop"), *_ending("exit 3", options="--network shop"), *_WAITS),
        near_miss=("container-stopped", "name-unknown"),
    ),
    Experiment(
        name="restart-loop-running",
        title="the same where each run lasts some seconds: it happens to run, and listens nowhere yet",
        explain=_BY_NAME,
        expected=fails("restart-loop", path="dnat", resolution="inventory"),
        set_up=(*_ending("sleep 6; exit 3"), *_RUNS),
        near_miss=("app-not-listening", "app-not-ready"),
        cure=_STAYS,
    ),
    Experiment(
        name="restart-loop-works",
        title="the same where it listens for some seconds: it works for now",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory", findings=("restart-loop",)),
        set_up=(*_ending("httpd -p 80 -h /etc; sleep 6; exit 3"), *_RUNS, _LISTENS),
    ),
    Experiment(
        name="restarted-once",
        title="the restart policy started it once, and it stays",
        explain=_BY_NAME,
        expected=works("dnat", resolution="inventory"),
        set_up=(*_ending(_ONCE), *_until("running 1"), _LISTENS),
        near_miss=("restart-loop",),
    ),
    Experiment(
        name="restarts-used-up",
        title="its restart policy gave up after two: it is stopped, and a start is possible",
        explain=_BY_NAME,
        expected=fails("container-stopped", resolution="inventory"),
        set_up=(*_ending(_ONCE.replace("httpd -f -p 80", "false"), policy="on-failure:2"), *_until("exited 2")),
        near_miss=("restart-loop",),
    ),
)
_READY: Final = Expected(verdict="works", path="dnat", resolution="inventory", target_sees="192.168.3.201")
_STARTS: Final = (
    Experiment(
        name="app-not-ready",
        title="the application takes its time to start, and its health check says so",
        explain=_BY_NAME,
        expected=fails("app-not-ready", path="dnat", resolution="inventory"),
        set_up=_slow(12, options=_CHECKED),
        near_miss=("app-not-listening", "restart-loop"),
        cure=(_LISTENS,),
    ),
    Experiment(
        name="app-not-ready-unchecked",
        title="the same without a health check: it was started some seconds ago, and listens nowhere",
        explain=_BY_NAME,
        expected=fails("app-not-ready", path="dnat", resolution="inventory"),
        set_up=_slow(12),
        near_miss=("app-not-listening",),
    ),
    Experiment(
        name="app-not-ready-wrong-port",
        title="its health check says that it starts, and it listens on another port than is published",
        explain=_BY_NAME,
        expected=fails("app-not-listening", path="dnat", resolution="inventory"),
        set_up=start("web", "busybox", options=_CHECKED, command="httpd -f -p 8000 -h /etc", port=8000),
        near_miss=("app-not-ready",),
    ),
    Experiment(
        name="app-ready",
        title="the application took its time to start, and listens now",
        explain=_BY_NAME,
        expected=_READY,
        set_up=(*_slow(1, options=_CHECKED), _LISTENS),
        near_miss=("app-not-ready",),
    ),
)
_HTTP: Final = (*_BY_NAME, "--proto", "http", "--timeout", "2")
_MUTE: Final = start(
    "web", "busyboxplus", options=_PUBLISHED, command="socat -u TCP-LISTEN:80,fork,reuseaddr OPEN:/dev/null", port=80
)
_SILENT: Final = (
    Experiment(
        name="app-silent",
        title="the application takes the request, and answers nothing",
        explain=_HTTP,
        expected=fails("app-silent", path="dnat", resolution="inventory"),
        set_up=_MUTE,
        near_miss=("container-paused", "mtu-blackhole"),
        cure=_STAYS,
    ),
    Experiment(
        name="app-silent-proxied",
        title="the same behind docker-proxy, which itself is not silent",
        explain=("http://127.0.0.1:8080", "--from", "server2", "--timeout", "2"),
        expected=fails("app-silent", path="docker-proxy"),
        set_up=_MUTE,
    ),
    Experiment(
        name="app-silent-half",
        title="the application sends half of a response, and no more: it is not silent",
        explain=_HTTP,
        expected=Expected(
            verdict="undetermined", path="dnat", resolution="inventory", findings=("prediction-differs",)
        ),
        set_up=start(
            "web",
            "busyboxplus",
            options=_PUBLISHED,
            command="socat TCP-LISTEN:80,fork,reuseaddr \"SYSTEM:'echo HTTP/1.1 200; sleep 9'\"",
            port=80,
        ),
        near_miss=("app-silent",),
    ),
)
LIFETIME: Final = (*_LOOPS, *_STARTS, *_SILENT)
