"""Past a rule that stops the packet.

An administrator's rule for this port, destination or source is deleted. What stands for more, or is kept by the engine or another program
(:mod:`netprobe.causes.owners`), stays, and the one connection is permitted before it. Each step says what else it opens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.owners.opening import Opening
from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.hooks import FORWARDED, last_hop
from netprobe.causes.proof.kill_switch import tunnel_alone
from netprobe.causes.remedies.permit import destination_met, last_source, permit
from netprobe.causes.remedies.steps import IN_FIREWALL, inside, what_is_opened
from netprobe.model.point import PointName
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.rule import Hook, Program
from netprobe.state.address import covers, ip
from netprobe.state.engine import role_of
from netprobe.state.engine.base import ChainRole
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.remedy import Argv
    from netprobe.model.rule import RuleRef
    from netprobe.state.model import Host


_ONE_PORT = frozenset(
    {"--dport", "--dports", "--ctorigdstport", "--sport", "--sports", "dport", "sport", "proto-dst", "proto-src"}
)
_BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


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


def whole_way(case: Case, place: Place, rule: RuleRef, undo: Argv, *, hook: Hook | None, reply: bool) -> Remedy:
    """Past a rule that shortens a packet's way: without it, where it is an administrator's own; else by an ACCEPT before it."""
    mine = owner_of(case, place, rule) is None and is_administrators(case, place.host, rule)
    if mine and is_narrow(rule):
        said = f"all that the rule shortened goes as far as it was sent to go; {IN_FIREWALL}"
        return run(place.host, *inside(case, place, undo), advice=said)
    accept = permit(case, place, rule, hook=hook, reply=reply)
    if not accept:
        said = f"all that the rule shortened goes as far as it was sent to go, not this connection alone; {IN_FIREWALL}"
        return run(place.host, *inside(case, place, undo), advice=said)
    said = (
        f"this leaves the TTL of this connection as it is, and ends table {rule.table} of {hook} for it; {IN_FIREWALL}"
    )
    return run(place.host, *inside(case, place, accept), advice=said)


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
    to = to or (destination_met(case, place, rule, hook) if hook is not None else None)
    if owner is None or host is None or hook is None or to is None:
        return None
    opening = Opening(
        host=host,
        rule=rule,
        hook=hook,
        transport=case.transport,
        to=to,
        source=last_source(case),
        network=_network(case, host),
        device=via or _device(case, host),
        via=via,
        whom=whom,
    )
    return owner.permitted(opening)


def _network(case: Case, host: Host) -> str:
    """The subnet of the source container's network that its address is of; ``""`` where no container of that host sends it."""
    here = case.source_container if case.probe is not None and case.probe.source_at.host == host.name else None
    source = last_source(case) or next(iter(here.addresses if here else ()), "")
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
        return True
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
