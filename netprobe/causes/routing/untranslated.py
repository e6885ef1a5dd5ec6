"""An answer that comes to the client with an address that it did not dial: nobody put back what the request's translation had changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.obstacle import frames_at, met, whose
from netprobe.causes.proof.translations import translations
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.translations import Translated
    from netprobe.forward.model import Obstacle


def untranslated(case: Case, code: str) -> Finding | None:
    """Fires where walk and packets end with such an answer, and the first translation of the request was a host's that the answer does not pass."""
    obstacle, told = met(case, Barrier.OTHER_SOURCE), case.prediction
    if obstacle is None or told is None or obstacle.direction is not Direction.REPLY:
        return None
    first = next((each for each in translations(told) if each.of_destination), None)
    host = case.before(first.place.host) if first is not None and first.place.container is None else None
    if first is None or host is None:
        return None
    back = {PointName.parse(hop.point).host for hop in told.hops if hop.direction is Direction.REPLY and hop.seen}
    return None if host.name in back else _past(case, code, obstacle, first)  # past its conntrack: foreign-nat


def _past(case: Case, code: str, obstacle: Obstacle, first: Translated) -> Finding | None:
    """Who answers has a way to the client of its own, past the host that translated: as on one network."""
    dialled, to = case.dialled, first.to
    address, _, port = to.rpartition(":")
    address = address.strip("[]")
    if dialled is None or not address or not port.isdigit():
        return None
    host, client = first.place.host, whose(obstacle.place)
    program = "ip6tables" if ":" in address else "iptables"
    argv = (
        program,
        "-t",
        "nat",
        "-I",
        "POSTROUTING",
        "-d",
        address,
        "-p",
        case.transport,
        "--dport",
        port,
        "-j",
        "MASQUERADE",
    )
    said = f"what is for {to} leaves {host} with {host}'s own address, so that the answer comes back by {host}: it sees {host} as the client; {IN_FIREWALL}"
    return Finding(
        code=code,
        summary=f"the answer goes straight to {client}, past {host}, which had sent the request on to {to} ({first.ref}): {obstacle.text}, and {client} does not take it",
        where=Where(host=host, component=first.ref.component, rule=first.ref.shown),
        evidence=(
            f"the answer at {case.last_seen}: {frames_at(case, case.last_seen, Direction.REPLY)}; at no interface of {host}",
            f"{first.ref}: {first.ref.shown}",
        ),
        remedies=(run(host, *argv, advice=said), advise(host, f"or ask {to} itself")),
    )
