"""Rules put in and taken out."""

from __future__ import annotations

from tests.state.effects.changed import after, hosts, texts


def test_a_rule_is_deleted_and_the_rest_stays() -> None:
    rule = "-A DOCKER-USER -s 192.168.3.0/24 -j DROP"
    before = hosts("docker-user-drop")["server2"]
    assert rule in texts(before, "filter", "DOCKER-USER")
    then = after("docker-user-drop", "iptables", "-D", *rule.split()[1:])
    assert texts(then, "filter", "DOCKER-USER") == [
        each for each in texts(before, "filter", "DOCKER-USER") if each != rule
    ]
    assert texts(then, "nat", "DOCKER") == texts(before, "nat", "DOCKER")


def test_a_rule_is_inserted_first_or_added_last_in_its_table() -> None:
    first = after("docker-user-drop", "iptables", "-I", "DOCKER-USER", "-p", "tcp", "-j", "ACCEPT")
    assert texts(first, "filter", "DOCKER-USER")[0] == "-A DOCKER-USER -p tcp -j ACCEPT"
    added = after(
        "docker-user-drop", "iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.0.0.0/8", "-j", "MASQUERADE"
    )
    assert texts(added, "nat", "POSTROUTING")[-1] == "-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE"


def test_a_policy() -> None:
    then = after("nft-backend-forward-drop", "iptables", "-P", "FORWARD", "ACCEPT")
    assert then.ruleset is not None
    chain = then.ruleset.chain("filter", "FORWARD")
    assert chain is not None
    assert chain.policy == "ACCEPT"
