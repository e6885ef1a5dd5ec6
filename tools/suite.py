"""`make test`, `make test-all` and their parts: what runs, how far it is, how long each part took.

    tools/suite.py test   unit, with altered copies of every fifth capture, and live: of one of each cause, finding and path with its remedy half; of
                          both also what tests/proved.json does not hold
    tools/suite.py all    unit, and everything live; tests/proved.json is written
    tools/suite.py rest   what `all` has and `test` has not
    tools/suite.py unit | live

What failed is told in few lines; all of it is in build/failures. A test of the lab that failed is asked again, alone, after the others: the timing of a busy
machine is no fault of what is tested. If it passes then, the suite does, and says so loudly. So at most three a part, and never a test without a lab.

With CI=true a lab that is impossible here fails what needs it, instead of leaving that out.

$NETPROBE_LABS says how many labs stand side by side; by default two for each processor, as most of their time is waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab.layout import this_lab
from netprobe_lab.lifecycle import down

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
MOST_LABS = 8  # each has two Docker Engines: about 0.3 GB
FAILURES = ROOT / "build" / "failures"
AGAIN_AT_MOST = 3  # more than that are no accident
_SOME_FAILED = 1  # pytest.ExitCode.TESTS_FAILED
_IN_CI = ("CI", "BUILD_NUMBER")  # with one of these pytest repeats what failed, whole, in its summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One call of pytest; ``again``: what failed of it may be asked a second time."""

    name: str
    arguments: tuple[str, ...]
    again: bool = False


def unit(copies: str = "all") -> Part:
    """Everything that needs no lab: unit tests, and the replay of captures/; of the altered copies of these ``all``, ``chosen`` or the ``rest`` alone.

    One worker more than processors: some tests wait.
    """
    workers = str(processors() + 1)
    name = "altered copies, rest" if copies == "rest" else "unit and replay"
    side_by_side = ("-n", workers, "--dist", "loadgroup")
    return Part(name=name, arguments=(*side_by_side, f"--copies={copies}", "--ignore=tests/lab", "tests"))


def live(which: str) -> Part:
    """The lab's tests; of its experiments ``all``, ``chosen`` or the ``rest``."""
    proving = ("--prove",) if which == "all" else ()
    side_by_side = ("-n", str(labs()), "--dist", "loadgroup")
    return Part(
        name=f"live, {which}", arguments=(*side_by_side, f"--lab-tests={which}", *proving, "tests/lab"), again=True
    )


SUITES: dict[str, Callable[[], tuple[Part, ...]]] = {
    "test": lambda: (unit("chosen"), live("chosen")),
    "all": lambda: (unit(), live("all")),
    "rest": lambda: (unit("rest"), live("rest")),
    "unit": lambda: (unit(),),
    "live": lambda: (live("all"),),
}


def labs() -> int:
    """How many labs stand side by side."""
    return int(os.environ.get("NETPROBE_LABS") or min(MOST_LABS, 2 * processors()))


def processors() -> int:
    """How many processors there are for this."""
    return len(os.sched_getaffinity(0))


def run(part: Part) -> bool:
    """Run one part, say how long it took, and return whether it passed."""
    say(f"{part.name} …")
    begin = time.monotonic()
    code = pytest(part)
    passed = code == 0 or (part.again and code == _SOME_FAILED and right_at_the_second_time(part))
    say(f"{part.name}: {'passed' if passed else 'FAILED'} in {spoken(time.monotonic() - begin)}")
    return passed


def folder(part: Part) -> Path:
    """Where what fails of a part is written."""
    return FAILURES / part.name.replace(",", "").replace(" ", "-")


def pytest(part: Part) -> int:
    """Run pytest with a part's arguments; return its exit code."""
    shutil.rmtree(folder(part), ignore_errors=True)
    plugin = ("-p", "tests.failures", "--failures", str(folder(part)))
    argv = [sys.executable, "-m", "pytest", "-q", *plugin, "--part", part.name, *part.arguments]
    environment = {name: value for name, value in os.environ.items() if name not in _IN_CI}
    if os.environ.get("CI") == "true":
        environment["NETPROBE_LAB_MUST_BE"] = "1"
    with subprocess.Popen(argv, cwd=ROOT, env=environment) as tests:
        try:
            return tests.wait()
        except KeyboardInterrupt:
            tests.send_signal(signal.SIGINT)  # where Ctrl-C was typed, it has got one already
            tests.wait()
            raise
        finally:
            take_down()


def right_at_the_second_time(part: Part) -> bool:
    """Ask what failed of a part once more, with nothing beside it; return whether all of it passes now, and say which needed that."""
    failed: dict[str, str] = json.loads((folder(part) / "failed.json").read_text())
    if not 0 < len(failed) <= AGAIN_AT_MOST:
        return False
    say(f"{len(failed)} failed: asked a second time, alone")
    if pytest(replace(part, name=f"{part.name}, again", arguments=tuple(failed))) != 0:
        return False
    for name, told in failed.items():
        say(f"RIGHT ONLY AT THE SECOND TIME: {name}; at the first:")
        print(told, file=sys.stderr, flush=True)
    return True


def take_down() -> None:
    """Take down what is left of the tests' labs after a run that was interrupted, or whose worker died."""
    if os.geteuid() != 0:
        return
    for name in [f"{this_lab().id[:10]}t{number}" for number in ("", *range(labs()))]:
        lab = replace(this_lab(), id=name)
        if lab.run_dir.exists():
            say(f"taking down the lab {name}, which was left")
            down(lab, lambda _: None)


def say(text: str) -> None:
    """Tell what is going on, on stderr, behind what the tests printed."""
    sys.stdout.flush()
    print(f"== {text}", file=sys.stderr, flush=True)


def spoken(seconds: float) -> str:
    """Return a duration as people say it."""
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def main() -> int:
    """Run a suite's parts, also those after one that failed; exit 1 if any did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=sorted(SUITES))
    parts = SUITES[parser.parse_args().suite]()
    try:
        passed = [run(part) for part in parts]  # all of them, also after one that failed
    except KeyboardInterrupt:
        return 130
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
