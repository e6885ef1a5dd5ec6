"""Nothing of the engine's is left: what that looks like where no chain shows that there was any."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.model.report import Confidence
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
from tests.causes.proof.test_drops import with_rules

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState
    from netprobe.model.report import Finding

_NAT = r"^\*nat\n(?:.*\n)*?COMMIT$"
_BUILT_IN = r"*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
_THEIRS = "[0:0] -A POSTROUTING -s 172.17.0.0/16 -o eth0 -j MASQUERADE"


def cause_of(evidence: Evidence) -> Finding:
    found = analyze(evidence).cause
    assert found is not None
    return found


def test_the_policy_alone_is_left_of_what_the_engine_wrote() -> None:
    """As firewalld leaves it, and ``iptables-restore`` of a file from before Docker: -F and -X of every table, and FORWARD's policy stays."""
    flushed = with_rules(recorded("rules-flushed-filter-out"), (_NAT, _BUILT_IN + "COMMIT"), before=True)
    flushed = with_rules(flushed, (r"^:DOCKER.*\n", ""), before=True) if _left(flushed) else flushed
    found = cause_of(flushed)
    assert (found.code, found.confidence) == ("rules-flushed", Confidence.LIKELY)
    assert commands(found) == ("systemctl restart docker", "docker start client")
    assert any("iptables=false" in each for each in found.evidence)


def test_where_somebody_else_translates_for_the_networks_the_engine_is_not_expected_to() -> None:
    """With ``iptables=false`` the administrator writes the rules; a restart would not write any."""
    other = with_rules(recorded("rules-flushed-filter-out"), (_NAT, f"{_BUILT_IN}{_THEIRS}\nCOMMIT"), before=True)
    assert cause_of(other).code == "forward-drop"


def _left(evidence: Evidence) -> bool:
    texts = (each.outputs["iptables"].stdout for each in evidence.before if each.host == "server2")
    return any("\n:DOCKER" in text for text in texts)


_POLICY = r"^:FORWARD DROP (\[\d+:\d+\])(\n(?:.*\n)*?)COMMIT$"


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("-A FORWARD -j REJECT --reject-with icmp-host-prohibited", "rules-flushed"),
        ("-A FORWARD -m comment --comment last -j DROP", "rules-flushed"),
        ("-A FORWARD -d 203.0.113.10/32 -j DROP", "forward-drop"),
    ],
)
def test_a_last_rule_for_all_is_as_good_as_a_policy(last: str, expected: str) -> None:
    """firewalld with iptables, shorewall, scripts: FORWARD ends with a rule of its own, and the engine's stood before it."""
    evidence = recorded("rules-flushed-filter-out")
    ended = with_rules(evidence, (_POLICY, rf":FORWARD ACCEPT [0:0]\2\1 {last}\nCOMMIT"), before=True)
    assert cause_of(ended).code == expected


def test_an_older_state_that_knows_other_networks_alone() -> None:
    """``iptables-restore`` of what was saved before the network was made: the engine's chains are there, and its bridge is in no rule."""
    evidence = recorded("rules-flushed-filter-out")
    chains = r":DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n"
    jumps = r"[0:0] -A FORWARD -j DOCKER-USER\n[0:0] -A FORWARD -o br-old -j DOCKER\n[0:0] -A DOCKER-USER -j RETURN\n"
    older = with_rules(
        evidence, (r"^(:FORWARD DROP \S+\n)((?:.*\n)*?)COMMIT$", rf"\1\2{chains}{jumps}COMMIT"), before=True
    )
    nat = (r"^.*(docker0).*\n", "")
    older = with_rules(with_rules(older, nat, before=True), nat, before=True)
    old = {"Name": "old", "Id": "0" * 64, "Driver": "bridge", "Options": {"com.docker.network.bridge.name": "br-old"}}

    def state(each: HostState) -> HostState:
        output = each.outputs.get("networks")
        if each.host != "server2" or output is None:
            return each
        listed = json.dumps([*json.loads(output.stdout), old])
        return replace(each, outputs={**each.outputs, "networks": replace(output, stdout=listed)})

    moments = (tuple(map(state, older.before)), tuple(map(state, older.after)))
    found = cause_of(replace(older, before=moments[0], after=moments[1]))
    assert found.code == "rules-flushed"
    assert "no rule of Docker's is there for network bridge" in found.summary
    assert commands(found)[0] == "systemctl restart docker"


def test_a_chain_of_nftables_that_drops_and_nothing_of_the_engines_left_needs_both() -> None:
    found = cause_of(recorded("rules-flushed-closed"))
    assert found.code == "forward-drop"
    assert commands(found)[0].startswith("nft insert rule inet filter forward")
    assert "systemctl restart docker" in commands(found)
