from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UsageFault
from netprobe.inventory.hosts import assemble, parse

OWN = """
checkout = "/somewhere/else"

[hosts.server1]
reach = "netns:/var/run/netns/server1"
docker = "unix:///run/lab/server1/docker.sock"

[hosts.outside]
reach = "netns:/var/run/netns/outside"
become = "sudo -n"
"""
LAB = f'lab = "91bb18"\n{OWN}'


def test_hosts_are_read() -> None:
    file = parse(OWN, "hosts.toml")
    assert file.hosts["server1"].reach.prefix == ("nsenter", "--net=/var/run/netns/server1", "--")
    assert file.hosts["server1"].docker == "unix:///run/lab/server1/docker.sock"
    assert file.hosts["outside"].docker is None
    assert file.hosts["outside"].become == ("sudo", "-n")
    assert (file.lab, file.checkout) == ("", "/somewhere/else")
    assert parse(LAB, "hosts.toml").lab == "91bb18"


def test_become_stands_before_the_way_in() -> None:
    host = parse(OWN, "hosts.toml").hosts["outside"]
    argv = host.reach.argv(("ip", "addr"), host.become)
    assert argv == ("sudo", "-n", "nsenter", "--net=/var/run/netns/outside", "--", "ip", "addr")


MACHINES = {"server1": 1, "outside": 2}


def test_local_is_there_too() -> None:
    found = assemble(parse(OWN, "f"), "f", MACHINES, here=0)
    assert list(found.hosts) == ["local", "server1", "outside"]
    assert found.hosts["local"].docker == ""
    assert (found.origin, found.lab, found.aliases) == ("f", "", {})


def test_a_named_host_may_be_this_machine() -> None:
    found = assemble(parse(OWN, "f"), "f", MACHINES, here=1)
    assert list(found.hosts) == ["server1", "outside"]
    assert found.aliases == {"local": "server1"}
    own = assemble(parse("[hosts.local]\nreach = 'local'\ndocker = 'unix:///x'\n", "f"), "f", {"local": 0}, here=0)
    assert own.hosts["local"].docker == "unix:///x"
    assert own.aliases == {}


@pytest.mark.parametrize("here", [0, 1])
def test_local_is_no_host_of_a_lab_under_any_name(here: int) -> None:
    found = assemble(parse(LAB, "f"), "f", MACHINES, here=here)
    assert list(found.hosts) == ["server1", "outside"]
    assert (found.lab, found.aliases) == ("91bb18", {})


def test_two_names_for_one_machine_are_refused() -> None:
    with pytest.raises(UsageFault, match="f: the hosts server1 and outside are one machine"):
        assemble(parse(OWN, "f"), "f", {"server1": 1, "outside": 1}, here=0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[hosts.a]\nreach = 'local'\n[hosts.a]\nreach = 'local'", "the host a is there twice"),
        ("[hosts.a]\nreach = 'local'\ndoker = 'x'", "unknown key 'doker'"),
        ("[host.a]\nreach = 'local'", "unknown key 'host'"),
        ("[hosts.a]\ndocker = 'unix:///x'", "has no reach"),
        ("[hosts.a]\nreach = 3", "reach is not a text"),
        ("[hosts.a]\nreach = ''", "reach is not a text"),
        ("[hosts.a]\nreach = 'netns:relative'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://-oProxyCommand=x'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://a:99999'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://a b'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://-l@a'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://root@a:99999'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://root@a:22/path'", "is not understood"),
        ("[hosts.a]\nreach = 'ssh://root@fe80::1'", "is not understood"),
        ("[hosts.a]\nreach = 'local'\ndocker = 'ftp://x'", "is not understood"),
        ("[hosts.a]\nreach = 'local'\nbecome = 'sudo \"x'", "become"),
        ("[hosts.'a b']\nreach = 'local'", "is not a host name"),
        ("hosts = 3", "hosts is not a table"),
        ("[hosts]\na = 3", "hosts.a is not a table"),
        ("lab = 3", "lab is not a lab's id"),
        ('lab = "../x"', "lab is not a lab's id"),
        ("lab = 'a'\n[hosts.b]\nreach = 'local'", "host b of lab a is no network namespace"),
        ("lab = 'a'\n[hosts.local]\ndocker = 'unix:///x'", "host local of lab a is no network namespace"),
        ("lab = 'a'\n[hosts.b]\nreach = 'ssh://b'", "host b of lab a is no network namespace"),
        (
            "lab = 'a'\n[hosts.b]\nreach = 'netns:/b'\ndocker = 'tcp://192.0.2.1:2375'",
            "docker = 'tcp://192.0.2.1:2375' is no socket",
        ),
        ("x", "not a valid hosts file"),
        ("lab = " + "9" * 5000, "not a valid hosts file"),
        ("lab = " + "[" * 100_000, "not a valid hosts file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageFault) as fault:
        parse(text, "hosts.toml")
    assert says in fault.value.message
    assert "\n" not in fault.value.message
    assert fault.value.message.startswith(("hosts.toml", "host a"))


@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    with contextlib.suppress(UsageFault):
        parse(text, "hosts.toml")
