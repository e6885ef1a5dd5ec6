"""The remedies of every saved capture, checked by construction: each command can be carried out where it says, and does no more than it should."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.state.build import build_world
from netprobe.state.iptables import delete_argv
from tests.mutilation import NAMES, evidence, reported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.state.model import Host

PROGRAMS = {
    "conntrack",
    "cscli",
    "docker",
    "fail2ban-client",
    "firewall-cmd",
    "ip",
    "ip6tables",
    "iptables",
    "iptables-legacy",
    "kill",
    "modprobe",
    "nft",
    "sysctl",
    "systemctl",
    "ufw",
}
FLUSHES = {"-F", "--flush", "-X", "-Z", "flush", "--zero"}
PLACEHOLDER = re.compile(r"^[A-Z]{4,}$|…")
KEYWORDS = {
    "ACCEPT",
    "DROP",
    "FORWARD",
    "INPUT",
    "OUTPUT",
    "PREROUTING",
    "POSTROUTING",
    "INVALID",
    "SNAT",
    "MASQUERADE",
    "ORIGINAL",
    "TCPMSS",
}
KEYWORDS |= {"DNAT", "REJECT", "RETURN", "DOCKER", "CONNMARK", "NEW"}
FOUR = re.compile(r"(^|=)\d+\.\d+\.\d+\.\d+")


@cache
def hosts(name: str) -> dict[str, Host]:
    return dict(build_world(evidence(name)).before)


def findings(name: str) -> list[dict[str, Any]]:
    """The cause, the findings, and what stands behind the cause."""
    value = reported(name)
    return [each for each in (value["cause"], *value["findings"], *(value["after"] or ())) if each is not None]


def commands(name: str) -> Iterator[tuple[Host, list[str]]]:
    """Every command with its host, without the nsenter before it, whose process must be a running container's."""
    for finding in findings(name):
        for step in finding["remedies"]:
            host = hosts(name)[step["host"]]
            for argv in step["run"]:
                if argv[0] == "nsenter":
                    assert argv[1] == "-t"
                    assert argv[3] == "-n"
                    assert any(str(each.pid) == argv[2] for each in host.containers or () if each.running)
                    yield host, argv[4:]
                else:
                    yield host, argv


def both_lists_say_the_same(name: str) -> None:
    for finding in findings(name):
        said: list[list[str] | str] = []
        for step in finding["remedies"]:
            assert step["host"]
            assert step["run"] or step["text"]
            said += [*step["run"], *([step["text"]] if step["text"] else [])]
        assert said == [
            line.removeprefix("# ") if line.startswith("# ") else shlex.split(line) for line in finding["remedy"]
        ]


def a_command_is_whole_and_flushes_nothing(name: str) -> None:
    for _, argv in commands(name):
        assert argv[0] in PROGRAMS, argv
        assert not FLUSHES & set(argv), argv
        assert not [word for word in argv if PLACEHOLDER.search(word) and word not in KEYWORDS], argv
        if argv[0] == "nft":
            assert argv[1:3] in (["delete", "rule"], ["insert", "rule"], ["delete", "element"]), argv
        if argv[0] == "conntrack":
            assert {"--orig-src", "--orig-dst", "--orig-port-src", "--orig-port-dst"} <= set(argv), argv


def the_address_family_fits(name: str) -> None:
    for _, argv in commands(name):
        four, six = any(map(FOUR.search, argv)), any(re.search(r"^[0-9a-f]*:[0-9a-f:]+", word) for word in argv)
        if argv[0] == "ip6tables" or argv[:2] == ["ip", "-6"]:
            assert not four, argv
        elif argv[0] in {"ip", "iptables", "iptables-legacy"}:
            assert not six, argv


def the_engine_lets_docker_do_it(name: str) -> None:
    """Containers are there, networks are there or made before, and nobody is in one that is removed."""
    for finding in findings(name):
        attached: dict[tuple[str, str], set[str]] = {}
        for host in hosts(name).values():
            for network in host.networks or ():
                inside = {each.name for each in host.containers or () if network.name in each.networks and each.running}
                attached[host.name, network.name] = inside
        for step in finding["remedies"]:
            host = hosts(name)[step["host"]]
            for argv in step["run"]:
                if argv[:1] == ["docker"]:
                    _docker(host, argv[1:], attached)


def _docker(host: Host, words: list[str], attached: dict[tuple[str, str], set[str]]) -> None:
    known = {each.name: each for each in host.containers or ()}
    if words[0] in {"restart", "start", "stop", "unpause", "exec"}:
        names = words[1:2] if words[0] == "exec" else words[1:]
        assert names
        assert set(names) <= set(known), words
        return
    assert words[0] == "network"
    assert not {"host", "none"} & set(words), words
    *_, last = words
    if words[1] == "create":
        assert (host.name, last) not in attached
        attached[host.name, last] = set()
    elif words[1] == "rm":
        assert attached.pop((host.name, last)) == set(), words
    else:
        network, container = words[-2:]
        inside = attached[host.name, network]
        assert known[container].network_mode not in {"host", "none"}
        assert not known[container].netns_of
        assert (container in inside) is (words[1] == "disconnect"), words
        inside ^= {container}


def what_the_engine_owns_is_not_deleted(name: str) -> None:
    """But for a port's rule to a container that is gone: the engine forgot that one."""
    for finding in findings(name):
        for step in finding["remedies"] if finding["code"] != "stale-dnat" else ():
            host = hosts(name)[step["host"]]
            rulesets = [each for each in (host.ruleset, host.legacy, host.ruleset6) if each is not None]
            owned = [rule for each in rulesets for rule in each.rules() if host.engine.owns(rule.ref)]
            owned_nft = [rule for rule in (host.nft.rules() if host.nft else ()) if host.engine.owns(rule.ref)]
            for argv in step["run"]:
                assert tuple(argv) not in {delete_argv(rule) for rule in owned}
                assert tuple(argv) not in {rule.delete_argv for rule in owned_nft}


def it_is_said_what_else_it_does_or_how_long_it_holds(name: str) -> None:
    for finding in findings(name):
        steps = finding["remedies"]
        assert not any(step["run"] for step in steps) or any(step["text"] for step in steps), finding["remedy"]


# One test a capture: handing six out would take longer than they do.
RULES = (
    both_lists_say_the_same,
    a_command_is_whole_and_flushes_nothing,
    the_address_family_fits,
    the_engine_lets_docker_do_it,
    what_the_engine_owns_is_not_deleted,
    it_is_said_what_else_it_does_or_how_long_it_holds,
)


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_of_every_remedy(name: str) -> None:
    for holds in RULES:
        holds(name)
