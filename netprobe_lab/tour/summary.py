"""The tutorial's summary of chapter 2: three claims, each judged per destination by the cells of the truth table."""

from __future__ import annotations

from typing import Final

from netprobe.model.report import PathCode
from netprobe.report.language import N_
from netprobe_lab.tour.conditions import Failed
from netprobe_lab.tour.model import Claim, ClaimPart, Ruling, TourStep
from netprobe_lab.tour.published import part

_DNAT, _PROXY = (PathCode.DNAT,), (PathCode.DOCKER_PROXY,)

_OUTSIDE: Final = Claim(
    name="a",
    text=N_("(a) The outside reaches containers by docker-proxy and iptables DNAT."),
    parts=(
        part("lan", "normal", (*_DNAT, *_PROXY), N_("another host → the host's address, both there: by one of the two")),
        part("lan", "proxy-killed", _DNAT, N_("another host → the host's address, docker-proxy killed: by DNAT")),
        part("lan", "dnat-deleted", _PROXY, N_("another host → the host's address, DNAT rule deleted: by docker-proxy")),
        ClaimPart(
            about=N_("another host → the host's address, both gone: not at all"),
            condition=Failed(question="lan-both", causes=("proxy-and-dnat-dead",)),
        ),
    ),
    declared=Ruling.HOLDS,
    lesson=N_("Either of them can carry it. While both are there, it is DNAT that does: docker-proxy sees none of these packets."),
)  # fmt: skip

_HOST: Final = Claim(
    name="b",
    text=N_("(b) The host reaches its own containers by iptables DNAT."),
    parts=(
        part("own", "normal", _DNAT),
        part("loopback", "normal", _DNAT),
        part("host-direct", "normal", _DNAT),
    ),
    declared=Ruling.PARTLY,
    lesson=N_(
        "It holds for the host's own address. For 127.0.0.1 it does not: the jump to the chain DOCKER in OUTPUT leaves out 127.0.0.0/8, so that docker-proxy carries it. The container's "
        "own address needs no translation: the host has an address on the bridge."
    ),
)  # fmt: skip

_PROXIED: Final = Claim(
    name="c",
    text=N_("(c) Outside hosts reaching containers, and containers reaching each other, is done by docker-proxy."),
    parts=(
        part("lan", "normal", _PROXY),
        part("lan", "dnat-deleted", _PROXY, N_("another host → the host's address, DNAT rule deleted")),
        part("same-bridge", "normal", _PROXY),
        part("other-bridge", "normal", _PROXY),
        part("same-bridge-direct", "normal", _PROXY),
        part("other-bridge-direct", "normal", _PROXY),
    ),
    declared=Ruling.PARTLY,
    lesson=N_(
        "Outside hosts are served by DNAT; docker-proxy serves them once that rule is gone. Containers reach each other by docker-proxy only when they ask for a published port at the "
        "host's address. By the container's address it is the bridge alone, and between two bridges the engine's rules drop it."
    ),
)  # fmt: skip

SUMMARY: Final = TourStep(
    name="summary",
    title=N_("The tutorial's summary"),
    note=N_("Each destination was asked in the steps before; nothing is asked anew."),
    claims=(_OUTSIDE, _HOST, _PROXIED),
)
