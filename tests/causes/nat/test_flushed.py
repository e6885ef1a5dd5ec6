"""Nothing of the engine's is left: what that looks like where no chain shows that there was any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.report import Confidence
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
from tests.causes.proof.test_drops import with_rules

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
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
