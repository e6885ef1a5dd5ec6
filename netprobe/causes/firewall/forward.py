"""Firewall: the rule that stopped the request, by its counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.base import NETFILTER_DROP, Cause
from netprobe.causes.proof.blocked import blocked
from netprobe.causes.proof.drops import Drop, may_stop, the_drop
from netprobe.causes.proof.hooks import hook_at, last_hop
from netprobe.causes.remedies import what_is_opened, without_rule
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.model.rule import Hook, Program
from netprobe.paths.observe import Symptom
from netprobe.state.address import same
from netprobe.state.engine import role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.engine.remedies import connect, restart

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.model import Host

STOPPED = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE, Symptom.REFUSED})


class _Dropped(Cause):
    """What the firewall causes share: one rule of their hook counted the request."""

    symptoms = STOPPED
    barriers = frozenset({Barrier.RULE})
    drop_reasons = NETFILTER_DROP
    hook: ClassVar[Hook]

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A rule at this hook."""
        return super().explains_obstacle(case, obstacle) and hook_at(case, obstacle) is self.hook

    def find(self, case: Case) -> Finding | None:
        """Fires when exactly one drop rule of this hook can have stopped the request."""
        if case.story.reached and case.target is not None and not case.reply_lost:
            return None
        drop = the_drop(case) or _uncounted(case)
        if drop is None or drop.hook is not self.hook or not self._fits(case, drop):
            return None
        return Finding(
            code=self.code,
            summary=self._summary(case, drop),
            where=Where(host=drop.host, component=drop.rule.component, rule=drop.rule.text),
            evidence=(f"{self._seen(case)}: {case.frames}", drop.counter),
            remedies=self._remedies(case, drop),
            confidence=drop.confidence,
        )

    def _fits(self, case: Case, drop: Drop) -> bool:  # noqa: ARG002 - the more specific ones look closer
        return True

    @staticmethod
    def _seen(case: Case) -> str:
        """``the SYN reached server2/eth0 (3 times) and never server2/docker0``."""
        hop = last_hop(case)
        count = hop.count if hop else 0
        times = "once" if count == 1 else f"{count} times"
        missing = f" and never {case.first_missing}" if case.first_missing else ""
        asked = {"tcp": "SYN", "udp": "datagram", "icmp": "echo request"}[case.transport]
        answer = {"tcp": "SYN-ACK", "udp": "reply", "icmp": "echo reply"}[case.transport]
        what = f"answer ({answer})" if case.reply_lost else asked
        return f"the {what} reached {case.last_seen} ({times}){missing}"

    def _summary(self, case: Case, drop: Drop) -> str:
        did = "rejected" if drop.rule.rejects else "dropped"
        return f"{self._seen(case)}: {drop.rule} of {drop.host} {did} it ({drop.proof})"

    def possible(self, case: Case) -> bool:
        """Not when the host's rules are known and none at this hook could stop the request."""
        return may_stop(case, self.hook)

    def _remedies(self, case: Case, drop: Drop) -> tuple[Remedy, ...]:
        return (past_drop(case, drop),)


def _uncounted(case: Case) -> Drop | None:
    """A rule without a counter (nftables' own need none) at which the walk through the hosts' state and the packets end."""
    rule = blocked(case)
    if rule is None or rule.counter or rule.hook is None or rule.hook is Hook.INGRESS:
        return None
    return Drop(
        host=rule.host,
        hook=rule.hook,
        rule=rule.rule,
        before=0,
        after=0,
        undo=rule.undo,
        confidence=rule.confidence,
        counts=False,
    )


def past_drop(case: Case, drop: Drop) -> Remedy:
    """What lets the packet past the rule or policy that counted it."""
    return without_rule(case, Place(host=drop.host), drop.rule, drop.undo, hook=drop.hook, reply=case.reply_lost)


class DockerUserDrop(_Dropped):
    """A rule in DOCKER-USER drops it.

    What it is: the chain that Docker leaves to the administrator comes before all of Docker's own rules.
    Why it happens: a rule there is wider than meant; the chain sees ports after DNAT (the container's), so that a match on the
        published port does not do what it seems to do: match ``--ctorigdstport`` instead.
    Evidence: the request at the host's door, not behind it, and the rule's counter.
    Remedy: delete or narrow the rule.
    Source: Docker documentation, "Packet filtering and firewalls" (DOCKER-USER).
    """

    code = "docker-user-drop"
    hook = Hook.USER


class InterNetwork(_Dropped):
    """Two Docker networks of one host are isolated from each other.

    What it is: a container sent to another network's container address; Docker's isolation rules (20.10 to 28: DOCKER-ISOLATION-STAGE-1/2;
        28: raw PREROUTING) drop it.
    Why it happens: by design: networks do not reach each other.
    Evidence: the request on the first bridge and not on the second, and the isolation rule's counter.
    Remedy: a network that both share, or the published host port.
    Source: moby#49981; moby libnetwork/drivers/bridge/setup_ip_tables.go.
    """

    code = "inter-network"
    hook = Hook.ISOLATION

    def _fits(self, case: Case, drop: Drop) -> bool:  # noqa: ARG002
        return case.source_container is not None and case.target is not None and not case.reply_lost

    def possible(self, case: Case) -> bool:
        """Only between two containers of one host."""
        probe = case.probe
        if probe is not None:
            one, other = probe.source_at, probe.target_at
            if one.container is None or other is None or other.container is None or one.host != other.host:
                return False
        return super().possible(case)

    def _summary(self, case: Case, drop: Drop) -> str:
        source = case.source_container.name if case.source_container else "the source"
        target = case.target.name if case.target else "the target"
        return f"{source} and {target} are on different networks of {drop.host}, which Docker isolates ({drop.rule})"

    def _remedies(self, case: Case, drop: Drop) -> tuple[Remedy, ...]:
        source, target, dialled = case.source_container, case.target, case.probe.dialled if case.probe else None
        if source is None or target is None:
            return ()
        mine = [name for name, end in target.networks.items() if dialled in end.all_addresses]
        if mine and mine[0] not in source.networks:
            host = case.before(drop.host)
            network = host.network(mine[0]) if host else None
            return (connect(drop.host, network, source),) if network else ()
        return (advise(drop.host, "dial the target by its name, or by its address on a network that both share"),)


class ForwardDrop(_Dropped):
    """A rule (or the policy) in FORWARD drops it.

    What it is: a FORWARD rule other than DOCKER-USER's and Docker's isolation, or the chain's policy; any table, any backend.
    Why it happens: a firewall manager that knows nothing of containers.
    Evidence: the request at the host's door, not behind it, and the counter of the rule or policy.
    Remedy: delete that rule, or accept before it; Docker's own rules: publish the port, have Docker's chains jumped to again.
    Source: netfilter hooks, Linux include/uapi/linux/netfilter.h.
    """

    code = "forward-drop"
    needs = ("nft",)
    hook = Hook.FORWARD

    def _fits(self, case: Case, drop: Drop) -> bool:
        """Docker's own rule for a network with enable_icc=false is another, more specific cause (icc-false).

        So may be a policy where Docker keeps its rules in nftables (Engine 29): what nft has must be known to tell.
        """
        host = case.before(drop.host)
        if host is not None and ((_within_one_bridge(drop) and host.networks is None) or _nft_untold(host)):
            return False
        closed = [each for each in host.networks or () if each.bridge and not each.icc] if host else []
        source, target = case.source_container, case.target
        both = set(source.networks) & set(target.networks) if source is not None and target is not None else set()
        return not any(f"-i {each.bridge} -o {each.bridge} " in drop.rule.text or each.name in both for each in closed)

    def _remedies(self, case: Case, drop: Drop) -> tuple[Remedy, ...]:
        """Docker relies on the DROP policy: what is missing then is its own rule for the port, which a restart writes again.

        Not so Engine 28's jump to its chains, which it writes at its own start only; and its rule for a port that is not
        published is one of two that must let it pass.
        """
        engine = case.engine_at(drop.host)
        ours = drop.rule.program in {Program.IPTABLES, Program.IP6TABLES}
        if drop.rule.policy and ours and self._not_jumped(case, drop):
            jump = (drop.rule.program, "-A", "FORWARD", "-j", engine.forward_chain)
            return (
                run(drop.host, *jump, advice="Docker's own rules decide again; the engine writes it when it starts"),
            )
        closed = engine.closes_unpublished(drop.rule.text) or (drop.rule.policy and not is_published(case))
        if closed and ours and asks_user_chain(case, drop.host) and self._dials_itself(case) and case.probe is not None:
            port = case.probe.dialled_port
            packet = ("-d", case.probe.dialled or "", "-p", case.transport, "--dport", str(port))
            lasting = f"this opens {what_is_opened(case)} to all who have a route to it, until the next reboot; Docker keeps a port closed that is not published; for good: docker run -p {port}:{port} …"
            return (
                run(drop.host, drop.rule.program, "-I", engine.user_chain, *packet, "-j", "ACCEPT", advice=lasting),
            )
        if drop.rule.policy and ours and case.target is not None and is_published(case):
            return (restart(drop.host, case.target.name),)  # Docker's own rule for the port is what is missing
        return (past_drop(case, drop),)

    @staticmethod
    def _dials_itself(case: Case) -> bool:
        """The target's own address is dialled, on a port."""
        dialled = case.dialled
        return (
            dialled is not None
            and case.target is not None
            and any(same(dialled[0], each) for each in case.target.addresses)
        )

    @staticmethod
    def _not_jumped(case: Case, drop: Drop) -> bool:
        host = case.before(drop.host)
        ruleset = host.backends(six=drop.rule.program is Program.IP6TABLES)[0] if host else None
        chain = ruleset.chain("filter", "FORWARD") if ruleset else None
        if (
            host is None
            or ruleset is None
            or chain is None
            or ruleset.chain("filter", host.engine.forward_chain) is None
        ):
            return False
        return all(rule.target != host.engine.forward_chain for rule in chain.rules)


def asks_user_chain(case: Case, host: str) -> bool:
    """Whether FORWARD jumps to DOCKER-USER there: what it accepts, no rule of Docker's closes."""
    before = case.before(host)
    ruleset = before.backends(six=case.is_v6)[0] if before else None
    chain = ruleset.chain("filter", "FORWARD") if ruleset else None
    return chain is not None and any(role_of(rule.target) is ChainRole.USER for rule in chain.rules)


def is_published(case: Case) -> bool:
    """Whether the target publishes the port that is meant (at whatever address of its host)."""
    port, target = case.probe.target_port if case.probe else None, case.target
    return target is not None and any((p.container_port, p.proto) == (port, case.transport) for p in target.published)


def _within_one_bridge(drop: Drop) -> bool:
    words = drop.rule.text.split()
    return "-i" in words and "-o" in words and words[words.index("-i") + 1] == words[words.index("-o") + 1]


def _nft_untold(host: Host) -> bool:
    major = (host.engine_version or "").partition(".")[0]
    return host.nft is None and major.isdecimal() and int(major) >= 29


class InputDrop(_Dropped):
    """A rule (or the policy) in INPUT drops it.

    What it is: the packet was for the host itself (a process of it, or docker-proxy) and its INPUT chain dropped it.
    Why it happens: a host firewall that does not know the port.
    Evidence: the request at the host's door, and the counter of the rule or policy.
    Remedy: accept the port there.
    Source: netfilter hooks, Linux include/uapi/linux/netfilter.h.
    """

    code = "input-drop"
    needs = ("nft",)
    hook = Hook.INPUT

    def _fits(self, case: Case, drop: Drop) -> bool:
        """A container that dials its own host is another, more specific cause (input-firewall-container-to-host)."""
        from_inside = case.probe is not None and case.probe.source_at.container is not None
        return not (from_inside and case.probe is not None and case.probe.source_at.host == drop.host)
