"""``--trace``: the kernel tells rule by rule how the probe's packets went, which rule dropped them, and (with bpftrace) for what reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from netprobe_lab.experiments.endpoints import ENDPOINTS
from netprobe_lab.experiments.link import LINK
from netprobe_lab.experiments.model import Expected, Experiment, on, start
from netprobe_lab.experiments.service import SERVICE

_NGINX: Final = start("demo", "nginx", options="-p 80:80", port=80)
_ASK: Final = ("demo:80", "--from", "server1")
_UNCOUNTED: Final = on(
    "server2",
    "nft 'add table inet door'",
    "nft 'add chain inet door shut { type filter hook forward priority -10; }'",
    "nft 'add rule inet door shut tcp dport 80 drop'",
)


def _traced(experiment: Experiment, title: str) -> Experiment:
    """The same experiment with --trace."""
    return replace(experiment, name=f"traced-{experiment.name}", title=title, explain=(*experiment.explain, "--trace"))


_KNOWN: Final = {each.name: each for each in (*ENDPOINTS, *LINK, *SERVICE)}

TRACED: Final = (
    Experiment(
        name="traced-dnat",
        title="the published port of a container, traced by the kernel through the rules of both hosts",
        explain=(*_ASK, "--trace"),
        expected=Expected(verdict="works", path="dnat", resolution="inventory"),
        set_up=_NGINX,
        near_miss=("docker-user-drop", "forward-drop"),
    ),
    Experiment(
        name="traced-docker-proxy",
        title="the same by 127.0.0.1: both connections of docker-proxy are traced",
        explain=("127.0.0.1:80", "--from", "server2", "--trace"),
        expected=Expected(verdict="works", path="docker-proxy", resolution="literal"),
        set_up=_NGINX,
        near_miss=("docker-user-drop", "input-drop"),
    ),
    Experiment(
        name="traced-docker-user-drop",
        title="DOCKER-USER drops the LAN, and the kernel's trace ends there",
        explain=(*_ASK, "--trace", "--timeout", "2"),
        expected=Expected(verdict="fails", path="none", cause="docker-user-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=on("server2", "iptables -I DOCKER-USER -s 192.168.3.0/24 -j DROP"),
        near_miss=("forward-drop", "input-drop"),
    ),
    Experiment(
        name="traced-uncounted-drop",
        title="a rule of nftables' own without a counter drops what is forwarded: the trace alone names it",
        explain=(*_ASK, "--trace", "--timeout", "2"),
        expected=Expected(verdict="fails", path="none", cause="forward-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_UNCOUNTED,
        near_miss=("docker-user-drop", "input-drop"),
    ),
    Experiment(
        name="untraced-uncounted-drop",
        title="the same without --trace: the walk through the host's rules ends there, as the packets do",
        explain=(*_ASK, "--timeout", "2"),
        expected=Expected(verdict="fails", path="none", cause="forward-drop", resolution="inventory"),
        set_up=_NGINX,
        break_=_UNCOUNTED,
        near_miss=("docker-user-drop",),
    ),
    _traced(_KNOWN["rp-filter-multihomed"], "rp_filter=1 drops the request, and the kernel says so: IP_RPFILTER"),
    _traced(_KNOWN["rp-filter-one-nic"], "rp_filter=1 and one NIC: the kernel has no drop to tell of"),
    _traced(
        _KNOWN["app-not-listening"], "a port without a listener: the kernel says NO_SOCKET where the answer is made"
    ),
    _traced(
        _KNOWN["silent-inside"], "a chain's policy in the container drops it: the kernel's own reason is NETFILTER_DROP"
    ),
)
