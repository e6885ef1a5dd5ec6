from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from netprobe.state.iptables import Rule

SYN = PacketTuple(
    src="192.0.2.7", dst="198.51.100.2", proto="tcp", sport=40000, dport=80, in_if="eth0", out_if="eth1", ctstate="NEW", tracked=True,
    src_type="UNICAST", dst_type="LOCAL", src_dev="", dst_dev="eth1", mark=0x13, ctmark=0, ctdir="ORIGINAL", ctstatus=frozenset({"DNAT"}),
    orig_src="192.0.2.7", orig_sport=40000, orig_dst="203.0.113.1", orig_dport=8080, repl_src="198.51.100.2", repl_sport=80,
    repl_dst="192.0.2.7", repl_dport=40000, tcp_flags=frozenset({"SYN"}), ttl=63, tos=0x10, length=(44, 60), mss=1460, mac="02:00:00:00:00:01",
    in_port="", out_port="",
)  # fmt: skip
PING = PacketTuple(src="192.0.2.7", dst="198.51.100.2", proto="icmp", icmp=(8, 0))
PING6 = PacketTuple(src="2001:db8::7", dst="2001:db8::2", proto="icmp", icmp=(128, 0))


def rule_of(options: str) -> Rule:
    issues = Issues("iptables")
    ruleset = parse_iptables(f"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {options}\n", issues)
    assert ruleset is not None
    assert not issues.found
    return next(ruleset.rules())


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("-m mark --mark 0x13", True),
        ("-m mark --mark 0x3/0xf", True),
        ("-m mark ! --mark 0x3/0xf", False),
        ("-m connmark --mark 0x1", False),
        ("-m iprange --src-range 192.0.2.1-192.0.2.9", True),
        ("-m iprange ! --dst-range 192.0.2.1-192.0.2.9", True),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", True),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", False),
        ("-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK", False),
        ("-p tcp -m tcp --tcp-flags FIN,PSH NONE", True),
        ("-p tcp -m tcp --tcp-option 2", True),
        ("-p tcp -m tcp --tcp-option 8", None),
        ("-p tcp -m tcp --tcp-option 253", False),
        ("-m conntrack --ctstate DNAT", True),
        ("-m conntrack --ctstate SNAT", False),
        ("-m conntrack ! --ctstate RELATED,ESTABLISHED", True),
        ("-m conntrack --ctstatus SEEN_REPLY", False),
        ("-m conntrack --ctdir ORIGINAL --ctproto 6", True),
        ("-m conntrack --ctorigdst 203.0.113.1 --ctorigdstport 8080", True),
        ("-m conntrack --ctreplsrc 198.51.100.0/24 --ctrepldstport 1:1023", False),
        ("-m ttl --ttl-gt 62", True),
        ("-m ttl ! --ttl-eq 63", False),
        ("-m dscp --dscp 0x04", True),
        ("-m tos --tos 0x10/0x3f", True),
        ("-m length --length 0:100", True),
        ("-m length --length 100:1500", False),
        ("-m length --length 60", None),
        ("-p tcp -m tcpmss --mss 1400:1500 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", True),
        ("-m physdev --physdev-is-bridged", False),
        ("-m physdev ! --physdev-in vethx", True),
        ("-m pkttype --pkt-type broadcast", False),
        ("-m addrtype --dst-type LOCAL", True),
        ("-m addrtype --dst-type LOCAL --limit-iface-in", False),
        ("-m addrtype --dst-type LOCAL --limit-iface-out", True),
        ("-m addrtype ! --src-type LOCAL,BROADCAST", True),
        ("-m mac --mac-source 02:00:00:00:00:01", True),
        ("-m owner --uid-owner 0", False),
        ("-f", False),
        ("! -f", True),
        ("-d 0.0.0.2/0.0.0.255", True),
        ("! -p 17", True),
        ("-p 6 -m multiport --ports 22,80:90", True),
        ("-m limit --limit 1/sec", None),
        ("-d 192.0.2.1 -m limit --limit 1/sec", False),
    ],
)
def test_a_syn(options: str, answer: bool | None) -> None:
    assert rule_of(f"{options} -j DROP").matches(SYN) is answer


@pytest.mark.parametrize(
    ("options", "packet", "answer"),
    [
        ("-p icmp -m icmp --icmp-type 8", PING, True),
        ("-p icmp -m icmp --icmp-type 8/1", PING, False),
        ("-p icmp -m icmp --icmp-type any", PING, True),
        ("-p icmp -m icmp --icmp-type echo-reply", PING, False),
        ("-p ipv6-icmp -m icmp6 --icmpv6-type 128", PING6, True),
        ("-p ipv6-icmp -m icmp6 ! --icmpv6-type 129", PING6, True),
    ],
)
def test_an_echo_request(options: str, packet: PacketTuple, answer: bool) -> None:
    assert rule_of(f"{options} -j DROP").matches(packet) is answer


RAW = PacketTuple(ctstate="INVALID", tracked=False, ctmark=0, ctstatus=frozenset())


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("-m conntrack --ctstate INVALID", True),
        ("-m conntrack --ctstate INVALID --ctorigdst 192.0.2.1", True),  # the others are not looked at then
        ("-m conntrack --ctorigdst 192.0.2.1", False),
        ("-m conntrack ! --ctorigdst 192.0.2.1", False),
        ("-m connmark ! --mark 0x1", False),
    ],
)
def test_before_conntrack(options: str, answer: bool) -> None:
    assert rule_of(f"{options} -j DROP").matches(RAW) is answer


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ("-m recent --update --seconds 60 --name x", "-m recent is decided by what no listing shows"),
        ("-m u32 --u32 0x0=0x0", "-m u32 is not understood"),
        ("-p tcp -m tcp --tcp-option 8", "whether --tcp-option 8 holds is not known"),
    ],
)
def test_what_is_doubtful_is_said(options: str, phrase: str) -> None:
    assert rule_of(f"{options} -j DROP").doubtful(SYN) == phrase


LOCAL6 = PacketTuple(src="2001:db8::7", dst="2001:db8::1", dst_type="LOCAL", dst_dev="eth0")


@pytest.mark.parametrize(
    ("kinds", "answer"), [("UNICAST", True), ("LOCAL", True), ("UNICAST,LOCAL", True), ("MULTICAST", False)]
)
def test_an_own_ipv6_address_is_unicast_too(kinds: str, answer: bool) -> None:
    assert rule_of(f"-m addrtype --dst-type {kinds} -j DROP").matches(LOCAL6) is answer


@pytest.mark.parametrize(
    ("options", "way", "answer"),
    [
        ("", "eth0", True),
        ("--invert", "eth0", False),
        ("", "eth9", False),
        ("--loose", "eth9", True),
        ("--invert", "", True),
        ("--loose", "", False),
        ("", "lo", False),
        ("", None, None),
    ],
)
def test_the_reverse_path(options: str, way: str | None, answer: bool | None) -> None:
    packet = replace(SYN, reverse=way, reverse_marked="eth7")
    assert rule_of(f"-m rpfilter {options} -j DROP").matches(packet) is answer


@pytest.mark.parametrize(
    ("options", "answer"),
    [("--dport 22", False), ("--dport 443:1023", False), ("--dport 1024:65535", True), ("--dport 8080", None), ("! --dport 22", True)],
)  # fmt: skip
def test_a_port_that_a_kernel_is_to_choose_is_none_that_needs_a_privilege(options: str, answer: bool | None) -> None:
    """As for nftables: a client's INPUT that lets ssh in says nothing about the answers that it gets."""
    reply = PacketTuple(src="198.51.100.2", dst="192.0.2.7", proto="tcp", sport=80, dport=None)
    assert rule_of(f"-p tcp -m tcp {options}").matches(reply) is answer
    neither = PacketTuple(src="198.51.100.2", dst="192.0.2.7", proto="tcp")
    assert rule_of(f"-p tcp -m tcp {options}").matches(neither) is None
