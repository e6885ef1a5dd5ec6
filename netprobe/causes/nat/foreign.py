"""Address translation by others than the engine: it takes a packet elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.firewall.elsewhere import RuleDrop
from netprobe.causes.firewall.forward import ForwardDrop, InputDrop
from netprobe.causes.nat.untracked import untracked, untracking, untracks
from netprobe.causes.owners.table import owner_of
from netprobe.causes.proof.lookups import DNS_PORT, failed, frames, questions, stopped, walks
from netprobe.causes.proof.obstacle import frames_at, met, silent_points, whose
from netprobe.causes.proof.translations import Translated, any_rule, counted, translations
from netprobe.causes.remedies.steps import IN_FIREWALL, inside
from netprobe.forward.compare import Observed, described, differences
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.forward.tproxy import TPROXY
from netprobe.model.endpoint import UNCHOSEN, Endpoint
from netprobe.model.hop import Direction
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.model.rule import Program
from netprobe.paths.story import Symptom
from netprobe.state.iptables import Rule
from netprobe.state.lookup import networks_of, rule_of
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.lookups import StoppedQuery
    from netprobe.forward.model import Obstacle, Prediction
    from netprobe.model.remedy import Argv
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule


_LATE = frozenset(
    {
        *(Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE, Symptom.NO_PACKETS, Symptom.OTHER_ENDPOINT),
        Symptom.NO_ANSWER,
    }
)
_TAKEN = frozenset({Symptom.OTHER_ENDPOINT, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})
_SILENT = frozenset({Symptom.SILENCE, Symptom.UNREACHABLE, Symptom.REFUSED})
_DESTINATION = frozenset({"DNAT", "REDIRECT", "NETMAP", "TPROXY"})
_DESTINATION_NFT = frozenset({"dnat", "redirect", "tproxy"})
_NARROW = "-i, -d, or -m addrtype --dst-type LOCAL"
_NARROW_PROXY = "-i, -d, or -m addrtype ! --dst-type LOCAL"


class ForeignNat(Cause):
    """A translation rule of another program takes the connection elsewhere.

    What it is: DNAT or REDIRECT (iptables, nftables) that the container engine did not write gives the packet another destination than the one dialled,
        or TPROXY hands it to a local socket: another endpoint answers, or refuses, or nobody does. NOTRACK keeps an answer from being translated back.
    Why it happens: a rule without ``-i``, ``-d`` or address type: "port 80 goes to my proxy" is true for what containers send to port 80 anywhere, too.
        Development tools, transparent proxies, port forwardings for virtual machines and host ports of CNI plug-ins are written so.
    Evidence: the rule on the packet's way, its counter, or the new destination in the packets; of TPROXY the socket that takes it; as if that rule
        were not there, the hosts' state leads to the target.
    Remedy: narrow the rule where it is written; for now, have this one connection pass before it.
    Source: ysbaddaden/prax#102; iptables-extensions(8), "REDIRECT", "addrtype"; net/netfilter/nf_nat_core.c, xt_TPROXY.c; Linux
        Documentation/networking/tproxy.rst.
    """

    code = "foreign-nat"
    reads = ("iptables", "nft")
    tells = "iptables-save -c -t nat and nft list ruleset on the host: whose rule counted"
    symptoms = _SILENT | _LATE
    instead_of = frozenset({ForwardDrop, InputDrop, RuleDrop})

    def find(self, case: Case) -> Finding | None:
        """Fires when walk and packets agree that a foreign rule translated it, and without that rule it would have come to the target."""
        if failed(case):
            return self._of_lookup(case)
        told, then = case.prediction, case.prediction_after
        kept = untracked(case, self.code) if not case.story.good else None
        if kept is not None:
            return kept
        found = taken_away(case, told)
        if found is None or told is None or then is None or found.ref not in {each.ref for each in translations(then)}:
            return None
        if case.story.good or not _agrees(case, told, found):
            return None
        shown = frames_at(case, case.last_seen)
        count = counted(case, found)
        return Finding(
            code=self.code,
            summary=f"{_by(case, found)} of {whose(found.place)} {_sends(found)} what is for {_dialled(case)} to {found.to}{self._there(case, told, found)}",
            where=Where(host=found.place.host, component=found.ref.component, rule=found.ref.shown),
            evidence=tuple(
                filter(
                    None,
                    (
                        f"{found.ref}: {found.ref.shown}{f', counter {count[0]} → {count[1]}' if count else ''}",
                        f"last seen at {case.last_seen}: {shown}" if case.last_seen else "",
                        "as if that rule were not there, it would come to the target by the hosts' state",
                    ),
                )
            ),
            remedies=_past(case, found),
            confidence=Confidence.CERTAIN if case.intent.target is not None else Confidence.LIKELY,
        )

    def _of_lookup(self, case: Case) -> Finding | None:
        """The first question that such a rule leads where it ends, and that would not end without it."""
        for asked in questions(case):
            query = stopped(case, asked)
            found = led_away(case, query) if query is not None else None
            if query is not None and found is not None:
                return self._led(case, query, found)
        return None

    def _led(self, case: Case, query: StoppedQuery, found: Translated) -> Finding:
        first, count, server = query.obstacle, counted(case, found), Endpoint(query.asked.server, DNS_PORT)
        nobody = first.barrier is Barrier.NOBODY_LISTENS
        there = ", where nothing listens" if nobody else f", where {described(first)} ends it"
        ended = f"answered with {query.asked.error}" if query.asked.error else "no answer came"
        return Finding(
            code=self.code,
            summary=f"{_by(case, found)} of {whose(found.place)} {_sends(found)} the lookup's question for the name server {server} to {found.to}{there}",
            where=Where(host=found.place.host, component=found.ref.component, rule=found.ref.shown),
            evidence=(
                f"{found.ref}: {found.ref.shown}{f', counter {count[0]} → {count[1]}' if count else ''}",
                f"the question was last seen at {query.point}, {ended}: {frames(case, query.asked, query.point)}",
                "as if that rule were not there, it would go on to the name server by the hosts' state",
            ),
            remedies=_past(case, found, server, "udp"),
        )

    def possible(self, case: Case) -> bool:
        """Only where such a rule stands on the walk, or some host has one (or its rules are not known) and the walk is not known to its end."""
        told = case.prediction
        if told is not None and not told.unknown:
            return taken_away(case, told) is not None or self.undecided(case) or untracking(case) is not None
        return any(any_rule(host, _moves) or any_rule(host, untracks) for host in case.world.before.values())

    def undecided(self, case: Case) -> bool:
        """Whether a foreign rule moved it, and where it would have come without that rule is not known."""
        told = case.prediction
        if told is None or case.intent.target is None or _arrives(case, told):
            return False
        moved = [each for each in translations(told) if each.of_destination and not _is_engines(case, each)]
        ways = [case.without(each.place, each.ref) for each in moved]
        return any(way is None or way.outcome is PredictedOutcome.UNKNOWN for way in ways)

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """The first obstacle behind such a rule."""
        told = case.prediction
        first = told is not None and bool(told.obstacles) and told.obstacles[0] == obstacle
        return first and taken_away(case, told) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """Past that rule."""
        found = taken_away(case, case.prediction)
        return _past(case, found) if found is not None else super().undo(case, obstacle)

    @staticmethod
    def _there(case: Case, told: Prediction, found: Translated) -> str:
        """What becomes of it there."""
        first = told.obstacles[0] if told.obstacles else None
        if case.story.symptom is Symptom.OTHER_ENDPOINT:
            return ", and that answers"
        if first is None:
            return ", and that took it and did not go on" if case.story.symptom in _TAKEN else ", and nothing answered"
        if first.rule == found.ref:
            return f": {first.text}"
        if first.barrier is Barrier.NOBODY_LISTENS and found.kind == TPROXY:
            return f": the bridge that it came by loses that socket, and {first.text}"
        if first.barrier is Barrier.NOBODY_LISTENS:
            return ", where nothing listens"
        return f", where {described(first)} ends it"


def _moves(host: Host, rule: Rule | NftRule) -> bool:
    """Whether a rule gives packets another destination, and is not the engine's."""
    does = (
        rule.target in _DESTINATION
        if isinstance(rule, Rule)
        else any(_DESTINATION_NFT & each.keys() for each in rule.expressions)
    )
    return does and not host.engine.owns(rule.ref)


def taken_away(case: Case, told: Prediction | None) -> Translated | None:
    """The foreign rule that gives the request another destination, if without it the walk would lead to the target, and with it does not."""
    if told is None or case.probe is None or _arrives(case, told):
        return None
    for each in translations(told):
        if each.of_destination and not _is_engines(case, each):
            without = case.without(each.place, each.ref)
            if without is not None and _arrives(case, without):
                return each
    return None


def led_away(case: Case, query: StoppedQuery) -> Translated | None:
    """The foreign rule that gives a lookup's question another destination, if nothing that is known stops it without that rule."""
    for each in translations(query.walk):
        if each.of_destination and not _is_engines(case, each):
            without = walks(case, query.asked.server, frozenset({(each.place, each.ref)}))
            if without is not None and not any(told.obstacles for told in without):
                return each
    return None


def _is_engines(case: Case, found: Translated) -> bool:
    return case.engine_at(found.place.host).owns(found.ref)


def _arrives(case: Case, told: Prediction) -> bool:
    """Whether the walk leads to the target; for one that is not of the inventory, as far as the state tells."""
    if case.intent.target is None:
        return told.outcome is PredictedOutcome.UNKNOWN and not told.obstacles
    return told.outcome is PredictedOutcome.WORKS and told.arrives == case.intent.target


def _agrees(case: Case, told: Prediction, found: Translated) -> bool:
    """Whether the packets went that way: to the same obstacle, to the same other end, or with the same new destination."""
    if _was_seen(case, found):
        return True
    if told.obstacles:
        return met(case, *Barrier) is not None
    observed = Observed(hops=case.hops, sniffed=silent_points(case), good=True)
    other = case.story.symptom in _TAKEN and told.outcome is PredictedOutcome.WORKS
    return other and not differences(told, observed)


def _was_seen(case: Case, found: Translated) -> bool:
    changes = (each for hop in case.hops if hop.direction is Direction.REQUEST for each in hop.changes)
    return any(each.field == "dst" and str(each.after) == found.to for each in changes)


def _by(case: Case, found: Translated) -> str:
    owner = owner_of(case, found.place, found.ref)
    whose = f", which is {owner.name}'s rule," if owner else ""
    return f"{found.kind} by {found.ref}{whose}"


def _sends(found: Translated) -> str:
    return "hands" if found.kind == TPROXY else "sends"


def _dialled(case: Case) -> str:
    return str(Endpoint(case.probe.dialled or "", case.probe.dialled_port)) if case.probe else "it"


def _past(case: Case, found: Translated, dialled: Endpoint | None = None, transport: str = "") -> tuple[Remedy, ...]:
    """This one connection (what was dialled, if not another) before the rule; then what a person changes where the rule is written."""
    owner = owner_of(case, found.place, found.ref)
    keeper = f"in {owner.name}'s own configuration" if owner else "where it is written"
    how = _NARROW_PROXY if found.kind == TPROXY else _NARROW
    narrow = advise(
        found.place.host, f"for good: narrow that rule {keeper} ({how}): {found.ref.shown}{_proxy_of(case, found)}"
    )
    end = dialled or _end(case, found)
    commands = _before(case, found, end, transport or case.transport)
    if not commands:
        return (narrow,)
    said = f"this takes {end} out of that rule, for whoever dials it; {owner.lasting if owner else IN_FIREWALL}"
    return (Remedy(host=found.place.host, commands=commands, advice=said), narrow)


def _proxy_of(case: Case, found: Translated) -> str:
    """What a transparent proxy that is meant to be there lacks."""
    told = case.prediction
    first = told.obstacles[0] if told is not None and told.obstacles else None
    if found.kind != TPROXY or first is None or first.rule != found.ref or first.rejects:
        return ""
    return "; or, where that proxy is meant to take it: have it listen there with IP_TRANSPARENT, and its packets come in (ip rule add fwmark MARK lookup TABLE, ip route add local default dev lo table TABLE)"


def _end(case: Case, found: Translated) -> Endpoint | None:
    """The destination as the rule sees it: what was dialled, or what a translation before it made of that."""
    probe, told = case.probe, case.prediction
    moved = [each for each in translations(told) if each.of_destination] if told is not None else []
    at = next((number for number, each in enumerate(moved) if each.ref == found.ref and each.place == found.place), 0)
    led = Endpoint.parse(moved[at - 1].to) if at else None
    if led is not None and led.port is not None and led.port != UNCHOSEN:
        return led
    return Endpoint(probe.dialled, probe.dialled_port) if probe is not None and probe.dialled else None


def _before(case: Case, found: Translated, to: Endpoint | None, transport: str) -> tuple[Argv, ...]:
    """The argv that has the connection pass before the rule; where the engine publishes it, by the engine's own chain."""
    rule = found.ref
    if to is None or to.port is None:
        return ()
    address, port = to.address, str(to.port)
    if rule.program is Program.NFT:
        version = "ip6" if ":" in address else "ip"
        packet: Argv = (version, "daddr", address, transport, "dport", port, "accept")
        return (inside(case, found.place, ("nft", "insert", "rule", rule.family, rule.table, rule.chain, *packet)),)
    at_host = found.place.container is None
    published = at_host and case.publication is not None and case.publication[0].name == found.place.host
    target = case.engine_at(found.place.host).chain if published and rule.table == "nat" else "ACCEPT"
    first = (rule.program, "-t", rule.table, "-I", rule.chain)
    packets = [("-d", address, "-p", transport, "--dport", port, "-j", target)]
    end = _answers_from(case, to)
    if found.kind == TPROXY and _takes_answers(case, found, end, transport):
        packets.append(("-s", end.address, "-p", transport, "--sport", str(end.port), "-j", target))
    return tuple(inside(case, found.place, (*first, *each)) for each in packets)


def _answers_from(case: Case, to: Endpoint) -> Endpoint:
    """Where the answers come from, as mangle sees them: before conntrack puts the dialled address back."""
    probe = case.probe
    if probe is None or not probe.target_address or case.target is None:
        return to
    return Endpoint(probe.target_address, probe.target_port or to.port)


def _takes_answers(case: Case, found: Translated, end: Endpoint, transport: str) -> bool:
    """Whether the rule takes what a container of that host answers, too: that comes in by its bridge."""
    host, target = case.before(found.place.host), case.target
    rule = rule_of(host, found.ref) if host is not None else None
    if host is None or host is not case.target_host or target is None or rule is None:
        return False
    bridges = [network.bridge for _, network in networks_of(host, target) if network.bridge]
    answers = (
        PacketTuple(src=end.address, sport=end.port, proto=transport, in_if=each, ctstate="ESTABLISHED", ctdir="REPLY")
        for each in bridges
    )
    return any(rule.matches(each) is not False for each in answers)
