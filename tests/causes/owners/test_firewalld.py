"""firewalld's own command: the zone, its parts, and who puts an engine's bridges into one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.causes.altered import commands, recorded
from tests.causes.owners.moved import DROP, cause_of
from tests.causes.proof.test_drops import with_rules

if TYPE_CHECKING:
    from netprobe.evidence.state import HostState


def test_firewallds_last_rule_in_a_built_in_chain_is_firewallds() -> None:
    """With its iptables backend; the zone is that of the interface by which the SYN came."""
    chains = r":INPUT_ZONES - [0:0]\n:IN_public - [0:0]\n:IN_dmz - [0:0]\n\1"
    evidence = with_rules(recorded("input-drop"), (r"^(:INPUT ACCEPT)", chains), before=True)
    last = r"\1 -A INPUT -j INPUT_ZONES\n\1 -A INPUT -j REJECT --reject-with icmp-host-prohibited\n[0:0] -A INPUT_ZONES -i eth1 -g IN_public\n\1 -A INPUT_ZONES -g IN_dmz"
    found = cause_of(with_rules(evidence, (DROP, last), before=True))
    assert commands(found)[0] == "firewall-cmd --zone=dmz --add-port=80/tcp"
    assert "--permanent" in found.remedies[0].advice


def _firewalld(state: HostState, dispatch: str) -> HostState:
    """The table ``inet firewall`` as firewalld's, with a rule that chooses the zone."""
    output = state.outputs.get("nft")
    if output is None or '"firewall"' not in output.stdout:
        return state
    text = (
        output.stdout.replace('"firewall"', '"firewalld"')
        .replace('"input"', '"filter_INPUT"')
        .replace('"hook": "filter_INPUT"', '"hook": "input"')
    )
    whole = json.loads(text)
    base = {"family": "inet", "table": "firewalld"}
    match = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth0"}}
    first = [match] if dispatch else []
    whole["nftables"] += [
        {"chain": {**base, "name": "filter_INPUT_ZONES", "handle": 90}},
        {"chain": {**base, "name": "filter_IN_public", "handle": 91}},
        {
            "rule": {
                **base,
                "chain": "filter_INPUT_ZONES",
                "handle": 92,
                "expr": [*first, {"goto": {"target": "filter_IN_public"}}],
            }
        },
    ]
    return replace(state, outputs={**state.outputs, "nft": replace(output, stdout=json.dumps(whole))})


@pytest.mark.parametrize("dispatch", ["", "eth0"])
def test_nobody_edits_firewallds_table(dispatch: str) -> None:
    """It may be closed to others (NftablesTableOwner): nft would refuse."""
    evidence = recorded("input-drop-nft")
    before, after = (
        tuple(_firewalld(each, dispatch) for each in states) for states in (evidence.before, evidence.after)
    )
    found = cause_of(replace(evidence, before=before, after=after))
    assert commands(found) == ("firewall-cmd --zone=public --add-port=80/tcp",)
