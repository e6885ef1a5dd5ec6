"""`make agree DIR=…`: netprobe's columns beside tshark's fields, in public collections of captures that are kept outside this repository.

    tools/agree.py DIR [--only NAME] [--jobs N] [--cache DIR] [--files]

DIR holds a folder for each line of tools/collections.txt; what is missing is said, with the commands that get it. A file agrees in a
column if every one of its frames does; it counts in the columns that say something of it. What is not compared is counted, by reason.

Needs tshark. Exit 1 where a column agrees in fewer than 99 of 100 of these files; where fewer than three collections have every column in 99 of
100 of all their files; or where a difference has no reason (tools/agreement/reasons.py).
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agreement.collections import captures_in, collections, others_in
from agreement.compare import COLUMNS, compare
from agreement.tally import Tally
from agreement.tshark import version

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 0.99
COLLECTIONS = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Compare all collections that are there, and print what agrees and what does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the collections are")
    parser.add_argument("--only", default="", help="collections with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files at a time")
    parser.add_argument("--cache", type=Path, help="keep here what tshark prints: the next run needs no tshark")
    parser.add_argument("--files", action="store_true", help="name every file of each kind of difference")
    chosen = parser.parse_args(argv)
    if chosen.cache is not None:
        chosen.cache.mkdir(parents=True, exist_ok=True)
    print(f"beside {version()}")
    tallies = []
    for each in collections():
        if chosen.only in each.name:
            files = captures_in(each.at(chosen.folder))
            if not files:
                print(f"{each.name}: not there. To get it:\n{each.commands(chosen.folder)}")
                continue
            with ProcessPoolExecutor(chosen.jobs) as pool:
                compared = list(pool.map(partial(compare, cache=chosen.cache), files, chunksize=4))
            tallies.append(Tally(each.name, each.at(chosen.folder), compared, others_in(each.at(chosen.folder))))
            print("\n".join([f"{each.name}: {tallies[-1].summary()}", *tallies[-1].left_out()]), flush=True)
    if not tallies:
        return 2
    for line in Tally.table(tallies):
        print(line)
    for tally in tallies:
        print(f"\n{tally.name}: kinds of differences, by files")
        for line in tally.kinds(every_file=chosen.files):
            print(f"  {line}")
    return _judged(tallies)


def _judged(tallies: list[Tally]) -> int:
    """Say whether it is enough. Returns the exit status."""
    low = [column for column in COLUMNS if Tally.pooled(tallies, column) < LEAST]
    unknown = sum(tally.unknown() for tally in tallies)
    whole = [tally.name for tally in tallies if tally.worst_of_all() >= LEAST]
    print(f"\ncolumns in which fewer than {LEAST:.0%} of the files agree: {', '.join(low) or 'none'}")
    print(f"differences without a reason: {unknown or 'none'}")
    print(
        f"collections of whose files {LEAST:.0%} agree in every column: {len(whole)} of {len(tallies)} ({', '.join(whole)})"
    )
    return int(bool(low) or unknown > 0 or len(whole) < min(COLLECTIONS, len(tallies)))


if __name__ == "__main__":
    sys.exit(main())
