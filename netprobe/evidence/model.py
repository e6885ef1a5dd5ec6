"""Evidence: everything observed about one run. Live and saved runs give the same values; all that follows is pure.

Invariants:

* Unknown is not empty. What could not be observed is a :class:`Limit`, never an empty list that looks like "none".
* Raw text stays raw: host state is kept as the commands wrote it, so that a better parser can read old files.
* Packets are one buffer and arrays of offsets (:class:`Packets`), never one Python object a packet.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from netprobe.evidence.packets import Packets
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.state import HostState


class Proto(StrEnum):
    """What a probe speaks."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    HTTP = "http"
    HTTPS = "https"
    DNS = "dns"

    @property
    def transport(self) -> str:
        """``tcp``, ``udp`` or ``icmp``: what its packets are."""
        return _CARRIED_BY.get(self.value, self.value)


#: What sends an HTTP request, in clear or over TLS.
SPEAK_HTTP: Final = frozenset({Proto.HTTP, Proto.HTTPS})
_CARRIED_BY: Final = {"http": "tcp", "https": "tcp", "dns": "udp"}


class Resolution(StrEnum):
    """Where the dialled address came from (JSON's ``resolution``)."""

    LITERAL = "literal"
    HOSTS_FILE = "hosts-file"
    EMBEDDED_DNS = "embedded-dns"
    UPSTREAM_DNS = "upstream-dns"
    INVENTORY = "inventory"
    FAILED = "failed"


class Outcome(StrEnum):
    """What the probing process itself saw. It is a witness, not the judge: packets decide the verdict.

    CONNECTED: TCP handshake, still open 200 ms later · REPLIED: a UDP datagram, echo reply or whole HTTP response came
    back · NO_TLS: the TLS handshake failed, or ended, by an alert or bytes that are no TLS · ANSWERED: DNS answer · REFUSED: ECONNREFUSED · RESET / CLOSED: within 200 ms after the handshake ·
    TIMEOUT · UNREACHABLE: EHOSTUNREACH, ENETUNREACH, ICMP error · DENIED: EPERM/EACCES on send · NO_NAME: name lookup
    failed · BROKEN: the prober itself ended early (container gone, host connection lost) · NOT_RUN.
    """

    CONNECTED = "connected"
    REPLIED = "replied"
    NO_TLS = "no-tls"
    ANSWERED = "answered"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    NO_NAME = "no-name"
    BROKEN = "broken"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A network namespace by name: a host's own (``container`` is None) or a container's on that host."""

    host: str
    container: str | None = None

    def __str__(self) -> str:
        return self.host if self.container is None else f"{self.container}@{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How the source's name lookup went, as the source itself would do it.

    Attributes:
        name: the name asked, or None when the target was an address.
        how: where the address came from.
        addresses: what the name gave, in order, text form.
        server: the resolver that answered last, e.g. ``127.0.0.11``; None for files and literals.
        rcode: DNS response code as Wireshark names it (``NOERROR``, ``NXDOMAIN``, ``SERVFAIL`` …) or None (no DNS, or no reply).
        steps: one line a step, in order: ``"/etc/hosts: no line for 'db'"``, ``"127.0.0.11: db. A NXDOMAIN"``.
        answered: the name that was answered, where the search list made it from the one asked (``db.corp.test``), else ``""``.
        wildcard: whether a name that nobody has gave the same addresses in the domain of ``answered``; None: that was not asked, or not answered.
    """

    name: str | None = None
    how: Resolution = Resolution.LITERAL
    addresses: tuple[str, ...] = ()
    server: str | None = None
    rcode: str | None = None
    steps: tuple[str, ...] = ()
    answered: str = ""
    wildcard: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSession:
    """What the prober saw of a TLS handshake. Most of it is encrypted on the wire from TLS 1.3 on.

    Attributes:
        server_name: the name that was asked for (RFC 6066 §3), ``""`` for an address.
        version, cipher: as OpenSSL names them (``TLSv1.3``); ``""`` where the handshake was not completed.
        error: OpenSSL's reason where it failed (``SSLV3_ALERT_HANDSHAKE_FAILURE``), else ``""``.
        certificates: DER, the server's own first, as it sent them (the first ten).
        whole: whether those are all; False where only its own could be read (Python before 3.10).
        verified: how the probing host's trust store judges them, names aside: an X509_V_ERR code of OpenSSL (openssl-verification-options(1)),
            0 for a trusted chain; None where that is not known.
        verified_why: OpenSSL's words for it, or why it is not known.
    """

    server_name: str = ""
    version: str = ""
    cipher: str = ""
    error: str = ""
    certificates: tuple[bytes, ...] = ()
    whole: bool = True
    verified: int | None = None
    verified_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What the probing process saw.

    Attributes:
        outcome: see :class:`Outcome`.
        detail: one line for people: ``"ECONNREFUSED"``, ``"HTTP/1.1 200 OK, 615 bytes"``.
        local: the probe's own address and port (ICMP: identifier in place of the port); None when nothing was sent.
        remote: the address and port that were dialled; None when nothing was sent.
        replied_from: where a UDP or ICMP reply came from, when that is not ``remote``.
        started_ns: Unix time in ns on the source host's clock when the first packet was about to leave; None unknown.
        elapsed_us: how long until the outcome, in µs; None unknown.
        head: of an HTTP response the status line and the fields that netprobe reads, a line each, and of what came instead the first bytes, as Latin-1;
            ``""`` none.
        tls: the TLS handshake; None where none was tried.
        through: of echoes that were sent afterwards, don't fragment, the bytes (IP) of the largest that came back, and of the smallest that did
            not; None where they were not sent, or size did not decide.
    """

    outcome: Outcome = Outcome.NOT_RUN
    detail: str = ""
    local: tuple[str, int] | None = None
    remote: tuple[str, int] | None = None
    replied_from: tuple[str, int] | None = None
    started_ns: int | None = None
    elapsed_us: int | None = None
    head: str = ""
    tls: TlsSession | None = None
    through: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The question, how it was put, and what the prober saw.

    Attributes:
        target: TARGET as typed (``demo:80``).
        source: SOURCE as typed (``server1``).
        proto: what the probe speaks.
        source_at: the namespace the probe was sent from.
        target_at: the namespace meant by TARGET (a container, or a host's own), None if it is nobody of the inventory.
        target_address: the address that ``target_at`` itself has towards the path (a container's own address), if known.
        target_port: the port in ``target_at``'s namespace (container port for ``demo:80`` or a published port); None for ICMP.
        dialled: the address dialled, None when the name gave none.
        dialled_port: the port dialled (host port for a published port); None for ICMP.
        way: one sentence on why this address was dialled (``"server2 publishes demo's port 80 at 192.168.3.202:80"``).
        lookup: the name lookup.
        result: what the prober saw.
        size: payload bytes asked for (``--size``), None by default.
        timeout_s: the bound on lookup and probe together, in seconds.
        tag: 16 hex digits that mark this probe's payload (UDP, ICMP, HTTP User-Agent, DNS id); ``""`` when nothing is sent.
        predict: nothing was sent: the state was read to predict what would happen (``--predict``).
        fail: an HTTP status of 400 and above counts as a failure (``--fail``).
        timing_ms: where the run's time went, phase name -> ms, in order.
    """

    target: str
    source: str
    proto: Proto
    source_at: Place
    target_at: Place | None = None
    target_address: str | None = None
    target_port: int | None = None
    dialled: str | None = None
    dialled_port: int | None = None
    way: str = ""
    lookup: Lookup = field(default_factory=Lookup)
    result: ProbeResult = field(default_factory=ProbeResult)
    size: int | None = None
    timeout_s: float = 5.0
    tag: str = ""
    predict: bool = False
    fail: bool = False
    timing_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePoint:
    """One place that was sniffed: one pcapng interface block.

    Attributes:
        name: ``HOST/INTERFACE`` or ``HOST/CONTAINER/INTERFACE``; for files from elsewhere the interface's name or the file's stem.
        host, container, interface: the parts of the name; host is ``""`` for files from elsewhere, container None for a host's own.
        linktype: pcap link type (1 EN10MB, 113 LINUX_SLL, 276 LINUX_SLL2, 101 RAW, 0 NULL …).
        capture_filter: the pcap filter in force, ``""`` none or unknown.
        snaplen: bytes kept of each packet, 0 unlimited or unknown.
        received, dropped: what the sniffer counted (packets), None unknown. ``dropped`` > 0 means absence proves nothing here.
    """

    name: str
    host: str = ""
    container: str | None = None
    interface: str
    linktype: int = 1
    capture_filter: str = ""
    snaplen: int = 0
    received: int | None = None
    dropped: int | None = None

    @property
    def place(self) -> Place:
        """The namespace this point is in."""
        return Place(host=self.host, container=self.container)


class LimitKind(StrEnum):
    """What could not be observed."""

    POINT = "point"  # an interface could not be sniffed, or its packets are not whole
    PART = "part"  # an interface was sniffed for a part of the run only: absence proves nothing there
    STATE = "state"  # a command failed
    HOST = "host"  # a host could not be reached
    ENGINE = "engine"  # a Docker Engine could not be asked
    PROBE = "probe"  # the probe could not run to its end
    FILE = "file"  # the file was cut short or partly unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Something that could not be observed, and why.

    Attributes:
        kind: what kind of thing.
        subject: which one: ``"server2/docker0"``, ``"server2: nft"``.
        why: one line, with what to do where there is something to do.
    """

    kind: LimitKind
    subject: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything observed about one run.

    Attributes:
        probe: the question; None for captures from elsewhere.
        points: the capture points, in the order of the file's interface blocks.
        packets: all packets.
        before, after: host state before and after the probe, one a host; a command missing in ``after`` was not asked again.
        limits: what could not be observed.
    """

    probe: Probe | None = None
    points: tuple[CapturePoint, ...] = ()
    packets: Packets = field(default_factory=Packets.none)
    before: tuple[HostState, ...] = ()
    after: tuple[HostState, ...] = ()
    limits: tuple[Limit, ...] = ()

    def without_state(self) -> Evidence:
        """The same run with host state forgotten: packets alone."""
        return Evidence(probe=self.probe, points=self.points, packets=self.packets, limits=self.limits)

    def without_packets(self) -> Evidence:
        """The same run with every packet forgotten."""
        return Evidence(probe=self.probe, points=self.points, before=self.before, after=self.after, limits=self.limits)
