"""A ban is taken back for whom the rule means, in its own jail."""

from __future__ import annotations

import pytest

from netprobe.causes.owners.bans import by_fail2ban
from netprobe.causes.owners.opening import Opening
from netprobe.model.endpoint import Endpoint
from netprobe.model.rule import Hook, Program, RuleRef, SetElement
from netprobe.state.model import Host
from netprobe.state.outputs import Outputs
from tests.causes.altered import commands
from tests.causes.owners.moved import dropped_in


def test_a_ban_is_lifted_for_one_address() -> None:
    found = dropped_in("f2b-web", "-s 192.168.3.201/32 -j DROP")
    assert commands(found)[0] == "fail2ban-client set web unbanip 192.168.3.201"
    assert "see why it was banned" in found.remedies[0].advice
    found = dropped_in("CROWDSEC_CHAIN", "-s 192.168.3.201/32 -j DROP")
    assert commands(found)[0] == "cscli decisions delete --ip 192.168.3.201"


@pytest.mark.parametrize(
    ("source", "banned"), [("192.168.3.201/32", "192.168.3.201"), ("192.168.3.0/24", "192.168.3.0/24")]
)
def test_a_ban_is_lifted_as_it_was_imposed(source: str, banned: str) -> None:
    """A network that is banned is no address of the jail's."""
    found = dropped_in("f2b-web", f"-s {source} -j REJECT --reject-with icmp-port-unreachable")
    assert commands(found)[0] == f"fail2ban-client set web unbanip {banned}"


def test_a_whole_network_of_crowdsecs_is_a_range() -> None:
    found = dropped_in("CROWDSEC_CHAIN", "-s 192.168.3.0/24 -j DROP")
    assert commands(found)[0] == "cscli decisions delete --range 192.168.3.0/24"


def opening(rule: RuleRef, to: str = "192.168.3.202", source: str = "192.168.3.201") -> Opening:
    """A rule without a host's state: what these commands are made of is in its text."""
    host = Host("server2", Outputs({}))
    return Opening(
        host=host, rule=rule, hook=Hook.INPUT, transport="tcp", to=Endpoint(to, 80), source=source, network="",
        device="eth0", via="", whom="port 80/tcp",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "to", "jail"),
    [
        ("-A INPUT -p tcp -m multiport --dports 80 -m set --match-set f2b-web src -j REJECT", "192.168.3.202", "web"),
        ("-A INPUT -p tcp -m multiport --dports 80 -m set --match-set f2b-web6 src -j REJECT", "2001:db8::2", "web"),
        ("-A INPUT -p tcp -m set ! --match-set f2b-web src -j REJECT", "192.168.3.202", None),
    ],
)
def test_a_set_of_ipset_is_named_for_the_jail(text: str, to: str, jail: str | None) -> None:
    found = by_fail2ban(opening(RuleRef(table="filter", chain="INPUT", text=text), to))
    assert (found.commands[0][2] if found else None) == jail


def test_a_set_of_nftables_is_named_for_the_jail() -> None:
    element = SetElement(family="inet", table="f2b-table", name="addr-set-web", element="198.51.100.0/24")
    rule = RuleRef(
        program=Program.NFT, family="inet", table="f2b-table", chain="f2b-chain", handle=4,
        text="tcp dport 80 ip saddr @addr-set-web reject", elements=(element,),
    )  # fmt: skip
    found = by_fail2ban(opening(rule))
    assert found is not None
    assert found.commands == (("fail2ban-client", "set", "web", "unbanip", "198.51.100.0/24"),)
