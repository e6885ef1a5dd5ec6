"""`make bench`: what netprobe costs, beside something known, measured in one run on this machine. No pass, no fail.

    tools/bench.py [--packets N] [--runs N] [--pairs N] [--base DIR] [--experiments none|some|all] [--large]

The live part needs root and a lab that is up (`netprobe lab up`); it starts containers in it and removes all of them again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import bench_annotate
import bench_base
import bench_big
import bench_causes
import bench_flows
import bench_rules
import bench_shapes
from bench_pcap import synthetic_pcap
from flow_capture import Shape, write

from netprobe_lab.layout import this_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.evidence.packets import Packets

PYTHON = sys.executable
NETPROBE = (PYTHON, "-m", "netprobe")
BENCH_CONTAINER = "netprobe-bench"
BENCH_PORT = "8077"


def main() -> int:
    """Measure and print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=200_000, help="size of the synthetic capture")
    parser.add_argument("--runs", type=int, default=7, help="runs of each command; the median counts")
    parser.add_argument("--pairs", type=int, default=9, help="runs of each command beside the older commit's")
    parser.add_argument(
        "--base", type=Path, help=f"a checkout of {bench_base.BASE} with its .venv (default: made in build/)"
    )
    parser.add_argument(
        "--experiments",
        choices=("none", "some", "all"),
        default="some",
        help="which are run live to count the causes: one of each cause, finding and path (some: six minutes), or all (several times that)",
    )
    parser.add_argument("--large", action="store_true", help="captures of several GB for the flow table, too")
    chosen = parser.parse_args()
    start_up(chosen.runs)
    completion(chosen.runs)
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-") as folder:
        replay(Path(folder), chosen.runs)
        page(chosen.runs)
        page_of_flows(Path(folder), chosen.runs)
        decode(Path(folder), chosen.packets)
        beside(Path(folder), bench_base.python_of(chosen.base), chosen.pairs)
    bench_shapes.shapes(2000, 4)
    bench_flows.flows(runs=5, large=chosen.large)
    bench_annotate.annotate()
    bench_big.big_host(rules=5000, containers=500)
    bench_rules.many_rules(rules=5000, elements=10_000, runs=5)
    bench_causes.replayed()
    if live(chosen.runs) and chosen.experiments != "none":
        bench_causes.live(this_lab(), every=chosen.experiments == "all")
    return 0


def beside(folder: Path, base: str | None, pairs: int) -> None:
    """Every command beside that of the older commit; those that ask hosts where a lab is up."""
    if base is None:
        return
    bench_base.beside(base, bench_base.offline(folder), pairs)
    if lab_is_up():
        with bench_container():
            bench_base.beside(base, [*bench_base.live(folder)], pairs)


def lab_is_up() -> bool:
    """Tell whether this checkout's lab is up, and may be used."""
    return os.geteuid() == 0 and run(*NETPROBE, "lab", "status", check=False) == 0


def start_up(runs: int) -> None:
    """`netprobe --help` beside importing click."""
    ours = median(lambda: run(*NETPROBE, "--help"), runs)
    other = median(lambda: run(PYTHON, "-c", "import click"), runs)
    row("netprobe --help", ours, "import click", other, "≤ 3 times")


def completion(runs: int) -> None:
    """One Tab: the whole process, with what this machine's engines offer (of a lab, where one is up)."""
    words = {"_NETPROBE_COMPLETE": "bash_complete", "COMP_WORDS": "netprobe explain --hosts lab d"}

    def tab() -> None:
        subprocess.run(NETPROBE, env={**os.environ, **words}, check=True, stdout=subprocess.DEVNULL)

    print(f"completion of a target: {median(tab, runs):.3f} s (aim ≤ 0.15 s)")


def replay(folder: Path, runs: int) -> None:
    """`netprobe replay` of a small file beside importing numpy."""
    captures = sorted((Path(__file__).parent.parent / "captures").glob("*.pcapng"))
    file = captures[0] if captures else folder / "small.pcapng"
    if not captures:
        file.write_bytes(synthetic_pcap(3))
    ours = median(lambda: run(*NETPROBE, "replay", str(file)), runs)
    other = median(lambda: run(PYTHON, "-c", "import numpy"), runs)
    row(f"netprobe replay {file.name}", ours, "import numpy", other, "≤ 0.6 s")


def page(runs: int) -> None:
    """What `--html` adds to a replay of a recorded run, each in a process of its own; in time of the processor, as other work on the machine is more than that."""
    capture = str(Path(__file__).parent.parent / "captures" / "truth-http-lan-dnat-deleted.pcapng")
    with tempfile.TemporaryDirectory(prefix="netprobe-page-") as folder:
        file = str(Path(folder) / "page.html")
        alone = statistics.median(processor_seconds("replay", capture) for _ in range(runs))
        both = statistics.median(processor_seconds("replay", capture, "--html", file, "--force") for _ in range(runs))
        size = Path(file).stat().st_size
    print(
        f"--html ({size // 1000} kB) adds {both - alone:.3f} s to replay's {alone:.3f} s   ratio {both / alone - 1:.2f}   (aim ≤ 0.5)"
    )


def page_of_flows(folder: Path, runs: int) -> None:
    """What `--html` adds to `netprobe flows` of 5,000 connections, of which 135 fail; in time of the processor, alternately."""
    capture, file = folder / "flows.pcapng", folder / "flows.html"
    write(capture, Shape(flows=5000, packets=10, points=3, failing=37))
    argv = ("flows", str(capture), "--format", "csv")
    pairs = [
        (processor_seconds(*argv), processor_seconds(*argv, "--html", str(file), "--force")) for _ in range(runs + 1)
    ][1:]
    alone, both = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"flows --html (5,000 connections, {file.stat().st_size // 1000} kB) adds {both - alone:.3f} s to flows' {alone:.3f} s   "
        f"ratio {both / alone - 1:.2f}   (aim ≤ 0.5)"
    )


def processor_seconds(*arguments: str) -> float:
    """User and system time of one run of netprobe."""
    before = os.times()
    run(*NETPROBE, *arguments, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def decode(folder: Path, count: int) -> None:
    """Reading and decoding many packets, beside scapy's dissection of a few of the same."""
    from netprobe.decode.decoder import decode as decode_packets
    from netprobe.evidence.stream.whole import read_many

    file = folder / "many.pcap"
    file.write_bytes(synthetic_pcap(count))
    data = file.read_bytes()
    reading = timed(lambda: read_many([(str(file), data)], {}))
    evidence = read_many([(str(file), data)], {})
    decoding = timed(lambda: decode_packets(evidence.packets, evidence.points))
    whole = timed(lambda: run(*NETPROBE, "replay", str(file), "--flow", "10.0.0.0:1024"))
    one = scapy_seconds_a_packet(evidence.packets, 2000)
    print(f"{count} packets: read {reading:.2f} s, decode {decoding:.2f} s, replay in all {whole:.2f} s")
    each = (reading + decoding) / count
    print(f"  {1 / each:,.0f} packets/s; scapy dissects {1 / one:,.0f} packets/s: {one / each:.0f} times as fast")


def scapy_seconds_a_packet(packets: Packets, count: int) -> float:
    """Return how long scapy takes for one packet, in seconds."""
    from scapy.layers.inet import TCP  # noqa: F401 - importing it binds it
    from scapy.layers.l2 import Ether

    raws = [packets.raw(number) for number in range(min(count, len(packets)))]
    return timed(lambda: [Ether(raw) for raw in raws]) / len(raws)


def live(runs: int) -> bool:
    """A healthy explain across the lab's two hosts, and where its time went; False when there is no lab."""
    if not lab_is_up():
        print("live explain: not measured, no lab is up (sudo netprobe lab up)")
        return False
    with bench_container():
        argv = (*NETPROBE, "explain", f"{BENCH_CONTAINER}:80", "--from", "server1", "--hosts", lab_hosts())
        took = median(lambda: run(*argv), min(runs, 5))
        text = output(*argv)
        by_ssh = over_ssh(min(runs, 5))
    print(f"a healthy explain across two hosts: {took:.2f} s (aim ≤ 1.5 s)")
    print("  " + text.splitlines()[0])
    print("  " + text.splitlines()[-1])
    print(f"the same over ssh: {by_ssh}")
    return True


def over_ssh(runs: int) -> str:
    """The same from the lab's `desk`, with both hosts' connections open already."""
    from netprobe_lab.ask import on_desk
    from netprobe_lab.sshd import ssh_runs

    lab = this_lab()
    if not ssh_runs(lab):
        return "not measured (sudo netprobe lab up --ssh)"
    took = median(lambda: on_desk(lab, ["explain", f"{BENCH_CONTAINER}:80", "--from", "server1"]), runs)
    return f"{took:.2f} s with connection sharing warm (aim ≤ 4 s)"


@contextmanager
def bench_container() -> Iterator[None]:
    """A web server on server2, published, for as long as the context lasts."""
    shell = (*NETPROBE, "lab", "shell", "server2", "--", "docker")
    run(*shell, "rm", "-f", BENCH_CONTAINER, check=False)
    run(*shell, "run", "-d", "--name", BENCH_CONTAINER, "-p", f"{BENCH_PORT}:80", "nginx")
    try:
        wait_until_it_works()
        yield
    finally:
        run(*shell, "rm", "-f", BENCH_CONTAINER, check=False)


def wait_until_it_works(seconds: float = 20.0) -> None:
    """Ask until the container answers; it is what `explain` measures, so `explain` may ask."""
    argv = [*NETPROBE, "explain", f"{BENCH_CONTAINER}:80", "--from", "server1", "--hosts", lab_hosts(), "--json"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        asked = subprocess.run(argv, capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return
    raise SystemExit(f"the bench container does not answer: {asked.stdout}{asked.stderr}")


def lab_hosts() -> str:
    """Return the inventory of this checkout's lab."""
    return str(this_lab().hosts_file)


def median(call: Callable[[], object], runs: int) -> float:
    """Return the median time of a call, in seconds, after one run that warms the caches."""
    call()
    return statistics.median(timed(call) for _ in range(runs))


def timed(call: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def run(*argv: str, check: bool = True) -> int:
    """Run a command, its output thrown away. A report's exit code of 1 or 3 is no fault, a crash is."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if check and done.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.returncode


def output(*argv: str) -> str:
    """Return what a command prints."""
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout


def row(ours: str, our_seconds: float, other: str, other_seconds: float, aim: str) -> None:
    """Print one comparison."""
    ratio = our_seconds / other_seconds
    print(f"{ours}: {our_seconds:.3f} s   {other}: {other_seconds:.3f} s   ratio {ratio:.1f}   (aim {aim})")


if __name__ == "__main__":
    sys.exit(main())
