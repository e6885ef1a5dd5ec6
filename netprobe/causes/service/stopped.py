"""A target container that does not run, or is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.life import asked_for, life, then
from netprobe.causes.service.starting import ended, starting
from netprobe.evidence.model import Resolution
from netprobe.forward.model import Barrier
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.engine.model import NOT_RUNNING, ContainerState

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy


class ContainerStopped(Cause):
    """The target container does not run.

    What it is: a stopped container has no network namespace, no DNAT rule and no docker-proxy: its host refuses for it.
    Why it happens: it exited, was stopped, or restarts again and again.
    Evidence: the refusal (or silence) before the container, and its state before and after the probe.
    Remedy: docker start; docker logs for why it ended.
    Source: moby daemon/container_operations.go (ports are released on stop).
    """

    code = "container-stopped"
    reads = ("containers",)
    tells = "docker ps -a: its state"
    symptoms = frozenset(
        {Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.SILENCE, Symptom.NO_ANSWER, Symptom.OTHER_ENDPOINT}
    )
    barriers = frozenset({Barrier.NOBODY_LISTENS})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """Where the container that is meant does not run."""
        target = case.named or case.target
        return target is not None and target.state in NOT_RUNNING and super().explains_obstacle(case, obstacle)

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Start it."""
        target, host = case.named or case.target, case.target_host
        if target is None or host is None:
            return super().undo(case, obstacle)
        return starting(host, target)

    def find(self, case: Case) -> Finding | None:
        """Fires when the target is known not to run at both moments, and nothing was delivered (or its name is not resolved)."""
        at, target = asked_for(case)
        after = then(case, at, target)
        if (
            target is None
            or after is None
            or (target is case.target and case.named is None and case.intent.target == case.intent.source)
            or target.state not in NOT_RUNNING
            or (bool(target.netns_of) and at is not None and at.namespace(target.name).sockets is None)
            or after.state not in NOT_RUNNING
            or (case.story.reached and case.story.symptom not in {Symptom.NO_ANSWER, Symptom.OTHER_ENDPOINT})
        ):
            return None
        exited = ended(target)
        lived = life(case, at.name if at is not None else "", after)
        lookup = case.probe is not None and case.probe.lookup.how is Resolution.FAILED
        what = "its name is not resolved" if lookup else "nothing is published for it"
        if target.netns_of and case.story.symptom is Symptom.OTHER_ENDPOINT:
            what = f"it is {target.netns_of}, whose network namespace it shared, that answers"
        other = case.story.symptom is Symptom.OTHER_ENDPOINT
        how = (
            "the lookup"
            if lookup
            else "somebody else answered"
            if other
            else f"never came to the container ({case.story.detail or 'nothing came back'})"
        )
        return Finding(
            code=self.code,
            summary=f"{target.name} is not running (state {target.state.value}{exited}), so {what}",
            where=Where(host=at.name if at is not None else None, component=target.name),
            evidence=(
                f"{how}: {case.frames}",
                f"docker: {target.name} is {target.state.value}{exited}, before and after the probe{f'; {lived}' if lived else ''}",
            ),
            remedies=starting(at, target) if at is not None else (),
        )

    def possible(self, case: Case) -> bool:
        """Not for a host, nor when the target is known to run."""
        target = asked_for(case)[1]
        return (case.may_be_container or target is not None) and (target is None or target.state in NOT_RUNNING)


class ContainerPaused(Cause):
    """The target container is paused: its kernel still accepts, its application never answers.

    What it is: `docker pause` freezes the processes; the network namespace goes on, so the TCP handshake succeeds.
    Why it happens: somebody (or a backup tool) paused it and did not unpause it.
    Evidence: SYN-ACK and no application byte, and the state "paused" before and after.
    Remedy: docker unpause.
    Source: moby#37809; kernel cgroup freezer documentation (admin-guide/cgroup-v1/freezer-subsystem.rst).
    """

    code = "container-paused"
    reads = ("containers",)
    tells = "docker inspect: State.Paused"
    barriers = frozenset({Barrier.PAUSED})
    symptoms = frozenset({Symptom.OK, Symptom.NO_RESPONSE, Symptom.SILENCE, Symptom.DELIVERED})

    def find(self, case: Case) -> Finding | None:
        """Fires when the target was paused at both moments and the packets got as far as a frozen process lets them."""
        target = case.target
        after = case.target_after
        frozen = ContainerState.PAUSED
        if (
            target is None
            or after is None
            or target.state is not frozen
            or after.state is not frozen
            or case.story.reached is False
            or (case.story.symptom is Symptom.SILENCE and not case.story.reached)
        ):
            return None
        if case.transport == "icmp":  # the kernel answers echoes itself
            return None
        delivered = "the datagram is delivered" if case.transport == "udp" else "the handshake completes"
        got = (
            f"{delivered}, the application never answers" if case.story.symptom is not Symptom.SILENCE else "no answer"
        )
        host = case.target_host.name if case.target_host else None
        lived = life(case, host, target) if host else ""
        return Finding(
            code=self.code,
            summary=f"{target.name} is paused: {got}",
            where=Where(host=host, component=target.name),
            evidence=(
                f"{case.frames}: accepted by the kernel in {target.name}",
                f"docker: {target.name} is paused, before and after the probe{f'; {lived}' if lived else ''}",
            ),
            remedies=(case.target_host.engine.remedies.unpause(case.target_host.name, target.name),)
            if case.target_host
            else (),
        )

    def possible(self, case: Case) -> bool:
        """Only a paused target can be it."""
        return case.may_be_container and (case.target is None or case.target.state is ContainerState.PAUSED)
