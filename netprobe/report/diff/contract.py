"""The JSON of ``netprobe diff`` as types. As in ``report.contract``: every key is always there, null is what is not known or not there."""

from __future__ import annotations

from typing import Annotated, TypedDict

from msgspec import Meta

from netprobe.diff.model import FactKind, PartingKind, Sameness, SightKind
from netprobe.model.hop import Direction


def _says(description: str) -> Meta:
    return Meta(description=description)


class DiffSideJson(TypedDict):
    """One of the two runs."""

    file: str
    verdict: Annotated[str, _says("works, fails or undetermined")]
    path: str
    cause: Annotated[str | None, _says("the code of its cause; null none")]
    why: str
    sent: Annotated[bool, _says("false: a prediction")]


class PartingJson(TypedDict):
    """The first difference of the two journeys."""

    kind: Annotated[
        PartingKind,
        _says(
            "lookup: of the name; dialled: another address; point: one came by a point, the other did not; change: another packet at one point; "
            "answer: another answer; reply: the answer went another way, or was lost; end: the packets went alike"
        ),
    ]
    common: Annotated[str | None, _says("the last point that both came by alike; null none")]
    good_at: Annotated[str | None, _says("where GOOD is told from BAD first; null: it came no further")]
    bad_at: str | None
    good: Annotated[str, _says("what happened in GOOD, a phrase")]
    bad: str
    changed: Annotated[list[str], _says("at one point: what of the packet differs")]


class DiffPointJson(TypedDict):
    """One point of both ways; veths, bridges and the like are named by their role."""

    point: str
    direction: Direction
    leg: int
    good: Annotated[
        SightKind, _says("missing: it should have been there; absent: it passed elsewhere; unknown: not observed")
    ]
    bad: SightKind
    good_packet: str | None
    bad_packet: str | None
    parts: Annotated[bool, _says("the two part here")]


class DifferenceJson(TypedDict):
    """A fact of the hosts' state that is not the same in both."""

    host: str
    container: Annotated[str | None, _says("in whose network namespace; null: the host's own")]
    kind: FactKind
    subject: Annotated[str, _says("which one: filter/FORWARD, demo, eth0, net.ipv4.ip_forward")]
    good: Annotated[str | None, _says("as GOOD has it; null: it is not there")]
    bad: str | None
    moved: Annotated[bool, _says("a rule that is in both, at another place of its chain")]
    why: Annotated[str | None, _says("what speaks for it; null where it does not bear on the difference")]


class DiffJson(TypedDict):
    """Two runs of one question, compared."""

    schema: Annotated[str, _says("netprobe/diff/1")]
    target: str
    source: str
    outcome: Annotated[Sameness, _says("undetermined: no difference was seen, and not all of it could be")]
    good: DiffSideJson
    bad: DiffSideJson
    asked: Annotated[list[str], _says("in what the questions differ that does not make them two")]
    parting: Annotated[PartingJson | None, _says("null where the journeys do not differ")]
    points: list[DiffPointJson]
    decides: Annotated[list[DifferenceJson], _says("the lines of state that decide")]
    also: Annotated[list[DifferenceJson], _says("what else differs on the way, those that tell most first")]
    unrelated: Annotated[list[DifferenceJson], _says("what differs, and does not bear on it")]
    unknown: Annotated[list[str], _says("what could not be compared")]
