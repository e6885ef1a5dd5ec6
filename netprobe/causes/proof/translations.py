"""The translations on a predicted walk: which rule gave the request which new end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.proof.counters import countable, counters_in
from netprobe.model.hop import Direction
from netprobe.model.rule import RuleRef
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Prediction
    from netprobe.state.iptables import Rule
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftRule

_TRANSLATES = re.compile(r"(\S+) to (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """One translation of the request.

    Attributes:
        place: in which namespace. ref: by which rule.
        kind: ``DNAT``, ``REDIRECT``, ``SNAT``, ``TPROXY`` …, as the rule calls it.
        to: the new destination (``172.17.0.1:20559``; of TPROXY: where the socket is that takes it), or the new source's address.
        of_destination: the destination is translated; else the source.
    """

    place: Place
    ref: RuleRef
    kind: str
    to: str
    of_destination: bool


def translations(told: Prediction) -> tuple[Translated, ...]:
    """Every translation of the request on a walk, in order."""
    found = []
    for step in told.steps:
        table, _, hook = step.stage.partition("/")
        said = _TRANSLATES.fullmatch(step.what)
        if (
            table in {"nat", "tproxy"}
            and said
            and isinstance(step.rule, RuleRef)
            and step.direction is Direction.REQUEST
        ):
            by_destination = hook in {"PREROUTING", "OUTPUT"}
            found.append(
                Translated(place=step.place, ref=step.rule, kind=said[1], to=said[2], of_destination=by_destination)
            )
    return tuple(found)


def counted(case: Case, found: Translated) -> tuple[int, int] | None:
    """The rule's counter before and after; None where it did not count, or that is not known."""
    before, after = case.before(found.place.host), case.after(found.place.host)
    if before is None or after is None:
        return None
    return next((each[1:] for each in counters_in(before, after, found.place) if each[0] == found.ref), None)


def untouched(case: Case, found: Translated) -> bool:
    """Whether its rule has a counter that is known before and after the probe, and counted nothing."""
    before, after = case.before(found.place.host), case.after(found.place.host)
    known = before is not None and after is not None and countable(before, found.place, found.ref)
    return known and counted(case, found) is None


def any_rule(host: Host, test: Callable[[Host, Rule | NftRule], bool]) -> bool:
    """Whether a host has a rule like this, of its own or inside a container; so may one whose rules could not be read."""
    places: tuple[Host | Namespace, ...] = (host, *host.namespaces.values())
    for here in places:
        rulesets = (here.ruleset, here.legacy, here.ruleset6, here.legacy6)
        keys = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")
        if any(rules is None and here.asked(key) for rules, key in zip((*rulesets, here.nft), keys, strict=True)):
            return True
        if here is host and host.ruleset is None:
            return True
        every = [rule for rules in rulesets if rules is not None for rule in rules.rules()]
        if any(test(host, rule) for rule in (*every, *(here.nft.rules() if here.nft is not None else ()))):
            return True
    return False
