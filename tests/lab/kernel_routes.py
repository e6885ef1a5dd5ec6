"""The kernel's own look-ups in a network namespace made for that, beside ours: random routing rules, tables and packets."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from hypothesis import strategies as st

from netprobe.evidence.state import CommandOutput
from netprobe.hosts.outputs import COMMANDS
from netprobe.state.fib_answer import RouteQuery
from netprobe.state.namespace import Namespace
from netprobe.state.outputs import Outputs

if TYPE_CHECKING:
    from types import TracebackType

DEVICES = ("v0", "v1", "v2")  # each with 10.0.N.1/24 and fd00:N::1/64
TABLES = ("main", "100", "200", "300")
KEYS = ("addr", "route", "rule", "rule6")
_SAID = {
    "Network is unreachable": "ENETUNREACH",
    "No route to host": "EHOSTUNREACH",
    "Permission denied": "EACCES",
    "Invalid argument": "EINVAL",
}
_REFUSALS = {"none": "ENETUNREACH", "unreachable": "EHOSTUNREACH", "prohibit": "EACCES", "blackhole": "EINVAL"}


class KernelNamespace:
    """A network namespace with three links, that forwards and takes any source; it ends with the process that holds it."""

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo there; exec sleep 900"], stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "there\n"
        lines = ["link set lo up"]
        for number, device in enumerate(DEVICES):
            lines += [
                f"link add {device} type veth peer name p{number}",
                f"link set {device} up",
                f"link set p{number} up",
            ]
            lines += [f"addr add 10.0.{number}.1/24 dev {device}", f"addr add fd00:{number}::1/64 dev {device} nodad"]
        self.batch(lines)
        for name in (
            "ipv4.ip_forward",
            "ipv6.conf.all.forwarding",
            *(f"ipv4.conf.{each}.accept_local" for each in DEVICES),
        ):
            self.run("sysctl", "-qw", f"net.{name}=1")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.terminate()
        self._holder.wait()

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        line = ["nsenter", "-t", str(self._holder.pid), "-n", *argv]
        return subprocess.run(line, input=stdin, capture_output=True, text=True, check=False)

    def batch(self, lines: list[str], *, six: bool = False) -> None:
        """Carry out lines of ip(8). What the kernel refuses is left out: a route or rule that makes no sense."""
        self.run("ip", *(["-6"] if six else []), "-force", "-batch", "-", stdin="".join(f"{line}\n" for line in lines))

    def clear(self) -> None:
        """Leave the rules and routes that every namespace begins with, and those of its links."""
        for six in (False, True):
            for rule in json.loads(self.run("ip", *(["-6"] if six else []), "-j", "rule", "show").stdout):
                if rule["priority"] not in {0, 32766, 32767}:
                    self.batch([f"rule del pref {rule['priority']}"], six=six)
            self.batch([f"route flush table {table}" for table in TABLES[1:]], six=six)
            self.batch(["route flush table main proto boot", "route flush table main proto static"], six=six)

    def namespace(self) -> Namespace:
        """As netprobe reads it."""
        found = {}
        for key in KEYS:
            done = self.run(*COMMANDS[key])
            found[key] = CommandOutput(argv=COMMANDS[key], rc=done.returncode, stdout=done.stdout)
        return Namespace(Outputs(found))

    def get(self, query: RouteQuery) -> tuple[str, str]:
        """What ``ip route get`` says: (interface, next hop), or (errno, "")."""
        six = ":" in query.dst
        words = ["ip", *(["-6"] if six else []), "-j", "route", "get", query.dst]
        words += ["from", query.src] if query.src else []
        words += ["iif", query.iif] if query.iif != "lo" else []
        words += ["mark", str(query.mark), "tos", hex(query.tos or 0)]
        words += ["ipproto", query.carried or "", "sport", str(query.sport), "dport", str(query.dport)]
        words += ["uid", str(query.uid)]  # IPv6 takes INVALID_UID for one that came in without it, forwarding takes 0
        done = self.run(*words)
        if done.returncode:
            return next(name for said, name in _SAID.items() if said in done.stderr), ""
        (found,) = json.loads(done.stdout)
        return "lo" if found.get("type") == "local" else found["dev"], found.get("gateway", "")


def ours(namespace: Namespace, query: RouteQuery) -> tuple[set[tuple[str, str]], str]:
    """What netprobe says: every (interface, next hop) or (errno, "") that is possible, and why more than one is."""
    answer = namespace.fib.ways(query)
    return {_outcome(way) for way in answer.ways}, answer.why


def _outcome(way: Any) -> tuple[str, str]:
    if not way.refused:
        return way.dev, way.via
    by_rule = way.route is None and way.refused == "unreachable"  # fib4_rule_action: ENETUNREACH
    return "ENETUNREACH" if by_rule else _REFUSALS[way.refused], ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Lines for ``ip -batch``, and the packets that are looked up; ``six``: of IPv6."""

    six: bool
    lines: tuple[str, ...]
    packets: tuple[RouteQuery, ...]


def _addresses(*, six: bool) -> st.SearchStrategy[str]:
    hosts = st.integers(1, 3)
    nets = st.sampled_from(
        ("fd01:1", "fd01:2", "fd02:7", "fd00:1", "fd00:2")
        if six
        else ("172.20.1", "172.20.2", "172.21.7", "10.0.1", "10.0.2")
    )
    return st.builds(lambda net, host: f"{net}::{host + 1}" if six else f"{net}.{host + 1}", nets, hosts)


def _prefixes(*, six: bool) -> st.SearchStrategy[str]:
    four = ("172.20.0.0/16", "172.20.1.0/24", "172.20.1.2/32", "172.0.0.0/8", "10.0.1.0/24", "0.0.0.0/1", "128.0.0.0/1")
    return st.sampled_from(
        ("fd01::/16", "fd01:1::/32", "fd01:1::2/128", "fd00::/8", "fd00:1::/64", "::/1", "8000::/1") if six else four
    )


@st.composite
def _rule(draw: st.DrawFn, *, six: bool) -> str:
    selectors = {
        "from": _prefixes(six=six) | _addresses(six=six),
        "to": _prefixes(six=six) | _addresses(six=six),
        "fwmark": st.sampled_from(("1", "2", "0x1/0x1", "0x2/0x3", "0/0x2")),
        "iif": st.sampled_from((*DEVICES, "lo", "nothere")),
        "oif": st.sampled_from(DEVICES),
        "ipproto": st.sampled_from(("tcp", "udp")),
        "sport": st.sampled_from(("40000", "30000-50000")),
        "dport": st.sampled_from(("80", "1-1023")),
        "uidrange": st.sampled_from(("0-0", "1000-2000")),
        "tos": st.just("0x10"),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(selectors)), max_size=3, unique=True))
    words = ["not"] if draw(st.integers(0, 4)) == 0 and chosen else []
    words += [f"{name} {draw(selectors[name])}" for name in chosen]
    number = draw(st.integers(1, 30000))
    table = st.builds(
        lambda name, more: f"lookup {name}{more}",
        st.sampled_from(TABLES),
        st.sampled_from(("", "", " suppress_prefixlength 0", " suppress_prefixlength 20", " suppress_ifgroup 0")),
    )
    others = st.sampled_from(
        ("unreachable", "blackhole", "prohibit", "nop", f"goto {number + draw(st.integers(1, 3000))}", "goto 32766")
    )
    return f"rule add pref {number} {' '.join(words)} {draw(st.one_of(table, table, table, others))}"


@st.composite
def _route(draw: st.DrawFn, *, six: bool) -> str:
    to = draw(st.just("default") | _prefixes(six=six) | _addresses(six=six))
    table = draw(st.sampled_from(TABLES))
    kind = draw(
        st.sampled_from(("unicast",) * 8 + ("unreachable", "blackhole", "prohibit", "throw", "local", "several"))
    )
    metric = f"metric {draw(st.sampled_from((1, 50, 100)))}"
    number = draw(st.integers(0, 2))
    via = f"via fd00:{number}::9" if six else f"via 10.0.{number}.9"
    if kind == "unicast":
        tos = "" if six or draw(st.integers(0, 5)) else "tos 0x10"
        hop = draw(st.sampled_from((f"{via} dev v{number}", f"dev v{number}")))
        return f"route add {to} {hop} table {table} {metric} {tos}"
    if kind == "several":
        other = "nexthop via fd00:2::8 dev v2" if six else "nexthop via 10.0.2.8 dev v2"
        return f"route add {to} table {table} {metric} nexthop {via} dev v{number} {other}"
    return f"route add {kind} {to} {'dev lo' if kind == 'local' else ''} table {table} {metric}"


@st.composite
def _packet(draw: st.DrawFn, *, six: bool) -> RouteQuery:
    iif = draw(st.sampled_from(("lo", *DEVICES)))
    own = [""] + [f"fd00:{number}::1" if six else f"10.0.{number}.1" for number in range(3)]
    return RouteQuery(
        dst=draw(_addresses(six=six)),
        src=draw(st.sampled_from(own)) if iif == "lo" else draw(_addresses(six=six)),
        iif=iif,
        mark=draw(st.sampled_from((0, 1, 2, 3))),
        proto=draw(st.sampled_from(("tcp", "udp"))),
        sport=draw(st.sampled_from((40000, 20000))),
        dport=draw(st.sampled_from((80, 8080))),
        uid=draw(st.sampled_from((0, 1500))) if iif == "lo" else 0,
        tos=draw(st.sampled_from((0, 0, 0x10))),
    )


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Random rules and tables of one IP version, and packets."""
    six = draw(st.booleans())
    lines = [*draw(st.lists(_route(six=six), min_size=2, max_size=14)), *draw(st.lists(_rule(six=six), max_size=10))]
    packets = draw(st.lists(_packet(six=six), min_size=4, max_size=8))
    return Setup(six=six, lines=tuple(lines), packets=tuple(packets))
