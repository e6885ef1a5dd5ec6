"""`make agree DIR=…`: netprobe's columns beside tshark's fields, in public collections of captures that are kept outside this repository.

    tools/agree.py DIR [--only NAME] [--jobs N] [--cache DIR] [--files]

DIR holds a folder for each line of tools/collections.txt; what is missing is said, with the commands that get it. A file agrees in a
column if every one of its frames does. Needs tshark. Exit 1 where a column agrees in fewer than 99 of 100 files of a collection.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agreement.collections import captures_in, collections
from agreement.compare import compare
from agreement.tally import Tally
from agreement.tshark import version

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 0.99


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
            tallies.append(Tally(each.name, each.at(chosen.folder), compared))
            print(f"{each.name}: {tallies[-1].summary()}", flush=True)
    if not tallies:
        return 2
    for line in Tally.table(tallies):
        print(line)
    for tally in tallies:
        print(f"\n{tally.name}: kinds of differences, by files")
        for line in tally.kinds(every_file=chosen.files):
            print(f"  {line}")
    return int(any(tally.worst() < LEAST for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
