"""The engine's rules were flushed, by whatever program: nat, filter, or all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.firewall.bridge import BridgeNfForwardDrop
from netprobe.causes.firewall.forward import ForwardDrop, InputDrop
from netprobe.causes.nat.missing import MasqueradeMissing, exposed
from netprobe.causes.proof.blocked import blocked
from netprobe.causes.proof.flushed import lacks_bridge, no_filter, no_translation, stands_for_all, wrote
from netprobe.causes.proof.known import in_vain
from netprobe.causes.proof.obstacle import frames_at
from netprobe.causes.remedies.steps import written_again
from netprobe.model.report import Confidence, Finding, PathCode, Where
from netprobe.model.rule import Hook, Program
from netprobe.paths.story import Symptom
from netprobe.state.address import is_loopback
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Network
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
    explains = MasqueradeMissing.symptoms | _STOPPED
    symptoms = explains | {Symptom.OK}
    note = True
    needs = ("containers", "networks", "iptables", "iptables-legacy", "nft")
    instead_of = frozenset({BridgeNfForwardDrop, ForwardDrop, InputDrop, MasqueradeMissing})

    barriers = MasqueradeMissing.barriers

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """The answer finds no way to a container's own address, as nothing of the engine's is left in nat."""
        found = exposed(case) if MasqueradeMissing().explains_obstacle(case, obstacle) else None
        return found is not None and no_translation(found[0])

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The engine writes its rules again."""
        found = exposed(case)
        return written_again(found[0]) if found is not None else super().undo(case, obstacle)

    def find(self, case: Case) -> Finding | None:
        """Fires when a container's address left untranslated, or a published port ended at the host, and of all the engine's rules there nothing is left."""
        if case.story.symptom is Symptom.OK:
            return self._carried(case)
        return self._outbound(case) or self._inbound(case) or self._forwarded(case)

    def _carried(self, case: Case) -> Finding | None:
        """A published port that docker-proxy alone carries, as nothing leads to the engine's own rules of nftables any more."""
        if case.publication is None or case.way.path is not PathCode.DOCKER_PROXY:
            return None
        host, container, published = case.publication
        if not (host.in_nftables and container.running and _at_both(case, host, nat=True)):
            return None
        said = f"only docker-proxy carries {container.name}'s published port {published.host_port}"
        joined = f"two connections, joined by {', '.join(case.journey.joined_by)}" if case.journey else ""
        return self._finding(host, said, (joined, _nothing_left(host)))

    def possible(self, case: Case) -> bool:
        """Only where a host's rules are not known, or the engine's are gone from it."""
        return any(
            host.ruleset is None or no_translation(host) or no_filter(host) or _lacks_some(host)
            for host in case.world.before.values()
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
            where=Where(host=host.name, component=_component(host)),
            evidence=(*found.evidence, _nothing_left(host)),
            remedies=written_again(host),
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
        """What FORWARD's policy, or its last rule for all, drops, as no rule of the engine's accepts it any more."""
        stopped = blocked(case) if case.story.symptom in _STOPPED else None
        host = case.before(stopped.host) if stopped is not None else None
        if stopped is None or host is None or not _by_policy(stopped) or not self._is_dockers(case, host):
            return None
        if not _at_both(case, host, nat=False):
            lost = self._lost_network(case, host)
            return self._of_network(case, host, lost, stopped) if lost is not None else None
        said = f"{stopped.rule} {stopped.does} what Docker's rules accepted ({stopped.proof})"
        evidence = (
            _seen(case),
            stopped.evidence,
            f"FORWARD of {host.name} jumps to no chain of Docker's{_doubt(host)}",
        )
        return self._finding(host, said, evidence)

    @staticmethod
    def _lost_network(case: Case, host: Host) -> Network | None:
        """The network of the container that is concerned, if no rule names its bridge, before and after."""
        later = case.after(host.name)
        sent = case.probe is not None and case.probe.source_at.host == host.name and case.source_container is not None
        whose = case.source_container if sent else case.target
        found = [network for _, network in networks_of(host, whose) if network.bridge] if whose is not None else []
        gone = [each for each in found if all(at is not None and lacks_bridge(at, each.bridge) for at in (host, later))]
        return gone[0] if gone and len(gone) == len(found) else None

    def _of_network(self, case: Case, host: Host, lost: Network, stopped: StoppedBy) -> Finding:
        said = f"no rule of Docker's is there for network {lost.name}, and {stopped.rule} {stopped.does} what those accepted ({stopped.proof})"
        return Finding(
            code=self.code,
            summary=f"{said}; the engine has to write its rules again",
            where=Where(host=host.name, component="filter"),
            evidence=tuple(
                filter(
                    None,
                    (
                        _seen(case),
                        stopped.evidence,
                        f"no rule of iptables names {lost.bridge}, while others of Docker's are there: rules that were saved before that network was made were loaded (iptables-restore, netfilter-persistent)",
                    ),
                )
            ),
            remedies=written_again(host),
        )

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
            where=Where(host=host.name, component=_component(host)),
            evidence=tuple(filter(None, evidence)),
            remedies=written_again(host),
            confidence=Confidence.CERTAIN if wrote(host) else Confidence.LIKELY,
        )


def _component(host: Host) -> str:
    if host.in_nftables:
        return f"ip {host.engine.nft_table}"
    return "nat" if no_translation(host) else "filter"


def _one_bridge(case: Case, host: Host) -> bool:
    """Whether both are containers of one bridge network, whose packets FORWARD sees (bridge-nf-call-iptables)."""
    both = [
        {n.name for _, n in networks_of(host, each) if n.bridge and n.icc}
        for each in (case.source_container, case.target)
        if each
    ]
    return len(both) == 2 and bool(both[0] & both[1])


def _seen(case: Case) -> str:
    return f"last seen at {case.last_seen}: {frames_at(case, case.last_seen)}" if case.last_seen else ""


def _by_policy(stopped: StoppedBy) -> bool:
    """A policy of iptables', or a rule for all that none before it accepted: nftables' own stays in the way of what the engine accepts."""
    last = stands_for_all(stopped.rule) and stopped.rule.program is not Program.NFT
    return last and stopped.hook is Hook.FORWARD and stopped.place.container is None


def _unused(host: Host) -> bool:
    """Whether nothing in the rules that were read leads to the engine's chains, in nat or in filter."""
    rules = host.ruleset
    return rules is None or not (host.engine.uses_translation(rules) and host.engine.uses_filter(rules))


def _lacks_some(host: Host) -> bool:
    """Whether some bridge network of the engine's has no rules."""
    return any(network.bridge and lacks_bridge(host, network.bridge) for network in host.networks or ())


def _at_both(case: Case, host: Host, *, nat: bool) -> bool:
    """Whether the rules are gone before and after the probe."""
    gone = no_translation if nat else no_filter
    after = case.after(host.name)
    return gone(host) and after is not None and gone(after)


def _table(host: Host) -> str:
    if host.in_nftables:
        return "nftables ruleset"
    left = [each for each in (host.ruleset, host.legacy) if each is not None]
    if no_translation(host) and not any(host.engine.filters(each) for each in left):
        return "firewall"
    return "nat table" if no_translation(host) else "filter table"


def _nothing_left(host: Host) -> str:
    if host.in_nftables:
        place = host.engine.dnat_place(nftables=True)
        return f"no base chain of nat leads to {place} of {host.name}: the engine writes those at its own start only"
    return f"nothing in nat of {host.name} leads to Docker's chain: no rule of Docker's is left{_doubt(host)}"


def _doubt(host: Host) -> str:
    return "" if wrote(host) else "; no chain of Docker's is left (an engine with iptables=false writes none either)"
