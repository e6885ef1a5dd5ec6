"""Many rulesets of fresh seeds, several arenas side by side."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.kernel.arena import Arena
from tests.kernel.explained import Explained, explained
from tests.kernel.generate import ruleset
from tests.kernel.held import Bench, Result
from tests.kernel.ruleset import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable


HIDDEN = "-h"  # in the seed of a ruleset that holds a rule which is decided by what no listing shows


@dataclass
class Outcome:
    """What was found."""

    results: list[Result] = field(default_factory=list)
    explained: list[Explained] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def add(self, other: Outcome) -> None:
        self.results += other.results
        self.explained += other.explained
        self.tally.merge(other.tally)

    @property
    def valid(self) -> list[Result]:
        return [each for each in self.results if not each.invalid]


def hidden_number(seed: str) -> int | None:
    """Which of the rules that no listing decides the ruleset of a seed holds; None where its own chance tells."""
    _, mark, number = seed.rpartition(HIDDEN)
    return int(number) if mark else None


def run(worker: int, seeds: list[str], asked: list[str], end: float) -> Outcome:
    """Hold the predictions of ``seeds`` and the explanations of ``asked`` in one arena, until the clock says it is enough."""
    found = Outcome()
    with Arena(ident=f"{os.getpid()}-{worker}") as arena, Bench(arena) as bench:
        for seed in seeds:
            if time.monotonic() > end:
                break
            result = bench.hold(ruleset(random.Random(seed), seed, hidden=hidden_number(seed)))
            if result.contradiction:
                result = bench.shrink(result)
            if not result.invalid:
                met = result.met | bench.decisive(result, found.tally.lacks)
                found.tally.add(result.ruleset, met)
            found.results.append(result)
        for seed in asked:
            if time.monotonic() > end:
                break
            found.explained.append(explained(bench, ruleset(random.Random(seed), seed)))
    return found


def many(seeds: list[str], asked: list[str], workers: int, seconds: float) -> Outcome:
    """The same, on several arenas."""
    end = time.monotonic() + seconds
    whole = Outcome()
    with ProcessPoolExecutor(workers) as pool:
        parts = [pool.submit(run, at, seeds[at::workers], asked[at::workers], end) for at in range(workers)]
        for each in parts:
            whole.add(each.result())
    return whole


def shown(results: Iterable[Result]) -> str:
    """Contradictions, to be read."""
    return "\n\n".join(
        f"seed {each.ruleset.seed}: {each.contradiction}\n{each.ruleset.show()}\n{each.seen}" for each in results
    )
