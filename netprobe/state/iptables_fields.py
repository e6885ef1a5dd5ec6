"""What the tests of iptables rules look at, named as their options are (iptables-extensions(8))."""

from __future__ import annotations

from enum import StrEnum


class Field(StrEnum):
    """What a condition looks at, named as iptables' options are."""

    SRC = "-s"
    DST = "-d"
    IN = "-i"
    OUT = "-o"
    PROTO = "-p"
    FRAGMENT = "-f"
    SPORT = "--sport"
    DPORT = "--dport"
    PORTS = "--ports"
    TCP_FLAGS = "--tcp-flags"
    TCP_OPTION = "--tcp-option"
    MSS = "--mss"
    ICMP_TYPE = "--icmp-type"
    ICMPV6_TYPE = "--icmpv6-type"
    CTSTATE = "--ctstate"
    CTSTATUS = "--ctstatus"
    CTDIR = "--ctdir"
    CTPROTO = "--ctproto"
    CTORIGSRC = "--ctorigsrc"
    CTORIGDST = "--ctorigdst"
    CTREPLSRC = "--ctreplsrc"
    CTREPLDST = "--ctrepldst"
    CTORIGSRCPORT = "--ctorigsrcport"
    CTORIGDSTPORT = "--ctorigdstport"
    CTREPLSRCPORT = "--ctreplsrcport"
    CTREPLDSTPORT = "--ctrepldstport"
    CONNMARK = "connmark --mark"
    MARK = "mark --mark"
    SRC_RANGE = "--src-range"
    DST_RANGE = "--dst-range"
    TTL_EQ = "--ttl-eq"
    TTL_LT = "--ttl-lt"
    TTL_GT = "--ttl-gt"
    HL_EQ = "--hl-eq"
    HL_LT = "--hl-lt"
    HL_GT = "--hl-gt"
    DSCP = "--dscp"
    TOS = "tos --tos"
    LENGTH = "--length"
    SRC_TYPE = "--src-type"
    DST_TYPE = "--dst-type"
    SRC_TYPE_IN = "--limit-iface-in --src-type"
    DST_TYPE_IN = "--limit-iface-in --dst-type"
    SRC_TYPE_OUT = "--limit-iface-out --src-type"
    DST_TYPE_OUT = "--limit-iface-out --dst-type"
    PKT_TYPE = "--pkt-type"
    MAC = "--mac-source"
    UID = "--uid-owner"
    SOCKET_EXISTS = "--socket-exists"
    RPFILTER = "rpfilter"
    SOCKET = "socket"
    PHYSDEV_IN = "--physdev-in"
    PHYSDEV_OUT = "--physdev-out"
    PHYSDEV_IS_IN = "--physdev-is-in"
    PHYSDEV_IS_OUT = "--physdev-is-out"
    PHYSDEV_IS_BRIDGED = "--physdev-is-bridged"


_ALIASES = {
    "--source-port": Field.SPORT,
    "--sports": Field.SPORT,
    "--source-ports": Field.SPORT,
    "--destination-port": Field.DPORT,
    "--dports": Field.DPORT,
    "--destination-ports": Field.DPORT,
    "--state": Field.CTSTATE,
}
FIELDS: dict[str, Field] = {each.value: each for each in Field} | _ALIASES
NEEDS_CONNECTION = frozenset(each for each in Field if each.value.startswith("--ct")) - {Field.CTSTATE} | {
    Field.CONNMARK
}
