"""What netprobe costs beside what it cost before: the same commands by an older commit, in turn with this one's, in one run.

The older one has a checkout and a virtual environment of its own, with the same dependencies: made in build/ where none is given.
Both are whole commands, started as a user starts them; compiled files are kept, as an installation has them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench_big import grown
from bench_pcap import synthetic_pcap

from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write
from netprobe_lab.layout import DESK, this_lab
from netprobe_lab.namespaces import enter
from netprobe_lab.shell import shell_environment
from netprobe_lab.sshd import desk_hosts_file, ssh_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BASE = "959d161"
CHECKOUT = Path(__file__).resolve().parents[1]
CAPTURES = CHECKOUT / "captures"
SMALL = "accept-queue-full.pcapng"
TARGET = "netprobe-bench:80"
OTHER = 1.05
"""What nothing may get slower than."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One command that both run.

    Attributes:
        name: what is printed.
        arguments: netprobe's.
        at_most: the ratio that is aimed at.
        prefix: argv before Python: a namespace that is entered.
        environment: more variables.
    """

    name: str
    arguments: Sequence[str]
    at_most: float = OTHER
    prefix: Sequence[str] = ()
    environment: Mapping[str, str] | None = None


def python_of(base: Path | None) -> str | None:
    """Return the Python of the older commit's checkout, made if need be; None (said on stdout): it cannot be had."""
    folder = base or CHECKOUT / "build" / f"bench-{BASE}"
    python = folder / ".venv" / "bin" / "python"
    if not python.exists() and not _make(folder):
        return None
    return str(python)


def _make(folder: Path) -> bool:
    """Check the older commit out, and install it into an environment of its own."""
    print(f"making the checkout of {BASE} in {folder.relative_to(CHECKOUT)}: once", flush=True)
    archive = subprocess.run(["git", "-C", CHECKOUT, "archive", BASE], capture_output=True, check=False)
    if archive.returncode != 0:
        print(f"beside {BASE}: not measured, it is not in this clone (git fetch --unshallow)")
        return False
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    pip = [str(folder / ".venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--editable", str(folder)], check=False).returncode != 0:
        shutil.rmtree(folder)
        print(f"beside {BASE}: not measured, its dependencies could not be installed")
        return False
    return True


def offline(folder: Path) -> list[Measure]:
    """Return what needs no lab: start, and replays of small, many-packet and big-host files, which are written to `folder`."""
    many, big = folder / "many.pcap", folder / "big-host.pcapng"
    many.write_bytes(synthetic_pcap(50_000))
    big.write_bytes(write(grown(read((CAPTURES / "demo.pcapng").read_bytes()), 5000, 500)))
    return [
        Measure(name="--help", arguments=["--help"]),
        Measure(name="replay, a small file", arguments=["replay", str(CAPTURES / SMALL)], at_most=0.9),
        Measure(name="replay, 50,000 packets", arguments=["replay", str(many), "--flow", "10.0.0.0:1024"]),
        Measure(name="replay, 5,000 rules and 500 containers", arguments=["replay", str(big)]),
    ]


def live(folder: Path) -> Iterator[Measure]:
    """Return what is asked in the lab that is up, where the bench container runs. Both use one inventory, in `folder`."""
    lab = this_lab()
    hosts = folder / "hosts.toml"
    hosts.write_text(_plain(lab.hosts_file))
    argv = ["explain", TARGET, "--from", "server1", "--hosts", str(hosts)]
    yield Measure(name="a healthy explain across two hosts", arguments=argv, at_most=0.65)
    yield Measure(name="--predict", arguments=[*argv, "--predict"], at_most=0.5)
    if not ssh_runs(lab):
        print("over ssh: not measured (sudo netprobe lab up --ssh)")
        return
    yield Measure(
        name="over ssh, connections warm",
        arguments=["explain", TARGET, "--from", "server1", "--hosts", str(desk_hosts_file(lab))],
        prefix=enter(lab, DESK.name),
        environment=shell_environment(lab, DESK.name),
    )


def _plain(inventory: Path) -> str:
    """Return an inventory with its hosts alone, as both understand them."""
    hosts = tomllib.loads(inventory.read_text())["hosts"]
    return "\n".join(
        f"[hosts.{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in table.items())
        for name, table in hosts.items()
    )


def beside(base: str, measures: Sequence[Measure], pairs: int) -> None:
    """Run each measure by both in turn, after one run of each that is not counted, and print the medians."""
    print(f"beside {BASE}, medians of {pairs} pairs in turn, in seconds:")
    with tempfile.TemporaryDirectory(prefix="netprobe-bench-") as folder:
        for measure in measures:
            ours, theirs = [], []
            for number in range(pairs + 1):
                took = _took(base, measure, folder), _took(sys.executable, measure, folder)
                if number:
                    theirs.append(took[0])
                    ours.append(took[1])
            ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
            print(
                f"  {measure.name:42} {statistics.median(ours):6.3f}   before {statistics.median(theirs):6.3f}   "
                f"ratio {ratio:.2f}   (aim ≤ {measure.at_most:.2f})",
                flush=True,
            )


def _took(python: str, measure: Measure, folder: str) -> float:
    """Return how long one run takes, in seconds. Standing elsewhere, each Python finds its own netprobe."""
    environment = {**os.environ, **(measure.environment or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    argv = [*measure.prefix, python, "-m", "netprobe", *measure.arguments]
    begin = time.perf_counter()
    done = subprocess.run(
        argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begin
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return took
