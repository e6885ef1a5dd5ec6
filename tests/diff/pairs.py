"""Runs of one question, a fault beside a run in which it is not there: where their journeys part, and the lines of state that decide."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """Two captures.

    Attributes:
        good, bad: their names.
        common: the last point that both came by; None: none.
        good_at, bad_at: where each is told from the other first; None: it came no further.
        decides: the lines that decide, as the text has them: ``PLACE: - LINE`` (in GOOD alone) or ``PLACE: + LINE``.
    """

    good: str
    bad: str
    common: str | None
    good_at: str | None
    bad_at: str | None
    decides: tuple[str, ...]


PAIRS = (
    Pair("demo", "docker-user-drop", "server2/eth0", "server2/docker0", None, ("server2: + -A DOCKER-USER -s 192.168.3.0/24 -j DROP",)),
    Pair("demo", "forward-drop", "server2/eth0", "server2/docker0", None, ("server2: + -A FORWARD -i eth0 -o docker0 -p tcp -m tcp --dport 80 -j DROP",)),
    Pair("forward-drop-elsewhere", "forward-drop-reply", "server2/docker0", "server2/eth0", None, ("server2: + -A FORWARD -s 172.17.0.2/32 -j DROP",)),
    Pair("input-drop-elsewhere", "input-drop", "server2/eth0", "server2/eth0", None, ("server2: + -A INPUT -p tcp -m tcp --dport 80 -j DROP",)),
    Pair("raw-drop-another", "raw-drop", "server2/eth0", "server2/docker0", None, ("server2: + -A PREROUTING -p tcp -m tcp --dport 80 -j DROP",)),
    Pair("output-drop-elsewhere", "ingress-drop", "server2/eth0", "server2/docker0", None, ("server2: + tcp dport 80 drop",)),
    Pair("masquerade", "masquerade-missing", "server2/docker0", "server2/eth0", "server2/eth0", ("server2: - -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",)),
    Pair("demo", "container-stopped", "server2/eth0", "server2/docker0", None, ("server2: - demo: running", "server2: + demo: exited (code 0)")),
    Pair("demo", "container-paused", "server2/demo/eth0", None, None, ("server2: - demo: running", "server2: + demo: paused")),
    Pair("accept-queue-room", "accept-queue-full", "server2/demo/eth0", "server2/demo/eth0", None, ("demo@server2: - socat listens at 0.0.0.0:80/tcp", "demo@server2: + socat listens at 0.0.0.0:80/tcp, its backlog is full")),
    Pair("noproxy-localhost", "noproxy-no-route-localnet", None, "server2/docker0", None, ("server2: - net.ipv4.conf.docker0.route_localnet = 1", "server2: + net.ipv4.conf.docker0.route_localnet = 0")),
    Pair("route-there", "no-route", None, "server2/client/eth0", None, ("client@server2: - default via 172.17.0.1 dev eth0",)),
)  # fmt: skip

SAME = (
    ("demo", "docker-user-drop-elsewhere"),
    ("demo", "container-restarted"),
    ("masquerade", "masquerade-missing-elsewhere"),
)
"""Two runs that work, of one question: the same."""
