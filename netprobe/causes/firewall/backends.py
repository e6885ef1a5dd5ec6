"""Rules in the iptables backend that nobody looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.firewall.host import port_of
from netprobe.causes.proof.blocked import Filtered, past
from netprobe.causes.proof.drops import STOPPING
from netprobe.causes.proof.known import lacks
from netprobe.causes.remedies.past_rule import is_narrow
from netprobe.model.remedy import Remedy, advise, run
from netprobe.model.rule import Program

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.causes.proof.stopped_by import StoppedBy
    from netprobe.state.iptables import Ruleset
    from netprobe.state.model import Host


class LegacyNftMix(Filtered):
    """Rules in both iptables backends, and the one that Docker does not use drops the packet.

    What it is: iptables-nft and iptables-legacy are two sets of hooks in the kernel; a packet passes both, each program shows its own.
    Why it happens: a distribution's upgrade changed the alternative, or a tool in a container brought the other one.
    Evidence: the rule (or policy) in the backend without Docker's chains, and its counter; Docker's rules in the other.
    Remedy: take the rule away by the program of that backend; then use only one backend (update-alternatives) and flush the other.
    Source: moby/libnetwork#2331, k3s-io/k3s#1114; iptables-legacy(8), xtables-nft(8).
    """

    code = "legacy-nft-mix"
    reads = ("iptables-legacy",)
    tells = "iptables-legacy-save -c on the host"
    needs = ("iptables-legacy",)

    def fits(self, case: Case, found: StoppedBy) -> bool:
        """Docker's chains are in the other backend alone."""
        host = case.before(found.host)
        if (
            host is None
            or host.ruleset is None
            or host.legacy is None
            or found.rule.program in {Program.NFT, Program.IP6TABLES}
        ):
            return False
        if found.place is not None and found.place.container is not None:
            return False
        mine, other = host.ruleset, host.legacy
        if found.rule.program is Program.LEGACY:
            mine, other = other, mine
        return _wrote(host, other) and not _wrote(host, mine)

    def summary(self, case: Case, found: StoppedBy) -> str:
        """Which backend has what."""
        mine, other = Program.LEGACY.value, "iptables (nf_tables)"
        if found.rule.program is not Program.LEGACY:
            mine, other = other, mine
        return f"{found.host} has rules in both iptables backends: Docker's are in {other}, and {found.rule.bare} of {mine} {found.does} {port_of(case)}"

    def remedies(self, case: Case, found: StoppedBy) -> tuple[Remedy, ...]:
        """Without that rule; past a policy, or what stands for one; and what lies behind it."""
        then = f"use only one backend (update-alternatives --config iptables): {found.rule.program}-save shows what is still in this one"
        if found.rule.policy or not is_narrow(found.rule):
            return (past(case, found), advise(found.host, f"then {then}"))
        return (
            run(found.host, *found.undo, advice=f"this opens all that it stopped, until the next reboot; then {then}"),
        )

    def possible(self, case: Case) -> bool:
        """Only where some host is known to have rules that stop packets in the backend without Docker's chains."""
        hosts = case.world.before.values()
        mixed = [host for host in hosts if host.legacy and host.ruleset and _stray(host, host.ruleset, host.legacy)]
        return super().possible(case) and (case.probe is None or bool(mixed) or lacks(case, "iptables"))


def _stray(host: Host, one: Ruleset, other: Ruleset) -> bool:
    """Whether the one of the two without Docker's chains stops anything."""
    strangers = [
        mine for mine, theirs in ((one, other), (other, one)) if _wrote(host, theirs) and not _wrote(host, mine)
    ]
    return any(
        chain.policy == "DROP" or any(rule.target in STOPPING for rule in chain.rules)
        for each in strangers
        for chain in each.chains()
    )


def _wrote(host: Host, ruleset: Ruleset) -> bool:
    """Whether the engine's chains are in it."""
    return host.engine.translates(ruleset) or host.engine.filters(ruleset)
