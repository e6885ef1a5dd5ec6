"""Which cluster is meant: ``tcp://HOST:PORT`` or ``tls://HOST:PORT`` of a Dask scheduler, or ``local:N``, workers that are started for this one run."""

from __future__ import annotations

import re

from netprobe.errors import UsageFault
from netprobe.values import dataclass

MOST_LOCAL = 256
_SCHEDULER = re.compile(r"(?:tcp|tls)://(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress:
    """One of the two.

    Attributes:
        scheduler: where the scheduler listens; ``""``: none, ``local`` counts.
        local: how many worker processes are to be started here.
    """

    scheduler: str = ""
    local: int = 0


def cluster_address(text: str) -> ClusterAddress:
    """Read what was given as ``--cluster``.

    Raises:
        UsageFault: it is neither.
    """
    if _SCHEDULER.fullmatch(text):
        return ClusterAddress(scheduler=text.rstrip("/"))
    kind, _, count = text.partition(":")
    if kind == "local" and count.isdecimal() and 1 <= int(count[:9]) <= MOST_LOCAL:
        return ClusterAddress(local=int(count))
    raise UsageFault(
        f"--cluster: {text!r} is no cluster",
        f"give tcp://HOST:PORT of a Dask scheduler, or local:N for N processes here (1 to {MOST_LOCAL})",
    )
