"""One probe: sockets bound first (so that the capture filter can name their port), used once.

TCP and HTTP use the kernel's own stack: the answer to a crafted SYN would be reset by it. Outcomes are the words of
``netprobe.evidence.model.Outcome``.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import select
import socket
import threading
import time
from typing import Any, NamedTuple, Optional

from netprobe.hosts.remote import answers, sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Tuple

    from netprobe.hosts.remote.children import Children

    Result = Dict[str, Any]

HOLD_SECONDS = 0.2
LAST_ACK_SECONDS = 0.1  # a delayed acknowledgement takes 40 ms as a rule (TCP_DELACK_MIN, include/net/tcp.h)
TCP_FIN_WAIT1 = 4  # include/net/tcp_states.h


class Came(NamedTuple):
    """What came of a probe: the outcome and its detail, who replied where that is another, what is told of an HTTP response's head and of TLS."""

    outcome: str
    detail: str
    replied_from: Optional[Any] = None
    head: str = ""
    tls: Optional[Any] = None


def family_of(address: str) -> int:
    """Return the address family of an address in text form."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def source_address(address: str, proto: str = "udp", port: Optional[int] = None) -> Optional[str]:
    """Return the address that this namespace sends from towards `address`; None without a route. Nothing is sent.

    Routing rules may choose by protocol and port: a raw socket is looked up with both (net/ipv4/datagram.c), a datagram's where no raw one may be had.
    """
    with _unsent(family_of(address), proto) as sock:
        try:
            sock.connect((address, port or 9))
        except OSError:
            return None
        return str(sock.getsockname()[0])


def _unsent(family: int, proto: str) -> socket.socket:
    numbers = {
        "udp": socket.IPPROTO_UDP,
        "icmp": socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP,
    }
    if proto != "udp":
        with contextlib.suppress(OSError):
            return socket.socket(family, socket.SOCK_RAW, numbers.get(proto, socket.IPPROTO_TCP))
    return socket.socket(family, socket.SOCK_DGRAM)


def _source_of(sock: socket.socket, request: Dict[str, Any]) -> str:
    """The address that a socket sent from; of one that has none of its own, lost it with an error, or gave it to TLS, the one that routing gives."""
    own = str(sock.getsockname()[0]) if sock.fileno() >= 0 else ""
    unspecified = own in ("", "::") or own == ".".join("0" * 4)
    return own if not unspecified else source_address(request["address"], request["proto"], request.get("port")) or ""


def failed(error: OSError) -> Tuple[str, str]:
    """Return the outcome and its detail for an error of connect or send."""
    name = errno.errorcode.get(error.errno or 0, str(error))
    if isinstance(error, socket.timeout) or error.errno == errno.ETIMEDOUT:
        return "timeout", "no answer"
    if error.errno == errno.ECONNREFUSED:
        return "refused", name
    if error.errno == errno.ECONNRESET:
        return "reset", name
    if error.errno in (errno.EPERM, errno.EACCES):
        return "denied", name
    return "unreachable", name


class Sockets:
    """The probe's socket between ``bind`` and ``go``."""

    def __init__(self) -> None:
        self._sock: Optional[socket.socket] = None

    def bind(self, request: Dict[str, Any]) -> Result:
        """Open a socket for ``proto`` towards ``address``; return its port (0 for ICMP) and the address it will send from."""
        family, proto = family_of(request["address"]), request["proto"]
        if proto == "icmp":
            number = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
            self._sock = socket.socket(family, socket.SOCK_RAW, number)
        else:
            self._sock = socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
            self._sock.bind(("", 0))
        if proto in ("udp", "icmp"):
            answers.hear_errors(self._sock)
        if proto in ("http", "https"):
            from netprobe.hosts.remote import response  # noqa: F401 - loaded now, so that it costs nothing between the packets
        if proto == "https":
            from netprobe.hosts.remote import tls  # noqa: F401 - as above
        port = 0 if proto == "icmp" else self._sock.getsockname()[1]
        return {"port": port, "source": source_address(request["address"], proto, request.get("port"))}

    def go(self, request: Dict[str, Any]) -> Result:
        """Send the probe to ``address``/``port`` and wait for what comes of it, at most ``seconds``."""
        sock, self._sock = self._sock, None
        assert sock is not None, "bind comes first"
        probes: Dict[str, Callable[[socket.socket, Dict[str, Any]], Came]]
        probes = {"tcp": _tcp, "http": _http, "https": _https, "udp": _udp, "icmp": _icmp}
        ident = request["ident"] if request["proto"] == "icmp" else sock.getsockname()[1]
        started, clock = time.time_ns(), time.monotonic()
        with sock:
            came = probes[request["proto"]](sock, request)
            elapsed = time.monotonic() - clock
            source = _source_of(sock, request)
        through = _largest_through(request) if _may_be_size(came) else None
        return {
            "through": through,
            "outcome": came.outcome,
            "detail": came.detail,
            "head": came.head,
            "tls": _judged(came.tls),
            "local": [source, ident] if source else None,
            "remote": [request["address"], request.get("port") or 0],
            "replied_from": came.replied_from,
            "started_ns": started,
            "elapsed_us": int(elapsed * 1e6),
        }

    def ask(self, request: Dict[str, Any]) -> Result:
        """Send one DNS ``query`` to ``server`` over UDP; return ``{"reply", "local", "started_ns", "elapsed_us"}`` or ``{"error"}``."""
        query = base64.b64decode(request["query"])
        with socket.socket(family_of(request["server"]), socket.SOCK_DGRAM) as sock:
            clock, started = time.monotonic(), time.time_ns()
            deadline = clock + request["seconds"]
            try:
                sock.connect((request["server"], 53))
                sock.send(query)
                while True:
                    sock.settimeout(max(0.001, deadline - time.monotonic()))
                    reply = sock.recv(65535)
                    if reply[:2] == query[:2]:
                        return {
                            "reply": base64.b64encode(reply).decode(),
                            "local": list(sock.getsockname()[:2]),
                            "started_ns": started,
                            "elapsed_us": int((time.monotonic() - clock) * 1e6),
                        }
            except OSError as error:
                outcome, detail = failed(error)
                return {"error": "no answer" if outcome == "timeout" else detail}


def _connect(sock: socket.socket, request: Dict[str, Any]) -> Optional[Came]:
    """Connect; None when it worked, else what came of it."""
    sock.settimeout(request["seconds"])
    try:
        sock.connect((request["address"], request["port"]))
    except OSError as error:
        outcome, detail = failed(error)
        if outcome == "timeout":
            detail = "no answer to the SYN within %.3g s" % request["seconds"]
        return Came(outcome, detail)
    return None


def _tcp(sock: socket.socket, request: Dict[str, Any]) -> Came:
    """Connect, send nothing, and watch for a reset or close for 200 ms."""
    stopped = _connect(sock, request)
    if stopped is not None:
        return stopped
    until = time.monotonic() + HOLD_SECONDS
    received = 0
    while True:
        ready, _, _ = select.select([sock], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            detail = "connected, still open %d ms later" % (HOLD_SECONDS * 1000)
            return Came("connected", detail + (", the server sent %d bytes" % received if received else ""))
        try:
            part = sock.recv(65536)
        except OSError as error:
            return Came("reset", "connected, then " + failed(error)[1])
        if not part:
            return Came("closed", "connected, then closed by the other side")
        received += len(part)


def _http(sock: socket.socket, request: Dict[str, Any]) -> Came:
    """Send one GET and read one complete response, whatever its status."""
    return _connected(sock, request, _exchange)


def _https(sock: socket.socket, request: Dict[str, Any]) -> Came:
    """The same over TLS, whatever the certificate."""
    return _connected(sock, request, _secured)


def _connected(
    sock: socket.socket, request: Dict[str, Any], talk: Callable[[socket.socket, Dict[str, Any]], Came]
) -> Came:
    """Connect, talk, and end the connection at the deadline."""
    deadline = time.monotonic() + request["seconds"]
    stopped = _connect(sock, request)
    if stopped is not None:
        return stopped
    late, line = threading.Event(), sock.dup()  # TLS takes the socket for its own

    def cut() -> None:  # a timeout of the socket's own would start again with every byte
        late.set()
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.01, deadline - time.monotonic()), cut)
    timer.start()
    sock.settimeout(None)
    try:
        came = talk(sock, request)
        if late.is_set():
            _wait_for_last_ack(line)
    finally:
        timer.cancel()
        line.close()
    if late.is_set():
        return Came("timeout", "connected, no complete response within %.3g s" % request["seconds"], None, "", came.tls)
    return came


def _wait_for_last_ack(sock: socket.socket) -> None:
    """Wait until the other side acknowledged the end, which it may put off (net/ipv4/tcp_output.c): it shows that small packets still pass."""
    until, pause = time.monotonic() + LAST_ACK_SECONDS, threading.Event()
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_FIN_WAIT1:
                return
        pause.wait(0.005)


def _exchange(sock: socket.socket, request: Dict[str, Any]) -> Came:
    from netprobe.hosts.remote import response

    try:
        outcome, detail, head = response.exchange(sock, base64.b64decode(request["payload"]))
    except OSError as error:
        return Came(failed(error)[0], "connected, then " + failed(error)[1])
    return Came(outcome, detail, head=head)


def _secured(sock: socket.socket, request: Dict[str, Any]) -> Came:
    from netprobe.hosts.remote import response, tls

    name = request.get("server_name") or ""
    with tls.start(sock, name) as session:
        stage, version, error = "in the TLS handshake", "", ""
        try:
            session.do_handshake()
            version = session.version() or ""
            stage = "behind the TLS handshake"
            outcome, detail, head = response.exchange(session, base64.b64decode(request["payload"]))
        except OSError as fault:
            error = tls.reason(fault)
            ended = ("closed", "closed") if tls.is_end(fault) else failed(fault)
            outcome, detail = ("no-tls", error) if error else ended
            detail, head = "connected, then %s: %s" % (stage, detail), ""
        return Came(outcome, detail, None, head, tls.seen(session, name, version, error))


def _judged(session: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """What is told of TLS, with how this host judges the certificate: behind the probe, as that takes its time."""
    if session is None:
        return None
    from netprobe.hosts.remote import tls

    return tls.judged(session)


def _udp(sock: socket.socket, request: Dict[str, Any]) -> Came:
    """Send one datagram and take the first datagram or ICMP error that comes back."""
    try:
        sock.sendto(base64.b64decode(request["payload"]), (request["address"], request["port"]))
    except OSError as error:
        return Came(*failed(error))
    answer = answers.wait(sock, time.monotonic() + request["seconds"], lambda _data: True)
    if answer.error is not None:
        return Came(*answer.error)
    if answer.data is None:
        return Came("timeout", "no reply within %.3g s" % request["seconds"])
    other = None if answer.peer == (request["address"], request["port"]) else list(answer.peer)
    return Came("replied", "a reply of %d bytes" % len(answer.data), other)


def _icmp(sock: socket.socket, request: Dict[str, Any]) -> Came:
    """Send one echo request and wait for its reply or for an error that quotes it."""
    message = base64.b64decode(request["payload"])
    version = 6 if ":" in request["address"] else 4
    try:
        sock.sendto(message, (request["address"], 0))
    except OSError as error:
        return Came(*failed(error))
    answer = answers.wait(
        sock, time.monotonic() + request["seconds"], lambda data: answers.echo_reply(data, message, version)
    )
    if answer.error is not None:
        return Came(*answer.error)
    if answer.data is None:
        return Came("timeout", "no echo reply within %.3g s" % request["seconds"])
    other = None if answer.peer[0] == request["address"] else [answer.peer[0], request["ident"]]
    return Came("replied", "echo reply", other)


def _may_be_size(came: Came) -> bool:
    """Whether what was sent, or its answer, may be lost for its size: no handshake is; a queue or a link beside this host may have no room."""
    silent = came.outcome == "timeout" and not came.detail.startswith("no answer to the SYN")
    return silent or came.detail == "ENOBUFS"


def _largest_through(request: Dict[str, Any]) -> Optional[List[int]]:
    """Have echoes tell which sizes come through, where a small one was given to begin with."""
    if not request.get("control"):
        return None
    found = sizes.largest_through(request["address"], base64.b64decode(request["control"]), request.get("most"))
    return None if found is None else list(found)


def operations(_children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    sockets = Sockets()
    return {"bind": sockets.bind, "ask": sockets.ask, "go": sockets.go}
