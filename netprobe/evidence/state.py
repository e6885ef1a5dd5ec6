"""A host's state as it was read: the raw text that its commands wrote, by their keys."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOutput:
    """What one state command wrote.

    Attributes:
        argv: the command (without the reach prefix), or ``("read", PATH)`` for a file, ``("docker", …)`` for the Engine API.
        rc: its exit status; None when it could not be run or was cut off, and ``error`` says why.
        stdout: its raw text (decoded as UTF-8 with surrogateescape replaced), whole.
        error: one line: stderr's, or why there is no output; ``""`` when all is well.
    """

    argv: tuple[str, ...]
    rc: int | None = 0
    stdout: str = ""
    error: str = ""

    @property
    def ok(self) -> bool:
        """True when the output may be relied upon."""
        return self.rc == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """The state of one host at one moment: command key -> raw output.

    Keys (a missing key means: never asked). For the host's own namespace::

        addr              ip -j -d addr show           (links, addresses, masters, peers; bridge_slave and veth details)
        route             ip -j route show table all
        rule, rule6       ip -j rule show, ip -6 -j rule show
        neigh             ip -j neigh show
        neigh-proxy       ip -j neigh show proxy        (the addresses that the host answers for in others' stead)
        fdb               bridge -j fdb show
        iptables          iptables-save -c              (the backend that iptables is)
        iptables-legacy   iptables-legacy-save -c       (when it exists and is not the same program)
        ip6tables         ip6tables-save -c
        ip6tables-legacy  ip6tables-legacy-save -c      (as above)
        nft               nft -j list ruleset
        nft-text          nft -a -t list ruleset        (the rules in nft's own words: after the probe, and where there are rules beside iptables')
        sockets           ss -H -n -a -p -t -u -e --inet-sockopt (all TCP and UDP sockets with their processes)
        sysctl            sysctl-like "key = value" lines of those that matter, read in that namespace
        proxies           JSON list of {"pid": int, "argv": [str]} of docker-proxy processes in this namespace
        conntrack         /proc/net/nf_conntrack, when readable
        conntrack-stat    /proc/net/stat/nf_conntrack (conntrack's own counters), or conntrack -S where the kernel has no such file
        docker-version    JSON of the Engine API's /version
        docker-info       JSON: allow-listed fields of /info
        containers        JSON list: allow-listed fields of every container's inspect
        networks          JSON list: allow-listed fields of every network's inspect
        hosts-file, resolv-conf      the host's own lookup files
        trace             nft -a monitor trace while the probe ran (after it, and with --trace alone)
        drops             the kernel's drop reasons for the probe's packets, by bpftrace (after it, and with --trace alone)

    For a container's namespace the same keys with ``ns/CONTAINER/`` before them (addr, route, rule, rule6, neigh, sockets, sysctl,
    iptables and the like), and ``ns/CONTAINER/hosts-file``, ``ns/CONTAINER/resolv-conf``.
    """

    host: str
    outputs: Mapping[str, CommandOutput] = field(default_factory=dict)
