"""`make kernel-test`: netprobe's predictions and explanations held against the kernel, over random rulesets with fresh seeds.

    tools/kernel_test.py [--rulesets N] [--explain N] [--seed TEXT] [--workers N] [--minutes N]

Rules of both iptables backends, nftables and policy routing are loaded on a router namespace between a client and two servers; what a real
client sees is held against what netprobe says of the router's state, and against the counters. A contradiction is made small and printed with
its seed; the same --seed makes the same rulesets. What chance brought too seldom is held in some more. Exit status 1: something that was said is not so, or a measure is missed.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.kernel.generate import ruleset
from tests.kernel.many import HIDDEN, hidden_number, many, shown

if TYPE_CHECKING:
    from tests.kernel.explained import Explained
    from tests.kernel.held import Result
    from tests.kernel.many import Outcome

STOOD, DECIDED = 20, 5  # in so many rulesets each name stands, and decides
MOST_UNDETERMINED, LEAST_NAMED = 0.03, 0.97
ENOUGH, ENOUGH_HIDDEN = 2000, 500  # rulesets of a run from which that is asked
# Rulesets that are held for what stood too seldom: how often, of how many, how many.
FILLS, CANDIDATES, MORE = 3, 3000, 120


def main() -> int:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rulesets", type=int, default=3200)
    parser.add_argument(
        "--hidden", type=int, default=1000, help="besides, with a rule that is decided by what no listing shows"
    )
    parser.add_argument("--explain", type=int, default=220)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--workers", type=int, default=(os.cpu_count() or 2) + 1)
    parser.add_argument("--minutes", type=float, default=15.0)
    chosen = parser.parse_args()
    began = time.monotonic()
    seeds = [f"{chosen.seed}-{at}" for at in range(chosen.rulesets)]
    seeds += [f"{chosen.seed}{HIDDEN}{at}" for at in range(chosen.hidden)]
    asked = [f"{chosen.seed}-e{at}" for at in range(chosen.explain)]
    print(
        f"seed {chosen.seed}: {chosen.rulesets} predictions, {chosen.explain} explanations, {chosen.workers} arenas",
        flush=True,
    )
    end = began + chosen.minutes * 60
    found = many(seeds, asked, chosen.workers, end - began)
    if len(found.valid) >= ENOUGH:
        fill(found, chosen.seed, chosen.workers, end)
    missed = [*predictions(found), *explanations(found.explained), *names(found)]
    print(f"\n{time.monotonic() - began:.0f} s")
    for each in missed:
        print(f"MISSED: {each}")
    return 1 if missed else 0


def fill(found: Outcome, seed: str, workers: int, end: float) -> None:
    """Hold more rulesets, of fresh seeds, that have what chance brought too seldom. Each counts as all others do."""
    for turn in range(FILLS):
        rare, hidden = too_seldom(found), seldom_unlisted([each for each in found.valid if each.ruleset.hidden])
        more = [each for each in (f"{seed}-f{turn}-{at}" for at in range(CANDIDATES)) if rare and names_of(each) & rare]
        kinds = {each.ruleset.unlisted: hidden_number(each.ruleset.seed) for each in found.valid if each.ruleset.hidden}
        numbers = [number for name in sorted(hidden) if (number := kinds[name]) is not None]
        more = more[:MORE] + [f"{seed}-f{turn}.{at}{HIDDEN}{number}" for number in numbers for at in range(STOOD)]
        if not more or time.monotonic() > end:
            return
        print(f"  {len(more)} rulesets more, for {', '.join(sorted(rare | hidden))}", flush=True)
        found.add(many(more, [], workers, end - time.monotonic()))


def names_of(seed: str) -> frozenset[str]:
    """What the rules of a seed are examples of."""
    return frozenset().union(*(each.names for each in ruleset(Random(seed), seed).items))  # noqa: S311 - no secret


def predictions(found: Outcome) -> list[str]:
    """Print how the predictions did; return what they miss."""
    valid = found.valid
    plain = [each for each in valid if not each.ruleset.hidden and not each.tie]
    hidden = [each for each in valid if each.ruleset.hidden]
    wrong = [each for each in valid if each.contradiction]
    unknown = [each for each in plain if each.undetermined]
    shares = {
        "dropped": [each.dropped for each in valid],
        "NAT": [
            any("nat" in item.where or "nat" in item.text for item in each.ruleset.of("ipt", "chain")) for each in valid
        ],
        "policy routing": [bool(each.ruleset.of("ip")) for each in valid],
    }
    print(
        f"predictions: {len(valid)} rulesets ({len(found.results) - len(valid)} were refused by nft or iptables), {len(wrong)} wrong"
    )
    print("  " + ", ".join(f"{name} {share(flags)}" for name, flags in shares.items()))
    print(
        f"  undetermined without a state that no listing shows: {len(unknown)} of {len(plain)} ({share([each.undetermined for each in plain])})"
    )
    unnamed = unlisted(hidden)
    for text, count in Counter(
        re.sub(r"\d+", "N", each.prediction.unknown)[:120] for each in unknown if each.prediction
    ).most_common(12):
        print(f"    {count} times: {text}")
    faults = [each for each in valid if each.fault and not each.ruleset.hidden]
    print(f"  said to stop it, and did not count: {len(faults)}")
    for fault in faults[:8]:
        print(f"    seed {fault.ruleset.seed}: {fault.fault}")
    if wrong:
        print(shown(wrong))
    missed = [f"{len(wrong)} predictions are wrong"] if wrong else []
    missed += [f"{len(faults)} predictions name a rule that did not count"] if faults else []
    missed += ["undetermined in more than 3 %"] if len(unknown) > MOST_UNDETERMINED * max(len(plain), 1) else []
    return [*missed, *unnamed]


def unlisted(found: list[Result]) -> list[str]:
    """Print the table of what no listing decides: how often it stood, was undetermined, and that very rule was named; return what is missed."""
    told = [each for each in found if each.undetermined and not each.tie]
    other = [each for each in told if not each.doubt_named]
    print(
        f"  with such a state: {len(found)}, undetermined {len(told)}, of which that very rule is named {len(told) - len(other)}; else it did not matter"
    )
    print("  stood / undetermined with that rule named / for another reason:")
    stood = Counter(each.ruleset.unlisted for each in found)
    named = Counter(each.ruleset.unlisted for each in told if each.doubt_named)
    for name, count in sorted(stood.items()):
        print(f"    {count:5d} {named[name]:5d} {sum(each.ruleset.unlisted == name for each in other):5d}  {name}")
    for each in other[:12]:
        print(f"    seed {each.ruleset.seed}: {each.prediction.unknown if each.prediction else ''}")
    seldom = seldom_unlisted(found)
    missed = (
        [f"of what no listing decides, too seldom: {', '.join(sorted(seldom))}"]
        if seldom and len(found) > ENOUGH_HIDDEN
        else []
    )
    return [
        *missed,
        *(["the undecided rule is not named in more than 3 %"] if len(other) > MOST_UNDETERMINED * len(found) else []),
    ]


def seldom_unlisted(found: list[Result]) -> set[str]:
    """What no listing decides and stood, or was named, too seldom."""
    stood = Counter(each.ruleset.unlisted for each in found)
    named = Counter(each.ruleset.unlisted for each in found if each.undetermined and not each.tie and each.doubt_named)
    return {name for name, count in stood.items() if count < STOOD or named[name] < DECIDED}


def too_seldom(found: Outcome) -> set[str]:
    """What stood in a ruleset, or decided, too seldom."""
    tally = found.tally
    return {
        name
        for name in tally.stood
        if tally.stood[name] < STOOD or (name in tally.acting and tally.decided.get(name, 0) < DECIDED)
    }


def share(flags: list[bool]) -> str:
    """``31 %``."""
    return f"{100 * sum(flags) / max(len(flags), 1):.0f} %"


def explanations(found: list[Explained]) -> list[str]:
    """Print how the explanations did; return what they miss."""
    valid = [each for each in found if not each.invalid]
    wrong = [each for each in valid if each.wrong]
    drops = [each for each in valid if each.named is not None and not each.ruleset.hidden]
    named = [each for each in drops if each.named]
    undetermined = [each for each in valid if each.report is not None and each.report.verdict == "undetermined"]
    print(
        f"explanations: {len(valid)} ({len(found) - len(valid)} not asked), {len(wrong)} wrong, {len(undetermined)} undetermined"
    )
    away = sum(each.away for each in valid)
    print(
        f"  the very rule is named in {len(named)} of {len(drops)} drops (in {away} it is said to be a line of routing that leads there)"
    )
    for each in [each for each in drops if not each.named][:10]:
        cause = each.report.cause if each.report else None
        print(
            f"    seed {each.ruleset.seed}: {cause.code if cause else each.report and each.report.verdict}, dropped by {each.droppers}"
        )
    for each in wrong:
        print(f"seed {each.ruleset.seed}: {each.wrong}\n{each.ruleset.show()}")
    missed = [f"{len(wrong)} explanations are wrong"] if wrong else []
    return [
        *missed,
        *(["the rule is named in less than 97 % of the drops"] if len(named) < LEAST_NAMED * len(drops) else []),
    ]


def names(found: Outcome) -> list[str]:
    """Print the table of everything that stood in a ruleset; return what stood, or decided, too seldom."""
    tally = found.tally
    print("stood in / decided:")
    for name in sorted(tally.stood):
        print(f"  {tally.stood[name]:5d} {tally.decided.get(name, 0):5d}  {name}")
    enough = len(found.valid) >= ENOUGH
    seldom = too_seldom(found)
    if seldom and enough:
        print(f"too seldom: {', '.join(sorted(seldom))}")
    return [f"{len(seldom)} names stood or decided too seldom"] if seldom and enough else []


if __name__ == "__main__":
    sys.exit(main())
