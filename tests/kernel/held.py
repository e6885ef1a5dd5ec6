"""netprobe's prediction held against what the kernel did: one ruleset is loaded, read as any host is, predicted, and asked for real."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from netprobe.evidence.model import Place
from netprobe.forward import PredictedOutcome, Prediction, Request, predict
from netprobe.hosts import collect, outputs
from netprobe.hosts.session import Session
from netprobe.inventory.hosts import HostEntry
from netprobe.inventory.reach import parse_reach
from netprobe.model.rule import Program
from netprobe.state.build import build_host
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from tests.kernel.arena import CLIENT, ROLES, ROUTER, Arena
from tests.kernel.ruleset import HOOKS, Ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netprobe.state.model import Host
    from tests.kernel.asking import Question, Seen
    from tests.kernel.ruleset import Item, Ruleset

LIFE = 3600.0
# Seconds to wait for an answer; before a difference is looked into; before it is believed: a machine may stall.
PATIENCE, CERTAIN, STALLED = 0.12, 1.5, 5.0
RULES = ("route", "rule", "rule6", "iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft", "nft-text")
COUNTED = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")
_RESET = """rule flush
rule add pref 32766 lookup main
rule add pref 32767 lookup default
route flush table 100
route flush table 101
route flush table 102
route flush table 99
route flush table 103
route flush table 110
"""
_EMPTY = "".join(
    f"*{table}\n" + "".join(f":{hook} ACCEPT [0:0]\n" for hook in hooks) + "COMMIT\n" for table, hooks in HOOKS.items()
)


@dataclass
class Result:
    """One ruleset's: what was predicted, what happened, what contradicts; ``doubt_named``: it is undetermined, and the rule is named that no listing decides."""

    ruleset: Ruleset
    prediction: Prediction | None = None
    seen: Seen | None = None
    contradiction: str = ""
    invalid: str = ""
    met: frozenset[int] = frozenset()
    named: bool | None = None
    fault: str = ""
    doubt_named: bool = False

    @property
    def undetermined(self) -> bool:
        return self.prediction is not None and self.prediction.outcome is PredictedOutcome.UNKNOWN

    @property
    def tie(self) -> bool:
        """Whether the order of chains of equal priority is what is not known: that no listing shows either."""
        return self.prediction is not None and "equal priority" in self.prediction.unknown

    @property
    def dropped(self) -> bool:
        return self.seen is not None and self.seen.outcome != "ok"


@dataclass
class Bench:
    """An arena, and netprobe's sessions with its hosts."""

    arena: Arena
    sessions: dict[str, Session] = field(default_factory=dict)
    records: dict[str, collect.HostRecord] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    port: int = 20000
    legacy: bool = False
    routed: bool = False

    def __enter__(self) -> Self:
        for role in ROLES:
            at = f"netns:{self.arena.path(role)}"
            session = Session(HostEntry(name=role, at=at, reach=parse_reach(role, at)), LIFE)
            record = collect.HostRecord(role)
            self.sessions[role], self.records[role] = session, record
            collect.ask(session, record, outputs.FIRST).receive()
            collect.ask_rest(session, record, predicts=True).receive()
            self.hosts[role] = build_host(record.state())
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.sessions.values():
            each.close()

    # -- the router's rules -------------------------------------------------------------------------------------------

    def load(self, rules: Ruleset) -> str:
        """Have the router follow them; return the complaint, "" for none."""
        six, arena = rules.question.six, self.arena
        if self.legacy:
            arena.run(ROUTER, "iptables-legacy-restore", given=_EMPTY)
            arena.run(ROUTER, "ip6tables-legacy-restore", given=_EMPTY)
            self.legacy = False
        if self.routed:
            arena.run(ROUTER, "ip", "-force", "-batch", "-", given=_RESET + "route del 10.9.0.9/32\n")
            arena.run(
                ROUTER,
                "ip",
                "-6",
                "-force",
                "-batch",
                "-",
                given=_RESET.replace("32767 lookup default", "32767 lookup main") + "route del 2001:db8:9::9/128\n",
            )
            self.routed = False
        error = arena.run(ROUTER, "nft", "-f", "-", given=rules.nft())
        if not error and (text := rules.iptables()):
            backend = "-legacy" if rules.legacy else ""
            error = arena.run(ROUTER, f"ip{'6' if six else ''}tables{backend}-restore", given=text)
            self.legacy = rules.legacy
        if not error and (lines := rules.ip(six)):
            self.routed = True
            error = arena.run(ROUTER, "ip", *(("-6",) if six else ()), "-batch", "-", given=lines)
        return error

    def read(self, keys: tuple[str, ...]) -> dict[str, Any]:
        """The router's outputs for these keys."""
        record = collect.HostRecord(ROUTER)
        collect.ask(self.sessions[ROUTER], record, keys).receive()
        return record.outputs

    def world(self) -> Mapping[str, Host]:
        """The hosts, the router as it is now."""
        record = self.records[ROUTER]
        record.outputs = {**{key: each for key, each in record.outputs.items() if key not in RULES}, **self.read(RULES)}
        self.hosts[ROUTER] = build_host(record.state())
        return self.hosts

    def next_port(self) -> int:
        self.port = self.port + 1 if self.port < 59000 else 20001
        return self.port

    # -- one ruleset --------------------------------------------------------------------------------------------------

    def hold(self, rules: Ruleset, patience: float = PATIENCE) -> Result:
        """Load, predict, ask, compare; what contradicts is asked again with more patience."""
        rules = replace(rules, question=replace(rules.question, sport=self.next_port()))
        error = self.load(rules)
        if error:
            return Result(rules, invalid=error)
        told = predict(request(rules.question), self.world())
        seen = self.arena.ask(rules.question, patience)
        result = Result(rules, told, seen)
        result.contradiction = contradiction(told, seen, copied=any("-j TEE" in each.text for each in rules.items))
        longer = next((each for each in (CERTAIN, STALLED) if each > patience), None)
        if result.contradiction and longer:
            return self.hold(rules, longer)
        after = self.read(COUNTED)
        result.met, result.named, result.fault = self._counted(rules, told, after)
        if result.fault and longer:  # a machine that stalls has not carried the packet there yet
            return self.hold(rules, longer)
        label = next((label for item, label in _labels(rules, after) if item.hidden), None)
        result.doubt_named = label is not None and bool(re.search(rf"{re.escape(label)}(?!\d)", told.unknown))
        return result

    @staticmethod
    def _counted(rules: Ruleset, told: Prediction, after: Mapping[str, Any]) -> tuple[frozenset[int], bool | None, str]:
        """Which items counted, and whether the rule that is said to stop it did."""
        counts = {**_iptables_counts(after, rules), **_nft_counts(after)}
        met = frozenset(at for at, count in _numbered(rules, counts) if count)
        ends = told.outcome in {PredictedOutcome.STOPPED, PredictedOutcome.REPLY_LOST}
        first = told.obstacles[0] if ends else None
        rule = first.rule if first is not None else None
        nobody = (
            first is not None and first.asked is not None and not first.asked.heard
        )  # who would answer is not there
        if rule is None or rule.policy or nobody:
            return met, None, ""
        key = (
            ("nft", rule.family, rule.chain, rule.handle)
            if rule.program is Program.NFT
            else ("ipt", rule.table, rule.chain, rule.number)
        )
        counted = counts.get(key)
        return met, bool(counted), "" if counted else f"{rule} is said to stop it, and did not count"

    def decisive(self, result: Result, wanted: Callable[[Item], bool]) -> frozenset[int]:
        """Which lines of routing matter: without them the client sees something else."""
        found = []
        for at, item in enumerate(result.ruleset.items):
            if item.kind != "ip" or not wanted(item) or self.load(result.ruleset.without(at)):
                continue
            question = replace(result.ruleset.question, sport=self.next_port())
            if self.arena.ask(question, PATIENCE) != result.seen:
                found.append(at)
        return frozenset(found)

    def shrink(self, result: Result) -> Result:
        """The smallest ruleset that still contradicts."""
        at = 0
        while at < len(result.ruleset.items):
            smaller = self.hold(result.ruleset.without(at), STALLED)
            if smaller.contradiction:
                result = smaller
            else:
                at += 1
        return result


def request(question: Question) -> Request:
    """The question as netprobe is asked."""
    icmp = question.proto == "icmp"
    return Request(
        source=Place(host=question.source), dialled=question.dst, port=question.dport, proto=question.proto,
        source_port=None if icmp else question.sport, payload=(16, 16) if icmp else (5, 5), device=question.device,
    )  # fmt: skip


def contradiction(told: Prediction, seen: Seen, *, copied: bool = False) -> str:
    """What of a prediction is not so; "" where all is, or nothing was told. ``copied``: TEE's copy may come to somebody else besides."""
    if told.outcome is PredictedOutcome.UNKNOWN:
        return ""
    good = seen.outcome == "ok"
    if told.outcome is PredictedOutcome.WORKS:
        where = told.arrives.host if told.arrives else ""
        who = seen.answered or (
            next(iter(seen.reached)) if len(seen.reached) == 1 else ROUTER if not seen.reached else ""
        )
        if not good:
            return f"works at {where}, it is said; it came to {sorted(seen.reached) or 'no server'}: {seen.outcome}"
        return "" if who in {"", where} else f"{where} answers, it is said; {who} did"
    first = told.obstacles[0]
    if good:
        return f"{first.barrier}: {first.label} ({first.text}) stops it, it is said; it works ({seen.answered})"
    lost = told.outcome is PredictedOutcome.REPLY_LOST or first.later
    where = (told.arrives.host if told.arrives else "") if lost else first.place.host
    if where in {ROUTER, CLIENT}:
        where = ""
    came = ", ".join(sorted(seen.reached))
    return (
        ""
        if came == where or (copied and (not where or where in seen.reached))
        else f"it comes to {where or 'no server'}, it is said ({first.label}); it came to {came or 'none'}"
    )


# -- counters -------------------------------------------------------------------------------------------------------------


def _iptables_counts(after: Mapping[str, Any], rules: Ruleset) -> dict[tuple[object, ...], int]:
    key = f"ip{'6' if rules.question.six else ''}tables{'-legacy' if rules.legacy else ''}"
    output = after.get(key)
    ruleset = parse_iptables(output.stdout, Issues(key)) if output is not None and output.ok else None
    found: dict[tuple[object, ...], int] = {}
    for rule in ruleset.rules() if ruleset else ():
        found["ipt", rule.table, rule.chain, rule.number] = rule.packets or 0
    for chain in ruleset.chains() if ruleset else ():
        found["policy", chain.table, chain.name] = chain.policy_packets or 0
    return found


def _nft_counts(after: Mapping[str, Any]) -> dict[tuple[object, ...], int]:
    """By handle, and by number in the chain."""
    found: dict[tuple[object, ...], int] = {}
    numbers: dict[tuple[str, str], int] = {}
    for each in json.loads(after["nft"].stdout or "{}").get("nftables", ()):
        rule = each.get("rule")
        if rule is None or rule["table"] != "t":
            continue
        where = rule["family"], rule["chain"]
        numbers[where] = numbers.get(where, 0) + 1
        counts = [part["counter"]["packets"] for part in rule["expr"] if isinstance(part.get("counter"), dict)]
        found["nft", *where, rule["handle"]] = found["nth", *where, numbers[where]] = counts[0] if counts else 0
    return found


def _labels(rules: Ruleset, after: Mapping[str, Any]) -> Iterator[tuple[Item, str]]:
    """Each rule of a firewall, and how netprobe names it: ``filter/FORWARD #1``, ``inet t/c1 handle 5``."""
    listed = (each["rule"] for each in json.loads(after["nft"].stdout or "{}").get("nftables", ()) if "rule" in each)
    handles: dict[str, list[int]] = {}
    for rule in listed:
        handles.setdefault(f"{rule['family']}/{rule['chain']}", []).append(rule["handle"])
    numbers: dict[str, int] = {}
    for item in rules.of("ipt", "nft"):
        at = numbers[item.where] = numbers.get(item.where, 0) + 1
        if item.kind == "ipt":
            yield item, f"{item.where} #{at}"
        elif len(handles.get(item.where, ())) >= at:
            family, chain = item.where.split("/")
            yield item, f"{family} t/{chain} handle {handles[item.where][at - 1]}"


def _numbered(rules: Ruleset, counts: Mapping[tuple[object, ...], int]) -> Iterator[tuple[int, int]]:
    """Each item's place in the ruleset and its count; routing rules count where anything else tells nothing."""
    numbers: dict[str, int] = {}
    for at, item in enumerate(rules.items):
        if item.kind in {"ipt", "nft"}:
            key = f"{item.kind} {item.where}"
            numbers[key] = numbers.get(key, 0) + 1
            first, second = item.where.split("/")
            kind = "nth" if item.kind == "nft" else "ipt"
            yield at, counts.get((kind, first, second, numbers[key]), 0)
        elif item.kind == "chain":
            family, chain = item.where.split("/")
            yield at, sum(count for key, count in counts.items() if key[:3] == ("nth", family, chain))
        elif item.kind == "policy":
            yield at, counts.get(("policy", *item.where.split("/")), 0)
        else:
            yield at, 0
