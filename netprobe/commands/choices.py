"""``netprobe explain`` without TARGET: what can be explained, as far as this machine knows. No far host is contacted."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.survey.nearby import NearbyHost

SECONDS = 2.0
"""How long one engine of this machine may take."""
MOST_EXAMPLES = 3


def refuse_nothing(*, hosts: str | None, source: str | None, as_json: bool) -> UsageFault:
    """Print what can be explained, and return what to raise.

    Args:
        hosts: the inventory, as for ``explain``.
        source: who asks, where that was said.
        as_json: the error alone, with the examples as its hint.

    Raises:
        UsageFault, EnvironmentFault: the inventory cannot be used.
    """
    from netprobe.live.nearby import nearby

    here = nearby(hosts, SECONDS)
    found = here.hosts
    asker = source or (_asker(found) if here.lab else None)
    lines = [_line(words, asker, hosts) for words in list(_targets(found, asker))[:MOST_EXAMPLES]]
    if not as_json:
        from netprobe.report.nearby import lay_out
        from netprobe.report.plain import to_plain

        say(to_plain(lay_out(found, lines)))
    hint = f"for example: {lines[0]}" if lines else "for example: netprobe explain web:80"
    return UsageFault("explain: no TARGET given", f"{hint} (netprobe explain --help)")


def _asker(found: Sequence[NearbyHost]) -> str | None:
    """A host to ask from where it has to be said: one without containers of its own that are asked about."""
    idle = [host.name for host in found if not any(each.running for each in host.containers)]
    return next(iter((*idle, *(host.name for host in found))), None)


def _targets(found: Sequence[NearbyHost], asker: str | None) -> Iterator[str]:
    """Yield targets to ask about: published ports first, then any port that is served, then a container without one."""
    every = [(host, each) for host in found for each in host.containers if each.running]
    names = [each.name for _, each in every]
    ranked = sorted(every, key=lambda pair: (not any(port.host_port for port in pair[1].ports), pair[0].name == asker))
    for host, each in ranked:
        tcp = sorted((port for port in each.ports if port.proto in {"tcp", "udp"}), key=lambda port: not port.host_port)
        name = f"{each.name}@{host.name}" if names.count(each.name) > 1 else each.name
        suffix = f":{tcp[0].port}" + ("/udp" if tcp[0].proto == "udp" else "") if tcp else ""
        yield name + suffix


def _line(target: str, asker: str | None, hosts: str | None) -> str:
    sudo = () if os.geteuid() == 0 else ("sudo",)
    more = (*(("--from", asker) if asker else ()), *(("--hosts", hosts) if hosts else ()))
    return shlex.join((*sudo, "netprobe", "explain", target, *more))
