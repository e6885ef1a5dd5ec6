"""Rules that have conntrack leave a packet out: no NAT is done for it, and an answer is not put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.state.iptables import Rule, delete_argv
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.causes.case import Case
    from netprobe.forward.model import Prediction
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule

_MOST = 64  # rules that are taken away in thought, one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Untracking:
    """One such rule, and the argv that takes it away."""

    place: Place
    ref: RuleRef
    undo: Argv


def untracks(rule: Rule | NftRule) -> bool:
    """Whether a rule has conntrack leave out what it matches (``-j CT --notrack``, ``NOTRACK``, nft's ``notrack``)."""
    if isinstance(rule, Rule):
        return rule.target == "NOTRACK" or (rule.target == "CT" and "--notrack" in rule.options)
    return any("notrack" in each for each in rule.expressions)


def untracking(case: Case, host: Host, mended: Callable[[Prediction], bool]) -> Untracking | None:
    """The one rule of a host without which the walk is mended; None where none is, or several are, and where the walk is not broken."""
    place = Place(host=host.name)
    if case.prediction is None or mended(case.prediction):
        return None
    found = []
    for ref, undo in list(_rules(case, host))[:_MOST]:
        told = case.without(place, ref)
        if told is not None and mended(told):
            found.append(Untracking(place=place, ref=ref, undo=undo))
    return found[0] if len(found) == 1 else None


def _rules(case: Case, host: Host) -> Iterator[tuple[RuleRef, Argv]]:
    for ruleset in case.rulesets(host):
        yield from ((rule.ref, delete_argv(rule)) for rule in ruleset.rules() if untracks(rule))
    for nft in host.nft.rules() if host.nft is not None else ():
        if untracks(nft):
            yield nft.ref, nft.delete_argv
