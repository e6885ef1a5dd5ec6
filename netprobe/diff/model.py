"""What comparing two runs takes and yields."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.model import CapturePoint, Place, Probe
    from netprobe.forward.model import Prediction
    from netprobe.model.report import Report
    from netprobe.state.model import World


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSide:
    """One of the two runs.

    Attributes:
        report: its report.
        probe: its question; None for captures from elsewhere.
        points: what was sniffed.
        world: the state of its hosts.
        prediction: the walk through the state before the probe; None where that could not be asked.
        reads: the outputs that its cause is proved by.
        whole: all that it saw is there: the file is not cut, and no host was lost meanwhile. Else absence means nothing.
    """

    report: Report
    probe: Probe | None
    points: tuple[CapturePoint, ...] = ()
    world: World
    prediction: Prediction | None = None
    reads: tuple[str, ...] = ()
    whole: bool = True


class FactKind(StrEnum):
    """What a fact is about."""

    RULE = "rule"  # a rule of iptables or nftables
    POLICY = "policy"  # of a base chain
    SET = "set"  # an element of a named nftables set or map
    ROUTE = "route"
    ROUTING_RULE = "routing rule"
    INTERFACE = "interface"
    NEIGHBOUR = "neighbour"  # a permanent entry, or one that is answered for
    SYSCTL = "sysctl"
    SOCKET = "socket"
    CONTAINER = "container"
    NETWORK = "network"
    PROXY = "docker-proxy"
    NAMES = "names"  # hosts file and resolv.conf
    CONNTRACK = "conntrack"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact of one host's state.

    Attributes:
        place: the namespace. kind: what it is about.
        subject: which one, by its role: ``filter/INPUT``, ``demo``, ``eth0``, ``net.ipv4.ip_forward``.
        aspect: which of its properties: ``state``, ``mtu``; ``""`` where there is just one.
        value: the text that is compared, with roles in place of what each run names anew. shown: as the host has it.
    """

    place: Place
    kind: FactKind
    subject: str
    aspect: str = ""
    value: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that is not the same in both.

    Attributes:
        place, kind, subject, aspect: as of the fact.
        good, bad: its text in each; None: it is not there.
        moved: it is in both, at another place of its list.
    """

    place: Place
    kind: FactKind
    subject: str
    aspect: str = ""
    good: str | None = None
    bad: str | None = None
    moved: bool = False


class Bearing(StrEnum):
    """How much a difference has to do with where the journeys part."""

    DECIDES = "decides"
    BEARS = "bears"  # on the way, near where they part
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A difference, and what it has to do with the journeys' parting: how much, and why in a few words."""

    difference: Difference
    bearing: Bearing
    why: str = ""
    weight: int = 0


class PartingKind(StrEnum):
    """At what the two journeys part."""

    LOOKUP = "lookup"  # how the name was looked up, or what it gave
    DIALLED = "dialled"  # another address, or nothing was dialled
    POINT = "point"  # one came by a point where the other did not
    CHANGE = "change"  # at one point the packet is not the same: other addresses, tags
    ANSWER = "answer"  # another answer came from the same point
    REPLY = "reply"  # the answer of one was lost, or went another way
    END = "end"  # packets went the same way, and the end is another


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """The first difference of the journeys.

    Attributes:
        kind: what it is.
        common: the last point that both came by in the same way, None for none.
        good_at, bad_at: the point at which each is told from the other; None where it came no further.
        good, bad: what happened in each, a phrase: ``the SYN went on to server2/docker0``.
        changed: at a point, which fields differ.
    """

    kind: PartingKind
    common: str | None = None
    good_at: str | None = None
    bad_at: str | None = None
    good: str
    bad: str
    changed: tuple[str, ...] = ()


class SightKind(StrEnum):
    """What one of the two saw at a point."""

    SEEN = "seen"
    MISSING = "missing"  # it should have been there, and was not
    ABSENT = "absent"  # watched, or there is no such point: it did not pass there
    UNKNOWN = "unknown"  # nobody could have seen it there


@dataclass(frozen=True, slots=True, kw_only=True)
class BothAtPoint:
    """One point of both ways.

    Attributes:
        point: by its role. reply: of the answer. leg: as of a hop.
        good, bad: what each saw there, and in words which packet (``""`` none).
        parts: it is the first at which the two are not alike.
    """

    point: str
    reply: bool
    leg: int
    good: SightKind
    bad: SightKind
    good_packet: str = ""
    bad_packet: str = ""
    parts: bool = False


class Sameness(StrEnum):
    """What the comparison comes to."""

    SAME = "same"
    DIFFERS = "differs"
    UNDETERMINED = "undetermined"  # no difference was seen, and not all of it could be


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs of one question, compared.

    Attributes:
        good, bad: the reports.
        outcome: whether they are the same.
        parting: the first difference of the journeys; None where they have none.
        points: both ways, point by point.
        decides: the differences of state that decide.
        also: further ones that bear on it, those that tell most first.
        unrelated: those that do not bear on it.
        unknown: what could not be compared, a sentence each.
        asked: in what the questions differ that does not make them two (the size of the payload …), a sentence each.
    """

    good: Report
    bad: Report
    outcome: Sameness
    parting: Parting | None = None
    points: tuple[BothAtPoint, ...] = ()
    decides: tuple[Weighed, ...] = ()
    also: tuple[Weighed, ...] = ()
    unrelated: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()
    asked: tuple[str, ...] = field(default=())
