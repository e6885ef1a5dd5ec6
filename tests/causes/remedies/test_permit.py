"""What is permitted instead of a rule that stays: recorded evidence, another rule in the way."""

from __future__ import annotations

from dataclasses import replace

from netprobe.causes.remedies.permit import permit
from netprobe.evidence.model import Place
from netprobe.model.remedy import shell_line
from netprobe.model.rule import Hook, Program, RuleRef
from tests.causes.altered import case_of


def permitted(name: str, rule: RuleRef, hook: Hook, *, reply: bool) -> str:
    return shell_line(permit(case_of(name), Place(host="server2"), rule, hook=hook, reply=reply))


CATCH_ALL = RuleRef(
    program=Program.IPTABLES, table="raw", chain="PREROUTING", text="-A PREROUTING -i docker0 -j DROP", verdict="DROP"
)
AT_THE_DOOR = RuleRef(program=Program.NFT, family="netdev", table="edge", chain="in", text="policy drop", policy=True)


def test_where_no_connection_is_known_yet_an_answer_is_permitted_by_the_end_that_sends_it() -> None:
    """Conntrack looks at a packet behind ``raw``: a state never matches there."""
    wanted = "iptables -t raw -I PREROUTING -s 172.17.0.2 -p tcp --sport 80 -j ACCEPT"
    assert permitted("forward-drop-reply", CATCH_ALL, Hook.PREROUTING, reply=True) == wanted
    behind = replace(CATCH_ALL, table="mangle")
    wanted = "iptables -t mangle -I PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    assert permitted("forward-drop-reply", behind, Hook.PREROUTING, reply=True) == wanted


def test_at_a_device_the_connection_is_permitted_and_the_rest_stays_closed() -> None:
    wanted = "nft insert rule netdev edge in ip daddr 192.168.3.202 tcp dport 80 accept"
    assert permitted("ingress-drop", AT_THE_DOOR, Hook.INGRESS, reply=False) == wanted
    wanted = "nft insert rule netdev edge in ip saddr 172.17.0.2 tcp sport 80 accept"
    assert permitted("forward-drop-reply", AT_THE_DOOR, Hook.INGRESS, reply=True) == wanted
