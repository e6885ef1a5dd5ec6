"""A packet's walk through one iptables chain, as far as the saved rules tell it (net/ipv4/netfilter/ip_tables.c).

Counters say what dropped a packet; where they cannot (iptables-nft counts for a chain's policy only once that was set
with ``-P``; other traffic counts too), the walk says what would.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.rule import RuleRef
    from netprobe.state.iptables import Chain, Rule, Ruleset
    from netprobe.state.packet import PacketTuple

_FINAL = frozenset(
    {"ACCEPT", "DROP", "REJECT", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "QUEUE", "NFQUEUE", "TPROXY"}
)
_PASSING = frozenset(
    [
        "LOG",
        "NFLOG",
        "MARK",
        "CONNMARK",
        "CONNSECMARK",
        "SECMARK",
        "TCPMSS",
        "TOS",
        "DSCP",
        "TTL",
        "HL",
        "CT",
        "NOTRACK",
        "TRACE",
        "SET",
        "TEE",
        "CHECKSUM",
        "CLASSIFY",
        "AUDIT",
        "RATEEST",
        "IDLETIMER",
        "LED",
        "TCPOPTSTRIP",
        "ECN",
    ]
)
_STEPS = 20_000  # rules looked at, beside four times those of the table: the kernel refuses loops, a file may hold one
_DEPTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Traversal:
    """How the walk ended.

    Attributes:
        verdict: ``ACCEPT`` ``DROP`` ``REJECT`` ``DNAT`` …; ``""`` when the chain is not there or has no policy.
        decided_by: the rule, or the chain whose policy it was; None for no verdict.
        taken: the rules that surely matched, in order, the deciding one too.
        doubts: rules before the deciding one that may have matched and would have changed the walk.
        given_up: it went on through more rules than are looked at; how it ends is not known.
    """

    verdict: str = ""
    decided_by: Rule | Chain | None = None
    taken: tuple[Rule, ...] = ()
    doubts: tuple[Rule, ...] = ()
    given_up: bool = False

    @property
    def certain(self) -> bool:
        """Nothing on the way was unclear."""
        return not self.doubts and not self.given_up

    @property
    def stops(self) -> bool:
        """The packet ends here."""
        return self.verdict in {"DROP", "REJECT"}


@lru_cache(
    maxsize=512
)  # the same packet is walked for the prediction, behind each obstacle, and for the capture points
def traverse(
    ruleset: Ruleset, table: str, chain: str, packet: PacketTuple, gone: frozenset[RuleRef] = frozenset()
) -> Traversal:
    """Walk one built-in chain (``traverse(rules, "filter", "FORWARD", packet)``).

    ``gone``: rules and policies that are taken to be deleted, or ACCEPT.
    """
    base = ruleset.chain(table, chain)
    if base is None:
        return Traversal()
    taken: list[Rule] = []
    doubts: list[Rule] = []
    frames: list[tuple[tuple[Rule, ...], int]] = [(base.rules, 0)]
    for _ in range(_most(ruleset, table)):
        if not frames:
            break
        rules, at = frames.pop()
        if at >= len(rules):
            continue
        rule = rules[at]
        frames.append((rules, at + 1))
        answer = rule.matches(packet)
        if answer is False or not rule.target or rule.target in _PASSING or (gone and rule.ref in gone):
            continue
        called = ruleset.chain(table, rule.target)
        known = rule.target in _FINAL or rule.target == "RETURN" or called is not None
        if answer is None or not known or len(frames) > _DEPTH:
            doubts.append(rule)
            continue
        taken.append(rule)
        if rule.target in _FINAL:
            return Traversal(verdict=rule.target, decided_by=rule, taken=tuple(taken), doubts=tuple(doubts))
        if rule.target == "RETURN" or rule.goto:
            frames.pop()
        if called is not None:
            frames.append((called.rules, 0))
    verdict = "" if frames else "ACCEPT" if gone and base.ref in gone else base.policy
    return Traversal(
        verdict=verdict,
        decided_by=base if verdict else None,
        taken=tuple(taken),
        doubts=tuple(doubts),
        given_up=bool(frames),
    )


def _most(ruleset: Ruleset, table: str) -> int:
    """How many rules are looked at: a chain may be called more than once."""
    return _STEPS + 4 * sum(len(each.rules) for each in ruleset.tables[table].values())
