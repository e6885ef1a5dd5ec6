from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netprobe.evidence.model import Evidence, Place
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.forward import Request
from netprobe.forward.plan import itinerary
from netprobe.state.build import build_world

KEYS = [
    "addr",
    "route",
    "rule",
    "neigh",
    "fdb",
    "iptables",
    "iptables-legacy",
    "ip6tables",
    "nft",
    "sockets",
    "sysctl",
    "proxies",
    "docker-version",
    "containers",
    "networks",
    "hosts-file",
    "resolv-conf",
]
OF_HOST = (
    "ruleset",
    "legacy",
    "ruleset6",
    "nft",
    "containers",
    "networks",
    "proxies",
    "sysctls",
    "engine",
    "namespaces",
)
OF_NAMESPACE = ("links", "routes", "rules", "neighbours", "fdb", "sockets", "ruleset", "hosts_file", "resolv_conf")


def touch(host: Any) -> None:
    for name in OF_HOST:
        getattr(host, name)
    for namespace in (host.own, *host.namespaces.values()):
        for name in OF_NAMESPACE:
            getattr(namespace, name)


def state(host: str, **outputs: CommandOutput) -> HostState:
    return HostState(host=host, outputs={key.replace("_", "-"): value for key, value in outputs.items()})


def output(text: str, rc: int | None = 0) -> CommandOutput:
    return CommandOutput(argv=("x",), rc=rc, stdout=text)


def test_the_samples_are_understood_whole(world: Any, lab: Any) -> None:
    for host in (*world.before.values(), *world.after.values(), *lab.values()):
        touch(host)
        assert host.issues == ()
    assert world.issues == ()
    assert set(world.before["server2"].namespaces) == {"demo", "c1", "c2", "web2", "m1"}


def test_what_was_not_asked_again_is_as_before_and_parsed_once(world: Any) -> None:
    before, after = world.before["server2"], world.after["server2"]
    assert after.own.links is before.own.links
    assert after.containers is before.containers
    assert after.namespaces["demo"].sockets is before.namespaces["demo"].sockets
    assert after.ruleset is not before.ruleset
    assert world.after["server1"] is world.before["server1"]


def test_unknown_is_not_empty() -> None:
    evidence = Evidence(before=(state("h", addr=output("[]", rc=1), route=output("", rc=None), sockets=output("")),))
    host = build_world(evidence).before["h"]
    assert (host.own.links, host.own.routes, host.own.rules, host.ruleset, host.containers) == (None,) * 5
    assert host.own.sockets == ()


def test_a_failure_afterwards_is_unknown_again(evidence: Evidence) -> None:
    after = state("server2", iptables=output("", rc=1))
    world = build_world(Evidence(before=evidence.before, after=(after,)))
    assert world.before["server2"].ruleset is not None
    assert world.after["server2"].ruleset is None


def test_a_host_seen_only_afterwards() -> None:
    world = build_world(Evidence(after=(state("late", addr=output("[]")),)))
    assert (dict(world.before), world.after["late"].own.links) == ({}, ())


def test_issues_say_which_command() -> None:
    evidence = Evidence(before=(HostState(host="h", outputs={"ns/c/addr": output("[4]"), "nft": output("{")}),))
    world = build_world(evidence)
    touch(world.before["h"])
    assert {(host, issue.source) for host, issue in world.issues} == {("h", "ns/c/addr"), ("h", "nft")}


@given(st.dictionaries(st.sampled_from([*KEYS, "ns/c/addr", "ns/c/route", "ns/c/sockets"]), st.text(max_size=60)))
def test_any_text_in_any_output(texts: dict[str, str]) -> None:
    evidence = Evidence(before=(HostState(host="h", outputs={key: output(text) for key, text in texts.items()}),))
    world = build_world(evidence)
    touch(world.before["h"])
    itinerary(world.before, Request(source=Place(host="h", container="c"), dialled="10.0.0.1", port=80, proto="tcp"))


@given(st.data())
def test_damaged_samples(evidence: Evidence, data: st.DataObject) -> None:
    """Every sample with a few characters changed or cut off: read or named, and a way is still planned."""
    outputs = dict(evidence.before[1].outputs)
    for key in data.draw(st.lists(st.sampled_from(sorted(outputs)), max_size=3)):
        text = outputs[key].stdout
        at = data.draw(st.integers(0, len(text)))
        new = data.draw(st.sampled_from(["", "[", '"', "-1", "null", "{}", "\x1b[2J", "9" * 30]))
        cut = data.draw(st.integers(0, 40))
        outputs[key] = output(text[:at] + new + (text[at + cut :] if cut else ""))
    damaged = HostState(host="server2", outputs=outputs)
    world = build_world(Evidence(before=(evidence.before[0], damaged)))
    touch(world.before["server2"])
    for source in (Place(host="server1"), Place(host="server2", container="c1")):
        request = Request(source=source, dialled="192.168.3.202", port=80, proto="tcp")
        itinerary(world.before, request, Place(host="server2", container="demo"))
