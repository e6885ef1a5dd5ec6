from __future__ import annotations

import json

from netprobe.report.escape import width
from netprobe.report.hosts import lay_out, to_json
from netprobe.report.json import dumps
from netprobe.report.text import printed
from netprobe.survey.model import EngineFacts, HostClock, HostFacts, HostInterface, Lack, Survey

NFT = Lack(what="nft", cost="nftables rules stay unknown", hint="install it")
TCPDUMP = Lack(what="tcpdump", cost="nothing can be sniffed there", hint="install it", fatal=True)


def interfaces(number: int) -> tuple[HostInterface, ...]:
    veths = tuple(HostInterface(name=f"veth{each}", kind="veth", up=True, master="docker0") for each in range(number))
    bridge = HostInterface(name="docker0", kind="bridge", up=True)
    return (
        HostInterface(name="eth0", kind="veth", up=True),
        bridge,
        *veths,
        HostInterface(name="eth1", kind="", up=False),
    )


GOOD = HostFacts(
    name="server1",
    reach="netns:/run/netns/server1",
    root=True,
    kernel="6.1.0",
    engine=EngineFacts(version="20.10.24", api="1.41"),
    running=2,
    containers=3,
    interfaces=interfaces(9),
)
FAR = HostFacts(
    name="server2",
    reach="ssh://probe@server2",
    become="sudo -n",
    root=True,
    interfaces=(),
    clock=HostClock(offset_s=-3.25, uncertainty_s=0.004),
    lacks=(NFT,),
)
GONE = HostFacts(name="gone", reach="netns:/run/netns/gone", fault="no such\x1b[31m host", hint="is it up?")
SURVEY = Survey(hosts=(GOOD, FAR, GONE), origin="hosts.toml", tshark=False)


def plain(survey: Survey = SURVEY) -> str:
    return printed(lay_out(survey), columns=None, colour=False)


def test_the_first_line_says_how_many_can_be_used() -> None:
    assert plain().splitlines()[0] == "3 hosts of hosts.toml, local among them: not usable: gone"
    assert plain(Survey(hosts=(GOOD,))).startswith("1 host, as there is no hosts file: all usable")
    assert "server1 is local" in plain(Survey(hosts=(GOOD,), origin="hosts.toml", local="server1"))


def test_a_row_a_host() -> None:
    lines = plain().splitlines()
    assert lines[3].split() == ["server1", "yes", "netns", "yes", "20.10.24", "2/3", "11", "same"]
    assert lines[4].split() == ["server2", "partly", "ssh", "sudo", "none", "-", "0", "-3.250", "s"]
    assert lines[5].split() == ["gone", "no", "netns", "?", "?", "-", "?", "?"]


def test_what_is_missing_and_what_that_costs() -> None:
    text = plain()
    assert "lacks   no nft: nftables rules stay unknown (install it)" in text
    assert "points  eth0 (veth), docker0 (bridge with 9 veth)\n" in text
    assert "eth1: nothing can be sniffed while it is down" in text
    assert "no tshark on this machine" in text


def test_nothing_escapes() -> None:
    assert "\x1b" not in plain()
    assert r"\x1b[31m" in plain()
    assert "\x1b" not in dumps(to_json(SURVEY))


def test_a_narrow_terminal_folds_and_loses_nothing() -> None:
    text = printed(lay_out(SURVEY), columns=80, colour=False)
    assert max(width(each) for each in text.splitlines()) <= 80
    assert "\x1b" not in text
    assert "server2" in text


def test_no_host_is_usable_without_what_nothing_goes_without() -> None:
    lame = HostFacts(name="a", reach="local", root=True, interfaces=(), lacks=(TCPDUMP,))
    assert not Survey(hosts=(lame,)).all_usable
    assert Survey(hosts=(GOOD, FAR)).all_usable
    local = HostFacts(name="local", reach="local", lacks=(TCPDUMP,), same_as="server1")
    assert Survey(hosts=(local, GOOD)).all_usable


def test_json_has_every_key_and_null_for_unknown() -> None:
    value = json.loads(dumps(to_json(SURVEY)))
    assert value["schema"] == "netprobe/hosts/1"
    keys = {frozenset(each) for each in value["hosts"]}
    assert len(keys) == 1
    gone = value["hosts"][2]
    assert (gone["reached"], gone["containers"], gone["interfaces"], gone["root"]) == (False, None, None, None)
    assert value["hosts"][0]["containers"] == {"running": 2, "all": 3}
    assert value["hosts"][1]["clock"] == {"offset_s": -3.25, "uncertainty_s": 0.004}
