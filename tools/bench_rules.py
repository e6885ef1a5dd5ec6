"""What a prediction through very many rules costs, beside the listing of the same rules by nft, on a real router namespace.

    tools/bench_rules.py [--rules N] [--elements N] [--runs N]

So many rules of iptables and so many of nftables, with sets, intervals, concatenations and verdict maps of so many elements; none is for the packet,
so that it passes all of them. Needs root; the namespaces lead nowhere, and are removed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.kernel.arena import ROLES, ROUTER, Arena

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AIM = 4.0
TARGET = ("198.51.100.2:80", "--from", "client", "--predict")
SETS = {
    "addresses": "type ipv4_addr",
    "networks": "type ipv4_addr; flags interval",
    "ends": "type ipv4_addr . inet_service",
}
LEFT = {"addresses": "ip saddr", "networks": "ip saddr", "ends": "ip saddr . tcp dport"}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=5000)
    parser.add_argument("--elements", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    many_rules(chosen.rules, chosen.elements, chosen.runs)
    return 0


def many_rules(rules: int, elements: int, runs: int) -> None:
    """Print both times and their ratio; not measured without root."""
    if os.geteuid() != 0:
        print("a prediction through very many rules: not measured (needs root)")
        return
    with Arena(ident=f"{os.getpid()}-b") as arena, tempfile.TemporaryDirectory() as folder:
        arena.must(ROUTER, "iptables-restore", given=iptables(rules))
        arena.must(ROUTER, "nft", "-f", "-", given=nft(rules, elements))
        hosts = Path(folder) / "hosts.toml"
        hosts.write_text("".join(f'[hosts.{role}]\nreach = "netns:{arena.path(role)}"\n' for role in ROLES))
        listing = ("ip", "netns", "exec", arena.name(ROUTER), "nft", "-j", "list", "ruleset")
        asking = (sys.executable, "-m", "netprobe", "explain", *TARGET, "--hosts", str(hosts))
        print(f"{rules} rules of iptables and {rules} of nftables, sets of {elements}: {said(asking)}")
        pairs = [(timed(listing), timed(asking)) for _ in range(runs)]
    listed, asked = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"  predicted in {asked:.2f} s; nft -j list ruleset: {listed:.2f} s   ratio {asked / listed:.2f}   (aim ≤ {AIM:g})"
    )


def said(argv: tuple[str, ...]) -> str:
    """The first line of a prediction: it must be known to the end, or the rules were not passed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    line = (done.stdout or done.stderr).partition("\n")[0]
    if done.returncode != 0:
        raise SystemExit(f"the prediction does not come through: {line}\n{done.stdout}{done.stderr}")
    return line


def timed(argv: tuple[str, ...]) -> float:
    """How long a command takes, in seconds; what it prints is read, and thrown away."""
    start = time.perf_counter()
    subprocess.run(argv, capture_output=True, check=True)
    return time.perf_counter() - start


def address(number: int) -> str:
    """One of many addresses, none of the router's networks."""
    return f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def iptables(rules: int) -> str:
    """The filter table with a chain of so many rules that FORWARD calls."""
    kinds: tuple[Callable[[int], str], ...] = (
        lambda n: f"-s {address(n)}/32 -p tcp -m tcp --dport {1024 + n % 60000} -j DROP",
        lambda n: f"-d {address(n << 4)}/28 -m conntrack --ctstate NEW -j DROP",
        lambda n: (
            f"-p tcp -m multiport --dports {1000 + n % 50000},{2000 + n % 50000} -m mark --mark {n + 1:#x} -j REJECT"
        ),
        lambda n: f'-s {address(n)}/32 -i eth{n % 9} -m comment --comment "banned {n}" -j DROP',
    )
    lines = "".join(f"-A BIG {kinds[number % len(kinds)](number)}\n" for number in range(rules))
    return f"*filter\n:FORWARD ACCEPT [0:0]\n:BIG - [0:0]\n-A FORWARD -j BIG\n{lines}COMMIT\n"


def nft(rules: int, elements: int) -> str:
    """A table with sets, a verdict map, and so many rules; one in ten looks something up in a set."""
    named = list(SETS)

    def rule(number: int) -> str:
        if number % 10 == 0:
            name = named[number // 10 % len(named)]
            return f"{LEFT[name]} @{name} counter drop"
        if number % 10 == 1:
            return f"ip saddr {{ {address(number)}, {address(number + 9)} }} tcp dport != {{ 22, 443 }} drop"
        if number % 10 == 2:
            return f'ct state new iifname "eth{number % 9}" ip daddr {address(number << 4)}/28 counter drop'
        return f"ip saddr {address(number)} tcp dport {1024 + number % 60000} counter drop"

    body = "".join(f"  {rule(number)}\n" for number in range(rules))
    sets = "".join(
        f" set {name} {{ {kind}; elements = {{ {', '.join(values(name, elements))} }}; }}\n"
        for name, kind in SETS.items()
    )
    verdicts = ", ".join(f"{address(number)} : drop" for number in range(elements))
    return (
        f"table inet big {{\n{sets} map verdicts {{ type ipv4_addr : verdict; elements = {{ {verdicts} }}; }}\n"
        f" chain forward {{\n  type filter hook forward priority 10; policy accept;\n  ip saddr vmap @verdicts\n{body} }}\n}}\n"
    )


def values(name: str, elements: int) -> Iterator[str]:
    """The elements of a set."""
    for number in range(elements):
        if name == "networks":
            yield f"10.{200 + (number >> 13)}.{number >> 5 & 255}.{(number & 31) << 3}/30"
        else:
            yield f"{address(number)}{f' . {number % 60000 + 1}' if name == 'ends' else ''}"


if __name__ == "__main__":
    sys.exit(main())
