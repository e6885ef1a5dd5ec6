"""What kernels remember of the experiment before: connections that still send, neighbours, what was learnt of routes.

None of it may reach the next one. A segment sent again to a container that is gone begins an ARP resolution (RFC 826) of its address, which fails three
seconds later; by then the next container has that address, and the packet that asks for it in the moment of the failure is answered with host unreachable.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from netprobe_lab.engine import ask_engine
from netprobe_lab.errors import LabError
from netprobe_lab.layout import MACHINES, SERVERS, Lab, Machine
from netprobe_lab.namespaces import enter
from netprobe_lab.run import run
from netprobe_lab.waiting import poll

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_SECONDS = 30.0  # a resolution ends after three (neigh/default/mcast_solicit, retrans_time_ms)
# sock_diag(7) destroys them, where the kernel can (CONFIG_INET_DIAG_DESTROY); all but ssh, by which somebody may be on a host.
_KILL = ("ss", "--no-header", "--kill", "--tcp", "state", "connected", "sport != :22 and dport != :22")
_FORGET = "neigh flush all\nroute flush cache\ntcp_metrics flush\n"


def end_connections(lab: Lab) -> None:
    """End what TCP connections the hosts have. To be done while whom they are with is there: a reset that is sent is taken there."""
    _on_all(lambda machine: run(lab, [*enter(lab, machine.name), *_KILL], check=False))


def forget(lab: Lab) -> None:
    """Have every host forget its neighbours (but permanent ones), path MTUs and TCP metrics: ip-neighbour(8), ip-route(8), ip-tcp_metrics(8)."""
    argv = ["ip", "-force", "-batch", "-"]
    _on_all(lambda machine: run(lab, [*enter(lab, machine.name), *argv], stdin=_FORGET, check=False))


def wait_until_settled(lab: Lab) -> None:
    """Wait until no host is still resolving the address of a host or of a container; what failed before that was there is forgotten.

    Raises:
        LabError: one still is.
    """
    there = {address for each in MACHINES for address in (each.address, each.lan_address)}
    there = there.union(*(_container_addresses(lab, server) for server in SERVERS))
    unresolved: list[str] = []

    def settled() -> bool:
        unresolved[:] = [line for lines in _on_all(lambda machine: _unresolved(lab, machine, there)) for line in lines]
        return not unresolved

    if not poll(settled, _SECONDS, 0.1):
        raise LabError(
            f"waited {_SECONDS:g} s for what the hosts resolve: {', '.join(unresolved)}", "ip neigh show nud incomplete"
        )


def _unresolved(lab: Lab, machine: Machine, there: set[str]) -> list[str]:
    """Return which of these addresses a host is resolving; resolutions that failed are deleted, as the next packet begins another anyway."""
    enter_it = enter(lab, machine.name)
    shown = run(lab, [*enter_it, "ip", "-json", "neigh", "show", "nud", "incomplete", "nud", "failed"]).stdout
    entries = [each for each in json.loads(shown or "[]") if each["dst"] in there]
    for each in entries:
        if "FAILED" in each["state"]:
            run(lab, [*enter_it, "ip", "neigh", "delete", each["dst"], "dev", each["dev"]], check=False)
    return [f"{each['dst']} ({each['dev']} of {machine.name})" for each in entries if "INCOMPLETE" in each["state"]]


def _container_addresses(lab: Lab, server: Machine) -> set[str]:
    """All addresses of a server's running containers, of both families, on all networks."""
    ends = (
        end
        for container in ask_engine(lab, server, "GET", "/containers/json")
        for end in container["NetworkSettings"]["Networks"].values()
    )
    return {end[key] for end in ends for key in ("IPAddress", "GlobalIPv6Address") if end.get(key)}


def _on_all(work: Callable[[Machine], T]) -> list[T]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, MACHINES))
