"""A big host in the lab: very many real containers and rules on server2, to measure netprobe beside them.

    tools/big_host.py up [--containers N] [--rules N]
    tools/big_host.py down

Needs root, and a lab that is up (`netprobe lab up`). Minutes for 500 containers; each takes some 10 MB of memory. `netprobe
lab down` ends all of it as well.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from netprobe_lab.layout import this_lab
from netprobe_lab.steps import on_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe_lab.layout import Lab

HOST = "server2"
NETWORKS = 10
PARALLEL = 4
FIRST_PORT = 20000
PUBLISHED = 5
"""Two of so many containers publish their port."""
CHAIN, NAT_CHAIN = "BIG", "BIG-NAT"
NAT_RULES_IN = 16
"""One rule of so many is in the table nat."""


def main() -> int:
    """Make the big host, or remove it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("up", "down"))
    parser.add_argument("--containers", type=int, default=500)
    parser.add_argument("--rules", type=int, default=5000)
    chosen = parser.parse_args()
    if chosen.what == "up":
        make(this_lab(), chosen.containers, chosen.rules)
    else:
        remove(this_lab())
    return 0


def make(lab: Lab, containers: int, rules: int) -> None:
    """Start what is missing of the containers, and put the rules in."""
    begin = time.monotonic()
    there = set(docker(lab, "ps", "-a", "--format", "{{.Names}}").split())
    networks = set(docker(lab, "network", "ls", "--format", "{{.Name}}").split())
    for number in range(NETWORKS):
        if f"big{number}" not in networks:
            docker(lab, "network", "create", "--subnet", f"10.60.{number}.0/24", f"big{number}")
    missing = [number for number in range(containers) if name_of(number) not in there]
    with ThreadPoolExecutor(PARALLEL) as pool:
        for done, _ in enumerate(pool.map(lambda number: start(lab, number), missing), 1):
            if done % 50 == 0:
                print(f"{done} containers, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    on_host(lab, HOST, ["iptables-restore", "--noflush"], stdin="\n".join(restore(rules)) + "\n")


def start(lab: Lab, number: int) -> None:
    """Start one container with a small web server."""
    ports = ["-p", f"{FIRST_PORT + number}:80"] if number % PUBLISHED < 2 else []
    network = f"big{number % NETWORKS}"
    docker(
        lab, "run", "-d", "--name", name_of(number), "--network", network, *ports, "busybox", "httpd", "-f", "-p", "80"
    )  # fmt: skip


def name_of(number: int) -> str:
    """Return the name of a container of the big host."""
    return f"c{number:03}"


def restore(rules: int) -> Iterable[str]:
    """Return input of iptables-restore: rules that match no probe of the lab, before Docker's own."""
    yield from ("*filter", f":{CHAIN} - [0:0]")
    yield from (f"-A {CHAIN} {matches(number)} -j DROP" for number in range(rules - rules // NAT_RULES_IN))
    yield from (f"-I DOCKER-USER 1 -j {CHAIN}", "COMMIT", "*nat", f":{NAT_CHAIN} - [0:0]")
    yield from (
        f"-A {NAT_CHAIN} {matches(number * 5)} -j DNAT --to-destination 10.99.{number // 250}.{number % 250 + 1}:80"
        for number in range(rules // NAT_RULES_IN)
    )
    yield from (f"-A PREROUTING -j {NAT_CHAIN}", "COMMIT")


def matches(number: int) -> str:
    """Return the matches of one rule: the usual ones in turn."""
    source = f"-s 198.18.{number // 250 % 250}.{number % 250 + 1}/32"  # 198.18.0.0/15 is for benchmarks (RFC 2544)
    kinds = (
        f"{source} -p tcp -m tcp --dport {1024 + number % 60000}",
        f"{source} -p udp -m udp --dport {1024 + number % 60000}",
        f"{source} -i eth0 -p tcp -m multiport --dports 22,25,{1024 + number % 60000}",
        f"{source} -p tcp -m conntrack --ctstate NEW -m tcp --dport {1024 + number % 60000}",
        f'{source} -m comment --comment "customer {number}"',
    )
    return kinds[number % len(kinds)]


def remove(lab: Lab) -> None:
    """Remove the rules, the containers and the networks."""
    lines = [f"-D DOCKER-USER -j {CHAIN}", f"-F {CHAIN}", f"-X {CHAIN}"]
    nat = [f"-D PREROUTING -j {NAT_CHAIN}", f"-F {NAT_CHAIN}", f"-X {NAT_CHAIN}"]
    text = "\n".join(["*filter", *lines, "COMMIT", "*nat", *nat, "COMMIT", ""])
    on_host(lab, HOST, ["iptables-restore", "--noflush"], stdin=text, check=False)
    names = docker(lab, "ps", "-a", "--format", "{{.Names}}").split()
    mine = [name for name in names if name.startswith("c") and name[1:].isdigit()]
    for first in range(0, len(mine), 50):
        docker(lab, "rm", "-f", *mine[first : first + 50])
    docker(lab, "network", "rm", *(f"big{number}" for number in range(NETWORKS)))


def docker(lab: Lab, *arguments: str) -> str:
    """Run the docker client on the host; return what it prints."""
    return str(on_host(lab, HOST, ["docker", *arguments]).stdout)


if __name__ == "__main__":
    sys.exit(main())
