"""What `netprobe flows` costs beside the programs that do alike, whole commands on one capture, in turn, in one run.

    tools/bench_flows.py [--runs N] [--large] [--folder DIR] [--only PART ...]

Each number is a median; the first run of each command is not counted, but its flows are. tshark and tcpdump are needed, tcptrace (Debian has it) is
measured where it is; nfstream is installed from PyPI into an environment of its own in build/, where it can be. What needs files of 1 GB and more (--large) writes them to
DIR, 11 GB at a time at most, and removes each as soon as it was measured, also after a failure or an interrupt.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bench_memory import peak_of
from flow_capture import Shape, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

NETPROBE = (sys.executable, "-m", "netprobe", "flows")
CSV = ("--format", "csv")
NFSTREAM = Path(__file__).resolve().parents[1] / "build" / "bench-nfstream"
_COUNT_FLOWS = "import sys, nfstream; print(sum(1 for _ in nfstream.NFStreamer(source=sys.argv[1], n_dissections=0)))"
_INSTALL_S = 180
FEW = 4  # times as many runs of what is over at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another program, and how many times as fast netprobe is meant to be, with verdicts and without."""

    name: str
    argv: Sequence[str]
    aim: float | None = None
    aim_plain: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one command took: seconds on the clock, and of processors, its children's included."""

    wall: float
    cpu: float


def peers() -> Iterator[Peer]:
    """Those that are installed; the last argument is the file's. The others are named."""
    known = (
        Peer(name="tshark -q -z conv,tcp", argv=("tshark", "-n", "-q", "-z", "conv,tcp", "-r"), aim=12, aim_plain=16),
        Peer(
            name="tcptrace -l -r", argv=("tcptrace", "-n", "-l", "-r"), aim=3.5
        ),  # with RTT and retransmissions, as ours
        Peer(name="tcptrace, ends alone", argv=("tcptrace", "-n")),
        Peer(name="nfstream, no DPI", argv=(str(NFSTREAM / "bin" / "python"), "-c", _COUNT_FLOWS), aim=8),
    )
    for peer in known:
        if shutil.which(peer.argv[0]):
            yield peer
        else:
            print(f"{peer.name}: not measured, it is not installed")


def copying(file: Path) -> tuple[str, ...]:
    """Return the command that reads and writes every packet, and does nothing else: the limit."""
    return ("tcpdump", "-r", str(file), "-w", "/dev/null")


def netprobe(*files: Path, verdict: bool = True) -> tuple[str, ...]:
    """Return the command that is measured."""
    return (*NETPROBE, *map(str, files), *CSV, *(() if verdict else ("--no-verdict",)))


def taken(argv: Sequence[str], environment: Mapping[str, str] | None = None, given: Path | None = None) -> Taken:
    """Run a command to its end, its output thrown away; a file may be given as its input."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (given or Path(os.devnull)).open("rb") as stdin:
        _finish(argv, stdin=stdin, stdout=subprocess.DEVNULL, environment=environment)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(wall=wall, cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _finish(
    argv: Sequence[str],
    stdout: int,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> bytes:
    done = subprocess.run(
        argv,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout or b""


def in_turn(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Taken]:
    """Return the medians of several commands, run in turn."""
    rounds = [{name: taken(argv) for name, argv in commands.items()} for _ in range(runs)]
    return {name: _median([each[name] for each in rounds]) for name in commands}


def _median(rounds: Sequence[Taken]) -> Taken:
    return Taken(
        wall=statistics.median(each.wall for each in rounds), cpu=statistics.median(each.cpu for each in rounds)
    )


@contextmanager
def capture(folder: Path | None, shape: Shape) -> Iterator[Path]:
    """A capture of this shape, for as long as the context lasts, however it ends."""
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-", dir=folder) as held:
        file = Path(held) / ("flows.pcap" if shape.points == 1 else "flows.pcapng")
        write(file, shape)
        yield file


def check_count(file: Path, shape: Shape) -> None:
    """Run once, so that caches are warm, and end where not every flow was found, or more than there are."""
    found = _finish(netprobe(file), subprocess.PIPE).count(b"\n") - 1
    if found != shape.flows * shape.points:
        raise SystemExit(f"{found} flows of {shape.flows * shape.points} were found")


def beside_peers(folder: Path | None, runs: int) -> None:
    """1.92 million packets, 60,000 flows, beside every peer."""
    install_nfstream()
    shape = Shape()
    with capture(folder, shape) as file:
        check_count(file, shape)
        others = list(peers())
        ours = {"netprobe flows": netprobe(file), "netprobe flows --no-verdict": netprobe(file, verdict=False)}
        theirs = {peer.name: (*peer.argv, str(file)) for peer in others}
        for argv in theirs.values():
            taken(argv)
        took = in_turn({**ours, **theirs, "tcpdump -w /dev/null": copying(file)}, runs)
        print(f"{_size(file)}, {_shown(shape)}: seconds (of processors)")
        for name, each in took.items():
            print(f"  {name:28} {each.wall:7.2f} ({each.cpu:.2f})")
        for peer in others:
            for name, aim in (("netprobe flows", peer.aim), ("netprobe flows --no-verdict", peer.aim_plain)):
                if aim is not None:
                    print(f"  {name}: {took[peer.name].wall / took[name].wall:.1f} times {peer.name} (aim ≥ {aim:g})")
        first_run(file, took.get("tshark -q -z conv,tcp"))


def first_run(file: Path, tshark: Taken | None) -> None:
    """The first run of an installation: nothing is compiled yet."""
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-cache-") as cache:
        empty = {"XDG_CACHE_HOME": cache}
        first = taken(netprobe(file), empty)
    beside = f", {tshark.wall / first.wall:.1f} times tshark (aim ≥ 4)" if tshark else ""
    print(f"  first run, nothing is compiled: {first.wall:.2f} ({first.cpu:.2f}){beside}")


def start_up(runs: int) -> Taken:
    """One flow: what is left is the start. As standard input, whose size is not known, it is read by what reads large files: machine code is loaded."""
    with capture(None, Shape(flows=1)) as file:
        taken(netprobe(file))
        small = in_turn({"start": netprobe(file)}, runs)["start"]
        rounds = [taken(netprobe(Path("-")), given=file) for _ in range(runs)]
    took = _median(rounds)
    print(
        f"start-up (one flow): {small.wall:.2f} s ({small.cpu:.2f}), with machine code: {took.wall:.2f} s ({took.cpu:.2f}) (aim ≤ 0.5)"
    )
    return took


def costs(folder: Path | None, runs: int, *, large: bool) -> None:
    """What a packet costs, start-up left out, where flows are in proportion to packets.

    The start is measured beside each run and taken off it: a fifth of a million packets take as long as the start itself, and a machine that gets
    slower in between would count as packets. Of few packets there are more runs.
    """
    shapes = {flows: Shape(flows=flows) for flows in (6_250, 62_500, *((625_000,) if large else ()))}
    often = {6_250: FEW * runs, 62_500: runs, 625_000: min(runs, 3)}
    with ExitStack() as held:
        start = held.enter_context(capture(folder, Shape(flows=1)))
        files = {flows: held.enter_context(capture(folder, shape)) for flows, shape in shapes.items()}
        for flows, file in files.items():
            check_count(file, shapes[flows])
        each = {flows: _cost(file, start, often[flows]) / shapes[flows].total for flows, file in files.items()}
    for flows, cost in each.items():
        print(f"  {shapes[flows].total / 1e6:g} M packets: {cost * 1e9:.0f} ns a packet ({often[flows]} runs)")
    middle = each[62_500]
    print(f"  beside 2 M packets: {', '.join(f'{value / middle - 1:+.0%}' for value in each.values())} (aim ±25 %)")


def _cost(file: Path, start: Path, runs: int) -> float:
    """Seconds of processors that a file takes beyond the start: the median of runs, each beside one of a single flow."""
    beyond = []
    for _ in range(runs):
        before, took, after = (
            taken(netprobe(Path("-")), given=start),
            taken(netprobe(file)),
            taken(netprobe(Path("-")), given=start),
        )
        beyond.append(took.cpu - (before.cpu + after.cpu) / 2)
    return statistics.median(beyond)


def ten_times(folder: Path | None, runs: int) -> None:
    """Ten times the packets in as many flows, beside copying."""
    shape = Shape(packets=320)
    with capture(folder, shape) as file:
        check_count(file, shape)
        took = in_turn({"ours": netprobe(file), "copy": copying(file)}, min(runs, 3))
        print(
            f"{_size(file)}, {_shown(shape)}: {took['ours'].wall:.2f} s, tcpdump -w /dev/null {took['copy'].wall:.2f} s"
        )
        print(f"  {took['ours'].wall / took['copy'].wall:.1f} times as long (aim ≤ 4)")


def memory(folder: Path | None, *, large: bool) -> None:
    """The most anonymous memory, of all processes together."""
    peaks = {}
    for packets in (32, *((320,) if large else ())):
        with capture(folder, Shape(packets=packets)) as file:
            peaks[packets] = peak_of(netprobe(file))
            print(f"memory, {_size(file)}: {peaks[packets] / 1e6:.0f} MB (aim ≤ 350)")
    if large:
        print(f"  ten times the packets of as many flows: {peaks[320] / peaks[32] - 1:+.0%} (aim ±10 %)")


def correlating(folder: Path | None, runs: int, *, large: bool) -> None:
    """Flows of three points, a published port among them, joined and judged: beside finding them."""
    shape = Shape(flows=100_000, packets=10, points=3)
    start = start_up(runs)
    with capture(folder, shape) as file:
        check_count(file, shape)
        took = in_turn({"all": netprobe(file), "found": netprobe(file, verdict=False)}, runs)
        found = took["found"].cpu - start.cpu
        joined = took["all"].cpu - took["found"].cpu
        print(
            f"{_shown(shape)}: found {found:.2f} s, joined and judged {joined:.2f} s: {joined / found:.2f} (aim ≤ 1.5)"
        )
    if large:
        with capture(folder, Shape(flows=1_000_000, packets=10, points=3)) as file:
            print(f"memory, a million flows, three points: {peak_of(netprobe(file)) / 1e6:.0f} MB (aim ≤ 2000)")


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.0f} MB"


def _shown(shape: Shape) -> str:
    packets = shape.flows * shape.packets * shape.points
    return f"{packets / 1e6:.2f} M packets, {shape.flows:,} flows, {shape.points} point{'s'[: shape.points - 1]}"


def install_nfstream() -> None:
    """Give nfstream an environment of its own, once; without a way to PyPI it is left out."""
    if (NFSTREAM / "bin" / "python").exists():
        return
    pip = (str(NFSTREAM / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        subprocess.run([sys.executable, "-m", "venv", NFSTREAM], check=True)
        subprocess.run([*pip, "nfstream"], check=True, stderr=subprocess.DEVNULL, timeout=_INSTALL_S)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(NFSTREAM, ignore_errors=True)
        print(f"nfstream: it could not be installed ({error})")


def flows(folder: Path | None = None, runs: int = 5, *, large: bool = False, only: Sequence[str] = ()) -> None:
    """Measure and print all parts, or those that are named."""
    parts: dict[str, Callable[[], object]] = {
        "peers": lambda: beside_peers(folder, runs),
        "costs": lambda: costs(folder, runs, large=large),
        "memory": lambda: memory(folder, large=large),
        "correlating": lambda: correlating(folder, runs, large=large),
        "cluster": lambda: _cluster(folder, runs, large=large),
        **({"ten-times": lambda: ten_times(folder, runs)} if large else {}),
    }
    with compiled():
        for name, part in parts.items():
            if not only or name in only:
                part()


@contextmanager
def compiled() -> Iterator[None]:
    """Measure as after an installation: with machine code, in a cache of the bench's own, and with Python's own of imported modules."""
    kept = {name: os.environ.pop(name, None) for name in ("XDG_CACHE_HOME", "PYTHONDONTWRITEBYTECODE")}
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-cache-") as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        try:
            print(f"compiling, once: {taken((*NETPROBE, '--compile')).wall:.0f} s")
            yield
        finally:
            del os.environ["XDG_CACHE_HOME"]
            os.environ |= {name: value for name, value in kept.items() if value is not None}


def _cluster(folder: Path | None, runs: int, *, large: bool) -> None:
    if importlib.util.find_spec("distributed") is None:
        print("cluster: not measured, Dask is not installed (pip install 'netprobe[cluster]')")
        return
    from bench_cluster import cluster

    cluster(folder, runs, 60_000 if large else 15_000)


def _terminated(*_: object) -> None:
    raise SystemExit(143)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each command; the median counts")
    parser.add_argument("--large", action="store_true", help="also files of several GB, which are removed again")
    parser.add_argument(
        "--folder", type=Path, help="where captures are written (default: the folder for temporary files)"
    )
    parser.add_argument(
        "--only", action="append", default=[], help="peers, costs, memory, correlating, cluster or ten-times"
    )
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)  # as Ctrl-C: what was written is removed
    signal.signal(signal.SIGHUP, _terminated)
    flows(chosen.folder, chosen.runs, large=chosen.large, only=chosen.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
