"""Rules of address translation that are left over from a container that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.firewall.forward import ForwardDrop
from netprobe.causes.proof.obstacle import asked_times, frames_at, met, predicted, unanswered
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.remedy import run
from netprobe.model.report import Finding, Where
from netprobe.model.rule import Program, RuleRef
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.engine import ENGINES, role_of
from netprobe.state.iptables import delete_argv
from netprobe.state.lookup import container_with, has_address

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.state.iptables import Rule
    from netprobe.state.model import Host


class StaleDnat(Cause):
    """A published port is DNATed to a container that is gone: its rule stands before the present one's.

    What it is: the first DNAT rule of a port wins; it leads to an address of a Docker network that nobody has any more.
    Why it happens: the engine was killed, or the rules were saved and restored by another program, and the old rule stayed.
    Evidence: the request comes in and does not get to the container; ARP asks for the old address in vain (ICMP host unreachable), or
        FORWARD drops it, as Docker accepts only what its containers publish; the rule, and the containers' addresses.
    Remedy: delete the old rule.
    Source: moby#32048; iptables-extensions(8), "DNAT".
    """

    code = "stale-dnat"
    reads = ("iptables",)
    tells = "iptables-save -t nat on the host: two DNAT rules for the port"
    symptoms = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE, Symptom.UNREACHABLE})
    needs = ("containers", "networks", "addr")
    instead_of = frozenset({ForwardDrop})

    def find(self, case: Case) -> Finding | None:
        """Fires when walk and packets end behind a DNAT rule whose address is nobody's, though a container publishes the port."""
        obstacle = met(case, Barrier.NO_NEIGHBOUR, Barrier.RULE)
        if obstacle is None or obstacle.direction is not Direction.REQUEST or case.publication is None:
            return None
        host, container, published = case.publication
        rule = _first_dnat(case, host)
        if rule is None or rule.destination is None or not container.running or host.name != obstacle.place.host:
            return None
        address = rule.destination[0]
        silence = self._silence(case, obstacle, address)
        if not silence or not _is_nobodys(case, host, address):
            return None
        return Finding(
            code=self.code,
            summary=f"{host.name} sends what is for port {published.host_port} to {address}, which no container has any more: an old DNAT rule stands before {container.name}'s",
            where=Where(host=host.name, component=f"{rule.table}/{rule.chain}", rule=rule.text),
            evidence=(
                silence,
                f"{rule.ref}: {rule.text}",
                f"docker: {container.name} has {', '.join(container.addresses)}, and no container has {address}",
            ),
            remedies=(run(host.name, *delete_argv(rule), advice=self._gone(rule)),),
        )

    @staticmethod
    def _gone(rule: Rule) -> str:
        """What becomes of it later."""
        if role_of(rule.chain) is None:
            return IN_FIREWALL
        return "no container has it any more; it comes back where saved rules are restored at boot (netfilter-persistent): save them anew"

    @staticmethod
    def _silence(case: Case, obstacle: Obstacle, address: str) -> str:
        """What shows that it ends there."""
        if obstacle.barrier is Barrier.NO_NEIGHBOUR:
            asked = unanswered(case, address)
            return asked_times(asked) if asked is not None and address in obstacle.text else ""
        if obstacle.rule is None or not _ends_unpublished(obstacle.rule):
            return ""
        last = f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}" if case.last_seen else "not seen"
        return f"{last}; {obstacle.rule} drops it: {obstacle.text}"

    def possible(self, case: Case) -> bool:
        """Only where the prediction ends so behind a DNAT, or does not tell."""
        told = case.prediction
        if case.reply_lost:
            return False  # somebody answered
        if told is None or told.unknown:
            return True
        ends = predicted(case, Barrier.NO_NEIGHBOUR, Barrier.RULE) is not None
        return ends and any(step.what.startswith("DNAT") for step in told.steps)


def _ends_unpublished(rule: RuleRef) -> bool:
    """Whether it is where Docker's own rules end what no container publishes."""
    if rule.program is not Program.IPTABLES or rule.table != "filter":
        return False
    return rule.chain == "FORWARD" if rule.policy else any(rule.chain == engine.chain for engine in ENGINES)


def _first_dnat(case: Case, host: Host) -> Rule | None:
    """The DNAT rule that the request meets on this host by the walk, before and after the probe alike."""
    found: set[str] = set()
    for told in (case.prediction, case.prediction_after):
        steps = told.steps if told else ()
        here = [each for each in steps if each.place.host == host.name and each.what.startswith("DNAT")]
        texts = [each.rule.text for each in here if isinstance(each.rule, RuleRef)]
        found |= set(texts[:1]) or {""}
    text = found.pop() if len(found) == 1 else ""
    chains = host.ruleset.tables.get("nat", {}).values() if host.ruleset else ()
    return next((rule for chain in chains for rule in chain.rules if text and rule.text == text), None)


def _is_nobodys(case: Case, host: Host, address: str) -> bool:
    """Whether an address lies in a Docker bridge network's subnet and nobody there has it, before and after the probe."""
    after = case.after(host.name)
    moments = (host, after) if after is not None and after.containers is not None else (host,)
    if any(
        each.containers is None or container_with(each, address) or has_address(each.own, address) for each in moments
    ):
        return False
    bridges = [network for network in host.networks or () if network.bridge]
    return any(covers(subnet, address) for network in bridges for subnet in network.subnets)
