"""Random policy routing on the router: rules with every selector, tables that lead to the other server, and those that lead nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.arena import BOUND, CLIENT, ROUTER, SERVICE, SERVICE6
from tests.kernel.ruleset import Item

if TYPE_CHECKING:
    from random import Random

    from tests.kernel.asking import Question


def routing(rng: Random, question: Question, marks: list[int]) -> list[Item]:
    """One to three rules, and the routes of the tables that they lead to. ``marks``: those that other rules set."""
    six = question.six
    where = "6" if six else "4"
    service, via = ("2001:db8:9::/64", "2001:db8:3::2") if six else ("10.9.0.0/24", "203.0.113.2")
    found = _bound(rng, question)
    if found and rng.random() < 0.7:
        return found
    for _ in range(rng.randint(1, 3)):
        table = rng.choice((100, 101, 102))
        selector, name = _selector(rng, question, marks)
        action = rng.choices(
            (f"lookup {table}", "unreachable", "blackhole", "prohibit", "goto 32000", "suppress"), (70, 5, 5, 5, 7, 8)
        )[0]
        if action == "suppress":
            action = "lookup main suppress_prefixlength " + rng.choice(("0", "24" if not six else "64"))
        label = f"ip rule {action.split()[0] if 'suppress' not in action else 'suppress_prefixlength'}"
        prio = rng.randrange(100, 31000)
        found.append(Item("ip", where, f"rule add {selector} pref {prio} {action}", frozenset({name, label})))
    skips = any("goto" in each.text for each in found)
    if skips and rng.random() < 0.8:  # what it leads past
        lead = rng.choice(("unreachable", "blackhole", "lookup 101"))
        found.append(
            Item("ip", where, f"rule add to {question.dst} pref {rng.randrange(31000, 31999)} {lead}", frozenset())
        )
    if skips or rng.random() < 0.6:
        found.append(Item("ip", where, "rule add from all pref 32000 lookup 102", frozenset()))
    used = {each.text.split("lookup ")[1].split()[0] for each in found if "lookup 10" in each.text}
    for named in sorted(used):
        lead, label = rng.choices(
            (
                (f"route add {service} via {via} table {named}", "route via"),
                (
                    f"route add {rng.choice(('2001:db8:9::9', 'default')) if six else rng.choice(('10.9.0.9', 'default'))} via {via} table {named}",
                    "route via",
                ),
                (f"route add unreachable {service} table {named}", "route unreachable"),
                (f"route add throw {service} table {named}", "route throw"),
                (f"route add blackhole {service} table {named}", "route blackhole"),
                (f"route add prohibit {service} table {named}", "route prohibit"),
            ),
            (46, 18, 6, 20, 6, 6),
        )[0]
        found.append(Item("ip", where, lead, frozenset({label})))
        if label == "route throw":  # which tells from a table without that route
            found.append(Item("ip", where, f"route add default via {via} table {named}", frozenset({"route via"})))
    if rng.random() < 0.4 and question.dst in {SERVICE, SERVICE6}:
        one = f"{question.dst}/{128 if six else 32}"
        found.append(Item("ip", where, f"route add {one} via {via} metric 5", frozenset({"more specific route"})))
    if rng.random() < 0.15 and not six:
        found.append(
            Item("ip", where, "rule add to 192.0.2.2 pref 50 lookup 110", frozenset({"answers by another way"}))
        )
        found.append(Item("ip", where, "route add default via 10.3.0.2 table 110", frozenset()))
    return sorted(
        found, key=lambda each: each.text.startswith("rule")
    )  # a gateway must be reached before a rule leads elsewhere


def led_in(question: Question, mark: int) -> list[Item]:
    """What has marked packets come in, wherever they are sent to: a transparent proxy's own routing."""
    where = "6" if question.six else "4"
    return [
        Item("ip", where, "route add local default dev lo table 103", frozenset({"route local default"})),
        Item("ip", where, f"rule add fwmark {mark}/0xff pref 60 lookup 103", frozenset({"ip rule fwmark mask"})),
    ]


def _selector(rng: Random, question: Question, marks: list[int]) -> tuple[str, str]:
    q = question
    src = ("2001:db8:1::2" if q.six else "192.0.2.2") if q.source == CLIENT else ("::/0" if q.six else "0.0.0.0/0")
    dst = "2001:db8:9::/64" if q.six else "10.9.0.0/24"
    choices = [(f"from {src}", "ip rule from"), (f"to {dst}", "ip rule to"), (f"from all to {q.dst}", "ip rule to")]
    if marks:
        choices += [(f"fwmark {rng.choice(marks)}", "ip rule fwmark")] * 4
        choices += [(f"fwmark {rng.choice(marks) & 15}/0xf", "ip rule fwmark mask")] * 4
    choices += [("iif r0" if q.source == CLIENT else "iif lo", "ip rule iif"), ("not fwmark 1", "ip rule not")]
    choices += [("tos 0x10", "ip rule tos"), ("not tos 0x10", "ip rule tos")]
    proto = {"icmp": "ipv6-icmp" if q.six else "icmp"}.get(q.proto, q.proto)
    choices += [(f"ipproto {proto}", "ip rule ipproto")]
    if q.dport:
        choices += [
            (f"ipproto {proto} dport {q.dport}", "ip rule dport"),
            (f"ipproto {proto} sport 1024-65000", "ip rule sport"),
        ]
        choices += [(f"ipproto {proto} dport 7", "ip rule dport")]
    if q.source == ROUTER:
        choices += [
            ("uidrange 0-0", "ip rule uidrange"),
            ("uidrange 0-10", "ip rule uidrange"),
            ("uidrange 1000-2000", "ip rule uidrange"),
            ("oif r1", "ip rule oif"),
        ] * 3
    if _device(q):
        choices += [(f"oif {_device(q)}", "ip rule oif")] * 6
    return rng.choice(choices)


def _device(question: Question) -> str:
    """The interface that a router's socket is bound to: its client's, or its listener's."""
    return question.device or ("r0" if question.dport == BOUND else "")


def _bound(rng: Random, question: Question) -> list[Item]:
    """What leads on by the interface that the client is bound to, and may be all that does."""
    if not question.device:
        return []
    six = question.six
    near = {"r1": "2001:db8:2::2" if six else "198.51.100.2", "r2": "2001:db8:3::2" if six else "203.0.113.2"}
    where = "6" if six else "4"
    rule = f"rule add oif {question.device} pref {rng.randrange(31000, 31900)} lookup 99"
    route = f"route add default via {near[question.device]} table 99"
    return [
        Item("ip", where, route, frozenset({"route via"})),
        Item("ip", where, rule, frozenset({"ip rule oif"})),
    ]
