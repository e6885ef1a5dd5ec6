"""A port published for one IP version, and dialled by the other."""

from __future__ import annotations

from typing import Final

from netprobe_lab.experiments.direct import LAN6
from netprobe_lab.experiments.model import HIP, Experiment, KillProxy, Step, fails, start, works

_HOST6 = "[fd00:3::202]:80"
_FROM1: Final = ("--from", "server1")
_FROM2: Final = ("--from", "server2")
_MISSED = "port-not-published"
_NEAR: Final = ("publish-loopback-only", "proxy-dead", "proxy-and-dnat-dead", "port-closed", "v6-localhost-reset")


def _demo(*published: str) -> tuple[Step, ...]:
    return start("demo", "nginx", options=" ".join(f"-p {each}" for each in published), port=80)


_FOUR: Final = (
    Experiment(
        name="published-v4-only-localhost",
        title="published on IPv4 only, and the host dials ::1",
        explain=("[::1]:80", *_FROM2),
        expected=fails(_MISSED),
        set_up=_demo("0.0.0.0:80:80"),
        near_miss=_NEAR,
    ),
    Experiment(
        name="published-v4-only-lan",
        title="published on IPv4 only, and another host dials the host's IPv6 address",
        explain=(_HOST6, *_FROM1),
        expected=fails(_MISSED),
        set_up=(*LAN6, *_demo("0.0.0.0:80:80")),
        near_miss=_NEAR,
    ),
    Experiment(
        name="published-at-one-address",
        title="published at the host's LAN address only, and the host dials 127.0.0.1",
        explain=("127.0.0.1:80", *_FROM2),
        expected=fails(_MISSED),
        set_up=_demo(f"{HIP}:80:80"),
        near_miss=_NEAR,
    ),
)
_SIX: Final = (
    Experiment(
        name="published-v6-only-localhost",
        title="published on IPv6 only, and the host dials 127.0.0.1",
        explain=("127.0.0.1:80", *_FROM2),
        expected=fails(_MISSED),
        set_up=_demo("[::]:80:80"),
        near_miss=_NEAR,
    ),
    Experiment(
        name="published-v6-only-lan",
        title="published on IPv6 only, and another host dials the host's IPv4 address",
        explain=(f"{HIP}:80", *_FROM1),
        expected=fails(_MISSED),
        set_up=_demo("[::]:80:80"),
        near_miss=_NEAR,
    ),
    Experiment(
        name="published-v6-only-name",
        title="the same by the container's name: the host's IPv6 address is dialled then",
        explain=("demo:80", *_FROM1),
        expected=works("docker-proxy", resolution="inventory"),
        set_up=(*LAN6, *_demo("[::]:80:80")),
        near_miss=(_MISSED, "dnat-missing"),
    ),
    Experiment(
        name="published-v6-only-no-v6",
        title="the same by name, where the hosts share no IPv6 network",
        explain=("demo:80", *_FROM1),
        expected=fails(_MISSED, resolution="inventory"),
        set_up=_demo("[::]:80:80"),
        near_miss=_NEAR,
    ),
)
_BOTH: Final = (
    Experiment(
        name="published-both-localhost",
        title="published on both, and the host dials ::1",
        explain=("[::1]:80", *_FROM2),
        expected=works("docker-proxy"),
        set_up=_demo("0.0.0.0:80:80", "[::]:80:80"),
        near_miss=(_MISSED, "dnat-missing"),
    ),
    Experiment(
        name="published-both-lan",
        title="published on both, and another host dials the host's IPv6 address",
        explain=(_HOST6, *_FROM1),
        expected=works("docker-proxy"),
        set_up=(*LAN6, *_demo("0.0.0.0:80:80", "[::]:80:80")),
        near_miss=(_MISSED, "dnat-missing"),
    ),
    Experiment(
        name="proxy-dead-v6",
        title="docker-proxy, which alone carries IPv6, is killed",
        explain=(_HOST6, *_FROM1),
        expected=fails("proxy-dead"),
        set_up=(*LAN6, *_demo("80:80")),
        break_=(KillProxy(host="server2", port=80),),
        near_miss=(_MISSED, "proxy-and-dnat-dead", "port-closed"),
    ),
)
VERSIONS: Final = (*_FOUR, *_SIX, *_BOTH)
