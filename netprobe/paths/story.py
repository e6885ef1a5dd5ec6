"""The words for what packets show: a symptom, who answered, and whom the request was for. No packet is looked at here."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.evidence.model import Proto
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.model.http import HttpAnswer
    from netprobe.paths.tls import TlsExchange


class Symptom(StrEnum):
    """The packets' story in one word. Everything but OK and DELIVERED is a failure; NO_PACKETS decides nothing."""

    OK = "ok"
    DELIVERED = "delivered"  # UDP at the target, no reply and no error
    NO_PACKETS = "no-packets"
    SILENCE = "silence"  # the request was seen and never answered
    REFUSED = "refused"  # an RST answered the SYN, an ICMP port unreachable the datagram
    UNREACHABLE = "unreachable"  # another ICMP error answered
    UNFINISHED = "unfinished"  # the target's answer came, and what completes the handshake did not arrive: nobody has the connection
    CLOSED = "closed"  # accepted, then closed or reset within 200 ms
    NO_RESPONSE = "no-response"  # accepted, but no (whole) HTTP response came
    NO_HANDSHAKE = "no-handshake"  # accepted, but the TLS handshake failed
    OTHER_ENDPOINT = "other-endpoint"  # it worked, and somebody else than the target answered
    NO_ANSWER = "no-answer"  # a DNS response without an answer
    IN_PART = "in-part"  # what was captured of it does not tell how it went; ``detail`` says what it is


class Answerer(StrEnum):
    """Where the answer came from."""

    TARGET = "target"
    HOST = "host"  # somebody before the target: the target's host, a router
    UNKNOWN = "unknown"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The packets' story.

    Attributes:
        symptom: see :class:`Symptom`.
        answerer: who sent the answer that decides (reply, RST, ICMP error).
        reached: whether the request was seen in the target's own namespace; None: no point there.
        leg: the connection that decides (2: docker-proxy's inner one).
        frames: Wireshark numbers of the deciding packets, request first.
        patient: False when the capture may have ended before an answer could come.
        detail: one phrase: ``RST 40 µs after the SYN``.
        part: a sentence on what the capture lacks of a connection that stands, and what shows it all the same; ``""`` nothing.
        http: the HTTP response, as far as it says what it is.
        begins: the first bytes of what came instead of one.
        tls: the TLS handshake; None where the client tried none, or its bytes were not kept.
    """

    symptom: Symptom
    answerer: Answerer = Answerer.NOBODY
    reached: bool | None = None
    leg: int = 1
    frames: tuple[int, ...] = ()
    patient: bool = True
    detail: str = ""
    part: str = ""
    http: HttpAnswer | None = None
    begins: bytes = b""
    tls: TlsExchange | None = None

    @property
    def good(self) -> bool:
        """True when the packets show a working connection."""
        return self.symptom in (Symptom.OK, Symptom.DELIVERED)

    @property
    def accepted(self) -> bool:
        """True when somebody took the connection, and answered as they do."""
        return self.good or self.symptom is Symptom.NO_HANDSHAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Whom the request is for.

    Attributes:
        source, target: namespaces by their capture points' place; None unknown (captures from elsewhere, or nobody of the inventory).
        proto: what the probe speaks.
        plain: True for captures from elsewhere: their client said something, so that a close after an answer is no failure.
        probed: True for a probe's own run: its silence lasted for the whole timeout.
        answered: whether the prober had its DNS answer or HTTP response: the only word where that was not kept.
        alerted: whether the prober's TLS ended by an alert, or by bytes that are no TLS: the only word for what is encrypted.
        bridge_points: the points that are known to be bridges or their ports; None where host state does not tell.
    """

    source: Place | None = None
    target: Place | None = None
    proto: Proto = Proto.TCP
    plain: bool = False
    probed: bool = False
    answered: bool = False
    alerted: bool = False
    bridge_points: frozenset[str] | None = None
