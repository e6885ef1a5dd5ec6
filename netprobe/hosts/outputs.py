"""What is asked of a host: the commands by the keys of their outputs (``HostState`` in ``evidence.state``), and when each is run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


SECONDS = 5.0
BYTES = 16 << 20

CONNTRACK = {"conntrack": "/proc/net/nf_conntrack", "conntrack-stat": "/proc/net/stat/nf_conntrack"}

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "addr": ("ip", "-j", "-d", "addr", "show"),
    "route": ("ip", "-j", "route", "show", "table", "all"),
    "rule": ("ip", "-j", "rule", "show"),
    "rule6": ("ip", "-6", "-j", "rule", "show"),
    "neigh": ("ip", "-j", "neigh", "show"),
    "neigh-proxy": ("ip", "-j", "neigh", "show", "proxy"),
    "fdb": ("bridge", "-j", "fdb", "show"),
    "iptables": ("iptables-save", "-c"),
    "iptables-legacy": ("iptables-legacy-save", "-c"),
    "ip6tables": ("ip6tables-save", "-c"),
    "ip6tables-legacy": ("ip6tables-legacy-save", "-c"),
    "nft": ("nft", "-j", "list", "ruleset"),
    "nft-text": ("nft", "-a", "-t", "list", "ruleset"),
    "sockets": ("ss", "-H", "-n", "-a", "-p", "-t", "-u", "-e", "--inet-sockopt"),
    "counters": ("nstat", "-asz", "TcpExtListenOverflows", "TcpExtListenDrops"),
    "conntrack-stat": ("conntrack", "-S"),
}
OLDER: Mapping[str, tuple[str, ...]] = {
    "sockets": COMMANDS["sockets"][:-1],  # iproute2 before 5.12 has no such option
}
_SETTINGS_INSIDE = ("ip_forward", "forwarding", "rp_filter", "src_valid_mark", "icmp_echo_ignore_all", "arp_ignore")
INSIDE: Mapping[str, tuple[str, ...]] = {
    "sysctl": (
        *("grep", "-rsH", ".", "/proc/sys/net"),
        *(f"--include={name}" for name in _SETTINGS_INSIDE),
    )
}
OTHER_THAN = {
    "iptables-legacy": "iptables-save",
    "ip6tables-legacy": "ip6tables-save",
    "conntrack-stat": CONNTRACK["conntrack-stat"],
}
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/conf/*/rp_filter",
    "net/ipv4/conf/*/src_valid_mark",
    "net/ipv4/conf/*/route_localnet",
    "net/ipv4/conf/*/arp_ignore",
    "net/ipv4/conf/*/forwarding",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/*/force_forwarding",
    "net/ipv6/conf/*/proxy_ndp",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/netfilter/nf_conntrack_count",
    "net/netfilter/nf_conntrack_max",
)

FIRST = ("addr", "route", "rule", "rule6")
REST = (
    "neigh",
    "neigh-proxy",
    "fdb",
    "iptables",
    "iptables-legacy",
    "ip6tables",
    "ip6tables-legacy",
    "nft",
    "sockets",
    "counters",
    "conntrack-stat",
)
AT_END = ("addr", "sockets")
AFTER = (
    "neigh",
    "iptables",
    "iptables-legacy",
    "ip6tables",
    "ip6tables-legacy",
    "nft",
    "counters",
    "conntrack-stat",
)
NAMESPACE_FIRST = ("addr", "route", "rule", "rule6")
_NAMESPACE_RULES = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "nft")
NAMESPACE_REST = ("neigh", "sockets", "sysctl", *_NAMESPACE_RULES, "counters")
NAMESPACE_AT_END = ("sockets",)
NAMESPACE_AFTER = ("neigh", *_NAMESPACE_RULES, "counters")
WORDS = "nft-text"
IPTABLES_TABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
NFT_TABLE = re.compile(r'\{"table": \{"family": "(\w+)", "name": "([^"]*)"')
SENT_ONLY = frozenset({"fdb", "counters", "conntrack-stat"})
MATTERS = frozenset({"addr", "route", "iptables", "nft", "sockets", "trace"})
