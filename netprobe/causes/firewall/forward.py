"""Firewall: the rule that stopped the request, by its counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.proof.blocked import STOPPED, UNFINISHED, Filtered, blocked, ways_past
from netprobe.causes.proof.drops import the_drop
from netprobe.causes.proof.flushed import no_filter, no_translation, stands_for_all
from netprobe.causes.proof.hooks import entries, hook_at, last_hop
from netprobe.causes.proof.known import in_vain
from netprobe.causes.proof.late import LATE, late_drop, lost_data
from netprobe.causes.proof.lookups import failed
from netprobe.causes.proof.may_stop import may_stop
from netprobe.causes.remedies.past_rule import by_owner, ways_past_rule
from netprobe.causes.remedies.steps import publishing, restarted, what_is_opened, written_again
from netprobe.forward.model import Barrier
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.model.rule import Hook, Program
from netprobe.paths.story import Symptom
from netprobe.state.address import same
from netprobe.state.engine import role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.engine.compose import in_file, listed
from netprobe.state.iptables_fields import Field
from netprobe.state.lookup import networks_of, rule_of
from netprobe.state.packet import in_ports

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.iptables import Rule
    from netprobe.state.model import Host


class _Counted(Filtered):
    """What these causes share: one rule of their hook counted the request; or it need not count, and the walk and the packets end at it."""

    barriers = frozenset({Barrier.RULE})
    symptoms = STOPPED | LATE
    hook: ClassVar[Hook]

    def find(self, case: Case) -> Finding | None:
        """Fires when one rule of its hook stopped the request; or data behind a handshake that passed."""
        return self._late(case) if case.story.symptom in LATE else super().find(case)

    def _late(self, case: Case) -> Finding | None:
        found = late_drop(case)
        if found is None or found[1].hook is not self.hook:
            return None
        lost, by = found
        did = "rejected" if by.rule.rejects else "dropped"
        return Finding(
            code=self.code,
            summary=f"{lost}: {by.rule} of {by.host} {did} it ({by.proof})",
            where=Where(host=by.host, component=by.rule.component, rule=by.text),
            evidence=(lost.evidence, by.evidence, "no other rule between the two that may match it counted so often"),
            remedies=ways_past_rule(case, by.place, by.rule, by.undo, hook=by.hook, reply=lost.back),
            confidence=by.confidence,
        )

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A rule at this hook."""
        return super().explains_obstacle(case, obstacle) and hook_at(case, obstacle) is self.hook

    def stopped(self, case: Case) -> StoppedBy | None:
        """The one drop rule of this hook that can have stopped the request."""
        unfinished = case.story.symptom is Symptom.UNFINISHED
        if case.story.reached and case.target is not None and not case.reply_lost and not unfinished:
            return None
        found = the_drop(case)
        if (
            found is None or found.hook is not self.hook
        ):  # several hooks may lead to it, or it drops what a reject answers
            found = blocked(case)
        return found if found is not None and found.hook is self.hook else None

    def seen(self, case: Case) -> str:
        """``the SYN reached server2/eth0 (3 times) and never server2/docker0: frames 5, 9``."""
        return f"{reached(case)}: {case.frames}"

    def summary(self, case: Case, found: StoppedBy) -> str:
        """How far it came, and which rule took it."""
        did = "rejected" if found.rule.rejects else "dropped"
        return f"{reached(case)}: {found.rule} of {found.host} {did} it ({found.proof})"

    def possible(self, case: Case) -> bool:
        """Not when the host's rules are known and none at this hook could stop the request, or the data behind it."""
        return lost_data(case) is not None if case.story.symptom in LATE else may_stop(case, self.hook)


def _permits(rule: Rule, port: int) -> bool:
    dport = rule.get(Field.DPORT)
    return rule.target in {"ACCEPT", "RETURN"} and dport is not None and in_ports(dport.value, port) is True


def reached(case: Case) -> str:
    """``the SYN reached server2/eth0 (3 times) and never server2/docker0``."""
    if case.story.symptom is Symptom.UNFINISHED:
        return UNFINISHED
    hop = last_hop(case)
    count = hop.count if hop else 0
    times = "once" if count == 1 else f"{count} times"
    missing = f" and never {case.first_missing}" if case.first_missing else ""
    asked = {"tcp": "SYN", "udp": "datagram", "icmp": "echo request"}[case.transport]
    answer = {"tcp": "SYN-ACK", "udp": "reply", "icmp": "echo reply"}[case.transport]
    if failed(case) and case.probe is not None:
        asked, answer = f"DNS query for {case.probe.lookup.name}", "DNS response"
    what = f"answer ({answer})" if case.reply_lost else asked
    return f"the {what} reached {case.last_seen} ({times}){missing}"


class DockerUserDrop(_Counted):
    """A rule in DOCKER-USER drops it.

    What it is: the chain that Docker leaves to the administrator comes before all of Docker's own rules.
    Why it happens: a rule there is wider than meant; the chain sees ports after DNAT (the container's), so that a match on the
        published port does not do what it seems to do: match ``--ctorigdstport`` instead.
    Evidence: the request at the host's door, not behind it, and the rule's counter.
    Remedy: delete or narrow the rule.
    Source: Docker documentation, "Packet filtering and firewalls" (DOCKER-USER).
    """

    code = "docker-user-drop"
    reads = ("iptables", "ip6tables")
    hook = Hook.USER

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:
        """That an answer meets it, too; that a rule permits the published port, which is not the one that the chain sees."""
        if case.reply_lost:
            return (f"it is the answer: no rule for ESTABLISHED connections stands before {found.rule}",)
        if case.publication is None or case.publication[0].name != found.host:
            return ()
        host, container, published = case.publication
        outer, inner = published.host_port, published.container_port
        if outer == inner:
            return ()
        rules = (rule for ruleset in case.rulesets(host) for rule in ruleset.rules())
        meant = [rule for rule in rules if _permits(rule, outer) and self._asked(case, host, rule)]
        return tuple(
            f"the chain sees port {inner}, {container.name}'s own; {rule.chain} permits {outer}, the published one: {rule.text}"
            for rule in meant[:2]
        )

    @staticmethod
    def _asked(case: Case, host: Host, rule: Rule) -> bool:
        """Whether it stands in a chain that DOCKER-USER leads to."""
        reached = (entries(each, rule.table, rule.chain) for each in case.rulesets(host))
        return rule.table == "filter" and any(host.engine.user_chain in each for each in reached)


class InterNetwork(_Counted):
    """Two Docker networks of one host are isolated from each other.

    What it is: a container sent to another network's container address; Docker's isolation rules (20.10 to 28: DOCKER-ISOLATION-STAGE-1/2;
        28: raw PREROUTING) drop it.
    Why it happens: by design: networks do not reach each other.
    Evidence: the request on the first bridge and not on the second, and the isolation rule's counter.
    Remedy: a network that both share, or the published host port.
    Source: moby#49981; moby libnetwork/drivers/bridge/setup_ip_tables.go.
    """

    code = "inter-network"
    reads = ("iptables", "networks")
    hook = Hook.ISOLATION

    def fits(self, case: Case, found: StoppedBy) -> bool:  # noqa: ARG002
        """From a container to a container."""
        return case.source_container is not None and case.target is not None and not case.reply_lost

    def possible(self, case: Case) -> bool:
        """Only between two containers of one host."""
        probe = case.probe
        if probe is not None:
            one, other = probe.source_at, probe.target_at
            if one.container is None or other is None or other.container is None or one.host != other.host:
                return False
        return super().possible(case) or in_vain(case, "nft")

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Who is kept from whom."""
        source = case.source_container.name if case.source_container else "the source"
        target = case.target.name if case.target else "the target"
        return f"{source} and {target} are on different networks of {found.host}, which Docker isolates ({found.rule})"

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """A network that both share."""
        source, target, dialled = case.source_container, case.target, case.probe.dialled if case.probe else None
        if source is None or target is None:
            return ()
        mine = [name for name, end in target.networks.items() if dialled in end.all_addresses]
        if mine and mine[0] not in source.networks:
            host = case.before(found.host)
            network = host.network(mine[0]) if host else None
            return (case.engine_at(found.host).remedies.connect(found.host, network, source),) if network else ()
        return (advise(found.host, "dial the target by its name, or by its address on a network that both share"),)


class ForwardDrop(_Counted):
    """A rule (or the policy) in FORWARD drops it.

    What it is: a FORWARD rule other than DOCKER-USER's and Docker's isolation, or the chain's policy; any table, any backend.
    Why it happens: a firewall manager that knows nothing of containers.
    Evidence: the request at the host's door, not behind it, and the counter of the rule or policy.
    Remedy: delete that rule, or accept before it; Docker's own rules: publish the port, have Docker's chains jumped to again.
    Source: netfilter hooks, Linux include/uapi/linux/netfilter.h.
    """

    code = "forward-drop"
    reads = ("iptables", "nft", "ip6tables", "iptables-legacy")
    needs = ("nft",)
    hook = Hook.FORWARD

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """Docker's own rule for a network with enable_icc=false is another, more specific cause (icc-false).

        So may be a policy where Docker keeps its rules in nftables (Engine 29): what nft has must be known to tell.
        """
        host = case.before(found.host)
        if host is None:
            return True
        if (_within_one_bridge(found) and host.networks is None) or _nft_untold(host):
            return False
        closed = [each for each in host.networks or () if each.bridge and not each.icc]
        source, target = case.source_container, case.target
        both = set(source.networks) & set(target.networks) if source is not None and target is not None else set()
        return not any(host.engine.forbids_icc(found.rule, each.bridge) or each.name in both for each in closed)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Docker relies on the DROP policy: what is missing then is its own rule for the port, which a restart writes again.

        Not so Engine 28's jump to its chains, which it writes at its own start only; and its rule for a port that is not
        published is one of two that must let it pass.
        """
        engine = case.engine_at(found.host)
        ours = found.rule.program in {Program.IPTABLES, Program.IP6TABLES}
        by_engine = self._by_nft_engine(case, found)
        if by_engine:
            return by_engine
        if found.rule.policy and ours and self._not_jumped(case, found):
            jump = (found.rule.program, "-A", "FORWARD", "-j", engine.forward_chain)
            return (
                run(found.host, *jump, advice="Docker's own rules decide again; the engine writes it when it starts"),
            )
        host = case.before(found.host)
        rule = rule_of(host, found.rule) if host is not None else None
        closed = engine.closes_unpublished(rule) or (found.rule.policy and not is_published(case))
        if (
            closed
            and ours
            and asks_user_chain(case, found.host)
            and self._dials_itself(case)
            and case.dialled is not None
        ):
            address, port = case.dialled
            packet = ("-d", address, "-p", case.transport, "--dport", str(port))
            lasting = f"this opens {what_is_opened(case)} to all who have a route to it, until the next reboot; Docker keeps a port closed that is not published; for good: {self._published(case, port)}"
            accept = (found.rule.program, "-I", engine.user_chain, *packet, "-j", "ACCEPT")
            theirs = by_owner(case, found.place, found.rule, found.hook)
            if theirs is None:
                return (run(found.host, *accept, advice=lasting),)
            return (theirs, run(found.host, *accept, advice=f"or by hand: {lasting}"))
        if found.rule.policy and ours and case.target is not None and is_published(case) and _asks_engine(case, found):
            # the engine's rule for the port is what is missing
            return restarted(host, case.target) if host is not None else ()
        past = ways_past(case, found)
        again = written_again(host) if host is not None and self._flushed_besides(case, found) else ()
        return (
            past
            if {argv for each in past for argv in each.commands} & set(again[:1] and again[0].commands)
            else (*past, *again)
        )

    def _by_nft_engine(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Past the last rule of a bridge that the engine has in nftables: it is the engine's to write one for the port before it, and no other table overrules it."""
        host, target = case.before(found.host), case.target
        rule = rule_of(host, found.rule) if host is not None and found.rule.program is Program.NFT else None
        if host is None or target is None or rule is None or not host.engine.closes_unpublished(rule):
            return ()
        if is_published(case):
            return restarted(host, target)
        port = case.probe.target_port if case.probe else None
        if port is None:
            return ()
        return (
            advise(
                found.host,
                f"{target.name} does not publish port {port}/{case.transport}, and the engine keeps closed what is not published: {self._published(case, port)}; never delete the engine's rule: that opens every port of every container on the network",
            ),
        )

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:
        """That the engine's own rules are gone besides."""
        gone = "nothing of Docker's rules is left there: what flushed them wrote this chain, and without them no answer finds its way back"
        return (gone,) if self._flushed_besides(case, found) else ()

    @staticmethod
    def _flushed_besides(case: Case, found: StoppedBy) -> bool:
        """Whether what flushed the engine's rules has a chain of its own that drops (a file of nftables.service)."""
        host = case.before(found.host)
        here = case.source_container is not None and case.probe is not None and case.probe.source_at.host == found.host
        gone = host is not None and no_filter(host) and no_translation(host)
        if host is None or not here or not gone or found.rule.program is not Program.NFT or _within(case, host):
            return False
        return stands_for_all(found.rule)

    @staticmethod
    def _published(case: Case, port: int) -> str:
        """How the port stays open: its container publishes it."""
        suffix = "" if case.transport == "tcp" else f"/{case.transport}"
        file = in_file(case.target, f"ports: {listed(f'{port}:{port}{suffix}')}") if case.target is not None else ""
        return file or f"docker run {publishing(port, port, case.transport)} …"

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
    def _not_jumped(case: Case, found: StoppedBy) -> bool:
        host = case.before(found.host)
        ruleset = host.backends(six=found.rule.program is Program.IP6TABLES)[0] if host else None
        chain = ruleset.chain("filter", "FORWARD") if ruleset else None
        if (
            host is None
            or ruleset is None
            or chain is None
            or ruleset.chain("filter", host.engine.forward_chain) is None
        ):
            return False
        return all(rule.target != host.engine.forward_chain for rule in chain.rules)


def _within(case: Case, host: Host) -> bool:
    """Whether the target is a container of the same host: what is switched or dialled there needs no translation."""
    return case.target is not None and case.target_host is not None and case.target_host.name == host.name


def asks_user_chain(case: Case, host: str) -> bool:
    """Whether FORWARD jumps to DOCKER-USER there: what it accepts, no rule of Docker's closes."""
    before = case.before(host)
    ruleset = before.backends(six=case.is_v6)[0] if before else None
    chain = ruleset.chain("filter", "FORWARD") if ruleset else None
    return chain is not None and any(role_of(rule.target) is ChainRole.USER for rule in chain.rules)


def _asks_engine(case: Case, found: StoppedBy) -> bool:
    """Whether what is forwarded to the target's bridge comes to the engine's chain: a restart of the container writes only what stands in it."""
    host = case.before(found.host)
    ruleset = host.backends(six=found.rule.program is Program.IP6TABLES)[0] if host else None
    if host is None or ruleset is None or case.target is None:
        return False
    bridges = [network.bridge for _, network in networks_of(host, case.target) if network.bridge]
    return any(host.engine.filters(ruleset, bridge) for bridge in bridges)


def is_published(case: Case) -> bool:
    """Whether the target publishes the port that is meant (at whatever address of its host)."""
    port, target = case.probe.target_port if case.probe else None, case.target
    return target is not None and any((p.container_port, p.proto) == (port, case.transport) for p in target.published)


def _within_one_bridge(found: StoppedBy) -> bool:
    words = found.rule.text.split()
    return "-i" in words and "-o" in words and words[words.index("-i") + 1] == words[words.index("-o") + 1]


def _nft_untold(host: Host) -> bool:
    major = (host.engine_version or "").partition(".")[0]
    return host.nft is None and major.isdecimal() and int(major) >= 29


class InputDrop(_Counted):
    """A rule (or the policy) in INPUT drops it.

    What it is: the packet was for the host itself (a process of it, or docker-proxy) and its INPUT chain dropped it.
    Why it happens: a host firewall that does not know the port.
    Evidence: the request at the host's door, and the counter of the rule or policy.
    Remedy: accept the port there.
    Source: netfilter hooks, Linux include/uapi/linux/netfilter.h.
    """

    code = "input-drop"
    reads = ("iptables", "nft", "ip6tables", "iptables-legacy")
    needs = ("nft",)
    hook = Hook.INPUT

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """A container that dials its own host is another, more specific cause (input-firewall-container-to-host)."""
        from_inside = case.probe is not None and case.probe.source_at.container is not None
        return not (from_inside and case.probe is not None and case.probe.source_at.host == found.host)
