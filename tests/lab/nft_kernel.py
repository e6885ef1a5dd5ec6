"""Random nftables rulesets on a router between two hosts, a real packet through them, and which rules the kernel says that it met.

Three network namespaces, joined by veth pairs; none has a way out of the machine. The far host swallows what comes, so that the router sees
just the first packet; or it answers, and the answer is swallowed on the other side.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field
from itertools import count, product
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from netprobe.evidence.model import Place
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.forward import Request, netfilter, nft_chain
from netprobe.forward.model import Flying, Stopped, UnknownHere
from netprobe.forward.modes import Predicting
from netprobe.forward.nftables import walk_chain
from netprobe.forward.trail import Trail, endpoint
from netprobe.forward.walk import Walker
from netprobe.hosts.outputs import COMMANDS
from netprobe.state.build import build_host
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.forward.nftables import ChainEnd

CLIENT, NEAR, FAR, SERVER, OTHER = "10.91.1.2", "10.91.1.1", "10.91.2.1", "10.91.2.2", "10.91.2.3"
CLIENT6, NEAR6, FAR6, SERVER6, OTHER6 = "fd91:1::2", "fd91:1::1", "fd91:2::1", "fd91:2::2", "fd91:2::3"
KEYS = ("addr", "route", "rule", "neigh", "iptables", "ip6tables", "nft", "sockets")
SYSCTLS = (
    "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
    "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.autoconf=0",
    "net.ipv6.conf.all.router_solicitations=0", "net.ipv6.conf.default.router_solicitations=0",
)  # fmt: skip


_QUIET_SECONDS, _MOST_SECONDS = 2.5, 20.0
_QUIET = """table inet quiet {
 chain in {
  type filter hook prerouting priority -300; policy drop;
 }
}"""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One packet: from the client, to the server or the router itself."""

    proto: str
    dst: str
    sport: int | None
    dport: int | None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What the kernel counted, and what the walk says; ``perhaps``: the rules of which it does not tell whether they count."""

    ruleset: str
    sent: Sent
    met: dict[int, int]
    walked: dict[int, int]
    unknown: str
    ended: str
    perhaps: frozenset[int] = frozenset()

    @property
    def agrees(self) -> bool:
        """Whether the walk met the same rules; up to where it says that it does not know."""
        if not all(self.met.get(handle, 0) >= count for handle, count in self.walked.items()):
            return False
        more = {handle for handle, count in self.met.items() if count > self.walked.get(handle, 0)}
        return bool(self.unknown) or more <= self.perhaps


@dataclass
class Router:
    """The namespaces; :meth:`close` takes them away. ``answers``: the far host and the router answer, and the client swallows that."""

    names: dict[str, str] = field(default_factory=lambda: {key: f"npk{os.getpid()}{key}" for key in "crs"})
    state: dict[str, HostState] = field(default_factory=dict)
    answers: bool = False
    listening: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make them."""
        for name in self.names.values():
            run("ip", "netns", "add", name)
        self._pair("c", "c0", "r", "r0")
        self._pair("r", "r1", "s", "s0")
        for key in "crs":
            self.inside(key, "sysctl", "-qw", *SYSCTLS)
        for key, device, *addresses in (
            ("c", "c0", f"{CLIENT}/24", f"{CLIENT6}/64"),
            ("r", "r0", f"{NEAR}/24", f"{NEAR6}/64"),
            ("r", "r1", f"{FAR}/24", f"{FAR6}/64"),
            ("s", "s0", f"{SERVER}/24", f"{SERVER6}/64", f"{OTHER}/24", f"{OTHER6}/64"),
        ):
            self.inside(key, "ip", "link", "set", "lo", "up")
            for address in addresses:
                self.inside(key, "ip", "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
            self.inside(key, "ip", "link", "set", device, "up")
        for key, gateway, gateway6 in (("c", NEAR, NEAR6), ("s", FAR, FAR6)):
            self.inside(key, "ip", "route", "add", "default", "via", gateway)
            self.inside(key, "ip", "-6", "route", "add", "default", "via", gateway6)
        self._fixed_neighbours()
        self.load("c" if self.answers else "s", _QUIET)
        if self.answers:
            self._listen()
        for key in "crs":
            self.state[key] = self.read(key)
        self._until_quiet()

    def _pair(self, one: str, device: str, other: str, peer: str) -> None:
        ends = ("netns", self.names[one], "type", "veth", "peer", "name", peer, "netns", self.names[other])
        run("ip", "link", "add", device, *ends)

    def _fixed_neighbours(self) -> None:
        """Nobody asks who has an address: no packet but the one that is sent."""
        macs = {
            (key, device): json.loads(self.inside(key, "ip", "-j", "link", "show", device))[0]["address"]
            for key, device in (("c", "c0"), ("r", "r0"), ("r", "r1"), ("s", "s0"))
        }
        for key, device, peer, addresses in (
            ("c", "c0", ("r", "r0"), (NEAR, NEAR6)),
            ("r", "r0", ("c", "c0"), (CLIENT, CLIENT6)),
            ("r", "r1", ("s", "s0"), (SERVER, SERVER6, OTHER, OTHER6)),
            ("s", "s0", ("r", "r1"), (FAR, FAR6)),
        ):
            for address in addresses:
                neighbour = ("neigh", "replace", address, "lladdr", macs[peer], "dev", device, "nud", "permanent")
                self.inside(key, "ip", *neighbour)

    def _until_quiet(self) -> None:
        """Wait until the multicast reports that come with a new address (RFC 3810) are over."""
        since, seen = time.monotonic(), ""
        begin = since
        while time.monotonic() - since < _QUIET_SECONDS and time.monotonic() - begin < _MOST_SECONDS:
            now = "".join(self.inside(key, "cat", "/proc/net/dev") for key in "crs")
            since, seen = (since, seen) if now == seen else (time.monotonic(), now)
            time.sleep(0.2)  # noqa: TID251 - between two looks

    def inside(self, key: str, *argv: str, text: str | None = None) -> str:
        """Run a command in one of them."""
        return run("ip", "netns", "exec", self.names[key], *argv, text=text)

    def load(self, key: str, ruleset: str) -> None:
        """Exchange a namespace's ruleset."""
        self.inside(key, "nft", "-f", "-", text=f"flush ruleset\n{ruleset}\n")

    def read(self, key: str, keys: tuple[str, ...] = KEYS) -> HostState:
        """Read a namespace's state as netprobe does."""
        outputs = {}
        for each in keys:
            argv = COMMANDS[each]
            outputs[each] = CommandOutput(argv=argv, rc=0, stdout=self.inside(key, *argv))
        settings = self.inside(
            key, "sysctl", "-a", "-r", r"^net\.(ipv4|ipv6)\.(ip_forward|conf\..*(forwarding|rp_filter))"
        )
        outputs["sysctl"] = CommandOutput(argv=("read", "/proc/sys"), rc=0, stdout=settings.replace(" = ", "="))
        return HostState(host=key, outputs=outputs)

    def send(self, sent: Sent) -> None:
        """Send one packet from the client."""
        family = socket.AF_INET6 if ":" in sent.dst else socket.AF_INET
        with self._socket_in("c", family, sent.proto) as sender:
            sender.setblocking(False)
            try:
                if sent.proto == "icmp":
                    sender.sendto(_echo(family), (sent.dst, 0))
                else:
                    sender.bind(("", sent.sport))
                    sender.connect((sent.dst, sent.dport))
                    if sent.proto == "udp":
                        sender.send(b"netprobe")
            except OSError:  # under way, or refused: the kernel's counters tell
                pass

    def _socket_in(self, key: str, family: int, proto: str) -> socket.socket:
        """A socket of another namespace: it stays there when this thread comes back (setns(2))."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{self.names[key]}") as there:  # noqa: PTH123
            if libc.setns(there.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                if proto == "icmp":
                    six = family == socket.AF_INET6
                    return socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
                return socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
            finally:
                libc.setns(own.fileno(), _CLONE_NEWNET)

    def _listen(self) -> None:
        """Have TCP connections accepted by the router and the far host: one SYN-ACK each."""
        for key in "rs":
            self.inside(key, "sysctl", "-qw", "net.ipv4.tcp_synack_retries=0")
            for family, port in product((socket.AF_INET, socket.AF_INET6), (22, 53, 80, 443, 8080, 8081)):
                listener = self._socket_in(key, family, "tcp")
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(("", port))
                listener.listen(128)
                self.listening.append(listener)

    def close(self) -> None:
        """Take them away."""
        for each in self.listening:
            each.close()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


_CLONE_NEWNET = 0x40000000
_IDS = count(os.getpid())


def _echo(family: int) -> bytes:
    """An echo request with an id of its own: conntrack takes none for another's."""
    body = struct.pack("!BBHHH", 128 if family == socket.AF_INET6 else 8, 0, 0, next(_IDS) & 0xFFFF, 1)
    total = sum(struct.unpack("!4H", body))
    return body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]


def run(*argv: str, text: str | None = None) -> str:
    """Run a command; what it printed."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")
    return done.stdout


def compare(router: Router, ruleset: str, sent: Sent) -> Compared | None:
    """Load a ruleset, send the packet, and hold the kernel's counters against the walk; None where nft does not take the ruleset."""
    try:
        router.load("r", ruleset)
    except RuntimeError as error:
        REFUSED.append(str(error)[:300])
        return None
    before = router.read("r", ("nft",))
    before = HostState(host="r", outputs={**router.state["r"].outputs, "nft": before.outputs["nft"]})
    router.send(sent)
    hosts = {key: build_host(state) for key, state in {**router.state, "r": before}.items()}
    walked, perhaps, unknown, ended = walk(hosts, sent, back=router.answers)
    own = ("post", "output") if "reject" in ended else ()  # the router's own answer passes there, too
    left = own if router.answers else (*own, "output")
    end = time.monotonic() + _LATEST_SECONDS
    while True:
        counted = json.loads(router.inside("r", *COMMANDS["nft"]))["nftables"]
        rules = [each["rule"] for each in counted if "rule" in each and not each["rule"]["chain"].startswith(left)]
        met = {each["handle"]: count for each in rules if (count := _count(each))}
        walked = {handle: count for handle, count in walked.items() if handle in {each["handle"] for each in rules}}
        found = Compared(
            ruleset=ruleset, sent=sent, met=met, walked=walked, unknown=unknown, ended=ended, perhaps=perhaps
        )  # fmt: skip
        if found.agrees or time.monotonic() > end:
            return found
        time.sleep(_LOOK_SECONDS)  # noqa: TID251 - between two looks: a busy machine delivers late


REFUSED: list[str] = []
_LOOK_SECONDS, _LATEST_SECONDS = 0.02, 15.0


def _count(rule: dict[str, Any]) -> int:
    return next((each["counter"]["packets"] for each in rule["expr"] if isinstance(each.get("counter"), dict)), 0)


def walk(hosts: dict[str, Any], sent: Sent, *, back: bool = False) -> tuple[dict[int, int], frozenset[int], str, str]:
    """Walk the packet; return how often it met each rule of the router that counts, which it may have met, why the walk does not know further, and what stops it."""
    ends: list[ChainEnd] = []

    def recorded(*args: Any, **more: Any) -> ChainEnd:
        end = walk_chain(*args, **more)
        packets = [each for each in args if isinstance(each, PacketTuple)]
        if not any(
            each.tcp_flags == frozenset({"ACK"}) for each in packets
        ):  # what follows the handshake is thought of, not sent
            ends.append(end)
        return end

    request = Request(
        source=Place(host="c"), dialled=sent.dst, port=sent.dport, proto=sent.proto, source_port=sent.sport
    )
    packet: Flying = request.packet
    walker = Walker(
        hosts=hosts, mode=Predicting(), trail=Trail(dialled=endpoint(packet.dst, packet.dport, packet.proto))
    )
    unknown = ended = ""
    try:
        # Which other chains accept what one drops is thought of, not walked.
        with patch.object(nft_chain, "walk_chain", recorded), patch.object(netfilter, "accepting", lambda *_: ()):
            walker.request(request.source, packet)
            if back:
                walker.replies()
    except Stopped as stopped:
        ended = f"{stopped.obstacle.place} {stopped.obstacle.label} {stopped.obstacle.rule.verdict if stopped.obstacle.rule else ''}"
    except UnknownHere as why:
        unknown = str(why)
    met: dict[int, int] = {}
    for end in ends:
        for rule in end.counted:
            if rule.table != "quiet" and rule.packets is not None:
                met[rule.handle] = met.get(rule.handle, 0) + 1
    perhaps = frozenset(rule.handle for end in ends for rule in end.perhaps if rule.handle is not None)
    return met, perhaps, unknown, ended


def rulesets(seed: int, count: int, *, answered: bool = False) -> Iterator[tuple[str, Sent]]:
    """Random rulesets, each with a packet; ``answered``: none of UDP, whose answer is a program's own."""
    from tests.lab.nft_random import Maker

    for number in range(count):
        maker = Maker(random.Random(seed * 1_000_003 + number))
        if not answered or maker.proto != "udp":
            yield maker.ruleset(), maker.sent
