"""A source NAT rule that gives packets an address which the host does not have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.obstacle import asked_times, unanswered, whose
from netprobe.causes.proof.translations import Translated, any_rule, translations
from netprobe.causes.remedies.steps import IN_FIREWALL, inside
from netprobe.model.hop import Direction
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Program
from netprobe.paths.story import Symptom
from netprobe.state.iptables import Rule, split
from netprobe.state.lookup import has_address

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Prediction
    from netprobe.model.hop import Hop
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule


def _gives_source(host: Host, rule: Rule | NftRule) -> bool:  # noqa: ARG001 - the form of both
    return rule.target == "SNAT" if isinstance(rule, Rule) else any("snat" in each for each in rule.expressions)


class SnatWrongAddress(Cause):
    """A source NAT rule gives packets an address that the host does not have.

    What it is: SNAT writes whatever address it is told, and what answers goes to that address: it never comes back to this host. The host itself is fine,
        as its own packets do not meet the rule.
    Why it happens: the host's address changed (DHCP, a move, a failover), or the rule was copied from another host.
    Evidence: the request at the host's outer interface with that source; no answer, and ARP asks for the address in vain, or an answer that goes to another
        machine, which has the address; the host's addresses; the rule.
    Remedy: without the rule, the engine's MASQUERADE takes the address of the interface; or correct the address.
    Source: moby/moby#31162, moby/moby#30053; iptables-extensions(8), "SNAT", "MASQUERADE".
    """

    code = "snat-wrong-address"
    reads = ("iptables", "nft")
    tells = "ip addr on the host, beside the address of the SNAT rule"
    symptoms = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE})

    def find(self, case: Case) -> Finding | None:
        """Fires when the packets left with a source that the walk's SNAT rule gave, and that is no address of the host, before and after."""
        found = self._wrong(case, case.prediction)
        then = self._wrong(case, case.prediction_after)
        if found is None or then is None or found.ref != then.ref:
            return None
        answer = self._answer(case, found)
        if case.reply_lost and answer is None:
            return None
        seen = next((hop for hop in case.hops if hop.seen and hop.packet and hop.packet.src.address == found.to), None)
        if seen is None or seen.packet is None:
            return None
        asked = unanswered(case, found.to)
        return Finding(
            code=self.code,
            summary=f"{found.ref} of {whose(found.place)} gives what it sends the source {found.to}, which is no address of {found.place.host}: answers do not come back",
            where=Where(host=found.place.host, component=found.ref.component, rule=found.ref.shown),
            evidence=tuple(
                filter(
                    None,
                    (
                        f"at {seen.point} the source is {found.to}: frame {seen.packet.frame}",
                        f"{found.ref}: {found.ref.shown}",
                        f"no interface of {found.place.host} has {found.to}",
                        asked_times(asked) if asked is not None else "",
                        f"the answer goes to {found.to}: {answer.point}, frame {answer.packet.frame}"
                        if answer is not None and answer.packet
                        else "",
                    ),
                )
            ),
            remedies=self._remedies(case, found),
            confidence=Confidence.CERTAIN if asked is not None or answer is not None else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where the walk is given such a source; where it is not known to its end, where some host has such a rule, as far as is known."""
        told = case.prediction
        if told is not None and (not told.unknown or self._wrong(case, told) is not None):
            return self._wrong(case, told) is not None
        return any(any_rule(host, _gives_source) for host in case.world.before.values())

    @staticmethod
    def _answer(case: Case, found: Translated) -> Hop | None:
        """Where the answer was last seen, on its way to that address: somebody else has it, or a router leads there."""
        back = [hop for hop in case.hops if hop.direction is Direction.REPLY and hop.seen and hop.packet]
        last = back[-1] if back else None
        return last if last is not None and last.packet and last.packet.dst.address == found.to else None

    @staticmethod
    def _wrong(case: Case, told: Prediction | None) -> Translated | None:
        for each in translations(told) if told is not None else ():
            host = case.before(each.place.host)
            here = host.namespace(each.place.container) if host else None
            named = not each.of_destination and each.kind.upper() == "SNAT"
            if named and here is not None and here.links is not None and not has_address(here, each.to):
                return each
        return None

    @staticmethod
    def _remedies(case: Case, found: Translated) -> tuple[Remedy, ...]:
        """Without it, where another rule then gives the host's own address; else MASQUERADE in its place."""
        rule, owner = found.ref, owner_of(case, found.place, found.ref)
        lasting = owner.lasting if owner else IN_FIREWALL
        if rule.program is Program.NFT:
            return (
                advise(found.place.host, f"correct the address, or write masquerade instead: {rule.text}; {lasting}"),
            )
        words = split(rule.text) or ()
        delete = (rule.program, "-t", rule.table, "-D", *words[1:])
        instead = re.sub(r"-j SNAT\b.*", "-j MASQUERADE", rule.text)
        without = case.without(found.place, rule)
        rests = without is not None and any(
            not each.of_destination and each.place == found.place for each in translations(without)
        )
        masquerade = (rule.program, "-t", rule.table, "-I", *(split(instead) or ())[1:])
        commands = (delete,) if rests and owner is None else (masquerade,) if owner else (masquerade, delete)
        said = (
            "the address of the interface is taken instead"
            if rests
            else "MASQUERADE takes the address of the interface"
        )
        return (
            Remedy(
                host=found.place.host,
                commands=tuple(inside(case, found.place, each) for each in commands),
                advice=f"{said}; {lasting}",
            ),
        )
