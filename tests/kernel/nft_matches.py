"""Random matches of nftables: every expression that this kernel has, true for the packet in question if that is wished.

Each is its text, the name of what it is an example of, and the declaration of a set that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.arena import CLIENT, PORT, mac
from tests.kernel.iptables_matches import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.nft_rules import NftMaker

    Match = Callable[["NftMaker", str, bool], tuple[str, str, str] | None]


def _not(m: NftMaker, true: bool) -> tuple[str, bool]:
    return ("!= ", not true) if m.rng.random() < 0.2 else ("", true)


def _address(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str]:
    op, hold = _not(m, true)
    side = m.rng.choice(("saddr", "daddr"))
    here = m.src if side == "saddr" else m.q.dst
    if not hold:
        return f"{m.ip} {side} {op}{m.other()}", f"{m.ip} {side}", ""
    net = "2001:db8::/32" if m.six else f"{here.rsplit('.', 1)[0]}.0/24"
    last = f"{here}-{here[:-1]}9" if here[-1] < "9" else None
    forms = [(here, f"{m.ip} {side}"), (net, "nft prefix"), (f"{{ {here}, {m.other()} }}", "anonymous set")]
    forms += [(last, "nft range")] if last else []
    text, name = m.rng.choice(forms)
    return f"{m.ip} {side} {op}{text}", name, ""


def _named(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str]:
    op, hold = _not(m, true)
    name, side = m.fresh("s"), m.rng.choice(("saddr", "daddr"))
    here = (m.src if side == "saddr" else m.q.dst) if hold else m.other()
    kind = "ipv6_addr" if m.six else "ipv4_addr"
    if m.rng.random() < 0.5:
        net = (
            ("2001:db8::/32" if m.six else f"{here.rsplit('.', 1)[0]}.0/24")
            if hold
            else ("2001:db8:77::/64" if m.six else "10.77.0.0/16")
        )
        far = "2001:dead::/64" if m.six else "10.200.0.1-10.200.0.9"
        return (
            f"{m.ip} {side} {op}@{name}",
            "named set with intervals",
            f"set {name} {{ type {kind}; flags interval; elements = {{ {net}, {far} }} }}",
        )
    return (
        f"{m.ip} {side} {op}@{name}",
        "named set",
        f"set {name} {{ type {kind}; elements = {{ {here}, {m.other() if hold else ('::9' if m.six else '10.1.1.1')} }} }}",
    )


def _concatenation(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    if not m.q.dport:
        return None
    here, port = (m.src, m.q.dport) if true else (m.other(), 7)
    pick = m.rng.random()
    if pick < 0.12:
        return (
            f"meta l4proto . th dport {{ {m.q.proto} . {port}, sctp . 9 }}",
            "concatenation of a protocol and a port",
            "",
        )
    if pick < 0.3:
        name, kind = m.fresh("n"), "ipv6_addr" if m.six else "ipv4_addr"
        net = (
            ("2001:db8::/32" if m.six else f"{m.src.rsplit('.', 1)[0]}.0/24")
            if true
            else ("2001:db8:77::/64" if m.six else "10.77.0.0/16")
        )
        body = f"set {name} {{ type {kind} . inet_service; flags interval; elements = {{ {net} . {port}-{port + 9}, {m.other()} . 9 }} }}"
        return f"{m.ip} saddr . {m.q.proto} dport @{name}", "concatenation with intervals", body
    if m.rng.random() < 0.5:
        return f"{m.ip} saddr . {m.q.proto} dport {{ {here} . {port}, {m.other()} . 9 }}", "concatenation", ""
    name, kind = m.fresh("k"), "ipv6_addr" if m.six else "ipv4_addr"
    return (
        f"{m.ip} saddr . {m.q.proto} dport @{name}",
        "named concatenation",
        f"set {name} {{ type {kind} . inet_service; elements = {{ {here} . {port}, {m.other()} . 9 }} }}",
    )


def _interface(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    op, hold = _not(m, true)
    if hook.startswith("bridge"):
        word = "iifname" if hook.endswith(("prerouting", "input")) else "oifname"
        return f'{word} {op}"{PORT if hold else "r9"}"', f"{word} of a port of a bridge", ""
    if hook in {"prerouting", "input", "forward"} and m.q.source == CLIENT:
        text, name = m.rng.choice(
            (
                ('iifname "r0"', "iifname"),
                ('iifname "r*"', "iifname wildcard"),
                ('iif "r0"', "iif"),
                ('iifname { "r0", "r7" }', "iifname set"),
            )
        )
    elif hook in {"postrouting", "output", "forward"} and not m.local:
        text, name = m.rng.choice(
            (('oifname "r1"', "oifname"), ('oifname "r*"', "oifname wildcard"), ('oif "r1"', "oif"))
        )
    else:
        return None
    if not hold:
        text = text.split()[0].replace("iif ", "iifname ")
        text = f'{"iifname" if text.startswith("iif") else "oifname"} "r9"'
    word, rest = text.split(" ", 1)
    return f"{word} {op}{rest}", name, ""


def _ports(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    if not m.q.dport:
        return None
    op, hold = _not(m, true)
    port = m.q.dport if hold else 7
    word = m.rng.choice((m.q.proto, m.q.proto, "th"))
    forms = [
        *[(f"{port}", f"{word} dport")] * (3 if word == "udp" else 1),
        (f"{port - 3}-{port + 3}", "nft port range"),
        (f"{{ {port}, 9, 100-200 }}", "anonymous set of ports"),
    ]
    text, name = m.rng.choice(forms)
    if word == "th":
        if m.rng.random() < 0.3:
            return f"meta l4proto {m.q.proto} th sport {op}{'1024-65535' if hold else '1-7'}", "th sport", ""
        return f"meta l4proto {m.q.proto} th dport {op}{text}", "th dport", ""
    if m.rng.random() < 0.2:
        return f"{m.q.proto} sport {op}{'1024-65535' if hold else '1-7'}", "nft sport", ""
    return f"{word} dport {op}{text}", name, ""


def _raw(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    forms = [(f"@nh,0,4 {(6 if m.six else 4) if true else 5}", "raw payload of the network header")]
    if not m.six:
        low, high = (int(each) for each in m.q.dst.split(".")[2:])
        forms.append((f"@nh,144,16 {(low << 8 | high) if true else 7}", "raw payload of the network header"))
    if m.q.dport:
        forms += [(f"meta l4proto {m.q.proto} @th,16,16 {m.q.dport if true else 7}", "raw payload")] * 3
    text, name = m.rng.choice(forms)
    return text, name, ""


def _flags(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    if m.q.proto != "tcp":
        return None
    good, bad = (
        ("tcp flags & (syn | ack) == syn", "tcp flags syn", "tcp flags & (fin | syn | rst | ack) == syn"),
        ("tcp flags & ack != 0", "tcp flags & (syn | ack) == (syn | ack)"),
    )
    return m.rng.choice(good if true else bad), "tcp flags", ""


def _udp_length(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    return None if m.q.proto != "udp" else (f"udp length {'8-60' if true else '500-1500'}", "udp length", "")


def _maxseg(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    return (
        None
        if m.q.proto != "tcp"
        else (f"tcp option maxseg size {'1400-1500' if true else '1-500'}", "tcp option maxseg", "")
    )


def _icmp(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    if m.q.proto != "icmp":
        return None
    word = "icmpv6" if m.six else "icmp"
    op, hold = _not(m, true)
    pick = m.rng.random()
    if pick < 0.3:
        return f"{word} code {op}{0 if hold else 3}", f"{word} code", ""
    if pick < 0.6:
        return (
            f"{word} type {op}{{ echo-request, {'nd-redirect' if m.six else 'redirect'} }}"
            if hold
            else f"{word} type {op}{{ {'nd-redirect' if m.six else 'redirect'} }}",
            f"{word} type set",
            "",
        )
    return f"{word} type {op}{'echo-request' if hold else ('nd-redirect' if m.six else 'redirect')}", f"{word} type", ""


def _ct(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str]:
    proto = f"meta l4proto {m.l4} "
    good = [
        ("ct state new", "ct state"),
        ("ct state { new, established }", "ct state set"),
        ("ct state new,established", "ct state"),
        ("ct direction original", "ct direction"),
        (f"ct original {m.ip} saddr {m.src}", "ct original saddr"),
        (f"ct original {m.ip} daddr {m.q.dst}", "ct original daddr"),
        (f"ct reply {m.ip} saddr {m.q.dst}", "ct reply saddr"),
        (f"ct reply {m.ip} daddr {m.src}", "ct reply daddr"),
        (f"ct zone {m.rng.choice(('0', '0', '5'))}", "ct zone"),
        ("ct state . ct direction { new . original, established . reply }", "ct state in a concatenation"),
        (f"ct original protocol {m.l4 if m.l4 != 'icmpv6' else '58'}", "ct original protocol"),
        ("ct status dnat", "ct status"),
        ("ct status snat", "ct status"),
        ("ct mark 0", "ct mark"),
        ("ct mark & 0xf != 3", "ct mark mask"),
        ("ct status seen-reply", "ct status"),
    ]
    bad = [
        ("ct state invalid", "ct state"),
        ("ct state untracked", "ct state"),
        ("ct state established,related", "ct state"),
        ("ct direction reply", "ct direction"),
        ("ct mark 77", "ct mark"),
        ("ct state != new", "ct state"),
    ]
    if m.q.dport:
        good.append((f"{proto}ct original proto-dst {m.q.dport}", "ct original proto-dst"))
        bad.append((f"{proto}ct original proto-dst 7", "ct original proto-dst"))
        good.append((f"{proto}ct original proto-src 1024-65535", "ct original proto-src"))
        good.append((f"{proto}ct reply proto-src {m.q.dport}", "ct reply proto-src"))
        good.append((f"{proto}ct reply proto-dst 1024-65535", "ct reply proto-dst"))
    text, name = m.rng.choice(good if true else bad)
    return text, name, ""


def _meta(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str]:
    op, hold = _not(m, true)
    mark = m.rng.choice(MARKS)
    right, wrong = ("ipv6", "ipv4") if m.six else ("ipv4", "ipv6")
    choices = [
        (f"meta nfproto {right if true else wrong}", "meta nfproto"),
        (f"meta protocol {'ip6' if m.six == true else 'ip'}", "meta protocol"),
        (f"meta l4proto {op}{m.l4 if hold else 'sctp'}", "meta l4proto"),
        (f"meta l4proto {{ {m.l4 if true else 'dccp'}, sctp }}", "meta l4proto set"),
        (f"meta pkttype {op}{'host' if hold else 'multicast'}", "meta pkttype"),
        (f"meta mark {op}{mark}", "meta mark"),
        ("meta mark != 77", "meta mark"),
        (f"meta mark & 0xf {m.rng.choice(('==', '!='))} {mark & 15}", "meta mark mask"),
        (f"meta length {'20-100' if true else '500-1500'}", "meta length"),
        (
            f"meta mark . meta l4proto {{ 0 . {m.l4 if true else 'sctp'}, 1 . {m.l4} }}",
            "meta mark in a concatenation",
        ),
    ]
    if hook in {"prerouting", "input", "forward"} and m.q.source == CLIENT:
        choices += [
            (f'meta iifkind {op}"{"veth" if hold else "bridge"}"', "meta iifkind"),
            (f"meta iiftype {op}{'ether' if hold else 'ppp'}", "meta iiftype"),
            (f"ether saddr {op}{mac(CLIENT, 'c0') if hold else '02:99:99:99:99:99'}", "ether saddr"),
        ]
    if hook == "output":
        choices += [(f"meta skuid {0 if true else 1234}", "meta skuid")] * 14
    text, name = m.rng.choice(choices)
    return text, name, ""


def _header(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str]:
    if m.six:
        choices = [
            (f"ip6 hoplimit {'> 50' if true else '< 3'}", "ip6 hoplimit"),
            (f"ip6 nexthdr {m.l4 if true else 'sctp'}", "ip6 nexthdr"),
            (f"ip6 dscp {'cs0' if true else 'ef'}", "ip6 dscp"),
            (f"ip6 length {'8-60' if true else '500-1500'}", "ip6 length"),
            (f"ip6 version {6 if true else 4}", "ip6 version"),
            (f"exthdr frag {'missing' if true else 'exists'}", "exthdr"),
        ]
    else:
        choices = [
            (f"ip ttl {'> 50' if true else '< 3'}", "ip ttl"),
            (f"ip protocol {m.l4 if true else 'sctp'}", "ip protocol"),
            (f"ip dscp {'cs0' if true else 'ef'}", "ip dscp"),
            (f"ip version {4 if true else 6}", "ip version"),
            (f"ip length {'20-100' if true else '500-1500'}", "ip length"),
            (f"ip hdrlength {5 if true else 9}", "ip hdrlength"),
            (f"ip ecn {'not-ect' if true else 'ce'}", "ip ecn"),
            (f"ip frag-off & 0x1fff {'==' if true else '!='} 0", "ip frag-off"),
            (f"ip option lsrr {'missing' if true else 'exists'}", "ip option"),
            (f"ip daddr & 0.0.0.255 == 0.0.0.{m.q.dst.rsplit('.', 1)[1] if true else 77}", "ip daddr mask with holes"),
        ]
    text, name = m.rng.choice(choices)
    return text, name, ""


def _fib(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str]:
    kind = "local" if m.local == true else "unicast"
    choices = [
        (f"fib daddr type {kind}", "fib daddr type"),
        (f"fib saddr type {'unicast' if (m.q.source == CLIENT) == true else 'local'}", "fib saddr type"),
    ]
    if m.q.source == CLIENT and hook in {"prerouting", "forward"}:
        choices.append((f'fib saddr oifname {"" if true else "!= "}"r0"', "fib saddr oifname"))
    if hook in {"prerouting", "input"} and m.q.source == CLIENT:
        choices.append((f"fib daddr . iif type {kind if true else 'broadcast'}", "fib daddr . iif type"))
        choices.append((f"fib saddr . mark . iif oif {'exists' if true else 'missing'}", "fib saddr . mark . iif oif"))
    if hook in {"prerouting", "input", "forward"} and m.q.source == CLIENT:
        choices.append((f"fib saddr . iif oif {'exists' if true else 'missing'}", "fib saddr . iif oif"))
    text, name = m.rng.choice(choices)
    return text, name, ""


def _socket(m: NftMaker, hook: str, true: bool) -> tuple[str, str, str] | None:
    if hook not in {"prerouting", "input"}:
        return None
    wanted = ("transparent 0", "wildcard 1") if true else ("transparent 1", "wildcard 0")
    return f"socket {m.rng.choice(wanted)}", "nft socket", ""


MATCHES: tuple[Match, ...] = (
    _address, _address, _named, _named, _concatenation, _concatenation, _interface, _interface, _interface, _ports, _ports, _raw, _raw, _flags, _maxseg, _udp_length, _icmp, _icmp, _icmp, _icmp, _ct, _ct, _ct, _ct, _meta,
    _meta, _meta, _header, _header, _fib, _fib, _socket, _socket,
)  # fmt: skip
