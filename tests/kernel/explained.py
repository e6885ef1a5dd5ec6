"""``netprobe explain`` of a ruleset: the verdict held against a real client's, and the rule that it names against the counters."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import NetprobeError
from netprobe.interface import explain
from netprobe.model.report import Verdict
from netprobe.state.build import build_host
from netprobe.state.iptables import TABLE_ORDER
from tests.kernel.arena import ROLES
from tests.kernel.held import CERTAIN, COUNTED, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.model.report import Report
    from netprobe.state.model import Host
    from tests.kernel.asking import Seen
    from tests.kernel.held import Bench
    from tests.kernel.ruleset import Ruleset


_CHANCE = frozenset({"-m cpu", "-m statistic", "numgen", "meta cpu", "meta random"})
_REFUSED = frozenset({"port-closed", "app-not-listening"})


@dataclass
class Explained:
    """One ruleset's: what explain said, what a client saw, which rules dropped.

    ``named``: the cause names the very rule: one that dropped (beside a line of routing: in its evidence), or the line without which none of those does; None where no rule dropped, or
    nothing was explained. ``away``: it is a line of routing.
    """

    ruleset: Ruleset
    seen: Seen | None = None
    report: Report | None = None
    droppers: tuple[str, ...] = ()
    named: bool | None = None
    wrong: str = ""
    away: bool = False
    invalid: str = ""


def hosts_file(bench: Bench, folder: Path) -> Path:
    """The arena as an inventory: a lab's, so that nothing can be sent from the machine itself."""
    file = folder / "hosts.toml"
    lines = [f'[hosts.{role}]\nreach = "netns:{bench.arena.path(role)}"\n' for role in ROLES]
    file.write_text('lab = "kernel"\n' + "".join(lines))
    return file


def explained(bench: Bench, rules: Ruleset) -> Explained:
    """Load a ruleset, ask for real, explain, and hold the two against each other."""
    rules = replace(rules, question=replace(rules.question, sport=bench.next_port(), device=""))  # as the probe is
    if rules.unlisted in _CHANCE:
        return Explained(rules, invalid="two connections may fare otherwise")
    error = bench.load(rules)
    if error:
        return Explained(rules, invalid=error)
    seen = bench.arena.ask(rules.question, CERTAIN)
    if error := bench.load(rules):  # the counters begin anew
        return Explained(rules, invalid=error)
    question = rules.question
    host = f"[{question.dst}]" if question.six else question.dst
    target = host if question.dport is None else f"{host}:{question.dport}/{question.proto}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            size = 16 if question.proto == "icmp" else None  # as the real client asks
            file = hosts_file(bench, Path(folder))
            report = explain(target, source=question.source, size=size, hosts=file, timeout_s=1.5)
        except NetprobeError as fault:
            return Explained(rules, seen, invalid=str(fault))
    found = Explained(rules, seen, report, tuple(droppers(bench)))
    found.wrong = _wrong(found)
    if _is_beside(seen, report):
        return found
    if report.cause is not None and report.cause.code == "policy-route-away" and found.droppers:
        told = " ".join(report.cause.evidence)  # a rule that stops it there stops it on the right way, too, at times
        found.away, found.named = True, any(each in told for each in found.droppers) or _led(bench, found)
    elif report.verdict is Verdict.FAILS and found.droppers:
        rule = report.cause.where.rule if report.cause else None
        found.named = rule in found.droppers
    elif found.droppers:
        found.named = False
    return found


def _is_beside(seen: Seen, report: Report) -> bool:
    """Whether what was dropped is not what the question is about.

    Behind a connection that works it was an end or a reset; of a refusal, an answer to it; where a server ended it, a repetition.
    """
    if seen.outcome == "ok" and report.verdict is Verdict.WORKS:
        return True
    cause = report.cause
    if cause is None:
        return False
    return cause.code in _REFUSED or (cause.code == "ip-forward-off" and cause.where.host in seen.reached)


def _led(bench: Bench, found: Explained) -> bool:
    """Whether nothing that dropped it does so without the line of routing that is named."""
    cause = found.report.cause if found.report is not None else None
    words = set((cause.where.rule or "").replace(":", " ").split()) if cause is not None else set()
    lines = [at for at, each in enumerate(found.ruleset.items) if each.kind == "ip" and words & _key(each.text)]
    if len(lines) != 1 or bench.load(found.ruleset.without(lines[0])):
        return False
    question = replace(found.ruleset.question, sport=bench.next_port())
    bench.arena.ask(question, CERTAIN)
    return not set(droppers(bench)) & set(found.droppers)


def _key(line: str) -> set[str]:
    """What tells a line of routing from others: a rule's preference, or a route's prefix (a host's without its length)."""
    words = line.split()
    if words[0] == "rule":
        return {words[words.index("pref") + 1]}
    prefix = next(each for each in words[2:] if each not in {"unreachable", "throw", "blackhole", "prohibit"})
    return {prefix, prefix.removesuffix("/32").removesuffix("/128")}


def _wrong(found: Explained) -> str:
    if found.report is None or found.seen is None or found.report.verdict is Verdict.UNDETERMINED:
        return ""
    good = found.seen.outcome == "ok"
    if good and found.report.cause is not None and found.report.cause.code == "foreign-nat":
        return ""  # that another answers than the one who was asked is a failure for netprobe, not for a socket
    said = found.report.verdict is Verdict.WORKS
    return "" if good == said else f"{found.report.verdict}, it is said ({found.report.why}); a client saw {found.seen}"


def droppers(bench: Bench) -> Iterator[str]:
    """The texts of the rules and policies (of iptables; nftables' do not count) that dropped something, by their counters."""
    bench.records["router"].outputs |= bench.read((*RULES, *COUNTED))
    host: Host = build_host(bench.records["router"].state())
    for ruleset in (host.ruleset, host.legacy, host.ruleset6, host.legacy6):
        for rule in ruleset.rules() if ruleset else ():
            if rule.packets and rule.target in {"DROP", "REJECT"} and rule.table in TABLE_ORDER:
                yield rule.text
        for chain in ruleset.chains() if ruleset else ():
            if chain.policy_packets and chain.policy == "DROP":
                yield chain.ref.text
    for each in host.nft.rules() if host.nft else ():
        if each.packets and each.verdict in {"drop", "reject"}:
            yield each.text
