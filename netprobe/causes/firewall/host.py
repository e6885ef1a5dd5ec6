"""Filters at a host's own hooks: between a container and its own host, on the way out, at the door."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.blocked import Filtered, ways_past
from netprobe.causes.proof.hooks import hook_at
from netprobe.causes.proof.obstacle import silent_points, whose
from netprobe.causes.remedies.past_rule import by_owner, is_closed, ways_past_rule
from netprobe.causes.remedies.steps import IN_FIREWALL
from netprobe.evidence.model import Outcome, Place, Proto
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.point import PointName, point_name
from netprobe.model.remedy import Remedy
from netprobe.model.rule import Hook, Program
from netprobe.paths.story import Symptom
from netprobe.state.iptables_fields import Field
from netprobe.state.lookup import networks_of
from netprobe.state.packet import PacketTuple, in_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.model import Host


_NOT_SENT = frozenset({Outcome.TIMEOUT, Outcome.DENIED, Outcome.REFUSED, Outcome.UNREACHABLE})
_ACCEPTED = frozenset({Outcome.CONNECTED, Outcome.CLOSED, Outcome.RESET})


def port_of(case: Case) -> str:
    """``port 80/tcp``, ``ping``."""
    port = case.probe.dialled_port if case.probe else None
    return f"port {port}/{case.transport}" if port is not None else "ping"


def _source_bridge(case: Case, host: Host) -> str:
    """The bridge by which the source container's packets come to its host: the one that saw them."""
    seen = {hop.point for hop in case.hops if hop.seen}
    found = networks_of(host, case.source_container) if case.source_container else ()
    bridges = [network.bridge for _, network in found if network.bridge]
    return next((bridge for bridge in bridges if point_name(host.name, bridge) in seen), "")


class InputFirewallContainerToHost(Filtered):
    """The host's firewall drops what its own containers send to it.

    What it is: a container that dials an address of its host comes to the host's INPUT, by the bridge; a firewall that lets only the
        LAN in drops it. From outside the same port works.
    Why it happens: host firewalls (ufw, firewalld, a DROP policy) know nothing of Docker's bridges.
    Evidence: the request on the bridge, silence or an ICMP error of the host; the rule in INPUT, and its counter.
    Remedy: accept the port in INPUT from that bridge, before that rule.
    Source: moby#49288, moby#29330; netfilter hooks, Linux include/uapi/linux/netfilter.h.
    """

    code = "input-firewall-container-to-host"
    by_state = True
    reads = ("iptables", "nft")
    needs = ("nft",)
    hooks = frozenset({Hook.INPUT})

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """The source is a container of that host, and it is no lookup (dns-host-resolver-firewalled)."""
        return self._own(case) == found.host and not case.reply_lost and case.intent.proto is not Proto.DNS

    @staticmethod
    def _own(case: Case) -> str | None:
        """The source container's host."""
        at = case.probe.source_at if case.probe else None
        return at.host if at is not None and at.container is not None else None

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Who dials whom, and which rule."""
        name = case.source_container.name if case.source_container else "a container"
        owner = owner_of(case, found.place, found.rule)
        whose = f", which is {owner.name}'s" if owner else ""
        return f"{name} dials its own host {found.host}, whose INPUT {found.does} {port_of(case)} from the bridge: {found.rule}{whose}"

    def more(self, case: Case, found: StoppedBy) -> tuple[str, ...]:
        """The subnet that it comes from; a rule that lets the same port in from another subnet or interface."""
        host = case.before(found.host)
        subnet = _source_subnet(case, host) if host is not None else ""
        if host is None or not subnet:
            return ()
        bridge = _source_bridge(case, host)
        rules = [rule for ruleset in case.rulesets(host) for rule in _asked_for_input(ruleset)]
        nearly = [rule for rule in rules if _lets_others_in(case, rule, bridge)]
        let = tuple(f"{rule.ref} lets {port_of(case)} in from elsewhere alone: {rule.text}" for rule in nearly[:2])
        return (f"what it sends comes from {subnet}", *let)

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """An ACCEPT before it, for this port and bridge; in a table where that would not do, without the rule."""
        host = case.before(found.host)
        bridge = _source_bridge(case, host) if host else ""
        port = case.probe.dialled_port if case.probe else None
        theirs = by_owner(case, found.place, found.rule, found.hook, via=bridge)
        if theirs is not None and (not theirs.commands or is_closed(case, found.place, found.rule)):
            return (theirs,)
        if not bridge or (found.rule.program is not Program.NFT and found.rule.table != "filter"):
            return ways_past(case, found)
        ping = "ipv6-icmp" if case.is_v6 else "icmp"
        if found.rule.program is Program.NFT:
            wanted: Argv = (case.transport, "dport", str(port)) if port is not None else ("meta", "l4proto", ping)
            known: Argv = ("ct", "state", "established,related")
            first = ("nft", "insert", "rule", found.rule.family, found.rule.table, found.rule.chain, "iifname", bridge)
            accept = [(*first, *each, "accept") for each in (wanted, known)]
        else:
            wanted = ("-p", case.transport, "--dport", str(port)) if port is not None else ("-p", ping)
            known = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
            accept = [
                (found.rule.program, "-I", "INPUT", "-i", bridge, *each, "-j", "ACCEPT") for each in (wanted, known)
            ]
        needed = accept if case.publication else accept[:1]  # docker-proxy dials by that bridge itself
        owner = owner_of(case, found.place, found.rule)
        opens = f"this opens {port_of(case)} to all behind {bridge}; {owner.lasting if owner else IN_FIREWALL}"
        by_hand = f"or by hand: {opens}" if theirs is not None else opens
        step = Remedy(host=found.host, commands=tuple(needed), advice=by_hand)
        return (step,) if theirs is None else (theirs, step)

    def possible(self, case: Case) -> bool:
        """Only for a container that dials its own host."""
        dialled = case.dialled_host
        if case.probe is not None and (self._own(case) is None or (dialled and dialled.name != self._own(case))):
            return False
        return super().possible(case)


def _address(case: Case) -> str | None:
    """The address that the request came from, where it was seen."""
    packets = (hop.packet for hop in case.hops if hop.seen and hop.direction is Direction.REQUEST)
    return next((packet.src.address for packet in packets if packet is not None), None)


def _source_subnet(case: Case, host: Host) -> str:
    """The subnet of the source container's network, by the bridge that saw it."""
    bridge = _source_bridge(case, host)
    for _, network in networks_of(host, case.source_container) if case.source_container else ():
        if network.bridge == bridge:
            return next((each for each in network.subnets if (":" in each) == case.is_v6), "")
    return ""


def _asked_for_input(ruleset: Ruleset) -> Iterator[Rule]:
    """The rules of filter's INPUT, and of the chains that it jumps to."""
    names, done = ["INPUT"], set[str]()
    while names:
        name = names.pop()
        chain = ruleset.chain("filter", name) if name not in done else None
        done.add(name)
        if chain is not None:
            yield from chain.rules
            names += [rule.target for rule in chain.rules]


def _lets_others_in(case: Case, rule: Rule, bridge: str) -> bool:
    """Whether a rule accepts this port, and neither from this source nor by its bridge."""
    dport, src, via = rule.get(Field.DPORT), rule.get(Field.SRC), rule.get(Field.IN)
    port, proto = case.dialled[1] if case.dialled else None, rule.get(Field.PROTO)
    if rule.target != "ACCEPT" or dport is None or port is None or in_ports(dport.value, port) is not True:
        return False
    if dport.negated or (proto is not None and proto.value != case.transport):
        return False
    packet = PacketTuple(src=_address(case), in_if=bridge)
    return any(each is not None and each.holds(packet) is False for each in (src, via))


class OutputDrop(Filtered):
    """The source's own firewall drops what it sends; or a host's drops what its docker-proxy sends on.

    What it is: OUTPUT (or POSTROUTING) of the source's namespace: the packet never comes to an interface. Where docker-proxy carries a published port
        (localhost), its connection to the container is one that the host itself sends.
    Why it happens: an egress filter on the host that dials, or rules in a container's own namespace; a strict OUTPUT policy that lets only some ports out.
    Evidence: nothing at any interface; the rule and its counter; EPERM, a timeout, or what a REJECT answers to the prober; of docker-proxy's connection, that the
        first was accepted and no packet of the second was seen.
    Remedy: delete the rule, or accept before it.
    Source: netfilter hooks, Linux include/uapi/linux/netfilter.h; packet(7) taps lie behind POSTROUTING (net/core/dev.c).
    """

    code = "output-drop"
    reads = ("iptables", "nft", "ns/*/iptables", "ns/*/nft")
    needs = ("nft",)
    symptoms = frozenset(
        {Symptom.NO_PACKETS, Symptom.OTHER_ENDPOINT, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.SILENCE}
    )
    hooks = frozenset({Hook.OUTPUT, Hook.POSTROUTING, Hook.EGRESS})
    barriers = frozenset({Barrier.RULE})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """A rule in OUTPUT, or at the source's device, for a request: what drops an answer there is rule-drop."""
        if obstacle.direction is not Direction.REQUEST or not super().explains_obstacle(case, obstacle):
            return False
        hook, own = hook_at(case, obstacle), obstacle.place == case.intent.source
        return hook is Hook.OUTPUT or (hook is Hook.EGRESS and own)

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """It stands in the source's namespace, nothing was seen, and the prober got nothing through; or it is docker-proxy's own connection."""
        if case.story.symptom is not Symptom.NO_PACKETS:
            return found.walked and self._may_be_silent(case) and proxy_of(case, found.place) is not None
        result = case.probe.result.outcome if case.probe else None
        return (
            found.walked and found.place == case.intent.source and result in _NOT_SENT and _watched(case, found.place)
        )

    def possible(self, case: Case) -> bool:
        """Not where docker-proxy would have accepted first, unless the prober says that it was accepted: then its answer was missed."""
        accepted = case.probe is not None and case.probe.result.outcome in _ACCEPTED
        return super().possible(case) and (accepted or self._may_be_silent(case))

    @staticmethod
    def _may_be_silent(case: Case) -> bool:
        """Silence of docker-proxy is UDP's alone: it accepts a TCP connection before it dials."""
        return case.story.symptom is not Symptom.SILENCE or case.transport == "udp"

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Whose rule."""
        proxy = proxy_of(case, found.place) if case.story.symptom is not Symptom.NO_PACKETS else None
        if proxy is not None:
            return f"{found.host} itself {found.does} docker-proxy's own connection to {proxy}, which carries {_dialled(case)}: {found.rule} ({found.text})"
        place = found.place or Place(host=found.host)
        return f"{whose(place)} itself {found.does} what it sends to {case.probe.dialled if case.probe else 'it'}: {found.rule}"

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Past it, for what was sent."""
        return self._past(case, found.place, found.rule, found.undo, found.hook)

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The same for a predicted one."""
        if obstacle.rule is None:
            return super().undo(case, obstacle)
        return self._past(case, obstacle.place, obstacle.rule, obstacle.undo, obstacle.hook)

    @staticmethod
    def _past(case: Case, place: Place, rule: RuleRef, undo: Argv, hook: Hook | None) -> tuple[Remedy, ...]:
        to = proxy_of(case, place)
        *first, step = ways_past_rule(case, place, rule, undo, hook=hook, to=to)
        if to is None:
            return (*first, step)
        known = "a container's address may change: -o and its bridge, in place of -d, stands for all behind that"
        return (*first, replace(step, advice=f"{step.advice}; {known}"))


def proxy_of(case: Case, place: Place) -> Endpoint | None:
    """Where the docker-proxy dials whose connection the walk ends with, in this namespace; None where it does not."""
    told = case.prediction
    last = next((each for each in reversed(told.steps if told else ()) if each.stage == "docker-proxy"), None)
    if told is None or last is None or last.place != place:
        return None
    found = re.fullmatch(r"dials \[?(\S+?)\]?:(\d+)", last.what)
    return Endpoint(found[1], int(found[2])) if found else None


def _dialled(case: Case) -> str:
    return str(Endpoint(case.probe.dialled or "", case.probe.dialled_port)) if case.probe else "it"


def _watched(case: Case, place: Place | None) -> bool:
    """Whether some interface of the namespace was sniffed, so that its silence means something."""
    sniffed = silent_points(case)
    here = [each for each in case.points if place and (each.host, each.container) == (place.host, place.container)]
    return any(each.name in sniffed for each in here)


class IngressDrop(Filtered):
    """A filter on the interface itself drops the packet before iptables sees it.

    What it is: an nftables netdev chain at the ingress hook: sniffers see the packet, no table of iptables does.
    Why it happens: protection against floods, a CNI or security agent, rules left behind.
    Evidence: the request at the interface and nowhere behind it; the netdev rule, and its counter if it has one.
    Remedy: delete the rule.
    Source: nft(8), "netdev"; net/core/dev.c (__netif_receive_skb_core: taps, then ingress).
    """

    code = "ingress-drop"
    reads = ("nft",)
    needs = ("nft",)
    hooks = frozenset({Hook.INGRESS})

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """The walk ends there, or the packet was last seen at an interface of that chain."""
        if found.walked:
            return True
        host, at = case.before(found.host), PointName.parse(case.last_seen or "")
        chains = host.nft.chains if host and host.nft else ()
        here = [each for each in chains if each.ref.component == found.rule.component]
        return at.host == found.host and any(at.interface in each.devices or not each.devices for each in here)

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Where it came to."""
        return f"{port_of(case)} comes to {case.last_seen}, where {found.rule} {found.does} it before iptables sees it ({found.text})"
