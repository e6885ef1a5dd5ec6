"""Random matches of iptables: every match extension that this kernel has, true for the packet in question if that is wished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.arena import BRIDGED, BRIDGED6, CLIENT, PORT, ROUTER, mac

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.iptables_rules import Maker

    Match = Callable[["Maker", str, bool], tuple[str, str] | None]

MARKS = (1, 2, 5, 0x13)


def _source(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    near = m.src if m.rng.random() < 0.5 else ("2001:db8::/32" if m.six else f"{m.src.rsplit('.', 1)[0]}.0/24")
    return f"{bang}-s {near if hold else m.other()}", "-s"


def _destination(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    return f"{bang}-d {m.q.dst if hold else m.other()}", "-d"


def _holes(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.six:
        end = m.q.dst.rsplit(":", 1)[1] if true else "77"
        return f"-d ::{end}/::ffff", "-d IPv6 mask with holes"
    if m.rng.random() < 0.4:
        host = m.src.rsplit(".", 1)[1] if true else 77
        return f"-s 0.0.0.{host}/0.0.0.255", "-s mask with holes"
    last = m.q.dst.rsplit(".", 1)[1]
    bang, hold = m.bang(true)
    return f"{bang}-d 0.0.0.{last if hold else 77}/0.0.0.255", "-d mask with holes"


def _input(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if hook not in {"PREROUTING", "INPUT", "FORWARD"}:
        return None
    bang, hold = m.bang(true)
    name = ("lo" if m.q.source == ROUTER else m.rng.choice(("r0", "r+"))) if hold else "r9"
    return f"{bang}-i {name}", "-i"


def _output(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if hook not in {"FORWARD", "OUTPUT", "POSTROUTING"}:
        return None
    bang, hold = m.bang(true)
    return f"{bang}-o {m.rng.choice(('r1', 'r+', 'r2')) if hold else 'r9'}", "-o"


def _protocol(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    if m.rng.random() < 0.2:
        return f"! -p {'udplite' if true else m.proto}", "! -p"
    return f"-p {m.rng.choice((m.proto, m.number))}", "-p"


def _dport(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.q.dport is None:
        return None
    bang, hold = m.bang(true)
    spec = m.rng.choice((f"{m.q.dport}", f"{m.q.dport - 5}:{m.q.dport + 5}", f":{m.q.dport}")) if hold else "7"
    return f"{{p}}-m {m.q.proto} {bang}--dport {spec}", "--dport"


def _sport(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.q.dport is None:
        return None
    bang, hold = m.bang(true)
    return f"{{p}}-m {m.q.proto} {bang}--sport {'1024:65535' if hold else '1:1023'}", "--sport"


def _multiport(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.q.dport is None:
        return None
    which = m.rng.choice(("--dports", "--ports", "--sports"))
    bang, hold = m.bang(true)
    spec = ("20000:65535,1" if which == "--sports" else f"22,{m.q.dport},9000:9010") if hold else "7,9"
    return f"{{p}}-m multiport {bang}{which} {spec}", "-m multiport"


def _syn(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.q.proto != "tcp":
        return None
    bang, hold = m.bang(true)
    spec = (
        m.rng.choice(("--syn", "--tcp-flags SYN,ACK SYN", "--tcp-flags ALL SYN"))
        if hold
        else "--tcp-flags SYN,ACK SYN,ACK"
    )
    return f"{{p}}-m tcp {bang}{spec}", "--syn" if "--syn" in spec else "--tcp-flags"


def _tcp_option(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    return None if m.q.proto != "tcp" else (f"{{p}}-m tcp --tcp-option {2 if true else 253}", "--tcp-option")


def _tcpmss(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.q.proto != "tcp":
        return None
    return f"{{p}}-m tcp --syn -m tcpmss --mss {'1400:1500' if true else '1:500'}", "-m tcpmss"


def _icmp(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if m.q.proto != "icmp":
        return None
    bang, hold = m.bang(true)
    if m.six:
        return f"{{p}}-m icmp6 {bang}--icmpv6-type {m.rng.choice(('128', 'echo-request')) if hold else '1'}", "-m icmp6"
    kinds = ("8", "echo-request", "8/0", "any") if not bang else ("8", "8/0")
    return f"{{p}}-m icmp {bang}--icmp-type {m.rng.choice(kinds) if hold else '13'}", "-m icmp"


def _ctstate(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    spec = (
        m.rng.choice(("NEW", "NEW,ESTABLISHED", "NEW,DNAT", "NEW,SNAT"))
        if hold
        else m.rng.choice(("ESTABLISHED,RELATED", "INVALID", "DNAT", "SNAT", "UNTRACKED"))
    )
    return f"-m conntrack {bang}--ctstate {spec}", "--ctstate"


def _ctother(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    ports = m.q.dport is not None
    options = [
        ("--ctdir", "ORIGINAL" if true else "REPLY"),
        ("--ctproto", m.number if hold else "132"),
        ("--ctorigsrc", m.src if hold else m.other()),
        ("--ctorigdst", m.q.dst if hold else m.other()),
        ("--ctreplsrc", m.q.dst if hold else m.other()),
        ("--ctrepldst", m.src if hold else m.other()),
        ("--ctstatus", "SEEN_REPLY,CONFIRMED" if hold else "EXPECTED"),
        ("--ctstatus", "ASSURED"),
        ("--ctstatus", "NONE"),
    ]
    if ports:
        options += [
            ("--ctorigdstport", str(m.q.dport) if hold else "7"),
            ("--ctorigsrcport", "1024:65535" if hold else "1:7"),
            ("--ctreplsrcport", str(m.q.dport) if hold else "7"),
            ("--ctrepldstport", "1024:65535" if hold else "1:7"),
        ]
    name, value = m.rng.choice(options)
    if name == "--ctdir":
        bang = ""
    first = f"--ctproto {m.number} " if name.endswith("port") else ""
    return f"-m conntrack {first}{bang}{name} {value}", name


def _state(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    return f"-m state --state {'NEW' if true else 'ESTABLISHED'}", "-m state"


def _mark(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, _ = m.bang(true, 0.4)
    mark = m.rng.choice(MARKS)
    return f"-m mark {bang}--mark {m.rng.choice((f'{mark}', f'{mark}/0xf', '0/0xf0'))}", "-m mark"


def _connmark(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, _ = m.bang(true, 0.4)
    return f"-m connmark {bang}--mark {m.rng.choice(('1', '2', '5/0xf', '0/0xf0'))}", "-m connmark"


def _iprange(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    which = m.rng.choice(("--src-range", "--dst-range"))
    here = m.src if which == "--src-range" else m.q.dst
    if not hold:
        return f"-m iprange {bang}{which} {m.other()}-{m.other()[:-1]}9", "-m iprange"
    return f"-m iprange {bang}{which} {here}-{here}", "-m iprange"


def _ttl(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    name = "hl" if m.six else "ttl"
    test = m.rng.choice((f"--{name}-gt 50", f"--{name}-lt 70", f"--{name}-eq 64")) if true else f"--{name}-lt 3"
    return f"-m {name} {test}", f"-m {name}"


def _dscp(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    return f"-m dscp {bang}--dscp {0 if hold else 46}", "-m dscp"


def _tos(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    return f"-m tos {bang}--tos {0 if hold else 8}/0x3f", "-m tos"


def _length(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    return f"-m length {bang}--length {'20:100' if hold else '500:1500'}", "-m length"


def _pkttype(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    return (
        f"-m pkttype {bang}--pkt-type {'unicast' if hold else m.rng.choice(('broadcast', 'multicast'))}",
        "-m pkttype",
    )


def _physdev(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if hook not in {"PREROUTING", "INPUT", "FORWARD"}:
        return None
    option = m.rng.choice(
        ("--physdev-in r0", "--physdev-is-in", "--physdev-is-bridged" if hook != "PREROUTING" else "--physdev-is-in")
    )
    if m.q.dst in {BRIDGED, BRIDGED6}:  # what the bridge hands up came in by its port
        option = m.rng.choice((f"--physdev-in {PORT}", "--physdev-in r+", "--physdev-is-in"))
        return f"-m physdev {'' if true else '! '}{option}", "-m physdev of a port"
    return f"-m physdev {'! ' if true else ''}{option}", "-m physdev"


def _addrtype(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    bang, hold = m.bang(true)
    local = m.q.dst in {"192.0.2.1", "2001:db8:1::1"}
    right, wrong = ("LOCAL", "UNICAST") if local else ("UNICAST", "LOCAL")
    kinds = (
        right
        if hold
        else m.rng.choice(
            (
                wrong,
                "BROADCAST" if not m.six else wrong,
                "MULTICAST",
                *(() if m.six else ("BLACKHOLE", "ANYCAST", "PROHIBIT")),
            )
        )
    )
    limit = ""
    if m.rng.random() < 0.5 and not m.six:
        limit = (
            " --limit-iface-in"
            if hook in {"PREROUTING", "INPUT"}
            else " --limit-iface-out"
            if hook in {"OUTPUT", "POSTROUTING"}
            else ""
        )
    return f"-m addrtype {bang}--dst-type {kinds}{limit}", "-m addrtype" + limit


def _owner(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if hook not in {"OUTPUT", "POSTROUTING"}:
        return None
    if m.rng.random() < 0.6:
        return f"-m owner {'' if true else '! '}--socket-exists", "-m owner --socket-exists"
    bang, hold = m.bang(true)
    return f"-m owner {bang}--uid-owner {'0' if hold else '1234'}", "-m owner"


def _mac(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if hook not in {"PREROUTING", "INPUT", "FORWARD"} or m.q.source != CLIENT:
        return None
    bang, hold = m.bang(true)
    return f"-m mac {bang}--mac-source {mac(CLIENT, 'c0') if hold else '02:99:99:99:99:99'}", "-m mac"


def _rpfilter(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    if hook != "PREROUTING" or m.q.source != CLIENT:
        return None
    return (
        f"-m rpfilter{m.rng.choice(('', ' --loose', ' --validmark', ' --accept-local'))}{'' if true else ' --invert'}",
        "-m rpfilter",
    )


def _comment(m: Maker, hook: str, true: bool) -> tuple[str, str]:
    return f'-m comment --comment "{m.rng.choice(("a b", "-j DROP", "! --dport 80"))}"', "-m comment"


def _fragment(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    return None if m.six else ("! -f" if true else "-f", "-f")


def _socket(m: Maker, hook: str, true: bool) -> tuple[str, str] | None:
    """The router's own sockets wait at every address: they are met where those count."""
    if hook not in {"PREROUTING", "INPUT"}:
        return None
    return f"-m socket{' --nowildcard' if true else m.rng.choice(('', ' --transparent'))}", "-m socket"


MATCHES: tuple[Match, ...] = (
    _source, _destination, _holes, _input, _output, _protocol, _dport, _dport, _sport, _multiport, _syn, _tcp_option, _tcpmss, _icmp, _icmp, _icmp, _icmp, _ctstate, _ctstate,
    _ctother, _ctother, _ctother, _state, _mark, _mark, _connmark, _connmark, _iprange, _ttl, _ttl, _dscp, _tos, _length, _pkttype, _physdev, _physdev, _addrtype, _addrtype, _owner, _mac, _comment, _rpfilter, _rpfilter,
    _fragment, _socket, _socket,
)  # fmt: skip

HIDDEN: tuple[tuple[str, str], ...] = (
    ("-m limit --limit 1/sec --limit-burst 1", "-m limit"),
    ("-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 1 --hashlimit-name x", "-m hashlimit"),
    ("-m recent --name x --set", "-m recent"),
    ("-m recent --name x --rcheck", "-m recent"),
    ("-m connlimit --connlimit-above 1", "-m connlimit"),
    ("-m connlimit --connlimit-upto 100", "-m connlimit"),
    ("-m quota --quota 100000", "-m quota"),
    ("-m statistic --mode random --probability 0.5", "-m statistic"),
    ("-m time --timestart 00:00 --timestop 23:59", "-m time"),
    ('-m u32 --u32 "0x0&0x0=0x0"', "-m u32"),
    ("-m string --string probe --algo bm", "-m string"),
    ('-m bpf --bytecode "1,6 0 0 65535"', "-m bpf"),
    ("-m connbytes --connbytes 0:1 --connbytes-dir both --connbytes-mode packets", "-m connbytes"),
    ("-m cpu --cpu 0", "-m cpu"),
    ("-m conntrack --ctexpire 1:600", "--ctexpire"),
    ("-j NFQUEUE --queue-num 0", "-j NFQUEUE"),
    ("-m set --match-set {set} src", "-m set"),
    ("-m set ! --match-set {set} dst", "-m set"),
)
