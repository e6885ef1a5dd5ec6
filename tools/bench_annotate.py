"""What `netprobe annotate` costs beside editcap, which copies a capture and says nothing: whole commands on one capture, in turn, in one run.

    tools/bench_annotate.py [--runs N] [--folder DIR]

1.92 million packets, 60,000 flows, 446 MB. Each number is a median; the first run of each is not counted. The files are removed, also after a failure.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench_flows import capture, compiled, in_turn, taken
from bench_memory import peak_of
from flow_capture import Shape


def annotate(folder: Path | None = None, runs: int = 3) -> None:
    """Measure and print."""
    if shutil.which("editcap") is None:
        print("annotate: not measured, editcap is not installed")
        return
    with (
        compiled(),
        capture(folder, Shape()) as file,
        tempfile.TemporaryDirectory(prefix="netprobe-bench-", dir=folder) as held,
    ):
        ours = (sys.executable, "-m", "netprobe", "annotate", str(file), "-o", f"{held}/told.pcapng", "--force")
        theirs = ("editcap", str(file), f"{held}/copy.pcapng")
        for argv in (ours, theirs):
            taken(argv)
        took = in_turn({"netprobe annotate": ours, "editcap": theirs}, runs)
        print(f"{file.stat().st_size / 1e6:.0f} MB: seconds (of processors)")
        for name, each in took.items():
            print(f"  {name:28} {each.wall:7.2f} ({each.cpu:.2f})")
        one, other = took["netprobe annotate"], took["editcap"]
        print(f"  {one.wall / other.wall:.1f} times as long, {one.cpu / other.cpu:.1f} times the processor (aim ≤ 3)")
        print(f"  memory: {peak_of(ours) / 1e6:.0f} MB (aim ≤ 350)")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="runs of each command; the median counts")
    parser.add_argument("--folder", type=Path, help="where files are written (default: the folder for temporary files)")
    chosen = parser.parse_args()
    annotate(chosen.folder, chosen.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
