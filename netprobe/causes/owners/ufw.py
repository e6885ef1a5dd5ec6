"""ufw: ``ufw prepend allow``, ``ufw route prepend allow``.

Source: ufw(8), "RULE SYNTAX"; ufw src/ufw-init-functions (which chains stand in what order).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.owners.opening import KEPT
from netprobe.model.remedy import Remedy, run
from netprobe.model.rule import Hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.owners.opening import Opening

_UFW_FIRST = re.compile(r"ufw6?-(before|not-local|track|logging-allow)")  # before a user's rules


def by_ufw(opening: Opening) -> Remedy | None:
    """``ufw prepend allow``, before a user's own deny; ufw knows no ICMP, and what /etc/ufw/before.rules drops comes before its rules."""
    way = {Hook.INPUT: (), Hook.OUTPUT: (), Hook.FORWARD: ("route",), Hook.USER: ("route",)}.get(opening.hook)
    asked = opening.hook is not Hook.USER or any(each.startswith("ufw-user-forward") for each in _chains_asked(opening))
    if way is None or not asked or opening.to.port is None or _UFW_FIRST.match(opening.rule.chain):
        return None
    side: tuple[str, ...] = ("out",) if opening.hook is Hook.OUTPUT else ()
    side = ("in", "on", opening.via) if opening.via else side
    sender = opening.sender
    to, port = opening.to
    where = ("to", to, "port", str(port))
    argv = ("ufw", *way, "prepend", "allow", *side, "proto", opening.transport, "from", sender or "any", *where)
    whom = f"all behind {opening.via}" if opening.via else sender or "everybody who gets there"
    return run(opening.host.name, *argv, advice=f"this opens {opening.whom}, to {whom}; {KEPT}")


def _chains_asked(opening: Opening) -> Iterator[str]:
    """Where DOCKER-USER jumps to (ufw-docker has it ask ufw's rules)."""
    user = opening.host.engine.user_chain
    for ruleset in (opening.host.ruleset, opening.host.legacy, opening.host.ruleset6, opening.host.legacy6):
        yield from (each.target for each in ruleset.rules() if each.chain == user) if ruleset else ()
