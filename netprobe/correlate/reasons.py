"""Why a connection has its verdict: a closed set of codes, each with its phrase. This is the one place for them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from netprobe.model.report import Verdict


class Reason(IntEnum):
    """What decides, of packets alone. Only what the packets prove is ``fails``: who refuses or is silent, and why, they do not tell."""

    NONE = 0  # it works
    NO_ANSWER = 1
    REFUSED = 2
    PORT_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    NETWORK_UNREACHABLE = 5
    PROHIBITED = 6
    TOO_BIG = 7
    TIME_EXCEEDED = 8
    UNREACHABLE = 9
    CLOSED = 10
    NOT_ACKNOWLEDGED = 11
    GIVEN_UP = 12
    OTHERS_ANSWER = 13
    IN_PART = 14
    TO_A_GROUP = 15
    OTHER_ADDRESS = 16
    OTHER_ID = 17
    NXDOMAIN = 18
    SERVFAIL = 19
    DNS_REFUSED = 20
    DNS_ERROR = 21
    DNS_EMPTY = 22
    DNS_IN_PART = 23
    TLS_ALERT = 24
    NOT_TLS = 25
    TLS_ENDED = 26
    TLS_IN_PART = 27
    SEVERAL_INNER = 28
    HOST_LOST = 29
    NOT_READ = 30
    MAY_GO_ON = 31  # it works, and its path is undetermined
    WAY_IN_PART = 32
    CARRIES = 33

    @property
    def code(self) -> str:
        """``port-unreachable``; ``""`` where it works and its path is known."""
        return self.name.lower().replace("_", "-") if self else ""

    @property
    def phrase(self) -> str:
        """A few plain words; ``""`` where it works and its path is known."""
        return PHRASES[self]

    @property
    def verdict(self) -> Verdict:
        """What follows from it."""
        if self in WORKS:
            return Verdict.WORKS
        return Verdict.FAILS if self in FAILS else Verdict.UNDETERMINED


WORKS: Final = frozenset({Reason.NONE, Reason.MAY_GO_ON, Reason.WAY_IN_PART})

FAILS: Final = frozenset(
    {
        *(Reason.NXDOMAIN, Reason.SERVFAIL, Reason.DNS_REFUSED, Reason.DNS_ERROR, Reason.DNS_EMPTY),
        *(Reason.TLS_ALERT, Reason.NOT_TLS, Reason.TLS_ENDED),
    }
)

UNSUCCESSFUL: Final = FAILS | {
    *(Reason.NO_ANSWER, Reason.REFUSED, Reason.PORT_UNREACHABLE, Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
    *(
        Reason.PROHIBITED,
        Reason.TOO_BIG,
        Reason.TIME_EXCEEDED,
        Reason.UNREACHABLE,
        Reason.CLOSED,
        Reason.NOT_ACKNOWLEDGED,
    ),
    *(Reason.GIVEN_UP, Reason.OTHERS_ANSWER, Reason.OTHER_ADDRESS, Reason.OTHER_ID),
}
"""What was tried and did not succeed, whether or not packets alone prove whose fault that is."""

PHRASES: Final = {
    Reason.NONE: "",
    Reason.NO_ANSWER: "nothing answered",
    Reason.REFUSED: "refused (RST)",
    Reason.PORT_UNREACHABLE: "ICMP port unreachable",
    Reason.HOST_UNREACHABLE: "ICMP host unreachable",
    Reason.NETWORK_UNREACHABLE: "ICMP network unreachable",
    Reason.PROHIBITED: "ICMP administratively prohibited",
    Reason.TOO_BIG: "ICMP packet too big",
    Reason.TIME_EXCEEDED: "ICMP time exceeded",
    Reason.UNREACHABLE: "ICMP error",
    Reason.CLOSED: "accepted, and ended by the server within 200 ms",
    Reason.NOT_ACKNOWLEDGED: "accepted (SYN-ACK), and nothing acknowledges that",
    Reason.GIVEN_UP: "accepted (SYN-ACK), and reset by the client",
    Reason.OTHERS_ANSWER: "answered by packets of another connection",
    Reason.IN_PART: "captured in part, from which nothing follows",
    Reason.TO_A_GROUP: "sent to a group, of which nobody has to answer",
    Reason.OTHER_ADDRESS: "answered from another address alone",
    Reason.OTHER_ID: "answered with another DNS id alone",
    Reason.NXDOMAIN: "DNS: no such name (NXDOMAIN)",
    Reason.SERVFAIL: "DNS: the server failed (SERVFAIL)",
    Reason.DNS_REFUSED: "DNS: the server refuses (REFUSED)",
    Reason.DNS_ERROR: "DNS: answered with an error",
    Reason.DNS_EMPTY: "DNS: answered without a record",
    Reason.DNS_IN_PART: "DNS: not every answer could be told to its question",
    Reason.TLS_ALERT: "TLS: an alert ended the handshake",
    Reason.NOT_TLS: "TLS: the answer is not TLS",
    Reason.TLS_ENDED: "TLS: ended by the server before the handshake was done",
    Reason.TLS_IN_PART: "TLS: whether the handshake was done is not told by how the segments begin",
    Reason.SEVERAL_INNER: "several connections may be the proxy's inner one",
    Reason.HOST_LOST: "contact with a host was lost meanwhile",
    Reason.NOT_READ: "this protocol's connections are listed, not judged",
    Reason.CARRIES: "carries a tunnel, whose flows are judged",
    Reason.MAY_GO_ON: "works; other packets may be its own at another place, and nothing in them tells",
    Reason.WAY_IN_PART: "works; what is kept of its packets leaves their way open",
}

VERDICTS: Final = tuple(Verdict)
VERDICT_OF: Final = tuple(VERDICTS.index(reason.verdict) for reason in Reason)
"""Of each reason, by its number, the index of its verdict in :data:`VERDICTS`."""
