"""Links, addresses, routes, neighbours, settings, nftables, packet filters and lookup files as they were when the lab came up, and putting them back.

Experiments take links down, delete routes, drop on the wire: nothing of it may reach the next one. What a namespace looks like
is read by one command; as long as that is what was noted, nothing is changed.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from netprobe_lab.filters import keep_filter, restore_filter
from netprobe_lab.layout import MACHINES, WIRES, Lab, Machine
from netprobe_lab.namespaces import enter, write_lookup_files
from netprobe_lab.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# net.ipv4.ip_forward stands first: writing it resets others (Documentation/networking/ip-sysctl.rst).
_SETTINGS = (
    "ipv4/ip_forward ipv6/conf/all/forwarding ipv6/conf/*/force_forwarding ipv6/conf/*/proxy_ndp ipv6/conf/*/disable_ipv6 "
    "bridge/bridge-nf-call-iptables bridge/bridge-nf-call-ip6tables "
    "ipv4/conf/*/forwarding ipv4/conf/*/rp_filter ipv4/conf/*/route_localnet ipv4/conf/*/proxy_arp ipv4/conf/*/arp_ignore "
    "netfilter/nf_conntrack_tcp_be_liberal"
)
_SCRIPT = f"""
ip -j addr show; echo; ip -j route show; echo; ip -j rule show; echo; ip -j neigh show nud permanent; echo; ip -j neigh show proxy; echo
nft -j list tables 2>/dev/null || echo '{{}}'; tc -j qdisc show; echo; ip -6 -j route show; echo
for family in -4 -6; do
    ip $family route show table all | sed -n 's/.* table \\([^ ]*\\).*/["'$family'","\\1"]/p' | sort -u | grep -v '"local"'
done
ip -6 rule show | sed -n 's/^\\([0-9]*\\):.*/["rule6","\\1"]/p'
cd /proc/sys/net && grep -s . {_SETTINGS}
exit 0
"""
_BY_IPTABLES = {(family, table) for family in ("ip", "ip6") for table in ("filter", "nat", "mangle", "raw", "security")}

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What one namespace looks like; addresses, routes and neighbours as the words that ip(8) takes them by.

    ``route_tables``: (``-4`` or ``-6``, its name) of those that an experiment filled. ``rules6``: the priorities of IPv6's routing rules.
    """

    links: dict[str, dict[str, Any]]
    addresses: set[Argv]
    routes: set[Argv]
    rules: list[Argv]
    route_tables: set[Argv]
    rules6: set[str]
    neighbours: set[Argv]
    tables: set[Argv]
    classifiers: set[str]
    settings: dict[str, str]


def keep_surroundings(lab: Lab) -> None:
    """Note how every namespace looks, unless that was done already; no container may be there yet."""
    for machine in MACHINES:
        keep_filter(lab, machine)
    for name in _names():
        if not _noted(lab, name).exists():
            _noted(lab, name).write_text(_look(lab, name))


def restore_surroundings(lab: Lab) -> None:
    """Put every namespace back as it was noted; no container may be there any more."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_restore_host, lab, machine) for machine in MACHINES]:
            done.result()
        seen = dict(zip(_names(), pool.map(lambda name: _look(lab, name), _names()), strict=True))
    for name in _names():
        noted = _noted(lab, name).read_text()
        if seen[name] != noted:  # one after the other, and by a second look: mending one may change its neighbour
            for argv in mend(parse(_look(lab, name)), parse(noted)):
                run(lab, [*enter(lab, name), *argv], check=False)


def _restore_host(lab: Lab, machine: Machine) -> None:
    restore_filter(lab, machine)
    run(lab, [*enter(lab, machine.name), "conntrack", "-F"], check=False)  # flows outlive the rules that made them
    write_lookup_files(lab, machine)


def _names() -> tuple[str, ...]:
    return (*(machine.name for machine in MACHINES), WIRES)


def _noted(lab: Lab, name: str) -> Path:
    return lab.run_dir / f"{name}.surroundings"


def _look(lab: Lab, name: str) -> str:
    return run(lab, [*enter(lab, name), "sh", "-c", _SCRIPT]).stdout


def parse(text: str) -> Surroundings:
    """Parse what the script printed."""
    lines = [line for line in text.splitlines() if line.strip()]
    shown = [json.loads(line) for line in lines if line[0] in "[{"]
    addr, routes, rules, neighbours, proxied, tables, qdiscs, *rest = shown
    links = {link["ifname"].split("@")[0]: link for link in addr}
    return Surroundings(
        links=links,
        addresses={
            (f"{each['local']}/{each['prefixlen']}", "dev", name)
            for name, link in links.items()
            for each in link["addr_info"]
            if each["family"] == "inet" or each["scope"] == "global"
        },
        routes={_route(route) for route in chain(routes, *rest[:1]) if route.get("protocol") != "kernel"},
        rules=[_rule(rule) for rule in rules],
        route_tables={(str(each[0]), str(each[1])) for each in rest[1:] if each[0] != "rule6"},
        rules6={str(each[1]) for each in rest[1:] if each[0] == "rule6"},
        neighbours={
            *((each["dst"], "dev", each["dev"], "lladdr", each.get("lladdr", "")) for each in neighbours),
            *(("proxy", each["dst"], "dev", each["dev"]) for each in proxied),
        },
        tables={
            (item["table"]["family"], item["table"]["name"]) for item in tables.get("nftables", ()) if "table" in item
        },
        classifiers={each["dev"] for each in qdiscs if each["kind"] == "clsact"},
        settings=dict(line.split(":", 1) for line in lines[len(shown) :]),
    )


def _route(route: dict[str, Any]) -> Argv:
    kind = (route["type"],) if "type" in route else ()
    via = ("via", route["gateway"]) if "gateway" in route else ()
    dev = ("dev", route["dev"]) if "dev" in route else ()
    metric = ("metric", str(route["metric"])) if "metric" in route else ()
    mtu = tuple(("mtu", str(each["mtu"])) for each in route.get("metrics", ()) if "mtu" in each)
    return (*kind, route["dst"], *via, *dev, *metric, *(word for pair in mtu for word in pair))


def _rule(rule: dict[str, Any]) -> Argv:
    words = ["priority", str(rule["priority"]), "from", str(rule.get("src", "all"))]
    if "srclen" in rule:
        words[-1] += f"/{rule['srclen']}"
    return (*words, "lookup", str(rule.get("table", "main")))


def mend(now: Surroundings, wanted: Surroundings) -> list[Argv]:
    """Return the commands, in order, that turn what is there into what was there; none when nothing of it differs."""
    links = list(_mend_links(now, wanted))
    # A link that went down, or an address that went, took routes with it.
    routes = wanted.routes if links else wanted.routes - now.routes
    return [
        *links,
        *(("ip", "route", "delete", *each) for each in sorted(now.routes - wanted.routes)),
        *(("ip", "route", "replace", *each) for each in sorted(routes)),
        *_mend_settings(now.settings, wanted.settings),
    ]


def _mend_settings(now: dict[str, str], wanted: dict[str, str]) -> Iterator[Argv]:
    """All of them after ip_forward, which resets others."""
    reset = now.get("ipv4/ip_forward") != wanted.get("ipv4/ip_forward")
    for key, value in wanted.items():
        if reset or now.get(key) != value:
            yield "sysctl", "-q", "-w", f"net/{key}={value}"


def _mend_links(now: Surroundings, wanted: Surroundings) -> Iterator[Argv]:
    yield from (("nft", "delete", "table", *table) for table in sorted(now.tables - wanted.tables - _BY_IPTABLES))
    yield from (
        ("tc", "qdisc", "del", "dev", device, "clsact") for device in sorted(now.classifiers - wanted.classifiers)
    )
    yield from (("ip", "link", "delete", name) for name in now.links if name not in wanted.links)
    for name, link in wanted.links.items():
        if name in now.links:
            yield from _mend_link(name, now.links[name], link)
    for neighbour in sorted(now.neighbours - wanted.neighbours):
        yield "ip", "neigh", "delete", *(neighbour if neighbour[0] == "proxy" else neighbour[:3])
    yield from (("ip", "addr", "delete", *each) for each in sorted(now.addresses - wanted.addresses))
    yield from (("ip", "addr", "add", *each) for each in sorted(wanted.addresses - now.addresses))
    yield from (("ip", "rule", "delete", *each[:2]) for each in now.rules if each not in wanted.rules)  # priority N
    yield from (("ip", "-6", "rule", "delete", "priority", each) for each in sorted(now.rules6 - wanted.rules6))
    yield from (
        ("ip", family, "route", "flush", "table", table)
        for family, table in sorted(now.route_tables - wanted.route_tables)
    )
    yield from (("ip", "rule", "add", *each) for each in wanted.rules if each not in now.rules)


def _mend_link(name: str, now: dict[str, Any], wanted: dict[str, Any]) -> Iterator[Argv]:
    here, there = set(now["flags"]), set(wanted["flags"])
    if now.get("master") != wanted.get("master"):
        yield "ip", "link", "set", name, *(("master", wanted["master"]) if "master" in wanted else ("nomaster",))
    if now["mtu"] != wanted["mtu"]:
        yield "ip", "link", "set", name, "mtu", str(wanted["mtu"])
    if ("PROMISC" in here) != ("PROMISC" in there):
        yield "ip", "link", "set", name, "promisc", "on" if "PROMISC" in there else "off"
    if ("UP" in here) != ("UP" in there):
        yield "ip", "link", "set", name, "up" if "UP" in there else "down"
