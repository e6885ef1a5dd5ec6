"""A router between a client and two servers, each a network namespace of its own that leads nowhere else; a real client, and who answered it.

                    ┌ r0 192.0.2.1 ──── c0 192.0.2.2   ┐
    router ─────────┤ r3 10.3.0.1  ──── c1 10.3.0.2    ┘ client
                    ├ r1 198.51.100.1 ─ e0 198.51.100.2  s1 ┐ both have 10.9.0.9: which of them
                    ├ r2 203.0.113.1 ── e0 203.0.113.2   s2 ┘ gets a packet for it is the router's choice
                    └ b0 198.18.0.1, a bridge with the port r4 ─ e1 198.18.0.2 of s1, which answers from there by e1

All have IPv6 as well, and permanent neighbour entries: no rule can stand in the way of a resolution. TCP and UDP listen on 80 and 8080 of both
servers and the router, and on 8082 of the router by sockets that are bound to r0; each answers with its name. So does a transparent proxy of TCP on the
router's port 3128.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.kernel.asking import ASK, Question, Seen, any_address, asks, drain, new_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

NETNS = Path("/var/run/netns")
CLIENT, ROUTER, S1, S2 = "client", "router", "s1", "s2"
ROLES = (CLIENT, ROUTER, S1, S2)
PORTS = (80, 8080)
BOUND = 8082  # of the router, by r0 alone
PROXY = 3128
NAT_PORTS = range(3000, 5000)  # that source NAT with ports is given
SERVICE, SERVICE6 = "10.9.0.9", "2001:db8:9::9"
#: router's interface, the other end's namespace and interface, IPv4 prefix, IPv6 prefix.
LINKS = (
    ("r0", CLIENT, "c0", "192.0.2", "2001:db8:1:"),
    ("r1", S1, "e0", "198.51.100", "2001:db8:2:"),
    ("r2", S2, "e0", "203.0.113", "2001:db8:3:"),
    ("r3", CLIENT, "c1", "10.3.0", "2001:db8:4:"),
    ("r4", S1, "e1", "198.18.0", "2001:db8:5:"),
)
BRIDGE, PORT = "b0", "r4"
BRIDGED, BRIDGED6 = "198.18.0.2", "2001:db8:5::2"
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_IP_TRANSPARENT, _IPV6_TRANSPARENT = 19, 75
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_SYSCTLS = {
    "net.ipv4.icmp_ratelimit": "0",
    "net.ipv4.icmp_msgs_per_sec": "100000",
    "net.ipv6.icmp.ratelimit": "0",
    "net.ipv4.tcp_syncookies": "0",
}


def mac(role: str, interface: str) -> str:
    """The address that an interface is given."""
    return f"02:00:00:00:{ROLES.index(role):02x}:{int(interface[1:]) + 1:02x}"


@dataclass
class Arena:
    """The namespaces, for as long as the context lasts."""

    ident: str
    sockets: list[socket.socket] = field(default_factory=list)
    taps: dict[tuple[str, str], socket.socket] = field(default_factory=dict)
    closing: bool = False
    thread: threading.Thread | None = None
    held: list[socket.socket] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)

    def name(self, role: str) -> str:
        return f"npr-{self.ident}-{role}"

    def path(self, role: str) -> Path:
        return NETNS / self.name(role)

    @contextlib.contextmanager
    def inside(self, role: str) -> Iterator[None]:
        """Be in a namespace, with this thread alone."""
        with Path("/proc/thread-self/ns/net").open("rb") as own, self.path(role).open("rb") as other:
            _setns(other.fileno())
            try:
                yield
            finally:
                _setns(own.fileno())

    def run(self, role: str, *argv: str, given: str = "") -> str:
        """Run a command in a namespace; return what it complains of, "" when it did not."""
        with self.inside(role):
            done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else (done.stderr or done.stdout or f"exit {done.returncode}").strip()

    def must(self, role: str, *argv: str, given: str = "") -> None:
        """Run a command that has to work."""
        error = self.run(role, *argv, given=given)
        assert not error, (argv, error)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.closing = True
        if self.thread is not None:
            self.thread.join(5)
        for each in [*self.sockets, *self.taps.values(), *self.held]:
            each.close()
        for role in ROLES:
            subprocess.run(("ip", "netns", "del", self.name(role)), capture_output=True, check=False)

    # -- building -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        for role in ROLES:
            subprocess.run(("ip", "netns", "add", self.name(role)), check=True)
            for key, value in _SYSCTLS.items():
                self.run(role, "sysctl", "-qw", f"{key}={value}")
        for near, role, far, _, _ in LINKS:
            subprocess.run(
                ("ip", "link", "add", near, "netns", self.name(ROUTER), "address", mac(ROUTER, near), "type", "veth",
                 "peer", "name", far, "netns", self.name(role), "address", mac(role, far)),
                check=True,
            )  # fmt: skip
        for role in ROLES:
            self.must(role, "ip", "-batch", "-", given="".join(f"{line}\n" for line in _lines(role)))
        for source in (BRIDGED, BRIDGED6):
            family = "-6" if ":" in source else "-4"
            self.must(S1, "ip", family, "rule", "add", "from", source, "pref", "44", "lookup", "44")
        forwarding = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0")
        self.must(
            ROUTER,
            "sysctl",
            "-qw",
            *forwarding,
            *(f"net.ipv4.conf.{each[0]}.rp_filter=0" for each in (*LINKS, (BRIDGE,))),
        )
        for role in (CLIENT, S1, S2):
            self.must(role, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
        if shutil.which("ipset"):
            for name, family in (("probe", "inet"), ("probe6", "inet6")):
                self.must(ROUTER, "ipset", "create", name, "hash:ip", "family", family)
        self._listen()
        self._tap()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        for role in (ROUTER, S1, S2):
            with self.inside(role):
                for port in PORTS:
                    for family in (socket.AF_INET, socket.AF_INET6):
                        self._serves(role, [_tcp_listener(family, port), _udp_listener(family, port)])
        with self.inside(ROUTER):
            for family in (socket.AF_INET, socket.AF_INET6):
                self._serves(ROUTER, [_tcp_listener(family, BOUND, "r0"), _udp_listener(family, BOUND, "r0")])
                self._serves(ROUTER, [_tcp_listener(family, PROXY, transparent=True)])

    def _serves(self, role: str, made: list[socket.socket]) -> None:
        self.sockets += made
        self.names |= {each.fileno(): role for each in made}

    def _tap(self) -> None:
        for role, device in ((S1, "e0"), (S1, "e1"), (S2, "e0")):
            with self.inside(role):
                tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(3))
                tap.bind((device, 3))
            self.taps[role, device] = tap

    def _serve(self) -> None:
        poll = select.epoll()
        by_number = {each.fileno(): each for each in self.sockets}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        while not self.closing:
            for number, _ in poll.poll(0.2):
                with contextlib.suppress(OSError):
                    self._answer(by_number[number], self.names[number].encode())
        poll.close()

    def _answer(self, served: socket.socket, name: bytes) -> None:
        if served.type == socket.SOCK_STREAM:
            connection, peer = served.accept()
            self.accepted.append(peer[1])
            connection.setblocking(False)
            connection.send(name)
            self.held.append(connection)
            while len(self.held) > 50:
                self.held.pop(0).close()
            return
        _, extra, _, peer = served.recvmsg(2048, 256)
        served.sendmsg([name], _from_same_address(extra), 0, peer)

    # -- asking -------------------------------------------------------------------------------------------------------

    def ask(self, question: Question, patience: float) -> Seen:
        """Ask once, and see who was reached."""
        for tap in self.taps.values():
            drain(tap)
        self.accepted.clear()
        with self.inside(question.source):
            outcome, answered = ASK[question.proto](question, patience)
        if question.proto == "tcp" and outcome == "ok" and not self._is_accepted(question):
            outcome = "unfinished"
        reached = frozenset(
            role for (role, _), tap in self.taps.items() if any(asks(each, question) for each in drain(tap))
        )
        return Seen(outcome=outcome, answered=answered, reached=reached)

    def _is_accepted(self, question: Question) -> bool:
        """Whether a server accepted the client's port, or one of those that nat chooses from: others are of connections that earlier rules held up."""
        return any(port == question.sport or port in NAT_PORTS for port in self.accepted)


def _lines(role: str) -> Iterator[str]:
    """``ip -batch`` for one namespace."""
    yield "link set lo up"
    for near, other, far, v4, v6 in LINKS:
        ends = [(ROUTER, near, 1, other, far), (other, far, 2, ROUTER, near)]
        for at, device, number, peer, peer_device in ends:
            if at != role:
                continue
            gone = 3 - number
            if device == PORT:
                yield f"link add {BRIDGE} address {mac(ROUTER, PORT)} type bridge forward_delay 0"
                yield f"link set {PORT} master {BRIDGE} up"
                device = BRIDGE  # noqa: PLW2901 - the addresses are the bridge's
            yield f"link set {device} up"
            yield f"addr add {v4}.{number}/24 dev {device}"
            yield f"addr add {v6}:{number}/64 dev {device} nodad"
            yield f"neigh replace {v4}.{gone} lladdr {mac(peer, peer_device)} dev {device} nud permanent"
            yield f"neigh replace {v6}:{gone} lladdr {mac(peer, peer_device)} dev {device} nud permanent"
            if role != ROUTER and device in {"c0", "e0"}:
                yield f"route add default via {v4}.1"
                yield f"route add default via {v6}:1"
    if role == S1:
        yield from (f"route add default via {via} dev e1 table 44" for via in ("198.18.0.1", "2001:db8:5::1"))
    if role in {S1, S2}:
        yield f"addr add {SERVICE}/32 dev lo"
        yield f"addr add {SERVICE6}/128 dev lo nodad"
    if role == ROUTER:
        yield "route add 10.9.0.0/24 via 198.51.100.2"
        yield "route add 2001:db8:9::/64 via 2001:db8:2::2"


def _setns(number: int) -> None:
    if _LIBC.setns(number, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _tcp_listener(family: int, port: int, device: str = "", *, transparent: bool = False) -> socket.socket:
    made = new_socket(family, socket.SOCK_STREAM, device)
    if transparent:
        six = family == socket.AF_INET6
        made.setsockopt(socket.IPPROTO_IPV6 if six else socket.SOL_IP, _IPV6_TRANSPARENT if six else _IP_TRANSPARENT, 1)
    made.bind((any_address(family), port))
    made.listen(1024)
    made.setblocking(False)
    return made


def _udp_listener(family: int, port: int, device: str = "") -> socket.socket:
    made = new_socket(family, socket.SOCK_DGRAM, device)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    made.bind((any_address(family), port))
    made.setblocking(False)
    return made


def _from_same_address(extra: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Answer from the address that was asked, by whichever way routing says."""
    for level, kind, data in extra:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            _, local, dst = struct.unpack("=I4s4s", data)
            return [(level, kind, struct.pack("=I4s4s", 0, dst, local))]
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            return [(level, kind, data[:16] + struct.pack("=I", 0))]
    return []


def left_over() -> tuple[str, ...]:
    """Namespaces of arenas of this process that are still there."""
    return tuple(each.name for each in NETNS.glob(f"npr-{os.getpid()}-*"))
