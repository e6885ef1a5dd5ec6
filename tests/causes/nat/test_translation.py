"""rules-flushed and stale-dnat: what each of their facts decides, on recorded evidence with that one fact changed."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, commands, recorded, with_state, without

FLUSHED, STALE = "rules-flushed", "stale-dnat"


def test_the_remedies() -> None:
    flushed, stale = analyze(recorded(FLUSHED)).cause, analyze(recorded(STALE)).cause
    assert flushed is not None
    assert commands(flushed) == ("systemctl restart docker", "docker start client")
    assert stale is not None
    assert commands(stale) == (
        "iptables -t nat -D DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.99:80",
    )


def test_one_rule_of_dockers_is_no_flush() -> None:
    """With the jump to Docker's chain still there only the MASQUERADE is missing."""
    state = next(each for each in recorded(FLUSHED).before if each.host == "server2")
    saved = state.outputs["iptables"].stdout
    chain = next(line for line in saved[saved.index("*nat") :].splitlines() if line.startswith(":DOCKER "))
    jump = f"{chain}\n[0:0] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
    assert code(with_state(recorded(FLUSHED), "server2", "iptables", f"{chain}\n", jump)) == "masquerade-missing"


@pytest.mark.parametrize("name", [STALE, "stale-dnat-dropped"])
def test_an_address_of_no_docker_network_is_no_stale_rule(name: str) -> None:
    """Somebody's own DNAT to elsewhere."""
    assert code(with_state(recorded(name), "server2", "iptables", "172.17.0.99", "172.31.0.99")) != STALE


def test_without_arp_for_the_old_address_nothing_is_proved() -> None:
    """It is what shows that nobody has it."""
    evidence = recorded(STALE)
    asked = [each.name for each in evidence.points if each.name not in {"server1/eth0", "server2/eth0"}]
    assert code(without(evidence, *asked)) is None
