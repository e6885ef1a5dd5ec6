"""The engine's rules were flushed, by whatever program: nat, filter, or all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.firewall.bridge import BridgeNfForwardDrop
from netprobe.causes.firewall.forward import ForwardDrop, InputDrop
from netprobe.causes.nat.missing import MasqueradeMissing, exposed
from netprobe.causes.proof.blocked import blocked
from netprobe.causes.proof.known import in_vain
from netprobe.causes.proof.obstacle import frames_at
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Hook, Program
from netprobe.paths.story import Symptom
from netprobe.state.address import is_loopback
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.model import Host

_STOPPED = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE, Symptom.REFUSED})


class RulesFlushed(Cause):
    """The engine's firewall rules were flushed: nothing of Docker's is left in nat, in filter, or in both.

    What it is: containers' packets leave with their own addresses, published ports are carried by docker-proxy alone and meet the host's INPUT instead of
        FORWARD, or FORWARD's policy drops what no rule of Docker's accepts any more.
    Why it happens: ``nft flush ruleset`` (every reload of nftables.service), ``iptables -F`` and ``-X``, a firewall service that (re)started after Docker,
        ``netfilter-persistent``. The engine writes its rules when it starts, and a container's when that starts; it does not look whether they are there.
    Evidence: the request at the host's uplink with the container's address, or at its door and not beyond; nothing in nat (or FORWARD) leads to Docker's
        chains. Where no chain of Docker's is left at all it is likely, not certain: an engine with ``iptables=false`` writes none either.
    Remedy: restart the engine: it has to write all of its rules again. A restart of the container alone fails, as the chains for its rules are gone.
    Source: moby/moby#12294, docker/for-linux#1472; nft(8), "flush ruleset"; iptables(8), "-F".
    """

    code = "rules-flushed"
    reads = ("iptables", "nft")
    tells = "iptables-save -t nat on the host: whether the engine's chains are there"
    symptoms = MasqueradeMissing.symptoms | _STOPPED
    needs = ("containers", "networks", "iptables", "iptables-legacy", "nft")
    instead_of = frozenset({BridgeNfForwardDrop, ForwardDrop, InputDrop, MasqueradeMissing})

    barriers = MasqueradeMissing.barriers

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """The answer finds no way to a container's own address, as nothing of the engine's is left in nat."""
        found = exposed(case) if MasqueradeMissing().explains_obstacle(case, obstacle) else None
        return found is not None and _no_translation(found[0])

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The engine writes its rules again."""
        found = exposed(case)
        return _written_again(found[0]) if found is not None else super().undo(case, obstacle)

    def find(self, case: Case) -> Finding | None:
        """Fires when a container's address left untranslated, or a published port ended at the host, and of all the engine's rules there nothing is left."""
        return self._outbound(case) or self._inbound(case) or self._forwarded(case)

    def possible(self, case: Case) -> bool:
        """Only where a host's rules are not known, or the engine's are gone from it."""
        return any(
            host.ruleset is None or _no_translation(host) or _no_filter(host) for host in case.world.before.values()
        ) or self.undecided(case)

    def undecided(self, case: Case) -> bool:
        """Whether nothing in iptables leads to the engine's chains on a host, and the rest that would tell was asked for in vain."""
        if not in_vain(case, *self.needs):
            return False
        hosts = [*case.world.before.values(), *case.world.after.values()]
        return any(_unused(host) for host in hosts if host.engine.outputs & host.outputs.outputs.keys())

    def _outbound(self, case: Case) -> Finding | None:
        found = MasqueradeMissing().find(case)
        host = case.before(case.probe.source_at.host) if case.probe else None
        if found is None or host is None or not _at_both(case, host, nat=True):
            return None
        sure = found.confidence if wrote(host) else Confidence.LIKELY
        return replace(
            found,
            code=self.code,
            summary=f"the {_table(host)} of {host.name} was flushed: {found.summary}, until the engine has written its rules again",
            where=Where(host=host.name, component="nat"),
            evidence=(*found.evidence, _nothing_left(host)),
            remedies=_written_again(host),
            confidence=sure,
        )

    def _inbound(self, case: Case) -> Finding | None:
        """A published port that DNAT would have taken past INPUT."""
        if case.publication is None or case.dialled is None or case.story.symptom not in _STOPPED or case.reply_lost:
            return None
        host, container, published = case.publication
        at = case.probe.source_at if case.probe else None
        beside = at is None or (at.host == host.name and at.container is not None) or is_loopback(case.dialled[0])
        if beside or not container.running or case.dnat_rules(host, published, container) != ():
            return None
        said = self._ended(case, host)
        if not said or not _at_both(case, host, nat=True):
            return None
        name = f"{container.name}'s published port {published.host_port}"
        return self._finding(host, f"{name} has no DNAT any more, and {said}", (f"{_seen(case)}", _nothing_left(host)))

    @staticmethod
    def _ended(case: Case, host: Host) -> str:
        """What became of it at the host, without DNAT."""
        stopped = blocked(case)
        if stopped is not None and stopped.hook is Hook.INPUT and stopped.host == host.name:
            return f"INPUT {stopped.does} it: {stopped.rule} ({stopped.proof})"
        return f"{host.name} itself refuses it" if case.refused_by_host else ""

    def _forwarded(self, case: Case) -> Finding | None:
        """What FORWARD's policy drops, as no rule of the engine's accepts it any more."""
        stopped = blocked(case) if case.story.symptom in _STOPPED else None
        host = case.before(stopped.host) if stopped is not None else None
        if stopped is None or host is None or not _by_policy(stopped) or not _at_both(case, host, nat=False):
            return None
        if not self._is_dockers(case, host):
            return None
        said = f"{stopped.rule} drops what Docker's rules accepted ({stopped.proof})"
        evidence = (
            _seen(case),
            stopped.evidence,
            f"FORWARD of {host.name} jumps to no chain of Docker's{_doubt(host)}",
        )
        return self._finding(host, said, evidence)

    @staticmethod
    def _is_dockers(case: Case, host: Host) -> bool:
        """Whether the engine's rules would accept it: what its own containers send, and published ports."""
        sent = case.probe is not None and case.probe.source_at.host == host.name and case.source_container is not None
        outside = case.target_host is None or case.target_host.name != host.name
        return (sent and (outside or _one_bridge(case, host))) or (
            case.publication is not None and case.publication[0].name == host.name
        )

    def _finding(self, host: Host, said: str, evidence: tuple[str, ...]) -> Finding:
        return Finding(
            code=self.code,
            summary=f"the {_table(host)} of {host.name} was flushed: {said}; the engine has to write its rules again",
            where=Where(host=host.name, component="nat" if _no_translation(host) else "filter"),
            evidence=tuple(filter(None, evidence)),
            remedies=_written_again(host),
            confidence=Confidence.CERTAIN if wrote(host) else Confidence.LIKELY,
        )


def _one_bridge(case: Case, host: Host) -> bool:
    """Whether both are containers of one bridge network, whose packets FORWARD sees (bridge-nf-call-iptables)."""
    both = [
        {n.name for _, n in networks_of(host, each) if n.bridge and n.icc}
        for each in (case.source_container, case.target)
        if each
    ]
    return len(both) == 2 and bool(both[0] & both[1])


def _written_again(host: Host) -> tuple[Remedy, ...]:
    """By the engine's restart alone: it does not look whether its rules are there."""
    again = "what flushed them does so again at its next start or reload (nftables.service, a firewall, iptables-restore): restart the engine after it, or have its files keep what is not theirs"
    return (*host.engine.remedies.restart_engine(host.name, host.containers or ()), advise(host.name, again))


def _seen(case: Case) -> str:
    return f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}" if case.last_seen else ""


def _by_policy(stopped: StoppedBy) -> bool:
    """A policy of iptables': nftables' own stays in the way of what the engine accepts."""
    policy = stopped.rule.policy and stopped.rule.program is not Program.NFT
    return policy and stopped.hook is Hook.FORWARD and stopped.place.container is None


def _unused(host: Host) -> bool:
    """Whether nothing in the rules that were read leads to the engine's chains, in nat or in filter."""
    rules = host.ruleset
    return rules is None or not (host.engine.uses_translation(rules) and host.engine.uses_filter(rules))


def _at_both(case: Case, host: Host, *, nat: bool) -> bool:
    """Whether the rules are gone before and after the probe."""
    gone = _no_translation if nat else _no_filter
    after = case.after(host.name)
    return gone(host) and after is not None and gone(after)


def _bridged(host: Host) -> bool:
    """Whether the engine has containers on bridge networks, for which it writes rules."""
    networks = {network.name for network in host.networks or () if network.bridge}
    running = (each for each in host.containers or () if each.running)
    return not host.rootless and any(networks & set(each.networks) for each in running)


def _no_translation(host: Host) -> bool:
    """Whether nothing in nat of either backend leads to the engine's chain, nor is its nftables table there."""
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    if host.ruleset is None or not _bridged(host) or _in_nftables(host):
        return False
    return not any(host.engine.uses_translation(each) for each in rulesets)


def _no_filter(host: Host) -> bool:
    """Whether nothing in FORWARD leads to a chain of the engine's; where none shows that it wrote any, nothing in nat may be another's for its networks."""
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    if host.ruleset is None or not _bridged(host) or _in_nftables(host):
        return False
    if not wrote(host) and any(each.table == "nat" for ruleset in rulesets for each in ruleset.rules()):
        return False
    return not any(host.engine.uses_filter(each) for each in rulesets)


def _in_nftables(host: Host) -> bool:
    unread = host.nft is None and host.asked("nft")
    return unread or host.engine.in_nftables(host.nft)


def wrote(host: Host) -> bool:
    """Whether a chain of the engine's is left that shows that it writes rules."""
    rulesets = (host.ruleset, host.legacy, host.ruleset6, host.legacy6)
    return any(host.engine.translates(each) or host.engine.filters(each) for each in rulesets)


def _table(host: Host) -> str:
    left = [each for each in (host.ruleset, host.legacy) if each is not None]
    if _no_translation(host) and not any(host.engine.filters(each) for each in left):
        return "firewall"
    return "nat table" if _no_translation(host) else "filter table"


def _nothing_left(host: Host) -> str:
    return f"nothing in nat of {host.name} leads to Docker's chain: no rule of Docker's is left{_doubt(host)}"


def _doubt(host: Host) -> str:
    return "" if wrote(host) else "; no chain of Docker's is left (an engine with iptables=false writes none either)"
