"""What a big host costs: recorded state of the lab's server2, grown to thousands of rules and hundreds of containers.

    tools/bench_big.py [--rules N] [--containers N] [--file CAPTURE] [--live]

What is added is what a real big host showed (see big_host.py): rules that match no probe of the lab, before all others; containers on
the same bridge, with their veths, forwarding entries, sockets and docker-proxies. So the answer must not change.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from big_host import PUBLISHED, matches

from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write
from netprobe.forward.question import predict_probe
from netprobe.pipeline import analyze
from netprobe.state.build import build_world
from netprobe_lab.layout import this_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState
    from netprobe.state.model import Host, World

T = TypeVar("T")
HOST = "server2"
ANY = "0.0.0.0"  # noqa: S104 - what docker-proxy is told
CAPTURES = Path(__file__).resolve().parents[1] / "captures"
FILES = ("demo", "docker-user-drop")
BRIDGE = "docker0"
LIVE = (
    ("c000:80", "--from", "server1"),
    ("c000:80", "--from", "server1", "--predict"),
    ("c002:80", "--from", "c012@server2"),
    ("c499:80", "--from", "server1"),
)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=5000)
    parser.add_argument("--containers", type=int, default=500)
    parser.add_argument("--file", action="append", help=f"a capture to grow (default: {' and '.join(FILES)})")
    parser.add_argument(
        "--live", action="store_true", help="ask real containers too: `tools/big_host.py up` comes first"
    )
    chosen = parser.parse_args()
    big_host(chosen.rules, chosen.containers, [Path(name) for name in chosen.file or ()])
    if chosen.live:
        live()
    return 0


def big_host(rules: int, containers: int, files: Iterable[Path] = ()) -> None:
    """Measure both a connection that works and one that a rule drops."""
    for file in files or [CAPTURES / f"{name}.pcapng" for name in FILES]:
        measure(file, rules, containers)


def measure(file: Path, rules: int, containers: int) -> None:
    """Print what each step takes beside its aim, and that the answer is as before."""
    small = read(file.read_bytes())
    data = write(grown(small, rules, containers))
    reading, evidence = clocked(lambda: read(data))
    parsing, world = clocked(lambda: parsed(evidence))
    predicting, told = clocked(lambda: predict_probe(evidence.probe, world.before))
    analysing, report = clocked(lambda: analyze(evidence))
    expected = analyze(small)
    cause = report.cause.code if report.cause else report.path.value
    print(f"{rules} rules, {containers} containers ({file.stem}: {report.verdict.value}, {cause}):")
    print(
        f"  file {len(data) / 1e6:.1f} MB; reading it {reading:.2f} s, parsing state {parsing:.2f} s (aim ≤ 5 s), "
        f"prediction {predicting:.2f} s (aim ≤ 1 s; {told.outcome.value if told else 'none'}), the whole analysis {analysing:.2f} s"
    )
    if (report.verdict, report.path, report.cause and report.cause.code) != (
        expected.verdict,
        expected.path,
        expected.cause and expected.cause.code,
    ):
        raise SystemExit(f"{file.stem}: another answer than with few rules and containers")


def live() -> None:
    """Ask of the big host that is up in the lab, and say which namespaces were entered."""
    hosts = str(this_lab().hosts_file)
    for question in LIVE:
        with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
            argv = [
                sys.executable,
                "-m",
                "netprobe",
                "explain",
                *question,
                "--hosts",
                hosts,
                "--force",
                "--save",
                file.name,
            ]
            took, done = clocked(partial(subprocess.run, argv, capture_output=True, text=True, check=False))
            data = Path(file.name).read_bytes()
        lines = done.stdout.splitlines() or [done.stderr.strip()]
        print(f"explain {' '.join(question)}: {took:.1f} s in all, file {len(data) / 1e6:.1f} MB")
        print(f"  {lines[0]}\n  {lines[-1]}\n  entered: {', '.join(entered(read(data))) or 'none'}")


def entered(evidence: Evidence) -> list[str]:
    """Return the containers whose namespaces were looked into."""
    keys = {(state.host, key) for state in evidence.before for key in state.outputs if key.startswith("ns/")}
    return sorted({f"{key.split('/')[1]}@{host}" for host, key in keys})


def clocked(call: Callable[[], T]) -> tuple[float, T]:
    """Return how long a call takes, in seconds, and what it returns."""
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def parsed(evidence: Evidence) -> World:
    """Return the world with all state before the probe parsed."""
    world = build_world(evidence)
    for host in world.before.values():
        look(host)
    return world


def look(host: Host) -> None:
    """Have all state of a host parsed."""
    for each in (host.own, *host.namespaces.values()):
        for name in ("links", "routes", "rules", "neighbours", "fdb", "sockets", "ruleset"):
            getattr(each, name)
    for name in ("legacy", "ruleset6", "nft", "containers", "networks", "proxies", "conntrack", "sysctls"):
        getattr(host, name)


def grown(evidence: Evidence, rules: int, containers: int) -> Evidence:
    """Return the evidence with as many more rules and containers on server2, before the probe and after."""

    def moment(states: tuple[HostState, ...]) -> tuple[HostState, ...]:
        return tuple(big(state, rules, containers) if state.host == HOST else state for state in states)

    return replace(evidence, before=moment(evidence.before), after=moment(evidence.after))


def big(state: HostState, rules: int, containers: int) -> HostState:
    """Return the state with more of everything that it has."""
    edits: dict[str, Callable[[str], str]] = {
        "iptables": lambda text: with_rules(text, rules),
        "nft": lambda text: with_nft(text, rules),
        "sockets": lambda text: text + "".join(socket(number) for number in published(containers)),
        "sysctl": lambda text: text + "".join(sysctl(number) for number in range(containers)),
        "containers": lambda text: with_more(text, (container(number) for number in range(containers))),
        "networks": lambda text: with_members(text, containers),
        "proxies": lambda text: with_more(text, (proxy(number) for number in published(containers))),
        "addr": lambda text: with_more(text, (veth(number) for number in range(containers))),
        "fdb": lambda text: with_more(text, (entry for number in range(containers) for entry in fdb(number))),
        "route": lambda text: with_more(text, (entry for number in range(containers) for entry in routes(number))),
        "neigh": lambda text: with_more(text, (neighbour(number) for number in range(containers))),
    }
    outputs = {
        key: replace(output, stdout=edits[key](output.stdout)) if key in edits and output.ok else output
        for key, output in state.outputs.items()
    }
    return replace(state, outputs=outputs)


def with_rules(text: str, rules: int) -> str:
    """Return iptables-save's text with a chain of so many rules, called first in FORWARD."""
    added = "".join(f"[0:0] -A BIG {matches(number)} -j DROP\n" for number in range(rules))
    text = re.sub(r"(?m)^(:DOCKER-USER - \[\d+:\d+\])$", r"\1\n:BIG - [0:0]", text, count=1)
    return re.sub(
        r"(?m)^(\[\d+:\d+\] -A FORWARD )", lambda found: f"[0:0] -A FORWARD -j BIG\n{added}{found[1]}", text, count=1
    )


def with_nft(text: str, rules: int) -> str:
    """Return the nft list with as many rules, in iptables' own table as there."""
    value = json.loads(text)
    left = {"payload": {"protocol": "ip", "field": "saddr"}}
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    value["nftables"] += [
        {
            "rule": {
                "family": "ip",
                "table": "filter",
                "chain": "BIG",
                "handle": 10_000 + number,
                "expr": [
                    {"match": {"op": "==", "left": left, "right": matches(number).split()[1].partition("/")[0]}},
                    {"match": {"op": "==", "left": port, "right": 1024 + number % 60000}},
                    {"counter": {"packets": 0, "bytes": 0}},
                    {"drop": None},
                ],
            }
        }
        for number in range(rules)
    ]
    return json.dumps(value)


def with_more(text: str, added: Iterator[dict[str, Any]]) -> str:
    """Return a JSON list with more items at its end."""
    return json.dumps([*json.loads(text or "[]"), *added])


def published(containers: int) -> range:
    """Return the numbers of the containers that publish a port."""
    return range(0, containers, PUBLISHED // 2)


def address(number: int) -> str:
    """Return a container's address, on the default bridge (172.17.0.0/16)."""
    return f"172.17.{100 + number // 200}.{number % 200 + 2}"


def mac(number: int) -> str:
    """Return a container's link address, as the engine makes it of the IPv4 address."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in address(number).split("."))


def ident(number: int) -> str:
    """Return a container's id."""
    return f"{number:012x}" + "0" * 52


def container(number: int) -> dict[str, Any]:
    """Return what is kept of a container's inspect."""
    binding = {"80/tcp": [{"HostIp": ANY, "HostPort": str(20000 + number)}]} if number in published(number + 1) else {}
    endpoint = {
        "Aliases": None,
        "Gateway": "172.17.0.1",
        "IPAddress": address(number),
        "IPPrefixLen": 16,
        "Links": None,
    }
    return {
        "Id": ident(number),
        "Name": f"/c{number:03}",
        "State": {
            "Status": "running",
            "Running": True,
            "Paused": False,
            "Pid": 100_000 + number,
            "StartedAt": "2026-11-24T07:00:00Z",
        },
        "Config": {"Image": "busybox", "Hostname": ident(number)[:12], "ExposedPorts": {}, "Labels": {}},
        "HostConfig": {"NetworkMode": "default", "PortBindings": binding, "Links": None, "Dns": [], "ExtraHosts": None},
        "NetworkSettings": {
            "Ports": binding,
            "SandboxKey": f"{number:012x}",
            "Networks": {"bridge": {**endpoint, "MacAddress": mac(number), "NetworkID": ""}},
        },
        "RestartCount": 0,
    }


def with_members(text: str, containers: int) -> str:
    """Return the networks with the containers in the default one."""
    networks = json.loads(text)
    for network in networks:
        if network.get("Name") == "bridge":
            network["Containers"] |= {
                ident(number): {
                    "Name": f"c{number:03}",
                    "MacAddress": mac(number),
                    "IPv4Address": f"{address(number)}/16",
                }
                for number in range(containers)
            }
    return json.dumps(networks)


def name(number: int) -> str:
    """Return the name of the host's end of a container's veth."""
    return f"veth{number:07x}"


def veth(number: int) -> dict[str, Any]:
    """Return a link as ``ip -j -d addr show`` has it."""
    slave = {
        "state": "forwarding",
        "priority": 32,
        "cost": 2,
        "hairpin": False,
        "learning": True,
        "flood": True,
        "isolated": False,
    }
    return {
        "ifindex": 5001 + 2 * number,
        "link_index": 5000 + 2 * number,
        "ifname": name(number),
        "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
        "mtu": 1500,
        "qdisc": "noqueue",
        "master": BRIDGE,
        "operstate": "UP",
        "link_type": "ether",
        "address": f"0a:00:00:00:{number // 256:02x}:{number % 256:02x}",
        "link_netnsid": 100 + number,
        "promiscuity": 1,
        "linkinfo": {"info_kind": "veth", "info_slave_kind": "bridge", "info_slave_data": slave},
        "addr_info": [{"family": "inet6", "local": f"fe80::800:ff:fe00:{number:x}", "prefixlen": 64, "scope": "link"}],
    }


def fdb(number: int) -> Iterator[dict[str, Any]]:
    """Yield a port's entries of ``bridge -j fdb show``: the container's address, and the port's own."""
    yield {"mac": mac(number), "ifname": name(number), "flags": [], "master": BRIDGE, "state": ""}
    yield {"mac": veth(number)["address"], "ifname": name(number), "flags": [], "master": BRIDGE, "state": "permanent"}
    for group in ("33:33:00:00:00:01", "01:00:5e:00:00:01"):
        yield {"mac": group, "ifname": name(number), "flags": ["self"], "state": "permanent"}


def routes(number: int) -> Iterator[dict[str, Any]]:
    """Yield the IPv6 routes that a veth brings, as ``ip -j route show table all`` has them."""
    for kind, prefix in (("unicast", "fe80::/64"), ("multicast", "ff00::/8")):
        yield {
            "type": kind,
            "dst": prefix,
            "dev": name(number),
            "table": "local",
            "protocol": "kernel",
            "metric": 256,
            "flags": [],
        }


def neighbour(number: int) -> dict[str, Any]:
    """Return a container's neighbour entry."""
    return {"dst": address(number), "dev": BRIDGE, "lladdr": mac(number), "state": ["STALE"]}


def proxy(number: int) -> dict[str, Any]:
    """Return a docker-proxy process."""
    words = {
        "proto": "tcp",
        "host-ip": ANY,
        "host-port": str(20000 + number),
        "container-ip": address(number),
        "container-port": "80",
    }
    return {
        "pid": 200_000 + number,
        "argv": ["/usr/sbin/docker-proxy", *(each for key, value in words.items() for each in (f"-{key}", value))],
    }


def socket(number: int) -> str:
    """Return docker-proxy's line of ss."""
    return f'tcp LISTEN 0      4096   0.0.0.0:{20000 + number} 0.0.0.0:* users:(("docker-proxy",pid={200_000 + number},fd=4)) ino:{number} sk:{number:x} cgroup:/ <->\n'


def sysctl(number: int) -> str:
    """Return the settings of a veth."""
    settings = {"ipv4": ("rp_filter", "route_localnet", "forwarding"), "ipv6": ("force_forwarding",)}
    return "".join(f"net.{family}.conf.{name(number)}.{key} = 0\n" for family, keys in settings.items() for key in keys)


if __name__ == "__main__":
    sys.exit(main())
