"""The hosts' state and the packets disagree: worth knowing, whichever of the two is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.evidence.model import Proto
from netprobe.forward.compare import Observed, differences
from netprobe.forward.question import path_of
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Prediction
    from netprobe.model.hop import Hop


class PredictionDiffers(Cause):
    """What the packets did is not what the hosts' state says they should.

    What it is: the packet's walk through namespaces, links, netfilter, routing and sockets, as they were read, ends elsewhere.
    Why it happens: something stands in the way that the state does not show (the network between hosts, hardware, a program on
        the interface), the state changed meanwhile, or the walk knows less than the kernel does.
    Evidence: the first difference, and the prediction's last steps.
    Remedy: none of its own: look at what the state cannot show at that place.
    Source: include/uapi/linux/netfilter_ipv4.h (the hooks and their order), ip-route(8), packet(7) (what a tap sees).
    """

    code = "prediction-differs"
    symptoms = frozenset(Symptom) - {Symptom.NO_PACKETS, Symptom.NO_ANSWER}
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires where a prediction was possible and the packets of the connection differ from it."""
        predicted = case.prediction
        if predicted is None or case.journey is None or not case.hops:
            return None
        proxied = bool(predicted.obstacles) and any(step.stage == "docker-proxy" for step in predicted.steps)
        # docker-proxy accepts before it dials: what stops its own connection is met by no packet of the first one.
        good = case.story.good or (case.story.symptom is Symptom.OTHER_ENDPOINT and not proxied)
        sniffed = frozenset(point.name for point in case.points if not point.dropped)
        # the walk of a lookup ends at the embedded DNS server: whom that asks on is a question of its own
        hops = tuple(each for each in case.hops if case.intent.proto is not Proto.DNS or each.leg == 1)
        found = differences(predicted, Observed(hops=hops, sniffed=sniffed, good=good))
        path = path_of(predicted, case.intent)
        if path is not None and path is not case.way.path and not _told_more(predicted, hops):
            found = (
                *found,
                f"by the rules and routes that were read its path is {path.value}, by the packets {case.way.path.value}",
            )
        if not found:
            return None
        steps = [f"{step.place}: {step.stage}: {step.what}" for step in predicted.steps[-3:]]
        return Finding(
            code=self.code,
            summary=found[0],
            where=Where(host=case.intent.target.host if case.intent.target else None),
            evidence=(*found[1:], *(f"expected: {step}" for step in steps)),
            confidence=Confidence.CERTAIN,
        )


def _told_more(predicted: Prediction, hops: tuple[Hop, ...]) -> bool:
    """Whether a packet was seen where it could not surely be: what it shows there the walk does not name its path by."""
    unsure = {hop.point for hop in predicted.hops if hop.seen is None}
    return any(hop.seen and hop.point in unsure for hop in hops)
