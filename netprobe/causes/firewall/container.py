"""A firewall inside a container's own network namespace: VPN containers and their kill switches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.blocked import STOPPED, Filtered
from netprobe.causes.proof.drops import STOPPING
from netprobe.causes.remedies.past_rule import without_rule
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.rule import Hook
from netprobe.paths.story import Symptom
from netprobe.state.nft import TERMINAL

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv, Remedy
    from netprobe.model.rule import RuleRef

_KEYS = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")
_SENT = frozenset({Hook.OUTPUT, Hook.POSTROUTING, Hook.EGRESS})


class ContainerFirewall(Filtered):
    """A firewall inside the container's own network namespace drops it.

    What it is: a container has rules of its own, which its host's iptables does not show: INPUT (or another chain) there drops what comes in, or OUTPUT
        what it answers. Its ports are published, the host lets them through, and they are dead.
    Why it happens: VPN containers (gluetun, wireguard) let in their own subnet and the tunnel alone, so that nothing leaks; a published port has to be
        named in their settings. An application that needs NET_ADMIN may have set rules as well.
    Evidence: the request at the container's own interface; the rule or policy in its namespace, its counter, or the walk that ends there.
    Remedy: the container's own settings (gluetun: FIREWALL_INPUT_PORTS): what is changed by hand is gone when it starts again.
    Source: passteque/gluetun#1379 and #1909; nsenter(1); netfilter hooks, Linux include/uapi/linux/netfilter.h.
    """

    code = "container-firewall"
    symptoms = STOPPED | {Symptom.OTHER_ENDPOINT}  # docker-proxy takes the connection, and its own is dropped inside
    reads = ("ns/*/iptables", "ns/*/nft", "ns/*/ip6tables")
    needs = ("ns/*/iptables", "ns/*/iptables-legacy", "ns/*/ip6tables", "ns/*/ip6tables-legacy", "ns/*/nft")
    barriers = frozenset({Barrier.RULE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A rule in a container; what the source itself does not send is output-drop."""
        return super().explains_obstacle(case, obstacle) and _is_inside(
            obstacle.place, obstacle.hook, reply=obstacle.direction is Direction.REPLY
        )

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """The walk and the packets end in a container."""
        return found.walked and _is_inside(found.place, found.hook, reply=_is_answer(case, found.place, found.hook))

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Whose firewall, and what it does with which packet."""
        name, answer = found.place.container, _is_answer(case, found.place, found.hook)
        what = f"the answers of {_inner(case)}" if answer else f"what comes in for {_inner(case)}"
        return f"{name}'s own firewall, inside the container, {found.does} {what}: {found.rule} ({found.text})"

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:  # noqa: ARG002 - the form of all
        """Where to look."""
        return (f"inside {found.place.container}: {found.text}",)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Its own settings; for now, past the rule in its namespace."""
        return _let(case, found.place, found.rule, found.undo, found.hook)

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The same for a predicted one."""
        if obstacle.rule is None:
            return super().undo(case, obstacle)
        return _let(case, obstacle.place, obstacle.rule, obstacle.undo, obstacle.hook)

    def possible(self, case: Case) -> bool:
        """Only where the source's or the target's container has rules that stop something, or its rules could not be read."""
        ends = (case.intent.source, case.intent.target)
        inside = [each for each in ends if each is not None and each.container is not None]
        return super().possible(case) and any(_may_stop(case, each) for each in inside)


def _may_stop(case: Case, place: Place) -> bool:
    host = case.before(place.host)
    if host is None:
        return True
    here = host.namespace(place.container)
    rulesets = (here.ruleset, here.legacy, here.ruleset6, here.legacy6)
    if any(
        rules is None and (here.asked(key) or key == _KEYS[0])
        for rules, key in zip((*rulesets, here.nft), _KEYS, strict=True)
    ):
        return True
    chains = [chain for rules in rulesets if rules is not None for chain in rules.chains()]
    if any(chain.policy == "DROP" or any(rule.target in STOPPING for rule in chain.rules) for chain in chains):
        return True
    nft = here.nft.chains if here.nft is not None else ()
    return any(chain.policy == "drop" or any(rule.verdict in TERMINAL for rule in chain.rules) for chain in nft)


def _is_answer(case: Case, place: Place, hook: Hook | None) -> bool:
    """Whether what is stopped is the answer: on its way out of the target, or into the source."""
    sent = hook in _SENT
    return place == (case.intent.target if sent else case.intent.source) and case.intent.target != case.intent.source


def _is_inside(place: Place, hook: Hook | None, *, reply: bool) -> bool:
    return place.container is not None and (reply or hook not in _SENT)


def _inner(case: Case) -> str:
    """``port 80/tcp``: the target's own, where a port of its host was dialled."""
    port = case.probe.target_port or case.probe.dialled_port if case.probe else None
    return f"port {port}/{case.transport}" if port is not None and case.transport != "icmp" else "ping"


def _let(case: Case, place: Place, rule: RuleRef, undo: Argv, hook: Hook | None) -> tuple[Remedy, ...]:
    """What a person does in the container's own settings (by name, where its image tells them), and what opens it until it starts again."""
    answer = _is_answer(case, place, hook)
    by_hand = without_rule(case, place, rule, undo, hook=hook, reply=answer)
    let = "let the answers to connections that were let in or out pass" if answer else f"let {_inner(case)} in"
    said = f"{let}, in {place.container}'s own firewall settings: {rule.text} stands inside it"
    host = case.before(place.host)
    container = host.container(place.container) if host and place.container else None
    port = case.probe.target_port if case.probe else None
    if container is not None and "gluetun" in container.image and port is not None and not answer:
        said += f" (gluetun: FIREWALL_INPUT_PORTS={port})"
    return (advise(place.host, said), by_hand)
