"""nft's trace as recorded (nftables 1.0.6), cut, mixed up and made up."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.endpoint import Endpoint
from netprobe.state.issues import Issues
from netprobe.state.trace import Traced, parse_handles, parse_trace

SAMPLES = Path(__file__).parent / "samples" / "trace"
OWN = "inet netprobe_0123456789abcdef prerouting"
HEAD = 'packet: iif "eth0" ip saddr 192.0.2.1 ip daddr 192.0.2.2 ip id 7 ip length 60 tcp sport 1000 tcp dport 80 tcp flags == syn'


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text()


def walks(text: str) -> tuple[Traced, ...]:
    issues = Issues("trace")
    found = parse_trace(text, issues)
    assert issues.found == []
    return found


def short(walk: Traced) -> list[str]:
    return [f"{step.rule.table}/{step.rule.chain} {step.verdict}" for step in walk.steps]


def test_dnat() -> None:
    there, back, *_ = walks(sample("dnat"))
    assert (str(there.dst), there.info, there.in_if, there.hooks) == (
        "192.168.3.202:8080",
        "SYN",
        "eth0",
        ("prerouting",),
    )
    assert short(there) == [
        "nat/PREROUTING jump DOCKER",
        "nat/DOCKER accept",
        "filter/FORWARD jump DOCKER-USER",
        "filter/DOCKER-USER return",
        "filter/FORWARD jump DOCKER-ISOLATION-STAGE-1",
        "filter/DOCKER-ISOLATION-STAGE-1 return",
        "filter/FORWARD jump DOCKER",
        "filter/DOCKER accept",
        "nat/POSTROUTING accept",
    ]
    assert there.steps[1].rule.text == 'iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80'
    assert there.steps[1].rule.handle == 10
    assert there.steps[-1].rule.policy
    assert (str(back.src), back.info, back.dropped_by) == ("172.17.0.2:80", "SYN-ACK", None)


def test_a_rule_that_drops_ends_the_walk() -> None:
    for walk in walks(sample("docker-user-drop")):
        assert walk.dropped_by is not None
        assert (walk.dropped_by.rule.chain, walk.dropped_by.rule.policy) == ("DOCKER-USER", False)


def test_a_rule_of_nftables_own() -> None:
    (step,) = {walk.dropped_by for walk in walks(sample("nft-drop"))}
    assert step is not None
    assert (str(step.rule), step.rule.text, step.verdict) == ("inet fw/myfw handle 2", "tcp dport 80 drop", "drop")


def test_the_host_to_itself_is_one_walk_and_the_inner_connection_another() -> None:
    found = walks(sample("docker-proxy"))
    assert found[0].hooks == ("output", "prerouting")
    assert short(found[0])[-1] == "filter/INPUT accept"
    inner = next(walk for walk in found if walk.dst == Endpoint("172.17.0.2", 80))
    assert (inner.info, inner.out_if) == ("SYN", "docker0")


def test_the_kernel_changes_the_id_in_the_middle() -> None:
    back = next(walk for walk in walks(sample("docker-proxy")) if walk.src == Endpoint("172.17.0.2", 80))
    assert short(back) == ["filter/INPUT accept"]


def test_icmp() -> None:
    there, back, *_ = walks(sample("icmp"))
    assert (there.src, there.dst, there.info, back.info) == (
        Endpoint("172.17.0.3"),
        Endpoint("192.168.3.201"),
        "echo request",
        "echo reply",
    )
    assert short(there)[-1] == "nat/POSTROUTING accept"


def test_an_id_that_is_used_again_begins_anew() -> None:
    again = HEAD.replace("ip id 7", "ip id 8")
    first, second = walks(
        f"trace id a {OWN} {HEAD}\ntrace id a ip filter INPUT policy drop\n"
        f"trace id a {OWN} {again}\ntrace id a ip filter INPUT policy accept \n"
    )
    assert (first.dropped_by is not None, second.dropped_by) == (True, None)


def test_another_packet_under_a_known_id_is_not_taken_for_the_walk() -> None:
    other = HEAD.replace("ip id 7", "ip id 9").replace("192.0.2", "198.51.100")
    (walk,) = walks(
        f"trace id a {OWN} {HEAD}\ntrace id a ip filter INPUT {other}\ntrace id a ip filter INPUT policy drop\n"
    )
    assert walk.steps == ()


def test_somebody_elses_trace_is_none_of_ours() -> None:
    assert walks(f"trace id a ip filter INPUT {HEAD}\ntrace id a ip filter INPUT policy drop\n") == ()


def test_a_rule_that_nft_does_not_know_keeps_its_handle() -> None:
    (walk,) = walks(f"trace id a {OWN} {HEAD}\ntrace id a ip filter INPUT unknown rule handle 12 (verdict drop)\n")
    assert walk.dropped_by is not None
    assert (str(walk.dropped_by.rule), walk.dropped_by.verdict) == ("ip filter/INPUT handle 12", "drop")


def test_ipv6_and_a_rule_without_handle() -> None:
    head = 'packet: iif "eth0" ip6 saddr fd00::1 ip6 daddr fd00::2 ip6 length 40 tcp sport 1000 tcp dport 80 tcp flags == syn'
    (walk,) = walks(
        f'trace id a {OWN} {head}\ntrace id a ip6 filter INPUT rule tcp dport 80 comment "(x)" drop (verdict drop)\n'
    )
    assert (walk.src, walk.dst) == (Endpoint("fd00::1", 1000), Endpoint("fd00::2", 80))
    assert walk.dropped_by is not None
    assert walk.dropped_by.rule.text == 'tcp dport 80 comment "(x)" drop'


def test_what_is_no_trace_is_named() -> None:
    issues = Issues("trace")
    found = parse_trace(
        f"netlink: Error: buffer overrun\ntrace id a {OWN} {HEAD}\ntrace id a ip filter INPUT rule drop\n", issues
    )
    assert len(found) == 1
    assert [(issue.line, issue.why) for issue in issues.found] == [
        (1, "not a line of nft's trace"),
        (3, "no verdict in it"),
    ]


def test_cut_anywhere_nothing_new_is_said() -> None:
    text = sample("docker-user-drop")
    whole = walks(text)
    for at in range(0, len(text), 17):
        for cut, full in zip(parse_trace(text[:at], Issues("trace")), whole, strict=False):
            assert cut.steps == full.steps[: len(cut.steps)]


def test_handles() -> None:
    text = (
        '{"nftables": [{"metainfo": {}}, {"rule": {"family": "ip", "table": "nat", "chain": "DOCKER", "handle": 4}},'
        ' {"rule": {"family": "ip", "table": "nat", "chain": "DOCKER", "handle": 2}}, {"rule": 1}, 7]}'
    )
    assert parse_handles(text, Issues("nft")) == {("ip", "nat", "DOCKER"): (4, 2)}
    for broken in ("", "[]", "{}", '{"nftables": 1}', "x", "[" * 100_000):
        assert parse_handles(broken, Issues("nft")) == {}


@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    parse_trace(text, Issues("trace"))
    parse_handles(text, Issues("nft"))


@given(st.integers(), st.integers(1, 200))
def test_lines_mixed_up_and_bytes_turned_do_not_crash_it(seed: int, turned: int) -> None:
    chance = random.Random(seed)
    lines = sample("docker-proxy").splitlines()[:40]
    chance.shuffle(lines)
    letters = list("\n".join(lines))
    for _ in range(turned):
        letters[chance.randrange(len(letters))] = chance.choice('\0\n "(){}#:0x\U0001f600')
    parse_trace("".join(letters), Issues("trace"))


def test_a_long_walk_takes_no_long_time() -> None:
    line = "trace id a ip filter INPUT rule tcp dport 80 counter packets 1 bytes 1 # handle 4 (verdict continue)\n"
    (walk,) = walks(f"trace id a {OWN} {HEAD}\n" + line * 5_000)
    assert len(walk.steps) == 5_000
