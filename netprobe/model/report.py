"""The report: what was asked, what happened, why, and what that rests on. A plain value; ``report.json`` and ``report.text`` print it."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.model.remedy import lines
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.model.hop import Hop
    from netprobe.model.http import HttpAnswer
    from netprobe.model.neighbours import NeighbourExchange
    from netprobe.model.remedy import Remedy
    from netprobe.model.tls import TlsFacts
    from netprobe.model.trace import KernelDrop, TraceWalk


class Verdict(StrEnum):
    """The answer; README says what *works* means."""

    WORKS = "works"
    FAILS = "fails"
    UNDETERMINED = "undetermined"


class PathCode(StrEnum):
    """How the connection reached the target's host and namespace; the first that fits, in this order."""

    EMBEDDED_DNS = "embedded-dns"
    SHARED_NETNS = "shared-netns"
    DOCKER_PROXY = "docker-proxy"
    DNAT_MASQUERADE = "dnat-masquerade"
    DNAT = "dnat"
    MACVLAN_VLAN = "macvlan-vlan"
    MACVLAN = "macvlan"
    BRIDGE = "bridge"
    MASQUERADE = "masquerade"
    ROUTED = "routed"
    LOCAL = "local"
    NONE = "none"


class Confidence(StrEnum):
    """``certain``: packets and state both say so. ``likely``: nothing contradicts it and nothing else known fits."""

    CERTAIN = "certain"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a cause sits: ``host`` (inventory name), ``component`` (``filter/FORWARD``, ``docker-proxy``, ``demo``), ``rule`` (its text) or None."""

    host: str | None = None
    component: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause or note.

    Attributes:
        code: from the catalogue (``netprobe causes``).
        summary: one sentence.
        where: where it sits.
        evidence: sentences; packets are named as ``frame N``.
        remedies: the steps that cure it, in order.
        confidence: how sure.
        caveat: what the first line says behind the verdict, where that alone would mislead: ``clients refuse its certificate``.
    """

    code: str
    summary: str
    where: Where = field(default_factory=Where)
    evidence: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    confidence: Confidence = Confidence.CERTAIN
    caveat: str = ""

    @property
    def remedy(self) -> tuple[str, ...]:
        """The same steps as lines of a shell."""
        return lines(self.remedies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A host's clock against the source's, which all times of the report are on.

    Attributes:
        host, against: whose clock, and on whose its times are given (captures from elsewhere: names of points).
        offset_us: how far ahead ``host``'s is, in µs: amid its bounds; the bound where there is only one; the median where it was set.
        uncertainty_us: half of the distance between the bounds; None where frames of one direction alone give one bound, or none.
        frames: how many frames that both saw it rests on.
        corrected: the clocks disagree, and the host's times were put on the other's clock.
        low_us, high_us: the bounds of the offset, None where no frame went that way.
        drift_ppm: by how much it runs faster, in millionths; 0 where the frames need no drift to be explained.
        stepped: no offset and no drift explains the frames: the clock was set during the capture.
    """

    host: str
    against: str
    offset_us: float
    uncertainty_us: float | None
    frames: int
    corrected: bool
    low_us: float | None = None
    high_us: float | None = None
    drift_ppm: float = 0.0
    stepped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The path code at one host that the connection passed, in order."""

    host: str
    path: PathCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A cause that is still possible: its code, what speaks for it in one sentence, and what would tell whether it is this one."""

    code: str
    reason: str = ""
    would_tell: str = ""


#: What shows a report as HTML: :mod:`netprobe.interface` says so, which gives reports to notebooks. The model knows no page.
SHOWN_BY: list[Callable[[Report], str]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer to one question. Field meanings as in JSON (README).

    ``sent`` is False for a prediction alone: the hops then say what would be seen.
    ``after`` has what stands behind the cause, predicted, in the packet's order (empty: nothing else); None where state does not tell.
    ``clocks`` has each further host's clock against the source's. ``neighbours`` has what was asked and answered on the links of the way (ARP, neighbour discovery).
    ``trace`` has the walks through each host's rules; None where nothing was traced.
    ``drops`` has the kernel's own drop reasons; None where none were asked for or to be had.
    ``http`` has what an HTTP response says of itself, ``tls`` what is known of a TLS session; None where none came, or nothing of it was kept.
    ``timing_ms`` (where the run's time went) and ``way`` (why this address was dialled) are shown in the text,
    as are the names of ``beside``: point or interface -> the Docker network of a bridge, the container of a veth.
    """

    target: str
    source: str
    dialled: str | None
    verdict: Verdict
    path: PathCode
    segments: tuple[Segment, ...] = ()
    vlan: int | None = None
    resolution: str
    predicted_path: PathCode | None = None
    why: str
    cause: Finding | None = None
    findings: tuple[Finding, ...] = ()
    hops: tuple[Hop, ...] = ()
    last_seen: str | None = None
    first_missing: str | None = None
    assumptions: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    alternatives_why: tuple[Alternative, ...] = ()
    after: tuple[Finding, ...] | None = None
    sent: bool = True
    neighbours: tuple[NeighbourExchange, ...] = ()
    clocks: tuple[Clock, ...] = ()
    trace: tuple[TraceWalk, ...] | None = None
    drops: tuple[KernelDrop, ...] | None = None
    http: HttpAnswer | None = None
    tls: TlsFacts | None = None
    way: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    timing_ms: Mapping[str, float] = field(default_factory=dict)

    def _repr_html_(self) -> str | None:
        """What Jupyter shows; None where nobody said how: then it shows the fields."""
        return SHOWN_BY[0](self) if SHOWN_BY else None
