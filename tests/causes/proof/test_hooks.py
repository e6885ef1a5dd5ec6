"""From which chains a rule can be reached."""

from __future__ import annotations

from netprobe.causes.proof.hooks import entries
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues


def test_what_leads_to_a_chain_is_told_in_time_that_grows_as_the_rules_do() -> None:
    """Twenty thousand chains, each called by the one before and by itself: every chain is asked for."""
    names = [f"K{number}" for number in range(20_000)]
    jumps = [f"-A {one} -j {other}" for one, other in zip(("FORWARD", *names), (*names, "K0"), strict=True)]
    text = "\n".join(("*filter", ":FORWARD ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", *(f":{each} - [0:0]" for each in names), *jumps, "COMMIT"))  # fmt: skip
    ruleset = parse_iptables(text, Issues("iptables"))
    assert ruleset is not None
    assert {entries(ruleset, "filter", each) - {each} for each in names} == {frozenset({"FORWARD"})}
    assert entries(ruleset, "filter", "INPUT") == {"INPUT"}
    assert entries(ruleset, "filter", "absent") == {"absent"}
