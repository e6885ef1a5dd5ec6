"""Pages of recorded runs, one of each kind, made once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.interface import replay_each
from netprobe.report.html.page import page

if TYPE_CHECKING:
    from netprobe.model.details import Details
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[3] / "captures"
KINDS = (
    "truth-http-lan-dnat-deleted",  # docker-proxy's two connections
    "truth-http-lan-normal",  # DNAT
    "macvlan-vlan",  # a VLAN tag on the wire, two hosts
    "dns-query-embedded",  # a lookup that was asked for
    "dns-default-bridge",  # a name that is not found
    "docker-user-drop",  # a rule that drops
    "forward-drop-reply",  # the answer is lost
    "app-not-listening-via-proxy",  # refused behind docker-proxy
    "traced-docker-user-drop",  # the kernel's own trace
    "v6-published-28",  # IPv6
    "truth-udp-lan-normal",  # datagrams
    "truth-icmp-other-bridge-direct-normal",  # echo
    "app-silent-half",  # undetermined
    "three-faults",  # others stand behind the first
)


@cache
def part_of(name: str) -> tuple[Report, Details]:
    """A recorded run's report, with its details."""
    found: list[tuple[Report, Details]] = []
    replay_each(CAPTURES / f"{name}.pcapng", detail=lambda *each: found.append(each))
    return found[0]


@cache
def page_of(name: str) -> str:
    """Its page."""
    return page([part_of(name)])
