"""`make fuzz`: bytes that reach new code of the readers and decoders are kept and changed further, for a time that is bounded.

    tools/fuzz.py [--seconds N] [FILE ...]

It begins with tests/corpus, and keeps what it finds in build/fuzz: `corpus` for the next run, and each input that something did not hold for as
crash-*, timeout-* or oom-*. Such an input becomes a test, and then a repair. With FILE, those inputs are tried again, and nothing else. At the end
tools/bounds.py tries what was kept, and captures/, with each index of the compiled code checked.

Exit 0: nothing was found. 1: something was. 4: atheris (PyPI) is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "tests" / "corpus"
KEPT = ROOT / "build" / "fuzz"
CACHE = ROOT / "build" / "cache"
LIMITS = ("-timeout=60", "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-max_len=8192", "-print_final_stats=1")
ROUND = 4000
"""Inputs that one process tries: libFuzzer's own grows by some 0.2 MB with each of them, whatever it is."""
_COMPILE = "from netprobe.compiled import build, machine; machine.usable() or build.compile_all()"
_FINDINGS = ("crash-*", "timeout-*", "oom-*")


def command(seconds: int, files: Sequence[Path], kept: Path = KEPT) -> list[str]:
    """Return the argv of the run."""
    target = [sys.executable, str(ROOT / "tools" / "fuzz_target.py"), *LIMITS, f"-artifact_prefix={kept}/"]
    if files:
        return [*target, *map(str, files)]
    return [*target, f"-max_total_time={seconds}", f"-runs={ROUND}", str(kept / "corpus"), str(SEEDS)]


def rounds(seconds: int, files: Sequence[Path], kept: Path, environment: Mapping[str, str]) -> int:
    """Try inputs until the time is over, or something was found, one process after the other. Returns the last one's exit code."""
    end = time.monotonic() + seconds
    while True:
        left = max(int(end - time.monotonic()), 1)
        done = subprocess.run(command(left, files, kept), cwd=ROOT, env=environment, check=False)
        if done.returncode != 0 or files or time.monotonic() >= end:
            return done.returncode


def main(argv: Sequence[str] | None = None) -> int:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--kept", type=Path, default=KEPT, help="where inputs are kept (default: build/fuzz)")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    chosen = parser.parse_args(argv)
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris is not installed (make fuzz installs it)", file=sys.stderr)
        return 4
    (chosen.kept / "corpus").mkdir(parents=True, exist_ok=True)
    before = findings(chosen.kept)
    environment = {**os.environ, "XDG_CACHE_HOME": str(CACHE)}
    subprocess.run(
        [sys.executable, "-c", _COMPILE], env=environment, check=True
    )  # so that both decoders are held against each other
    ended = rounds(chosen.seconds, chosen.files, chosen.kept, environment)
    found = sorted(findings(chosen.kept) - before)
    for file in found:
        print(f"found: {file}")
    outside = 0 if chosen.files else bounds(chosen.kept)
    return int(ended != 0 or bool(found) or outside != 0)


def bounds(kept: Path) -> int:
    """Try the inputs that were kept, and the captures, with each index checked. Returns the worst exit code."""
    tool = [sys.executable, str(ROOT / "tools" / "bounds.py")]
    inputs = sorted(map(str, (kept / "corpus").iterdir()))
    return max(subprocess.run([*tool, *files], cwd=ROOT, check=False).returncode for files in ([], inputs))


def findings(kept: Path) -> set[Path]:
    """Return the inputs that something did not hold for."""
    return {file for pattern in _FINDINGS for file in kept.glob(pattern)}


if __name__ == "__main__":
    sys.exit(main())
