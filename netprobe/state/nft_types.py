"""nftables' data types: how many bits a value has, and what its names stand for; constants of ``nft -j`` read as numbers.

Every value is a number of its type's width, as the kernel compares it; interface names are text. Names: what ``nft describe`` prints.

Source: nft(8), "DATA TYPES"; nftables src/datatype.c, src/ct.c, src/meta.c, src/proto.c.
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, Final

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_DIGITS: Final = 40  # of a number written as text: 128 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class DataType:
    """One type.

    Attributes:
        name: nft's own.
        bits: of a value; 0 for text.
        names: what symbolic constants stand for.
    """

    name: str
    bits: int = 0
    names: Mapping[str, int] = field(default_factory=dict, hash=False, compare=False)

    def __str__(self) -> str:
        """Its name."""
        return self.name


_PROTOCOLS = {
    "ip": 0, "hopopt": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "ipv6": 41,
    "ipv6-route": 43, "ipv6-frag": 44, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58, "ipv6-nonxt": 59,
    "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "ospfigp": 89, "ipip": 94, "etherip": 97, "encap": 98, "pim": 103,
    "ipcomp": 108, "comp": 108, "vrrp": 112, "l2tp": 115, "sctp": 132, "mobility-header": 135, "udplite": 136,
}  # fmt: skip
_ICMP = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "info-reply": 16, "address-mask-request": 17,
    "address-mask-reply": 18,
}  # fmt: skip
_ICMP6 = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128,
    "echo-reply": 129, "mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132,
    "mld-listener-reduction": 132, "nd-router-solicit": 133, "nd-router-advert": 134, "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136, "nd-redirect": 137, "router-renumbering": 138, "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142, "mld2-listener-report": 143,
}  # fmt: skip
_DSCP = {
    "cs0": 0, "cs1": 8, "cs2": 16, "cs3": 24, "cs4": 32, "cs5": 40, "cs6": 48, "cs7": 56, "df": 0, "be": 0, "lephb": 1,
    "af11": 10, "af12": 12, "af13": 14, "af21": 18, "af22": 20, "af23": 22, "af31": 26, "af32": 28, "af33": 30,
    "af41": 34, "af42": 36, "af43": 38, "va": 44, "ef": 46,
}  # fmt: skip

V4 = DataType(name="ipv4_addr", bits=32)
V6 = DataType(name="ipv6_addr", bits=128)
IFNAME = DataType(name="ifname")
TEXT = DataType(name="string")
PORT = DataType(name="inet_service", bits=16)
PROTOCOL = DataType(name="inet_proto", bits=8, names=_PROTOCOLS)
MARK = DataType(name="mark", bits=32)
INTEGER = DataType(name="integer", bits=128)
BOOLEAN = DataType(name="boolean", bits=1, names={"missing": 0, "exists": 1})
ETHER_ADDR = DataType(name="ether_addr", bits=48)
ETHER_TYPE = DataType(
    name="ether_type",
    bits=16,
    names={"ip": 0x800, "arp": 0x806, "ip6": 0x86DD, "vlan": 0x8100, "8021q": 0x8100, "8021ad": 0x88A8},
)
CT_STATE = DataType(
    name="ct_state", bits=32, names={"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
)
CT_STATUS = DataType(
    name="ct_status",
    bits=32,
    names={"expected": 1, "seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32, "dying": 512},
)
CT_DIR = DataType(name="ct_dir", bits=8, names={"original": 0, "reply": 1})
NF_PROTO = DataType(name="nf_proto", bits=8, names={"ipv4": 2, "ipv6": 10})
PKT_TYPE = DataType(
    name="pkt_type", bits=8, names={"host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3}
)
IFACE_TYPE = DataType(
    name="iface_type",
    bits=16,
    names={"ether": 1, "ppp": 512, "ipip": 768, "ipip6": 769, "loopback": 772, "sit": 776, "ipgre": 778},
)
ICMP_TYPE = DataType(name="icmp_type", bits=8, names=_ICMP)
ICMP_CODE = DataType(
    name="icmp_code",
    bits=8,
    names={
        "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3, "frag-needed": 4,
        "net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13,
    },
)  # fmt: skip
ICMP6_TYPE = DataType(name="icmpv6_type", bits=8, names=_ICMP6)
ICMP6_CODE = DataType(
    name="icmpv6_code",
    bits=8,
    names={
        "no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5,
        "reject-route": 6,
    },
)  # fmt: skip
TCP_FLAG = DataType(
    name="tcp_flag",
    bits=8,
    names={"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128},
)
FIB_TYPE = DataType(
    name="fib_addrtype",
    bits=32,
    names={
        "unspec": 0, "unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5, "blackhole": 6,
        "unreachable": 7, "prohibit": 8,
    },
)  # fmt: skip
DSCP = DataType(name="dscp", bits=6, names=_DSCP)
ECN = DataType(name="ecn", bits=2, names={"not-ect": 0, "ect1": 1, "ect0": 2, "ce": 3})
ARP_OP = DataType(name="arp_op", bits=16, names={"request": 1, "reply": 2, "rrequest": 3, "rreply": 4})
ETHERTYPES: Final[Mapping[int, int]] = {0: 0x806, 4: 0x800, 6: 0x86DD}
"""By IP version; 0 stands for ARP."""
UID = DataType(name="uid", bits=32, names={"root": 0})
GID = DataType(name="gid", bits=32, names={"root": 0})

TYPES: Final[Mapping[str, DataType]] = {
    each.name: each
    for each in (
        V4, V6, IFNAME, TEXT, PORT, PROTOCOL, MARK, INTEGER, BOOLEAN, ETHER_ADDR, ETHER_TYPE, CT_STATE, CT_STATUS, CT_DIR,
        NF_PROTO, PKT_TYPE, IFACE_TYPE, ICMP_TYPE, ICMP_CODE, ICMP6_TYPE, ICMP6_CODE, TCP_FLAG, FIB_TYPE, DSCP, ECN,
        ARP_OP, UID, GID,
    )
}  # fmt: skip
"""By the names that sets are declared with."""


def bits(count: int) -> DataType:
    """A plain number of so many bits: a raw payload's."""
    return DataType(name=f"integer:{count}", bits=count)


def constant(value: Any, kind: DataType) -> int | str | None:
    """A constant of the JSON as a number (text for names of interfaces); None when it is none of this type.

    Flags that are joined (``["syn", "ack"]``, ``{"|": [..]}``) are one number.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if kind.bits else str(value)
    if isinstance(value, str):
        return _named(value, kind)
    if isinstance(value, dict) and isinstance(value.get("|"), list):
        value = value["|"]
    if isinstance(value, list) and value:
        return _joined(value, kind)
    return None


def _joined(value: list[Any], kind: DataType) -> int | None:
    total = 0
    for each in value:
        one = constant(each, kind) if isinstance(each, str | int) else None
        if not isinstance(one, int):
            return None
        total |= one
    return total


def _named(text: str, kind: DataType) -> int | str | None:
    if not kind.bits:
        return text
    if kind is V4:
        return v4(text)
    if kind is V6:
        return v6(text)
    found = kind.names.get(text)
    if found is not None:
        return found
    if kind is ETHER_ADDR and text.count(":") == 5:
        return _hex(text.replace(":", ""))
    return number(text)


def number(text: str) -> int | None:
    """A number as nft writes it: ``80``, ``0x50``, and for what its version cannot name ``0x50 [invalid type]``."""
    word = text.partition(" ")[0]
    if len(word) > MOST_DIGITS:
        return None
    try:
        return int(word, 16 if word.startswith("0x") else 10)
    except ValueError:
        return None


def _hex(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def v4(text: str) -> int | None:
    """An IPv4 address as a number: quick, for sets of many."""
    parts = text.split(".")
    if len(parts) != 4 or len(text) > len("255.255.255.255") or "" in parts:
        return None
    if not (text.isascii() and text.replace(".", "").isdecimal()):
        return None
    one, two, three, four = map(int, parts)
    return one << 24 | two << 16 | three << 8 | four if max(one, two, three, four) < 256 else None


@lru_cache(maxsize=4096)
def v6(text: str) -> int | None:
    """An IPv6 address as a number."""
    try:
        return int(IPv6Address(text.partition("%")[0]))
    except ValueError:
        return None


def shown(value: int | str, kind: DataType) -> str:
    """A value as nft writes it, as near as needed."""
    if isinstance(value, str):
        return value
    if kind is V4 and value <= 0xFFFFFFFF:
        return str(IPv4Address(value))
    if kind is V6:
        return str(IPv6Address(value))
    return next((name for name, number in kind.names.items() if number == value), str(value))
