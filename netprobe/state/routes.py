"""Routes and routing rules, from iproute2's JSON.

Source: iproute2 ip/iproute.c (print_route) and ip/iprule.c (print_rule); Linux include/uapi/linux/fib_rules.h.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from netprobe.state.issues import dict_of, int_of, load_items, text_of, texts_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.state.issues import Issues

LOCAL = "local"
MAIN = "main"
UNICAST = "unicast"
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route (one next hop of it): ``dst`` is always a prefix, ``0.0.0.0/0`` or ``::/0`` for default.

    Attributes:
        kind: the kernel's route type (``unicast`` ``local`` ``broadcast`` ``unreachable`` ``blackhole`` …).
        source: the prefix of sources that an IPv6 route is for, ``""`` for all.
        tos: the type of service that it is for; 0 for all, None where it is not understood.
        dead: the kernel passes it over (RTNH_F_DEAD: its interface is down, or without a carrier where that counts).
        shared: it is one of several next hops, between which a hash decides.
        mtu: the largest packet that it lets pass, in bytes; 0 where that is its interface's.
    """

    dst: str
    dev: str = ""
    via: str = ""
    src: str = ""
    table: str = "main"
    kind: str = UNICAST
    metric: int = 0
    source: str = ""
    tos: int | None = 0
    dead: bool = False
    shared: bool = False
    mtu: int = 0

    def __str__(self) -> str:
        """As ``ip route`` shows it: ``default via 192.168.3.1 dev eth0``, ``unreachable default``, without its table."""
        default = {"0.0.0.0/0": "default", "::/0": "default"}
        words = [self.kind] if self.kind != UNICAST else []
        words += [default.get(self.dst, self.dst), *(("via", self.via) if self.via else ())]
        return " ".join([*words, *(("dev", self.dev) if self.dev and self.dev != "lo" else ())])


class RuleAction(StrEnum):
    """What a routing rule does (FR_ACT_*)."""

    LOOKUP = "lookup"
    GOTO = "goto"
    NOP = "nop"
    UNREACHABLE = "unreachable"
    BLACKHOLE = "blackhole"
    PROHIBIT = "prohibit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """One line of ``ip rule``: for whom it is, and which table is asked.

    Attributes:
        priority: the lower, the earlier.
        table: which is asked; ``""`` for other actions.
        src, dst: prefixes; ``all`` and ``""`` for every address.
        inverted: ``not``: it is for all others.
        mark, mask: the packet's mark must be this in the bits of the mask; None for any.
        iif, oif: interfaces, ``""`` for any. ``iif lo``: what the namespace sends itself.
        proto: ``tcp``, ``udp``, ``icmp``, ``ipv6-icmp`` …; ``""`` for any.
        sport, dport, uids: the first and last of a range; None for any.
        tos: of the IP header; None for any.
        l3mdev: only for VRFs. tunnel: only for what comes out of a tunnel with that id.
        suppress_length: a route is passed over whose prefix is no longer than this; None: none is.
        suppress_group: a route is passed over whose interface is in this group; ``""``: none is.
        action: what it does. goto: the priority that a GOTO leads to, None where no such rule is there.
        other: keys of iproute2 that are not understood: whether it is for a packet is not known.
    """

    priority: int
    table: str = ""
    src: str = "all"
    dst: str = ""
    inverted: bool = False
    mark: int | None = None
    mask: int = _WORD
    iif: str = ""
    oif: str = ""
    proto: str = ""
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    uids: tuple[int, int] | None = None
    tos: int | None = None
    l3mdev: bool = False
    tunnel: bool = False
    suppress_length: int | None = None
    suppress_group: str = ""
    action: RuleAction = RuleAction.LOOKUP
    goto: int | None = None
    other: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As ``ip rule`` shows it: ``5270: from all lookup 52``."""
        return f"{self.priority}: {' '.join(self.words)}"

    @property
    def words(self) -> tuple[str, ...]:
        """Its selectors and its action as ``ip rule add`` takes them, without the priority."""
        found = ["not"] if self.inverted else []
        found += ["from", self.src, *(("to", self.dst) if self.dst else ())]
        if self.tos is not None:
            found += ["tos", hex(self.tos)]
        if self.mark is not None:
            found += ["fwmark", hex(self.mark) + (f"/{self.mask:#x}" if self.mask != _WORD else "")]
        for name, value in (("iif", self.iif), ("oif", self.oif), ("ipproto", self.proto)):
            found += [name, value] if value else []
        for name, span in (("uidrange", self.uids), ("sport", self.sport), ("dport", self.dport)):
            found += (
                [name, f"{span[0]}-{span[1]}" if span[0] != span[1] or name == "uidrange" else str(span[0])]
                if span
                else []
            )
        return (*found, *self.other, *self._does)

    @property
    def _does(self) -> tuple[str, ...]:
        if self.action is RuleAction.GOTO:
            return ("goto", str(self.goto) if self.goto is not None else "[unresolved]")
        if self.action is not RuleAction.LOOKUP:
            return (self.action.value,)
        short = ("suppress_prefixlength", str(self.suppress_length)) if self.suppress_length is not None else ()
        group = ("suppress_ifgroup", self.suppress_group) if self.suppress_group else ()
        return ("l3mdev",) if self.l3mdev else ("lookup", self.table, *short, *group)


DEFAULT_RULES = (
    RoutingRule(priority=0, table="local"),
    RoutingRule(priority=32766, table="main"),
    RoutingRule(priority=32767, table="default"),
)
"""What every namespace begins with (net/ipv4/fib_rules.c fib_default_rules_init; IPv6 has no table ``default``)."""


def parse_routes(text: str, issues: Issues) -> tuple[Route, ...] | None:
    """``ip -j route show table all``. A multipath route gives one :class:`Route` a next hop."""
    items = load_items(text, issues)
    if items is None:
        return None
    routes: list[Route] = []
    for number, item in items:
        if not text_of(item, "dst"):
            issues.add(number, item, "a route without destination")
            continue
        hops = item.get("nexthops")
        several = [hop for hop in hops if isinstance(hop, dict)] if isinstance(hops, list) else []
        routes.extend(_route(item, hop, shared=len(several) > 1) for hop in several or [item])
    return tuple(routes)


def _route(item: dict[str, Any], hop: dict[str, Any], *, shared: bool) -> Route:
    via = text_of(hop, "gateway") or text_of(dict_of(hop, "via"), "host")
    dst = text_of(item, "dst")
    # A default route does not say its family. Only IPv6 routes have a preference (RFC 4191); "via" instead of "gateway"
    # is an IPv6 next hop of an IPv4 route (RFC 8950).
    six = ":" in dst or "pref" in item or (dst == "default" and ":" in text_of(hop, "gateway"))
    if dst == "default":
        dst = "::/0" if six else "0.0.0.0/0"
    elif "/" not in dst:
        dst += "/128" if six else "/32"
    return Route(
        dst=dst,
        dev=text_of(hop, "dev"),
        via=via,
        src=text_of(item, "prefsrc"),
        table=str(item.get("table", "main")),
        kind=text_of(item, "type") or UNICAST,
        metric=int_of(item, "metric") or 0,
        source=text_of(item, "from"),
        tos=number_of(item, "tos") if "tos" in item else 0,
        dead="dead" in {*texts_of(item, "flags"), *texts_of(hop, "flags")},
        shared=shared,
        mtu=_metric(item, "mtu"),
    )


def _metric(item: dict[str, Any], name: str) -> int:
    """One of a route's metrics (print_rta_metrics: a list with one object); 0 where it has none."""
    metrics = item.get("metrics")
    for each in metrics if isinstance(metrics, list) else ():
        if isinstance(each, dict) and name in each:
            return int_of(each, name) or 0
    return 0


def number_of(item: dict[str, Any], key: str) -> int | None:
    """A number as iproute2 writes it: ``5``, ``"5"`` or ``"0x5"``; None for anything else (names of /etc/iproute2 too)."""
    value = item.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= _WORD else None
    if not isinstance(value, str) or len(value) > len("0xffffffff"):
        return None
    try:
        found = int(value, 16 if value.startswith("0x") else 10)
    except ValueError:
        return None
    return found if 0 <= found <= _WORD else None


_UNDERSTOOD = frozenset({
    *("priority", "src", "srclen", "dst", "dstlen", "table", "protocol", "not", "fwmark", "fwmask", "iif", "iif_detached"),
    *("oif", "oif_detached", "uid_start", "uid_end", "ipproto", "sport", "sport_start", "sport_end", "dport", "dport_start"),
    *("dport_end", "tos", "l3mdev", "tun_id", "suppress_prefixlen", "suppress_ifgroup", "goto", "unresolved", "nop", "action"),
    *("flow_from", "flow_to"),  # realms: a label of the route, no selector
})  # fmt: skip
_ACTIONS = frozenset({RuleAction.UNREACHABLE, RuleAction.BLACKHOLE, RuleAction.PROHIBIT})


def parse_rules(text: str, issues: Issues) -> tuple[RoutingRule, ...] | None:
    """``ip -j rule show``, in the kernel's order."""
    items = load_items(text, issues)
    if items is None:
        return None
    rules = []
    for number, item in items:
        priority = int_of(item, "priority")
        if priority is None:
            issues.add(number, item, "a routing rule without priority")
            continue
        rules.append(_rule(item, priority))
    return tuple(rules)


def _rule(item: dict[str, Any], priority: int) -> RoutingRule:
    mark, mask, tos = (number_of(item, key) for key in ("fwmark", "fwmask", "tos"))
    numbers = {"fwmark": mark, "fwmask": mask, "tos": tos}
    strange = {key for key in item if key not in _UNDERSTOOD} | {
        key for key in numbers if key in item and numbers[key] is None
    }
    spans = {key: _span(item, key, strange) for key in ("sport", "dport", "uid")}
    if "fwmask" in item and mark is None:
        mark = 0
    return RoutingRule(
        priority=priority,
        table=str(item.get("table", "")),
        src=_selector(item, "src") or "all",
        dst=_selector(item, "dst"),
        inverted="not" in item,
        mark=mark,
        mask=_WORD if mask is None else mask,
        iif=text_of(item, "iif"),
        oif=text_of(item, "oif"),
        proto=str(item.get("ipproto", "")),
        sport=spans["sport"],
        dport=spans["dport"],
        uids=spans["uid"],
        tos=tos,
        l3mdev="l3mdev" in item,
        tunnel="tun_id" in item,
        suppress_length=number_of(item, "suppress_prefixlen"),
        suppress_group=str(item.get("suppress_ifgroup", "")),
        action=_action(item),
        goto=int_of(item, "goto") if "unresolved" not in item else None,
        other=tuple(sorted(strange)),
    )  # fmt: skip


def _action(item: dict[str, Any]) -> RuleAction:
    named = text_of(item, "action")
    if "goto" in item:
        return RuleAction.GOTO
    if "nop" in item:
        return RuleAction.NOP
    if named in _ACTIONS:
        return RuleAction(named)
    return RuleAction.LOOKUP if ("table" in item or "l3mdev" in item) and not named else RuleAction.UNKNOWN


def _span(item: dict[str, Any], key: str, strange: set[str]) -> tuple[int, int] | None:
    """A range of ports or user ids: ``{"dport": 80}``, ``{"dport_start": 80, "dport_end": 90}``."""
    if key in item:
        first = last = number_of(item, key)
    elif f"{key}_start" in item:
        first, last = number_of(item, f"{key}_start"), number_of(item, f"{key}_end")
    else:
        return None
    if first is None or last is None:
        strange.add(key)
        return None
    return first, last


def _selector(item: dict[str, Any], key: str) -> str:
    length = int_of(item, f"{key}len")
    return text_of(item, key) if length is None else f"{text_of(item, key)}/{length}"
