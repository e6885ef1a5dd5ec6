"""One ruleset of a seed: a question, and rules of iptables, nftables and routing that its packets meet."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.kernel.arena import BOUND, BRIDGED, BRIDGED6, CLIENT, ROUTER, SERVICE, SERVICE6
from tests.kernel.asking import Question
from tests.kernel.iptables_matches import HIDDEN
from tests.kernel.iptables_rules import Maker
from tests.kernel.nft_rules import HIDDEN_STATEMENTS, NftMaker
from tests.kernel.routing_rules import led_in, routing
from tests.kernel.ruleset import Item, Ruleset

if TYPE_CHECKING:
    from random import Random


HIDDEN_KINDS = len(HIDDEN) + HIDDEN_STATEMENTS


def question(rng: Random) -> Question:
    """Who asks what: mostly the client, mostly something behind the router."""
    six = rng.random() < 0.33
    source = CLIENT if rng.random() < 0.8 else ROUTER
    proto = rng.choices(("tcp", "udp", "icmp"), (55, 25, 20))[0]
    far = (
        [SERVICE6, SERVICE6, "2001:db8:2::2", "2001:db8:3::2"]
        if six
        else [SERVICE, SERVICE, "198.51.100.2", "203.0.113.2"]
    )
    own = "2001:db8:1::1" if six else "192.0.2.1"
    if rng.random() < 0.17:
        far = [BRIDGED6 if six else BRIDGED]
    dst = own if rng.random() < 0.12 and source == CLIENT else rng.choice(far)
    ports = (80, 80, 80, 8080, 81, *((BOUND, BOUND) if dst == own else ()))
    port = None if proto == "icmp" else rng.choice(ports)
    return Question(source=source, proto=proto, dst=dst, dport=port, sport=20000)


def ruleset(rng: Random, seed: str, *, hidden: int | None = None) -> Ruleset:
    """The ruleset of a seed. ``hidden``: it holds the rule of that number of those that are decided by what no listing shows; None: one in twelve has any."""
    asked = question(rng)
    if hidden is None and rng.random() < 1 / 12:
        hidden = rng.randrange(HIDDEN_KINDS)
    hidden = None if hidden is None else hidden % HIDDEN_KINDS
    kinds = rng.choices(("ipt", "nft", "both"), (42, 40, 18))[0]
    if hidden is not None:
        kinds = "ipt" if hidden < len(HIDDEN) else "nft"
    items: list[Item] = []
    legacy = False
    if kinds != "nft":
        items += _iptables(rng, asked, hidden=hidden)
        legacy = rng.random() < 0.15
    if kinds != "ipt":
        maker = NftMaker(rng, asked)
        for at in range(rng.randint(1, 3)):
            items += maker.chain(hidden=hidden - len(HIDDEN) if hidden is not None and at == 0 else None)
    if rng.random() < 0.3:
        asked = _bound(rng, asked)
        lines = routing(rng, asked, marks=_marks(items))
        items += lines
        wanted = [each for each in lines if "fwmark" in each.text and "not" not in each.text]
        if wanted and rng.random() < 0.6:
            items += _marked(rng, asked, wanted[0].text, nft=kinds == "nft")
    if any("tproxy" in each.text.casefold() for each in items) and rng.random() < 0.75:
        items += led_in(asked, rng.choice(_marks([each for each in items if "tproxy" in each.text.casefold()])))
    return Ruleset(question=asked, items=tuple(items), legacy=legacy, seed=seed)


def _bound(rng: Random, asked: Question) -> Question:
    """At times the router's client is bound to an interface, mostly to the one by which nothing leads."""
    if asked.source != ROUTER or asked.dst not in {SERVICE, SERVICE6} or rng.random() < (0.1 if asked.six else 0.8):
        return asked
    return replace(asked, device=rng.choice(("r2", "r2", "r2", "r1")))


def _marked(rng: Random, asked: Question, rule: str, *, nft: bool) -> list[Item]:
    """A rule that gives the packet the mark by which a routing rule chooses."""
    mark = rule.split("fwmark ")[1].split(maxsplit=1)[0].partition("/")[0]
    sent = asked.source == ROUTER
    if not nft:
        where = f"mangle/{'OUTPUT' if sent else 'PREROUTING'}"
        return [Item("ipt", where, f"-j MARK --set-mark {mark}", frozenset({"-j MARK --set-mark"}))]
    head = "type route hook output" if sent else "type filter hook prerouting"
    return [
        Item("chain", "inet/cm", f"{head} priority {rng.choice((-149, -120))}; policy accept;", frozenset()),
        Item("nft", "inet/cm", f"counter meta mark set {mark}", frozenset({"meta mark set"})),
    ]


def _marks(items: list[Item]) -> list[int]:
    """The marks that rules set."""
    found = (
        re.search(r"(?:--(?:set|or|xor)-(?:x?mark)|--tproxy-mark|mark set(?: meta mark or)?) (\d+)", each.text)
        for each in items
    )
    return [int(each[1]) for each in found if each]


def _iptables(rng: Random, asked: Question, *, hidden: int | None) -> list[Item]:
    maker = Maker(rng, asked)
    found = [maker.rule(hidden=hidden if at == 0 else None) for at in range(rng.randint(1, 5))]
    if rng.random() < 0.25:
        found += maker.user_rules()
    if rng.random() < 0.1:
        found.append(maker.policy())
    return found
