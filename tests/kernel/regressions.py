"""Rulesets that once contradicted a prediction, made small: each a question and the rules that it met."""

from __future__ import annotations

from tests.kernel.asking import Question
from tests.kernel.ruleset import Item, Ruleset


def _ipt(where: str, text: str) -> Item:
    return Item("ipt", where, text)


def _ruleset(
    seed: str, question: tuple[str, str, str, int | None], *items: Item, legacy: bool = False, device: str = ""
) -> Ruleset:
    source, proto, dst, dport = question
    return Ruleset(Question(source, proto, dst, dport, 20000, device), items, legacy=legacy, seed=seed)


_REDIRECTED = (_ipt("raw/PREROUTING", "-j CT --zone 5"), _ipt("nat/PREROUTING", "-i r0 -j REDIRECT"))

REGRESSIONS = (
    _ruleset(
        "an answer whose end the router's own DNAT changed is for no socket before that is put back",
        ("router", "tcp", "203.0.113.2", 80),
        _ipt("nat/OUTPUT", "-j DNAT --to-destination 198.51.100.2-198.51.100.2"),
        _ipt("filter/INPUT", "-m socket --nowildcard -j DROP"),
    ),
    _ruleset(
        "an answer to a source that nat gave the router's own packet is for no socket before conntrack",
        ("router", "udp", "2001:db8:9::9", 80),
        _ipt("raw/PREROUTING", "-m socket --nowildcard -j NOTRACK"),
        _ipt("nat/POSTROUTING", "! -o r9 -j SNAT --to-source 2001:db8:3::1"),
    ),
    *(
        _ruleset(
            f"behind conntrack such an answer is for who asked ({dst})",
            ("router", "tcp", dst, 80),
            _ipt("mangle/PREROUTING", "-p tcp -m tcp --sport 80 -m socket --nowildcard -j DROP"),
            _ipt("nat/POSTROUTING", f"-p tcp -m tcp --dport 80 -j SNAT --to-source {source}"),
        )
        for dst, source in (("203.0.113.2", "198.51.100.1"), ("2001:db8:9::9", "2001:db8:3::1"))
    ),
    _ruleset(
        "an echo's socket is bound to no address: it takes an answer whose translation is not undone",
        ("router", "icmp", "198.18.0.2", None),
        _ipt("raw/PREROUTING", "-j NOTRACK"),
        _ipt("nat/POSTROUTING", "-m conntrack --ctorigdst 198.18.0.2 -j SNAT --to-source 198.51.100.1"),
    ),
    _ruleset(
        "behind tproxy a packet has the socket that it was handed to",
        ("client", "tcp", "2001:db8:3::2", 80),
        Item("chain", "inet/c1", "type filter hook prerouting priority 1; policy accept;"),
        Item("nft", "inet/c1", "counter meta l4proto tcp ct direction original tproxy ip6 to :3128 meta mark set 1"),
        Item("nft", "inet/c1", "socket transparent 0 counter meta mark set 5"),
        Item("ip", "6", "route add local default dev lo table 103", frozenset()),
        Item("ip", "6", "rule add fwmark 1/0xff pref 60 lookup 103", frozenset()),
    ),
    _ruleset(
        "the socket of who asked takes an answer that begins something in another zone",
        ("router", "udp", "10.9.0.9", 80),
        _ipt("raw/OUTPUT", "-j CT --zone 5"),
        _ipt("mangle/PREROUTING", "-p udp -m socket --nowildcard -j TOS --set-tos 0x10"),
        _ipt("filter/INPUT", "-m dscp --dscp 0 -j REJECT --reject-with icmp-net-unreachable"),
    ),
    _ruleset(
        "an own IPv6 address is unicast, too",
        ("client", "tcp", "2001:db8:1::1", 80),
        _ipt("filter/INPUT", "-m addrtype --dst-type UNICAST -j DROP"),
    ),
    _ruleset(
        "an answer in another zone is not put back, and ends at the router",
        ("client", "tcp", "2001:db8:2::2", 8080),
        _ipt("raw/PREROUTING", "-p tcp -m tcp ! --tcp-flags SYN,ACK SYN,ACK -j CT --zone 5"),
        Item("chain", "inet/c4", "type nat hook postrouting priority -90; policy accept;"),
        Item("nft", "inet/c4", 'oifname "r*" counter masquerade'),
        legacy=True,
    ),
    _ruleset("a datagram is answered from another address", ("client", "udp", "2001:db8:9::9", 80), *_REDIRECTED),
    _ruleset("an echo is answered from another address", ("client", "icmp", "10.9.0.9", None), *_REDIRECTED),
    _ruleset(
        "an answer to a translated source that is not put back",
        ("router", "udp", "2001:db8:2::2", 8080),
        _ipt("raw/OUTPUT", "-j CT --zone 5"),
        _ipt("nat/POSTROUTING", "-j SNAT --to-source 2001:db8:3::1"),
        legacy=True,
    ),
    _ruleset(
        "the mark of a netdev chain decides the route",
        ("client", "tcp", "10.9.0.9", 8080),
        Item("chain", "netdev/c1", "type filter hook ingress device r0 priority 50; policy accept;"),
        Item("nft", "netdev/c1", "counter meta mark set 5"),
        Item("chain", "inet/c2", "type filter hook postrouting priority 10; policy accept;"),
        Item("nft", "inet/c2", "counter drop"),
        Item("ip", "4", "route add unreachable 10.9.0.0/24 table 100"),
        Item("ip", "4", "rule add fwmark 5 pref 30854 lookup 100"),
    ),
    _ruleset(
        "before conntrack each match is asked by itself",
        ("client", "tcp", "10.9.0.9", 80),
        _ipt(
            "raw/PREROUTING",
            "-m conntrack ! --ctstate ESTABLISHED,RELATED -m conntrack --ctproto 6 --ctreplsrcport 80 -j DROP",
        ),
        _ipt("filter/FORWARD", "-j REJECT --reject-with icmp-admin-prohibited"),
    ),
    _ruleset(
        "a DNAT to ports takes the first",
        ("client", "tcp", "10.9.0.9", 81),
        _ipt("nat/PREROUTING", "-p tcp -j DNAT --to-destination 203.0.113.2:8080-8085"),
    ),
    _ruleset(
        "iptables-nft has its security table at priority 150",
        ("client", "udp", "10.9.0.9", 80),
        _ipt("security/FORWARD", "-j DROP"),
        Item("chain", "inet/c1", "type filter hook forward priority 120; policy accept;"),
        Item("nft", "inet/c1", "counter drop"),
    ),
    _ruleset(
        "an answer that nat of OUTPUT puts back is looked up there, before filter",
        ("client", "icmp", "192.0.2.1", None),
        _ipt("nat/INPUT", "-p 1 -j SNAT --to-source 203.0.113.1"),
        _ipt("filter/OUTPUT", "-s 192.0.2.0/24 -j REJECT --reject-with icmp-admin-prohibited"),
        Item("ip", "4", "rule add not fwmark 1 pref 17094 unreachable"),
    ),
    _ruleset(
        "what OUTPUT changed is looked up again with its protocol",
        ("router", "tcp", "10.9.0.9", 80),
        _ipt("mangle/OUTPUT", "-j MARK --set-mark 2"),
        Item("ip", "4", "route add 10.9.0.0/24 via 203.0.113.2 table 100"),
        Item("ip", "4", "rule add ipproto tcp pref 200 lookup 100"),
    ),
    _ruleset(
        "a mark that a filter chain of OUTPUT sets behind mangle's is not looked up",
        ("router", "udp", "10.9.0.9", 80),
        _ipt("mangle/OUTPUT", "-j MARK --set-mark 2"),
        Item("chain", "inet/c1", "type filter hook output priority 1; policy accept;"),
        Item("nft", "inet/c1", "counter meta mark set 5"),
        Item("ip", "4", "route add 10.9.0.0/24 via 203.0.113.2 table 100"),
        Item("ip", "4", "rule add fwmark 5 pref 200 lookup 100"),
    ),
    _ruleset(
        "what OUTPUT changed counts as the root user's, an answer, too",
        ("client", "tcp", "192.0.2.1", 80),
        _ipt("mangle/OUTPUT", "-j MARK --set-mark 2"),
        _ipt("filter/OUTPUT", "-j DROP"),
        Item("ip", "4", "rule add fwmark 2 uidrange 0-0 pref 200 unreachable"),
    ),
    _ruleset(
        "an echo is answered with its own type of service",
        ("router", "icmp", "198.51.100.2", None),
        _ipt("mangle/POSTROUTING", "-p 1 -j DSCP --set-dscp 10"),
        _ipt("filter/INPUT", "-m dscp --dscp 10 -j DROP"),
    ),
    _ruleset(
        "an echo of IPv6, too",
        ("router", "icmp", "2001:db8:2::2", None),
        _ipt("mangle/POSTROUTING", "-p 58 -j DSCP --set-dscp 10"),
        _ipt("filter/INPUT", "-m dscp --dscp 10 -j DROP"),
    ),
    _ruleset(
        "a connection is not",
        ("router", "tcp", "198.51.100.2", 80),
        _ipt("mangle/POSTROUTING", "-j DSCP --set-dscp 10"),
        _ipt("filter/INPUT", "-m dscp --dscp 10 -j DROP"),
    ),
    _ruleset(
        "a listener that is bound to an interface answers by it",
        ("client", "tcp", "2001:db8:1::1", 8082),
        Item("ip", "6", "rule add oif r0 pref 100 unreachable"),
    ),
    _ruleset(
        "another does not",
        ("client", "tcp", "2001:db8:1::1", 8080),
        Item("ip", "6", "rule add oif r0 pref 100 unreachable"),
    ),
    _ruleset(
        "a socket that is bound to an interface is led by it alone",
        ("router", "tcp", "2001:db8:9::9", 80),
        Item("ip", "6", "route add 2001:db8:9::/64 via 2001:db8:3::2 table 100"),
        Item("ip", "6", "rule add oif r2 pref 100 lookup 100"),
        device="r2",
    ),
    _ruleset(
        "of IPv6, what is handed to a transparent proxy and routed on is dropped",
        ("client", "tcp", "2001:db8:9::9", 80),
        Item("chain", "inet/c9", "type filter hook prerouting priority -1; policy accept;"),
        Item(
            "nft",
            "inet/c9",
            "counter meta l4proto tcp ct direction original tproxy ip6 to :3128 meta mark set 5 accept",
        ),
    ),
    _ruleset(
        "what completes a handshake is dropped",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("filter/FORWARD", "-m conntrack --ctstate ESTABLISHED --ctdir ORIGINAL -j DROP"),
    ),
    _ruleset(
        "what completes a handshake is rejected",
        ("client", "tcp", "198.51.100.2", 80),
        Item("chain", "ip/c1", "type filter hook forward priority 50; policy accept;"),
        Item("nft", "ip/c1", "ip saddr 192.0.2.2 ct status seen-reply counter reject with icmp type net-unreachable"),
    ),
    _ruleset(
        "what completes a handshake is reset",
        ("client", "tcp", "2001:db8:2::2", 80),
        Item("chain", "inet/c1", "type filter hook forward priority 50; policy accept;"),
        Item("nft", "inet/c1", 'iifname "r0" tcp flags & (syn | ack) == ack counter reject with tcp reset'),
    ),
    _ruleset(
        "a connection that is let in new, and not established",
        ("client", "tcp", "192.0.2.1", 80),
        Item("policy", "filter/INPUT", "DROP"),
        _ipt("filter/INPUT", "-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT"),
    ),
    _ruleset(
        "both",
        ("client", "tcp", "192.0.2.1", 80),
        Item("policy", "filter/INPUT", "DROP"),
        _ipt("filter/INPUT", "-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT"),
        _ipt("filter/INPUT", "-m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    ),
    _ruleset(
        "what completes a translated handshake is translated as that",
        ("client", "tcp", "10.9.0.9", 81),
        _ipt("nat/PREROUTING", "-p tcp -j DNAT --to-destination 203.0.113.2:8080"),
        _ipt("nat/POSTROUTING", "-j MASQUERADE"),
        _ipt(
            "mangle/POSTROUTING",
            "-d 203.0.113.2 -p tcp -m tcp --dport 8080 ! --syn -m conntrack --ctorigdstport 81 -j DROP",
        ),
    ),
    _ruleset(
        "its sender drops it",
        ("router", "tcp", "198.51.100.2", 80),
        _ipt("filter/OUTPUT", "-p tcp -m tcp ! --syn -j REJECT --reject-with tcp-reset"),
    ),
    _ruleset(
        "a mark that an answer sets is its connection's",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("mangle/FORWARD", "-m conntrack --ctdir REPLY -j CONNMARK --set-mark 7"),
        _ipt("filter/FORWARD", "-m connmark --mark 7 -m conntrack --ctdir ORIGINAL -j DROP"),
    ),
    _ruleset(
        "what follows a handshake whose answer conntrack did not see is invalid",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("raw/PREROUTING", "-s 192.0.2.2 -j CT --zone 5"),
        _ipt("filter/FORWARD", "-m conntrack --ctstatus ASSURED -j DROP"),
    ),
    _ruleset(
        "and dropped as such",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("raw/PREROUTING", "-s 192.0.2.2 -j CT --zone 5"),
        _ipt("filter/FORWARD", "-s 192.0.2.2 -m conntrack --ctstate INVALID -j DROP"),
    ),
    _ruleset(
        "a handshake that is not complete is no whole socket",
        ("client", "tcp", "2001:db8:1::1", 80),
        Item("chain", "ip6/c1", "type filter hook input priority -300; policy accept;"),
        Item("nft", "ip6/c1", "socket wildcard 0 counter drop"),
    ),
    _ruleset(
        "what follows a handshake offers no segment size",
        ("client", "tcp", "203.0.113.2", 80),
        Item("chain", "inet/c1", "type filter hook prerouting priority 1; policy accept;"),
        Item("nft", "inet/c1", "tcp option maxseg size 1-500 counter drop"),
        _ipt("filter/FORWARD", "-p tcp -m tcpmss --mss 1:500 -j DROP"),
    ),
    _ruleset(
        "nat of INPUT changes the source behind a transparent proxy's rule",
        ("client", "tcp", "192.0.2.1", 80),
        _ipt(
            "mangle/PREROUTING", "-p tcp -m conntrack --ctdir ORIGINAL -j TPROXY --on-port 3128 --tproxy-mark 0x5/0xff"
        ),
        _ipt("nat/INPUT", "-j SNAT --to-source 198.51.100.1"),
    ),
    *(
        _ruleset(
            "of IPv6 an answer is sent from an address that is nobody's",
            ("client", proto, "2001:db8:9::9", port),
            Item("ip", "6", "route add local default dev lo table 103"),
            Item("ip", "6", "rule add iif r0 pref 60 lookup 103"),
        )
        for proto, port in (("tcp", 80), ("tcp", 81), ("udp", 81), ("icmp", None))
    ),
    *(
        _ruleset(
            "an answer to a source port that is not put back",
            ("router", proto, "198.51.100.2", 80),
            _ipt("raw/PREROUTING", "-j NOTRACK"),
            _ipt("nat/POSTROUTING", f"-p {proto} -j SNAT --to-source 198.51.100.1:{ports}"),
        )
        for proto in ("tcp", "udp")
        for ports in ("3000", "3000-3999")
    ),
    _ruleset(
        "conntrack's zone by nftables: the answer is in another",
        ("client", "tcp", "198.51.100.2", 80),
        Item("chain", "inet/c1", "type filter hook prerouting priority -310; policy accept;"),
        Item("nft", "inet/c1", 'iifname "r0" counter ct zone set 5'),
        _ipt("nat/POSTROUTING", "-j MASQUERADE"),
    ),
    _ruleset(
        "what is in a zone is not left untracked any more",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("raw/PREROUTING", "-j CT --zone 5"),
        Item("chain", "inet/c1", "type filter hook prerouting priority -250; policy accept;"),
        Item("nft", "inet/c1", "counter notrack"),
        _ipt("filter/FORWARD", "-m conntrack --ctstate UNTRACKED -j DROP"),
    ),
    _ruleset(
        "a chain of family inet at a device's ingress",
        ("client", "udp", "10.9.0.9", 80),
        Item("chain", "inet/c1", "type filter hook ingress device r0 priority 0; policy accept;"),
        Item("nft", "inet/c1", "udp dport 80 counter drop"),
    ),
    _ruleset(
        "a chain at a device's egress",
        ("client", "tcp", "10.9.0.9", 80),
        Item("chain", "netdev/c1", "type filter hook egress device r1 priority 0; policy accept;"),
        Item("nft", "netdev/c1", "ip ttl 63 counter drop"),
    ),
    _ruleset(
        "whose advertisement a rule would drop gets nothing, whether somebody is there or not",
        ("router", "tcp", "2001:db8:3::9", 80),
        _ipt("filter/INPUT", "-p ipv6-icmp -j DROP"),
    ),
    *(
        _ruleset(
            f"a bridge of a host that is no engine's, at {hook}",
            ("client", proto, to, None if proto == "icmp" else 80),
            Item("chain", "bridge/c1", f"type filter hook {hook} priority 0; policy accept;"),
            Item("nft", "bridge/c1", f'{way} "r4" counter drop'),
        )
        for hook, way in (
            ("output", "oifname"),
            ("postrouting", "oifname"),
            ("prerouting", "iifname"),
            ("input", "iifname"),
        )
        for proto, to in (("tcp", "198.18.0.2"), ("icmp", "2001:db8:5::2"))
    ),
    _ruleset(
        "with bridge netfilter the host's PREROUTING stands before the bridge's input",
        ("router", "tcp", "198.18.0.2", 8080),
        Item("chain", "inet/c1", "type filter hook prerouting priority 0; policy accept;"),
        Item("nft", "inet/c1", "th dport 20000-60000 counter drop"),
        Item("chain", "bridge/c5", "type filter hook input priority -1; policy accept;"),
        Item("nft", "bridge/c5", "ip ttl 64 counter drop"),
    ),
    _ruleset(
        "what a bridge hands up came in by its port",
        ("router", "tcp", "198.18.0.2", 80),
        _ipt("filter/INPUT", "-m physdev --physdev-in r4 -j DROP"),
    ),
    _ruleset(
        "and was not switched",
        ("client", "tcp", "2001:db8:5::2", 80),
        _ipt("filter/FORWARD", "-m physdev --physdev-is-bridged -j DROP"),
    ),
    *(
        _ruleset(
            f"an answer to a translated source is for no socket of the router ({dst}, {table}/PREROUTING -j {target})",
            ("client", "tcp", dst, 80),
            _ipt(f"{table}/PREROUTING", f"-p tcp -m tcp --sport 80 -m socket -j {target}"),
            _ipt("nat/POSTROUTING", "-j MASQUERADE"),
            legacy=legacy,
        )
        for dst in ("198.51.100.2", "2001:db8:2::2")
        for table, target, legacy in (("raw", "NOTRACK", True), ("raw", "DROP", False), ("mangle", "DROP", False))
    ),
    *(
        _ruleset(
            f"an answer to a translated source is for no socket of the router ({dst}, priority {priority})",
            ("client", "tcp", dst, 80),
            Item("chain", "inet/c1", f"type filter hook prerouting priority {priority}; policy accept;"),
            Item("nft", "inet/c1", "tcp sport 80 socket wildcard 0 counter drop"),
            _ipt("nat/POSTROUTING", "-j MASQUERADE"),
        )
        for dst in ("198.51.100.2", "2001:db8:2::2")
        for priority in (-300, -150, -50)
    ),
    *(
        _ruleset(
            f"an answer to the router itself is for its socket ({table}/PREROUTING)",
            ("router", "tcp", dst, 80),
            _ipt(f"{table}/PREROUTING", "-p tcp -m tcp --sport 80 -m socket -j DROP"),
        )
        for dst in ("198.51.100.2", "2001:db8:2::2")
        for table in ("raw", "mangle")
    ),
    *(
        _ruleset(
            f"before conntrack looked, a zone's template has the state NEW ({text})",
            ("client", "tcp", "10.9.0.9", 80),
            _ipt("raw/PREROUTING", "-j CT --zone 5"),
            _ipt("raw/PREROUTING", f"{text} -j DROP"),
        )
        for text in ("-m state --state NEW", "-m conntrack --ctstate INVALID", "-m conntrack --ctdir REPLY")
    ),
    *(
        _ruleset(
            f"before conntrack looked, a zone's template has the state NEW (nft, {text})",
            ("client", "tcp", dst, 80),
            Item("chain", "inet/c1", "type filter hook prerouting priority -300; policy accept;"),
            Item("nft", "inet/c1", "ct zone set 5"),
            Item("nft", "inet/c1", f"{text} counter drop"),
        )
        for dst in ("10.9.0.9", "2001:db8:9::9")
        for text in ("ct state new", "ct state invalid", "ct direction reply", "ct mark 1")
    ),
    _ruleset(
        "behind conntrack the template is gone: an answer in another zone is invalid, not new",
        ("client", "tcp", "10.9.0.9", 80),
        _ipt("raw/PREROUTING", "-p tcp -m tcp --sport 80 -j CT --zone 5"),
        _ipt("filter/FORWARD", "-m conntrack --ctstate INVALID -j DROP"),
    ),
    _ruleset(
        "what comes in for one port is not tracked, and no rule for what is new or known lets it in",
        ("client", "tcp", "192.0.2.1", 80),
        _ipt("raw/PREROUTING", "-p tcp -m tcp --dport 80 -j NOTRACK"),
        _ipt("filter/INPUT", "-m conntrack --ctstate NEW,ESTABLISHED,RELATED -j ACCEPT"),
        Item("policy", "filter/INPUT", "DROP"),
    ),
    _ruleset(
        "nor is it translated",
        ("client", "tcp", "10.9.0.9", 81),
        _ipt("raw/PREROUTING", "-p tcp -m tcp --dport 81 -j NOTRACK"),
        _ipt("nat/PREROUTING", "-p tcp -m tcp --dport 81 -j DNAT --to-destination 198.51.100.2:80"),
    ),
    _ruleset(
        "and its answer, which is tracked, is invalid",
        ("client", "tcp", "10.9.0.9", 80),
        Item("chain", "inet/c1", "type filter hook prerouting priority -300; policy accept;"),
        Item("nft", "inet/c1", "tcp dport 80 counter notrack"),
        _ipt("filter/FORWARD", "-m conntrack --ctstate INVALID -j DROP"),
    ),
)
#: Those of which the prediction must be undetermined.
UNDETERMINED = (
    _ruleset(
        "which of several next hops is taken is the kernel's hash (fib_multipath_hash), whether there is anybody or not",
        ("client", "tcp", "10.9.0.9", 80),
        Item("ip", "4", "route add 10.9.0.0/24 table 100 nexthop via 198.51.100.9 nexthop via 203.0.113.2"),
        Item("ip", "4", "rule add pref 100 lookup 100"),
    ),
    _ruleset(
        "fib's type of an IPv6 address is that of its route from the packet's source: of one that is refused it is not told",
        ("client", "tcp", "2001:db8:2::2", 80),
        Item("chain", "inet/c1", "type filter hook prerouting priority 10; policy accept;"),
        Item("nft", "inet/c1", "fib daddr . iif type unicast counter drop"),
        Item("ip", "6", "rule add from 2001:db8:1::2 pref 3002 prohibit"),
    ),
    _ruleset(
        "whether what follows a handshake is for the socket that waits, or for the connection that it made",
        ("client", "tcp", "2001:db8:3::2", 80),
        Item("chain", "inet/c1", "type filter hook prerouting priority 0; policy accept;"),
        Item("nft", "inet/c1", "socket wildcard 1 counter meta mark set 5"),
        Item("ip", "6", "route add local default dev lo table 103", frozenset()),
        Item("ip", "6", "rule add fwmark 5/0xff pref 60 lookup 103", frozenset()),
    ),
    _ruleset(
        "two chains of one device and one priority: which drops is not told",
        ("client", "tcp", "10.9.0.9", 80),
        Item("chain", "netdev/c1", "type filter hook ingress device r0 priority 120; policy accept;"),
        Item("nft", "netdev/c1", "counter drop"),
        Item("chain", "netdev/c6", "type filter hook ingress device r0 priority 120; policy accept;"),
        Item("nft", "netdev/c6", "tcp dport 80 counter drop"),
    ),
    _ruleset(
        "of IPv6 an address's type depends on routing rules",
        ("client", "icmp", "2001:db8:9::9", None),
        Item("chain", "ip6/c2", "type nat hook prerouting priority -100; policy accept;"),
        Item("nft", "ip6/c2", "fib saddr type unicast counter redirect"),
        Item("ip", "6", "rule add ipproto ipv6-icmp pref 14496 prohibit"),
    ),
    _ruleset(
        "of IPv4 an echo is not answered from an address that is nobody's",
        ("client", "icmp", "10.9.0.9", None),
        Item("ip", "4", "route add local default dev lo table 103"),
        Item("ip", "4", "rule add iif r0 pref 60 lookup 103"),
    ),
    _ruleset(
        "nobody takes what comes from the wire for ::1",
        ("router", "tcp", "2001:db8:9::9", 8080),
        Item("chain", "inet/c8", "type nat hook output priority -110; policy accept;"),
        Item("nft", "inet/c8", "counter redirect"),
        Item("ip", "6", "route add default via 2001:db8:2::2 table 99"),
        Item("ip", "6", "rule add oif r1 pref 31309 lookup 99"),
        device="r1",
    ),
    _ruleset(
        "an answer that is invalid in the zone of OUTPUT is looked up anew behind lo",
        ("client", "tcp", "2001:db8:1::1", 80),
        _ipt("raw/OUTPUT", "-j CT --zone 5"),
        _ipt("nat/INPUT", "-m conntrack --ctdir ORIGINAL -j SNAT --to-source 2001:db8:2::1"),
    ),
    _ruleset(
        "a mark of family bridge behind the look-up that PREROUTING makes for a translated destination",
        ("client", "tcp", "198.18.0.2", 80),
        Item("chain", "inet/c5", "type nat hook postrouting priority -110; policy accept;"),
        Item("nft", "inet/c5", "ip daddr 198.18.0.2 counter masquerade"),
        Item("chain", "bridge/c1", "type filter hook prerouting priority 120; policy accept;"),
        Item("nft", "bridge/c1", "counter meta mark set 5"),
        Item("ip", "4", "rule add fwmark 5 pref 28205 unreachable"),
    ),
    _ruleset(
        "two chains of family bridge of one priority: which drops is not told",
        ("client", "tcp", "198.18.0.2", 80),
        Item("chain", "bridge/c1", "type filter hook output priority 0; policy accept;"),
        Item("nft", "bridge/c1", "counter drop"),
        Item("chain", "bridge/c2", "type filter hook output priority 0; policy accept;"),
        Item("nft", "bridge/c2", "ip ttl 63 counter drop"),
    ),
    _ruleset(
        "a zone for what is not tracked",
        ("client", "tcp", "10.9.0.9", 80),
        _ipt("raw/PREROUTING", "-j NOTRACK"),
        Item("chain", "inet/c1", "type filter hook prerouting priority 120; policy accept;"),
        Item("nft", "inet/c1", "counter ct zone set 5"),
        _ipt("filter/FORWARD", "-m connmark ! --mark 5/0xf -j DROP"),
    ),
    _ruleset(
        "a mark by a hash",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("mangle/PREROUTING", "-j HMARK --hmark-tuple src --hmark-mod 4 --hmark-rnd 1"),
        _ipt("filter/FORWARD", "-m mark --mark 1 -j DROP"),
    ),
    _ruleset(
        "which of two rules rejects it is not told",
        ("client", "tcp", "198.51.100.2", 80),
        _ipt("filter/FORWARD", "-m limit --limit 1/sec -j REJECT"),
        _ipt("filter/FORWARD", "-j REJECT --reject-with icmp-admin-prohibited"),
    ),
    _ruleset(
        "what follows a handshake is led elsewhere",
        ("client", "tcp", "10.9.0.9", 80),
        _ipt("mangle/PREROUTING", "-p tcp -m tcp --syn -j MARK --set-mark 5"),
        Item("ip", "4", "route add 10.9.0.0/24 via 203.0.113.2 table 100"),
        Item("ip", "4", "rule add fwmark 5 pref 200 lookup 100"),
    ),
    _ruleset(
        "a connection whose later packets are not tracked as its first is unknown",
        ("client", "tcp", "2001:db8:9::9", 8080),
        _ipt("raw/PREROUTING", "-p tcp -m tcp --tcp-option 2 -j CT --notrack"),
        Item("chain", "inet/c7", "type nat hook postrouting priority -100; policy accept;"),
        Item("nft", "inet/c7", "meta length 20-100 counter masquerade"),
    ),
)
