"""Fill the marked blocks of README.md from real runs in the lab, so that no output in it is typed by hand.

    tools/readme.py [BLOCK...]        all blocks by default; needs root and a lab that is up (`netprobe lab up`)

A block stands between `<!-- NAME -->` and `<!-- /NAME -->`. The containers of the lab are replaced.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.series import Codes, Numbers, Seconds, Times, Truths

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.flowtable.fields import FlowField

README = Path(__file__).parent.parent / "README.md"
NETPROBE = (sys.executable, "-m", "netprobe")
DROP = ("DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP")
ASKED = ("explain", "demo:80", "--from", "server1", "--hosts", "lab")


def demo() -> str:
    """Return the report of the demo, which works."""
    start_demo()
    return console(*ASKED)


def demo_fails() -> str:
    """Return the report of the same question with a firewall rule in the way."""
    start_demo()
    lab("iptables", "-I", *DROP)
    try:
        return console(*ASKED)
    finally:
        lab("iptables", "-D", *DROP)


def hosts() -> str:
    """Return what can be done with the lab's hosts."""
    return console("hosts", "--hosts", "lab")


def truth_table() -> str:
    """Return the truth table over TCP, measured now."""
    done = netprobe("lab", "run", "truth-table")
    if done.returncode:
        raise SystemExit(f"the truth table is not as declared:\n{done.stderr}")
    return done.stdout.strip()


def flows() -> str:
    """Return a table of flows, as a terminal of 120 columns shows it."""
    arguments = ("flows", "captures/truth-http-lan-normal.pcapng")
    terminal = {**os.environ, "COLUMNS": "120", "FORCE_COLOR": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [*NETPROBE, *arguments], capture_output=True, text=True, check=True, cwd=README.parent, env=terminal
    )
    return f"```console\n$ netprobe {' '.join(arguments)}\n{done.stdout.rstrip()}\n```"


def diff() -> str:
    """Return what differs between two saved runs."""
    arguments = ("diff", "captures/demo.pcapng", "captures/docker-user-drop.pcapng")
    done = subprocess.run([*NETPROBE, *arguments], capture_output=True, text=True, check=False, cwd=README.parent)
    return f"```console\n$ netprobe {' '.join(arguments)}\n{done.stdout.rstrip()}\n```"


def flow_columns() -> str:
    """Return the columns of flows, with their dtypes in pandas."""
    rows = [f"| `{field.name}` | {_dtype(field)} | {field.says} |" for field in FIELDS]
    return "\n".join(["| column | dtype | |", "|---|---|---|", *rows])


def _dtype(field: FlowField) -> str:
    if field.kind is Numbers:
        return "int64" if field.always else "Int64"
    return {Truths: "bool", Seconds: "float64", Times: "datetime64[ns, UTC]", Codes: "category"}.get(field.kind, "str")


BLOCKS: dict[str, Callable[[], str]] = {
    "demo": demo,
    "demo-fails": demo_fails,
    "flows": flows,
    "flow-columns": flow_columns,
    "diff": diff,
    "hosts": hosts,
    "truth-table": truth_table,
}


def start_demo() -> None:
    """Start `demo` on server2 as the tutorial does, and wait until it answers."""
    lab("docker", "rm", "-f", "demo", check=False)
    lab("docker", "run", "-d", "--name", "demo", "-p", "80:80", "nginx")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        done = netprobe(*ASKED)
        if done.returncode == 0:
            return
    raise SystemExit(f"demo does not answer:\n{done.stdout}{done.stderr}")


def console(*arguments: str) -> str:
    """Return a command and what it printed, as a console block."""
    done = netprobe(*arguments)
    if not done.stdout:
        raise SystemExit(done.stderr)
    return f"```console\n# netprobe {' '.join(arguments)}\n{done.stdout.rstrip()}\n```"


def lab(*command: str, check: bool = True) -> None:
    """Run a command on the lab's server2."""
    done = netprobe("lab", "shell", "server2", "--", *command)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")


def netprobe(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run netprobe with its output in a pipe."""
    return subprocess.run(
        [*NETPROBE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def filled(text: str, name: str, content: str) -> str:
    """Return the text with one block replaced."""
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{README.name} has no block {name!r}")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def main() -> None:
    """Fill the blocks named on the command line, all by default."""
    names = sys.argv[1:] or list(BLOCKS)
    for name in names:
        if name not in BLOCKS:
            raise SystemExit(f"no block is called {name!r}; there are {', '.join(BLOCKS)}")
        README.write_text(filled(README.read_text(), name, BLOCKS[name]()))


if __name__ == "__main__":
    main()
