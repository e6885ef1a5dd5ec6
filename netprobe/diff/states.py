"""The facts of both runs held against each other."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from netprobe.diff.facts import told
from netprobe.diff.model import Difference, FactKind
from netprobe.diff.roles import roles_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.diff.facts import StatePart
    from netprobe.diff.facts_rules import RuleList
    from netprobe.diff.model import Fact
    from netprobe.diff.roles import Roles
    from netprobe.evidence.model import Place
    from netprobe.state.model import Host

_Key = tuple[FactKind, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompared:
    """A part of a host's state that one of the two does not tell: whose, which, and in which of the two (``good``, ``bad``)."""

    place: Place
    what: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDiff:
    """What differs, what could not be compared, and the roles of each host's names."""

    differences: tuple[Difference, ...] = ()
    unknown: tuple[NotCompared, ...] = ()


def roles_by_host(good: Mapping[str, Host], bad: Mapping[str, Host]) -> dict[str, tuple[Roles, Roles]]:
    """Return the roles in both runs, by host."""
    return {name: roles_of(good.get(name), bad.get(name)) for name in dict.fromkeys((*good, *bad))}


def state_diff(
    good: Mapping[str, Host], bad: Mapping[str, Host], roles: Mapping[str, tuple[Roles, Roles]]
) -> StateDiff:
    """Return what differs in the state of the hosts that both know."""
    found: list[Difference] = []
    unknown: list[NotCompared] = []
    for name in good:
        if name not in bad:
            continue
        ours, theirs = roles[name]
        mine, other = told(good[name], ours), told(bad[name], theirs)
        for key in dict.fromkeys((*mine, *other)):
            one, two = mine.get(key), other.get(key)
            if one is not None and two is not None and one.known and two.known:
                found += _differences(one, two, (ours, theirs))
            else:
                unknown += _unknown(key[0], one, two)
    return StateDiff(differences=tuple(found), unknown=tuple(unknown))


def _unknown(place: Place, one: StatePart | None, two: StatePart | None) -> Iterator[NotCompared]:
    for side, mine, other in (("good", one, two), ("bad", two, one)):
        if other is not None and other.known and (mine is None or not mine.known):
            yield NotCompared(place=place, what=other.name, side=side)


def _differences(one: StatePart, two: StatePart, roles: tuple[Roles, Roles]) -> Iterator[Difference]:
    if one.facts is not None and two.facts is not None:
        yield from _of_facts(one.facts, two.facts, roles)
    if one.lists is not None and two.lists is not None:
        yield from _of_lists(one.lists, two.lists)


def _of_facts(good: Sequence[Fact], bad: Sequence[Fact], roles: tuple[Roles, Roles]) -> Iterator[Difference]:
    """Where a whole subject is missing (an interface, a container), that is one difference."""
    ours, theirs = _by_key(good), _by_key(bad)
    mine, other = {key[:2] for key in ours}, {key[:2] for key in theirs}
    named: set[tuple[FactKind, str]] = set()
    settings = {key[:2] for key in (*ours, *theirs) if key[0] is FactKind.SYSCTL}
    for key in dict.fromkeys((*ours, *theirs)):
        one, two = ours.get(key), theirs.get(key)
        if one is not None and two is not None and one.value == two.value:
            continue
        fact = one or two
        if fact is None or (
            _told_by_some(fact) and (one is None or two is None) and key[:2] in mine & other | settings
        ):
            continue
        alike = one is not None and two is not None and one.shown == two.shown
        whole = key[:2] not in mine or key[:2] not in other
        if whole and fact.aspect and fact.kind in {FactKind.INTERFACE, FactKind.CONTAINER, FactKind.NETWORK}:
            if key[:2] not in named:
                named.add(key[:2])
                yield _missing(fact, there=(key[:2] in mine, key[:2] in other))
            continue
        yield Difference(
            place=fact.place,
            kind=fact.kind,
            subject=fact.subject,
            aspect=fact.aspect,
            good=f"{one.shown}{roles[0].within(one.shown) if alike else ''}" if one else None,
            bad=f"{two.shown}{roles[1].within(two.shown) if alike else ''}" if two else None,
        )


def _told_by_some(fact: Fact) -> bool:
    """A setting that one kernel does not have, or was not asked for; a gateway that one engine does not name: no difference."""
    return (fact.kind is FactKind.SYSCTL and not fact.aspect) or (
        fact.kind is FactKind.NETWORK and fact.aspect == "gateway"
    )


def _missing(fact: Fact, there: tuple[bool, bool]) -> Difference:
    shown = f"{fact.kind} {fact.subject}"
    return Difference(
        place=fact.place,
        kind=fact.kind,
        subject=fact.subject,
        good=shown if there[0] else None,
        bad=shown if there[1] else None,
    )


def _by_key(facts: Sequence[Fact]) -> dict[_Key, Fact]:
    return {(each.kind, each.subject, each.aspect): each for each in facts}


def _of_lists(good: Sequence[RuleList], bad: Sequence[RuleList]) -> Iterator[Difference]:
    ours, theirs = ({each.subject: each for each in lists} for lists in (good, bad))
    for subject in dict.fromkeys((*ours, *theirs)):
        one, two = ours.get(subject), theirs.get(subject)
        place = (one or two).place  # type: ignore[union-attr] # one of them has it
        before, after = (each.policy if each else "" for each in (one, two))
        if before != after:
            yield Difference(place=place, kind=FactKind.POLICY, subject=subject, good=before or None, bad=after or None)
        yield from _of_rules(place, subject, one.rules if one else (), two.rules if two else ())


def _of_rules(
    place: Place, subject: str, good: Sequence[tuple[str, str]], bad: Sequence[tuple[str, str]]
) -> Iterator[Difference]:
    """A rule that is in both and only in another order is one difference: it was moved."""
    mine, other = [value for value, _ in good], [value for value, _ in bad]
    gone: list[tuple[str, str]] = []
    new: list[tuple[str, str]] = []
    for what, first, last, start, end in SequenceMatcher(None, mine, other, autojunk=False).get_opcodes():
        if what != "equal":
            gone += good[first:last]
            new += bad[start:end]
    for rule in list(gone):
        again = next((each for each in new if each[0] == rule[0]), None)
        if again is not None:
            gone.remove(rule)
            new.remove(again)
            yield Difference(place=place, kind=FactKind.RULE, subject=subject, good=rule[1], bad=again[1], moved=True)
    for _, shown in gone:
        yield Difference(place=place, kind=FactKind.RULE, subject=subject, good=shown)
    for _, shown in new:
        yield Difference(place=place, kind=FactKind.RULE, subject=subject, bad=shown)
