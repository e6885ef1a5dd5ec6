"""What undoes the one thing that is wrong on a host: a rule, a setting, a route. Each step says what else it opens, and how long it holds.

An administrator's rule for this port, destination or source is deleted. What stands for more, or is kept by the engine or another program
(:mod:`.owners`), stays, and the one connection is permitted before it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.owners.opening import Opening
from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.hooks import FORWARDED, base_of, before_conntrack, last_hop
from netprobe.causes.proof.kill_switch import tunnel_alone
from netprobe.causes.proof.translations import translations
from netprobe.model.endpoint import UNCHOSEN, Endpoint
from netprobe.model.point import PointName
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.report import Direction
from netprobe.model.rule import Hook, Program
from netprobe.state.address import covers, ip, is_loopback
from netprobe.state.engine import role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

UNTIL_REBOOT = "this holds until the next reboot"
IN_SYSCTL = f"{UNTIL_REBOOT}; for good: the same in a file of /etc/sysctl.d"
IN_NETWORK = f"{UNTIL_REBOOT}; for good: in the host's network configuration"
IN_FIREWALL = (
    f"{UNTIL_REBOOT}, or until the firewall loads its rules again; for good: in the firewall's own configuration"
)

_ONE_PORT = frozenset({"--dport", "--dports", "--ctorigdstport", "--sport", "--sports", "dport", "sport"})
_BY_SOURCE = re.compile(r"--match-set \S+ src|--src-range|(?<!\S)-s |saddr")
_BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


def inside(case: Case, place: Place | None, command: Argv) -> Argv:
    """The command as it is run on the place's host: in a container's namespace by nsenter, which needs nothing in the container."""
    host = case.before(place.host) if place else None
    container = host.container(place.container) if host and place and place.container else None
    return command if container is None else ("nsenter", "-t", str(container.pid), "-n", *command)


def restarted(host: Host, container: Container) -> tuple[Remedy, ...]:
    """What has the engine write a container's rules again: its restart; where the chains that those stand in are gone, the engine's own.

    A container that publishes ports would end then: the engine fails to write its rules, and does not start it again.
    """
    if _has_no_chains(host) and container.published:
        return host.engine.remedies.restart_engine(host.name, host.containers or ())
    return (host.engine.remedies.restart(host.name, container.name),)


def behind_engine(host: Host, container: Container, steps: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
    """The start of a container; of one that is to publish ports where the engine's chains are gone, behind the engine's own restart."""
    if any(each.commands for each in steps) and _has_no_chains(host) and container.requested:
        return (*host.engine.remedies.restart_engine(host.name, host.containers or ()), *steps)
    return steps


def _has_no_chains(host: Host) -> bool:
    """Whether the engine's rules were read, and the chains that it writes at its own start are gone."""
    rulesets = [each for each in (host.ruleset, host.legacy) if each is not None]
    written = any(host.engine.has_chains(each) for each in rulesets) or host.engine.in_nftables(host.nft)
    return bool(rulesets) and not written and not host.rootless


def in_place(case: Case, place: Place, *commands: Argv) -> Remedy:
    """Routes or neighbour entries, in whichever namespace they are wrong."""
    lasting = IN_NETWORK if place.container is None else f"this holds until {place.container} starts again"
    return Remedy(host=place.host, commands=tuple(inside(case, place, each) for each in commands), advice=lasting)


def setting(case: Case, place: Place, argv: Argv) -> Remedy:
    """A kernel setting, in whichever namespace it is wrong."""
    if place.container is None:
        return run(place.host, *argv, advice=IN_SYSCTL)
    program = case.engine_at(place.host).remedies.program
    kept = f"for good: {program} run --sysctl {argv[-1]} …"
    return run(
        place.host, *inside(case, place, argv), advice=f"this holds until {place.container} starts again; {kept}"
    )


def without_rule(
    case: Case,
    place: Place,
    rule: RuleRef,
    undo: Argv,
    *,
    hook: Hook | None,
    reply: bool = False,
    to: Endpoint | None = None,
) -> Remedy:
    """Past a rule or policy that stops the packet: without it, where it is an administrator's own; else by an ACCEPT before it.

    Args:
        case: for what is to be let through.
        place: in whose namespace it stands.
        rule: which.
        undo: what takes it away.
        hook: where it stands in the packet's way, None where that is not known.
        reply: the answer is stopped, not the request.
        to: where the packet goes, if not to what the probe dialled (docker-proxy's own connection).
    """
    return ways_past_rule(case, place, rule, undo, hook=hook, reply=reply, to=to)[0]


def ways_past_rule(
    case: Case,
    place: Place,
    rule: RuleRef,
    undo: Argv,
    *,
    hook: Hook | None,
    reply: bool = False,
    to: Endpoint | None = None,
) -> tuple[Remedy, ...]:
    """The same where the rule is another program's: first that program's own command, then what does it by hand until that writes its rules again."""
    tunnel = tunnel_alone(case, place, rule)
    if tunnel:
        return (_by_tunnel(place, tunnel),)
    theirs = by_owner(case, place, rule, hook, to=to) if not reply else None
    by_hand = _by_hand(case, place, rule, undo, hook=hook, reply=reply, to=to)
    if theirs is None:
        return (by_hand,)
    if not theirs.commands or is_closed(case, place, rule):
        return (theirs,)
    return (theirs, replace(by_hand, advice=f"or by hand: {by_hand.advice}"))


def tracked_again(case: Case, place: Place, rule: RuleRef, undo: Argv) -> Remedy:
    """Past a rule that has conntrack leave the packet out: without it, where it is an administrator's own; else by an ACCEPT before it."""
    mine = owner_of(case, place, rule) is None and is_administrators(case, place.host, rule)
    if mine and is_narrow(rule):
        said = f"conntrack then tracks, and NAT serves, all that the rule left out; {IN_FIREWALL}"
        return run(place.host, *inside(case, place, undo), advice=said)
    return _by_hand(case, place, rule, undo, hook=Hook.PREROUTING, reply=False, to=None)


def _by_tunnel(place: Place, tunnel: str) -> Remedy:
    """What a kill switch asks for: it stays."""
    text = f"bring {tunnel} up, and have this routed by it; the kill switch stays: past it this would leave by another way, unprotected"
    return advise(place.host, text)


def is_closed(case: Case, place: Place, rule: RuleRef) -> bool:
    """Whether nobody but its owner can, or is to, put a rule into its table."""
    owner = owner_of(case, place, rule)
    return owner is not None and owner.closed and rule.program is Program.NFT


def _by_hand(
    case: Case, place: Place, rule: RuleRef, undo: Argv, *, hook: Hook | None, reply: bool, to: Endpoint | None
) -> Remedy:
    lasting = IN_FIREWALL if place.container is None else f"this holds until {place.container} starts again"
    owner = owner_of(case, place, rule)
    unlisted = without_element(case, place, rule) if not reply else None
    if unlisted is not None:
        return unlisted
    mine = owner is None and is_administrators(case, place.host, rule) and is_narrow(rule)
    accept = () if mine else permit(case, place, rule, hook=hook, reply=reply, to=to)
    if accept:
        opened = _opened_back(accept) if reply else _opened(case, accept)
        back = () if reply or not rule.policy or hook not in FORWARDED else (_back(accept),)
        commands = tuple(inside(case, place, each) for each in (accept, *back))
        return Remedy(
            host=place.host, commands=commands, advice=f"this opens {opened}; {owner.lasting if owner else lasting}"
        )
    opens = "this opens all that the rule stopped, not this connection alone"
    return run(place.host, *inside(case, place, undo), advice=f"{opens}; {lasting}")


def without_element(case: Case, place: Place, rule: RuleRef) -> Remedy | None:
    """Take the one address out of the set by which the rule meets it; None where it meets it by no set, by several, or by a network."""
    owner = owner_of(case, place, rule)
    if len(rule.elements) != 1 or ip(rule.elements[0].element) is None or case.engine_at(place.host).owns(rule):
        return None
    element = rule.elements[0]
    lasting = (
        f"this holds until the next reboot, or until {owner.name if owner else 'what fills the set'} adds it again"
    )
    opens = f"this lets {element.element} past every rule that asks set {element.name}"
    return run(place.host, *inside(case, place, element.delete_argv), advice=f"{opens}; {lasting}")


def _opened_back(accept: Argv) -> str:
    """To answers: those of every connection, or what one server sends, where no connection is known yet."""
    source = next((accept[at + 1] for at, word in enumerate(accept) if word in {"-s", "saddr"}), "")
    port = next((f" port {accept[at + 1]}" for at, word in enumerate(accept) if word in {"--sport", "sport"}), "")
    return f"what comes from {source}{port}" if source else "the way back to every connection that was let in"


def _opened(case: Case, accept: Argv) -> str:
    """To whom: a rule that chose by source is passed by this source alone."""
    by_source = next((accept[at + 1] for at, word in enumerate(accept) if word in {"-s", "saddr"}), "")
    return f"{what_is_opened(case)}, to {by_source or 'everybody who gets there'}"


def by_owner(
    case: Case, place: Place, rule: RuleRef, hook: Hook | None, *, via: str = "", to: Endpoint | None = None
) -> Remedy | None:
    """How the program whose rule it is lets the request through; None where it is nobody's, or no command of its own surely fits.

    Args:
        case: for what is to be let through.
        place: where the rule stands.
        rule: which.
        hook: where it stands in the packet's way.
        via: only what comes by this interface.
        to: where to, if not to what the probe dialled.
    """
    owner, host = owner_of(case, place, rule), case.before(place.host)
    whom = f"port {to.port}/{case.transport} of {to.address}" if to is not None else what_is_opened(case)
    to = to or (_destination(case, place, rule, hook) if hook is not None else None)
    if owner is None or host is None or hook is None or to is None:
        return None
    opening = Opening(
        host=host,
        rule=rule,
        hook=hook,
        transport=case.transport,
        to=to,
        source=_source(case),
        network=_network(case, host),
        device=via or _device(case, host),
        via=via,
        whom=whom,
    )
    return owner.permitted(opening)


def _network(case: Case, host: Host) -> str:
    """The subnet of the source container's network that its address is of; ``""`` where no container of that host sends it."""
    here = case.source_container if case.probe is not None and case.probe.source_at.host == host.name else None
    source = _source(case) or next(iter(here.addresses if here else ()), "")
    subnets = (each for _, network in networks_of(host, here) for each in network.subnets) if here else ()
    return next((each for each in subnets if covers(each, source)), "") if source else ""


def _device(case: Case, host: Host) -> str:
    """The interface of the host at which the request was last seen (a bridge for its port); ``""`` where it was not."""
    hop = last_hop(case)
    at = PointName.parse(hop.point) if hop else None
    link = host.own.link(at.interface) if at is not None and at.container is None and at.host == host.name else None
    return (link.master or link.name) if link is not None else ""


def _back(accept: Argv) -> Argv:
    """The same for the answers, which a policy stops as well: by conntrack's state, from where the request was let in to."""
    turned = {"-d": "-s", "--dport": "--sport", "daddr": "saddr", "dport": "sport"}
    words = tuple(turned.get(word, word) for word in accept)
    if words[0] == "nft":
        return (*words[:-1], "ct", "state", "established,related", "accept")
    return (*words[:-2], "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", *words[-2:])


def is_administrators(case: Case, host: str, rule: RuleRef) -> bool:
    """Whether a rule is an administrator's: in a chain that nobody else fills; a policy is not, it stands for all that no rule accepts."""
    engine = case.engine_at(host)
    if rule.policy or engine.owns(rule):
        return False
    if rule.program is Program.NFT:
        return not rule.table.startswith(engine.nft_table)
    return rule.chain in _BUILT_IN or role_of(rule.chain) is ChainRole.USER


def is_narrow(rule: RuleRef) -> bool:
    """Whether a rule means one port, one destination, or one source or network of them: without it, little more passes than what is asked for.

    All others (a last ``-j REJECT``, ``-i eth0 -j DROP``, several ports, all but one network) stand for what no rule before them accepts,
    as a policy does.
    """
    words = rule.text.split()
    for number, word in enumerate(words[:-1]):
        before, value = words[number - 1] if number else "", words[number + 1]
        if "!" in {before, value} or value == "!=":
            continue
        if word in _ONE_PORT and value.isdecimal():
            return True
        if word in {"-s", "saddr"} and not value.startswith(("@", "{")):
            return True
        if word in {"-d", "daddr"} and value.partition("/")[2] in {"", "32", "128"} and value[0] not in "@{":
            return True
    return False


def permit(
    case: Case, place: Place, rule: RuleRef, *, hook: Hook | None, reply: bool = False, to: Endpoint | None = None
) -> Argv:
    """The argv that accepts the connection before a rule or policy, in its own table; empty where nothing tells what to accept."""
    nft = rule.program is Program.NFT
    packet = _packet(case, place, rule, hook, reply=reply, to=to) if hook else ()
    if hook is None or not packet:
        return ()
    if nft:
        return ("nft", "insert", "rule", rule.family, rule.table, rule.chain, *packet, "accept")
    named = () if rule.table == "filter" else ("-t", rule.table)
    if hook is Hook.USER:  # the engine's own rules go on to decide
        return (rule.program, *named, "-I", case.engine_at(place.host).user_chain, *packet, "-j", "RETURN")
    return (rule.program, *named, "-I", base_of(hook, rule.table), *packet, "-j", "ACCEPT")


def _destination(case: Case, place: Place, rule: RuleRef, hook: Hook) -> Endpoint | None:
    """The destination that rules see there: behind DNAT, where it is forwarded, or filtered on its way out of its own host."""
    probe = case.probe
    if probe is None or not probe.dialled:
        return None
    led = _led_to(case, place, rule, hook)
    if led is not None:
        return led
    inside = place.container is not None and place == case.intent.target
    if probe.target_address and (inside or _is_translated(case, place.host, rule, hook)):
        return Endpoint(probe.target_address, probe.target_port)
    return Endpoint(probe.dialled, probe.dialled_port)


def _led_to(case: Case, place: Place, rule: RuleRef, hook: Hook) -> Endpoint | None:
    """Where the walk has the request translated to before it meets the rule, by whoever's rule; None where it knows of no translation there."""
    told = case.prediction
    first = told.obstacles[0] if told is not None and told.obstacles else None
    met = first is not None and (first.rule, first.place) == (rule, place)
    if told is None or not (met or hook in FORWARDED):
        return None
    found = [each.to for each in translations(told) if each.of_destination and each.place == place]
    to = Endpoint.parse(found[-1]) if found else None
    port = case.probe.dialled_port if case.probe else None
    return (
        None
        if to is None or UNCHOSEN in {to.port, port}
        else Endpoint(to.address, port if to.port is None else to.port)
    )


def _is_translated(case: Case, host: str, rule: RuleRef, hook: Hook) -> bool:
    """Whether the packet meets the rule behind DNAT: forwarded, or in filter OUTPUT (nat comes before it) where a rule translates there."""
    if case.publication is None or case.publication[0].name != host or case.dialled is None:
        return False
    if hook in FORWARDED:
        return True
    at, container, published = case.publication
    sent = hook is Hook.OUTPUT and rule.table == "filter" and not is_loopback(case.dialled[0])
    return sent and bool(case.dnat_rules(at, published, container))


def _source(case: Case) -> str:
    """The address that the request last came from; ``""`` where it was not seen."""
    hop = last_hop(case)
    return hop.packet.src.address if hop and hop.packet and hop.direction is Direction.REQUEST else ""


def _packet(case: Case, place: Place, rule: RuleRef, hook: Hook, *, reply: bool, to: Endpoint | None) -> Argv:
    """What matches it there: its destination and port, and its source where the rule chose by that; an answer by its connection."""
    nft, to = rule.program is Program.NFT, to or _destination(case, place, rule, hook)
    if to is None:
        return ()
    if reply and before_conntrack(case, place, rule):
        return _from(case, _answers_from(case), nft=nft)
    if reply:
        known = "ct state established,related" if nft else "-m conntrack --ctstate RELATED,ESTABLISHED"
        return tuple(known.split())
    ping = "ipv6-icmp" if to.is_v6 else "icmp"
    source = _source(case) if _BY_SOURCE.search(rule.text) else ""
    if nft:
        version = "ip6" if to.is_v6 else "ip"
        by: Argv = (version, "saddr", source) if source else ()
        what: Argv = (case.transport, "dport", str(to.port)) if to.port is not None else ("meta", "l4proto", ping)
        return (*by, version, "daddr", to.address, *what)
    by = ("-s", source) if source else ()
    last = ("-p", case.transport, "--dport", str(to.port)) if to.port is not None else ("-p", ping)
    return (*by, "-d", to.address, *last)


def _answers_from(case: Case) -> Endpoint | None:
    """Which end an answer has where it was seen last; where none was, the one that was dialled."""
    hop = last_hop(case)
    if hop is not None and hop.packet is not None and hop.direction is Direction.REPLY:
        return hop.packet.src
    probe = case.probe
    return Endpoint(probe.dialled, probe.dialled_port) if probe is not None and probe.dialled else None


def _from(case: Case, end: Endpoint | None, *, nft: bool) -> Argv:
    """What matches the packets of one end."""
    if end is None:
        return ()
    ping = "ipv6-icmp" if end.is_v6 else "icmp"
    if nft:
        what: Argv = (case.transport, "sport", str(end.port)) if end.port is not None else ("meta", "l4proto", ping)
        return ("ip6" if end.is_v6 else "ip", "saddr", end.address, *what)
    last = ("-p", case.transport, "--sport", str(end.port)) if end.port is not None else ("-p", ping)
    return ("-s", end.address, *last)


def publishing(outer: int, port: int, transport: str, *, address: str = "") -> str:
    """``-p 80:80``, ``-p 127.0.0.1:53:53/udp``: docker run's option, whose port is TCP's where it says nothing."""
    suffix = "" if transport == "tcp" else f"/{transport}"
    return f"-p {f'{address}:' if address else ''}{outer}:{port}{suffix}"


def what_is_opened(case: Case) -> str:
    """``port 80/tcp of demo``, for sentences."""
    port = case.probe.dialled_port if case.probe else None
    whom = case.target.name if case.target else (case.probe.dialled if case.probe else "") or "it"
    return f"port {port}/{case.transport} of {whom}" if port is not None else f"{whom} to ping"
