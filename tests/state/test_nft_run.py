"""Rules of nft 1.0.6 (tests/state/samples/nft-all.*: one of each match and statement that it takes) and one packet."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netprobe.forward.nftables import walk_chain
from netprobe.state.issues import Issues
from netprobe.state.nft_parse import parse_nft
from netprobe.state.nft_text import parse_nft_text, with_words
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.state.nft import NftRule, NftRuleset

SAMPLES = Path(__file__).parent / "samples"
JSON = (SAMPLES / "nft-all.json").read_text()
SYN = PacketTuple(
    src="1.2.3.4", dst="10.0.0.9", proto="tcp", sport=40000, dport=80, in_if="eth0", out_if="br-1", ctstate="NEW", tracked=True,
    src_type="UNICAST", dst_type="UNICAST", orig_src="1.2.3.4", orig_sport=40000, orig_dst="1.2.3.9", orig_dport=80,
    repl_src="10.0.0.9", repl_sport=80, repl_dst="1.2.3.4", repl_dport=40000, ctdir="ORIGINAL", ctstatus=frozenset({"DNAT"}),
    mark=0x10, ctmark=0x15, zone=0, tcp_flags=frozenset({"SYN"}), ttl=63, tos=0x20, length=(60, 60), mss=1460,
)  # fmt: skip


def parsed(text: str) -> NftRuleset:
    found = parse_nft(text, Issues("nft"))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def by_text() -> dict[str, NftRule]:
    words = parse_nft_text((SAMPLES / "nft-all.txt").read_text(), Issues("nft-text"))
    return {
        each.text: each for each in with_words(parsed(JSON), words).rules() if (each.table, each.chain) == ("t", "c1")
    }


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('ip saddr @s1 counter drop comment "hi there"', True),  # 1.2.3.4 is an element
        ("ip saddr . tcp dport @s2 accept", False),
        ("meta l4proto . th dport @s3 accept", True),  # tcp . 80-90
        ("ip saddr . tcp dport @s4 accept", False),
        ("iifname @s6 accept", True),
        ("ip saddr @s7 accept", False),
        ("meta mark & 0x000000ff == 0x00000010 accept", True),
        ("meta mark & 0x000000ff != 0x00000010 accept", False),
        ("ct mark 0x00000010-0x00000020 accept", True),
        ("ct state related,new accept", True),
        ("ct state ! new accept", False),
        ("ct state invalid drop", False),
        ("ct status dnat accept", True),
        ("ct direction reply accept", False),
        ("ct original ip saddr 1.2.3.4 accept", True),
        ("ct original ip daddr 1.2.3.0/24 accept", True),
        ("ct reply ip saddr 1.2.3.4 accept", False),
        ("meta l4proto tcp ct original proto-dst 80 accept", True),
        ("meta l4proto { tcp, udp } ct reply proto-src 0x50 [invalid type] accept", True),
        ("ct l3proto ipv4 accept", True),
        ("ct zone 5 accept", False),
        ("ct bytes > 1000 accept", None),
        ("meta nfproto ipv4 accept", True),
        ("meta l4proto gre accept", False),
        ("meta pkttype { broadcast, multicast } accept", False),
        ("meta length 40-60 accept", True),
        ("meta length > 1000 accept", False),
        ("meta cgroup 5 accept", None),
        ('meta hour "10:00"-"12:00" accept', None),
        ("tcp flags syn accept", True),
        ("tcp flags syn / syn,ack accept", True),
        ("tcp flags != syn accept", False),
        ("tcp flags != syn / fin,syn,rst,ack drop", False),
        ("tcp flags { syn, ack } accept", True),
        ("tcp option maxseg exists accept", True),
        ("tcp option maxseg size 1400 accept", False),
        ("icmp type echo-request accept", False),
        ("th sport 1-1024 accept", False),
        ("@nh,96,32 0x1020304 accept", True),
        ("@nh,128,32 & 0xff000000 == 0xa000000 accept", True),
        ("@ll,0,48 0x10203040506 accept", None),
        ("ip saddr != 10.0.0.0/8 accept", True),
        ("ip saddr 1.2.3.4-1.2.3.9 accept", True),
        ("ip saddr & 255.0.0.255 == 10.0.0.1 accept", False),
        ("ip saddr . ip daddr { 1.1.1.1 . 2.2.2.2 } accept", False),
        ("ip ttl < 5 drop", False),
        ("ip dscp cs1 accept", True),
        ("ip ecn ect0 accept", False),
        ("ip frag-off & 8191 != 0 drop", False),
        ("ip protocol { tcp, udp } accept", True),
        ("ip6 saddr fe80::/10 accept", False),
        ("exthdr frag exists drop", False),
        ("fib daddr type local accept", False),
        ("fib saddr type != local accept", True),
        ("fib saddr . iif oif missing drop", None),
        ('osf name "Linux" accept', None),
        ("limit rate 1/second accept", None),
        ('limit name "ll" accept', None),
        ("quota over 10 mbytes drop", None),
        ("ct count over 10 drop", None),
        ("add @s5 { ip saddr }", None),
        ("update @s5 { ip saddr timeout 1m limit rate over 1/second } drop", None),
        ("meter mm size 65535 { ip saddr limit rate over 1/second } drop", None),
        ("symhash mod 2 0 accept", None),
        ('log prefix "x " level info', True),
        ('counter name "cc"', True),
    ],
)
def test_whether_it_matches(by_text: dict[str, NftRule], text: str, answer: bool | None) -> None:
    assert by_text[text].matches(SYN) is answer


def test_newer_versions_of_nft_say_the_same() -> None:
    """nft 1.1.7 lists the same kernel's rules: flags, lists and types of sets are written otherwise."""
    newer = parsed((SAMPLES / "nft-all-1.1.7.json").read_text())
    same = {each.ref: each for each in newer.rules()}
    facts = {each.ref: each.meet(SYN) for each in parsed(JSON).rules()}
    assert same.keys() == facts.keys()
    for ref, outcome in facts.items():
        other = same[ref].meet(SYN)
        told = [
            (each.verdict, each.packet, each.translation, each.matched, bool(each.doubt)) for each in (outcome, other)
        ]
        assert told[0] == told[1], ref
    assert [each.devices for each in newer.chains if each.family == "netdev"] == [("lo",), ("lo",)]
    words = parse_nft_text((SAMPLES / "nft-all-1.1.7.txt").read_text(), Issues("nft-text"))
    assert [each.text for each in with_words(newer, words).rules() if not each.words] == ["ct expiration 10 accept"]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("meta mark set ct mark & 0x000000ff", 0x15),
        ("meta mark set meta mark | 0x00000010", 0x10),
        ("meta mark set meta mark & 0xffffff05 | 0x00000005", 0x5),
        ("meta mark set meta mark << 4", 0x100),
        ("meta mark set ip saddr map @m3", 0x10),  # no element: as it was
    ],
)
def test_marks_are_set(by_text: dict[str, NftRule], text: str, mark: int) -> None:
    assert by_text[text].meet(SYN).packet.mark == mark


def test_a_doubt_names_what_decides(by_text: dict[str, NftRule]) -> None:
    assert by_text["ct count over 10 drop"].meet(SYN).doubt == "`ct count over 10` is decided by what no listing shows"
    assert by_text["meta cgroup 5 accept"].meet(SYN).doubt == "`meta cgroup 5` depends on the sender's control group"


def nat(**statement: Any) -> NftRule:
    at = {"family": "ip", "table": "t"}
    chain = {"chain": {**at, "name": "c", "hook": "prerouting", "prio": -100, "type": "nat"}}
    (rule,) = parsed(
        json.dumps({"nftables": [chain, {"rule": {**at, "chain": "c", "handle": 1, "expr": [statement]}}]})
    ).rules()
    return rule


PORT = {"payload": {"protocol": "tcp", "field": "dport"}}


@pytest.mark.parametrize(
    ("statement", "address", "port"),
    [
        ({"dnat": {"addr": "10.0.0.1"}}, "10.0.0.1", None),
        ({"dnat": {"addr": "10.0.0.1", "port": 8080}}, "10.0.0.1", 8080),
        ({"dnat": {"addr": {"map": {"key": PORT, "data": {"set": [[80, "10.0.0.2"]]}}}}}, "10.0.0.2", None),
        ({"dnat": {"addr": {"map": {"key": PORT, "data": {"set": [[80, {"concat": ["10.0.0.3", 81]}]]}}}}}, "10.0.0.3", 81),
        ({"dnat": {"addr": "10.0.0.1", "port": {"range": [70, 90]}}}, "10.0.0.1", 80),  # it lies in the range: kept
        ({"redirect": {"port": 8080}}, "", 8080),
        ({"masquerade": None}, "", None),
        ({"snat": {"addr": {"prefix": {"addr": "9.9.9.0", "len": 24}}, "flags": "netmap", "type_flags": "prefix"}}, "9.9.9.4", None),
    ],
)  # fmt: skip
def test_what_it_translates_to(statement: dict[str, Any], address: str, port: int | None) -> None:
    outcome = nat(**statement).meet(SYN)
    assert outcome.verdict == "translate"
    assert outcome.translation is not None
    assert (outcome.translation.address, outcome.translation.port) == (address, port)


@pytest.mark.parametrize(
    "statement",
    [
        {"dnat": {"addr": {"range": ["10.0.0.1", "10.0.0.5"]}}},
        {"dnat": {"addr": "10.0.0.1", "port": {"range": [8080, 8090]}}},
        {"dnat": {"addr": {"map": {"key": {"numgen": {"mode": "inc", "mod": 2}}, "data": {"set": [[0, "10.0.0.1"]]}}}}},
    ],
)
def test_what_the_kernel_chooses_is_not_told(statement: dict[str, Any]) -> None:
    assert nat(**statement).meet(SYN).verdict == "unknown"


def test_a_map_without_an_element_for_the_packet_leaves_the_rule() -> None:
    outcome = nat(dnat={"addr": {"map": {"key": PORT, "data": {"set": [[81, "10.0.0.2"]]}}}}).meet(SYN)
    assert (outcome.matched, outcome.verdict, outcome.doubt) == (False, "", "")


def test_what_packets_write_into_a_set_themselves_is_not_told() -> None:
    at = {"family": "ip", "table": "t"}
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    asks = [{"match": {"op": "==", "left": source, "right": "@seen"}}, {"drop": None}]

    def answer(port: int) -> bool | None:
        writes = [
            {"match": {"op": "==", "left": PORT, "right": port}},
            {"set": {"op": "add", "elem": source, "set": "@seen"}},
        ]
        items: list[dict[str, Any]] = [
            {"set": {**at, "name": "seen", "type": "ipv4_addr"}},
            {"chain": {**at, "name": "c", "hook": "forward", "prio": 0, "type": "filter"}},
            {"rule": {**at, "chain": "c", "handle": 1, "expr": asks}},
            {"rule": {**at, "chain": "c", "handle": 2, "expr": writes}},
        ]
        return next(iter(parsed(json.dumps({"nftables": items})).rules())).matches(SYN)

    assert answer(22) is False  # this packet surely is not written
    assert answer(80) is None


@pytest.mark.parametrize(
    "elements",
    [
        [{"elem": {"val": "1.2.3.4", "timeout": 3600, "expires": 3000}}],
        [{"elem": {"val": {"prefix": {"addr": "1.2.0.0", "len": 16}}, "comment": "x"}}],
        [{"range": ["1.2.3.0", "1.2.3.9"]}],
        ["*"],
    ],
)
@pytest.mark.parametrize(
    "kind", ["ipv4_addr", ["ipv4_addr"], {"typeof": {"payload": {"protocol": "ip", "field": "saddr"}}}]
)
def test_elements_of_every_form_are_found(elements: list[Any], kind: Any) -> None:
    """As versions 1.0.2 to 1.1 write sets: the type is a word, a list, or an expression."""
    at = {"family": "ip", "table": "t"}
    asks = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}}
    items = [
        {"metainfo": {"version": "1.1.3"}},
        {"set": {**at, "name": "s", "type": kind, "flags": "interval", "elem": elements}},
        {"chain": {**at, "name": "c", "hook": "forward", "prio": 0, "type": "filter"}},
        {"rule": {**at, "chain": "c", "handle": 1, "expr": [asks, {"counter": None}, {"drop": None}]}},
    ]
    (rule,) = parsed(json.dumps({"nftables": items})).rules()
    assert rule.matches(SYN) is True
    assert [(each.name, each.family) for each in rule.ref_for(SYN).elements] == [("s", "ip")]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


WHOLE = json.loads(JSON)
PLACES = [each for each in places(WHOLE) if len(each) > 2]
STRANGE: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1 << 200, "", "*", "@s1", "@nowhere", "1.2.3.4", "fe80::1", [], [[]], {}, {"set": []}, {"range": [9, 1]},
     {"prefix": {"addr": "1.2.3.4", "len": 99}}, {"concat": []}, {"concat": [1, [2]]}, {"jump": {"target": "c1"}}, {"|": [{}]},
     {"&": [1]}, {"vmap": {"key": 1, "data": "@m2"}}, {"elem": {"val": None}}, {"payload": {"base": "nh", "offset": 1 << 70, "len": 1 << 70}}]
)  # fmt: skip


@example([(next(each for each in PLACES if each[-1] == "policy"), "*")])
@given(st.lists(st.tuples(st.sampled_from(PLACES), STRANGE), min_size=1, max_size=4))
def test_any_change_of_a_listing_is_survived(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Chains that call each other, sets that are none, numbers without end: a verdict, or unknown; no exception, and an end."""
    listing = copy.deepcopy(WHOLE)
    for path, new in changes:
        at = listing
        try:
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = new
        except (LookupError, TypeError):  # an earlier change took that place away
            continue
    nft = parse_nft(json.dumps(listing), Issues("nft"))
    for hook in ("prerouting", "forward", "postrouting", "ingress", "input") if nft is not None else ():
        for chain in nft.base(hook) if nft is not None else ():
            end = walk_chain(nft, chain, SYN) if nft is not None else None
            assert end is not None
            assert end.verdict in {"accept", "drop", "reject", "translate", "unknown"}
        if nft is not None:
            nft.stopping(hook, SYN)


@given(st.integers(0, len(JSON)))
def test_a_cut_listing_is_not_understood(cut: int) -> None:
    issues = Issues("nft")
    found = parse_nft(JSON[:cut], issues)
    assert found is None or not JSON[:cut].strip() or cut == len(JSON) or JSON[cut:].isspace()


def test_verdict_maps_that_lead_in_circles_end() -> None:
    at = {"family": "ip", "table": "t"}
    around = {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", {"jump": {"target": "a"}}]]}}}
    items: list[dict[str, Any]] = [
        {"chain": {**at, "name": "c", "hook": "forward", "prio": 0, "type": "filter"}},
        {"chain": {**at, "name": "a"}},
    ]
    for name in ("c", "a", "a", "a"):
        items.append({"rule": {**at, "chain": name, "handle": len(items), "expr": [{"limit": {"rate": 1}}, around]}})
    nft = parsed(json.dumps({"nftables": items}))
    assert walk_chain(nft, nft.base("forward")[0], SYN).verdict == "unknown"


@pytest.mark.parametrize(
    ("sport", "dport", "answer"), [(40000, 80, False), (1, 2, True), (1, 80, None), (40000, 2, None)]
)
def test_what_nft_1_0_6_may_have_joined_is_not_told(sport: int, dport: int, answer: bool | None) -> None:
    """It loads `tcp sport != 1 tcp dport != 2` as one comparison of both ports, and lists two."""
    at = {"family": "inet", "table": "t"}
    asks = [
        {"match": {"op": "!=", "left": {"payload": {"protocol": "tcp", "field": name}}, "right": port}}
        for name, port in (("sport", sport), ("dport", dport))
    ]
    items = [
        {"chain": {**at, "name": "c"}},
        {"rule": {**at, "chain": "c", "handle": 1, "expr": [*asks, {"drop": None}]}},
    ]
    (rule,) = parsed(json.dumps({"nftables": items})).rules()
    assert rule.matches(SYN) is answer
