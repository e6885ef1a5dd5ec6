"""What commands make of a host's state: the saved text of its commands, changed as the kernel and the engine would change it.

Only what is surely known: rules, settings, routes, neighbour entries, and a running container that joins a bridge network. Everything else
(a restart, an interface, a network made anew) is :class:`NotModelled`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from netprobe.state.address import covers, prefix
from netprobe.state.iptables import split
from netprobe.state.model import Host, Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from netprobe.model.remedy import Argv, Remedy
    from netprobe.state.engine.model import Container, Network

_RULES = {
    "iptables": "iptables",
    "iptables-legacy": "iptables-legacy",
    "ip6tables": "ip6tables",
    "ip6tables-legacy": "ip6tables-legacy",
}
_FORWARDING = {"net.ipv4.ip_forward": "net.ipv4.conf.", "net.ipv6.conf.all.forwarding": "net.ipv6.conf."}
_NEW_LINK = 1 << 20  # an interface number that no host has yet
_TRIED = 512  # addresses of a subnet, from its last downwards, until one is free


class NotModelled(Exception):
    """The effect of a command is not known."""


class _Texts:
    """The outputs of one host while they are changed."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.outputs = dict(host.outputs.outputs)

    def get(self, key: str) -> str:
        output = self.outputs.get(key)
        if output is None or not output.ok:
            raise NotModelled(key)
        return output.stdout

    def put(self, key: str, text: str) -> None:
        self.outputs[key] = replace(self.outputs[key], stdout=text)

    def items(self, key: str) -> list[dict[str, Any]]:
        """A JSON list of objects."""
        value = json.loads(self.get(key) or "[]")
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise NotModelled(key)
        return value

    def put_items(self, key: str, value: list[dict[str, Any]]) -> None:
        self.put(key, json.dumps(value))


def fixed(hosts: Mapping[str, Host], remedies: Iterable[Remedy]) -> dict[str, Host]:
    """Return the hosts as they are once the commands of all steps were carried out.

    Raises:
        NotModelled: the effect of one is not known.
    """
    found = dict(hosts)
    for remedy in remedies:
        for command in _whole(remedy.commands):
            host = found.get(remedy.host)
            if host is None:
                raise NotModelled(remedy.host)
            found[remedy.host] = _carried_out(host, command)
    return found


def _whole(commands: tuple[Argv, ...]) -> tuple[Argv, ...]:
    """A network that is left, removed, made and joined again is one change: :func:`_made_again`."""
    made = [command for command in commands if command[:3] == ("docker", "network", "create")]
    removed = [command for command in commands if command[:3] == ("docker", "network", "rm")]
    if len(made) == len(removed) == 1 and made[0][-1] == removed[0][-1]:
        return tuple(made)
    return commands


def _carried_out(host: Host, command: Argv) -> Host:
    texts, place = _Texts(host), ""
    if command[:2] == ("nsenter", "-t") and command[3] == "-n":
        owner = next((each.name for each in host.containers or () if str(each.pid) == command[2]), None)
        if owner is None:
            raise NotModelled(command[2])
        place, command = f"ns/{owner}/", command[4:]
    effect = _EFFECTS.get(command[0])
    if effect is None:
        raise NotModelled(command[0])
    try:
        effect(texts, place, command)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        StopIteration,
        RecursionError,
    ) as fault:  # untrusted text
        raise NotModelled(command[0]) from fault
    return Host(host.name, Outputs(texts.outputs, host.outputs))  # what did not change is parsed already


def _rule(texts: _Texts, place: str, command: Argv) -> None:
    """``iptables [-t TABLE] -A|-I|-D|-P CHAIN …``."""
    words = list(command[1:])
    table = "filter"
    if words[0] == "-t":
        table, words = words[1], words[2:]
    verb, chain, rest = words[0], words[1], words[2:]
    key = place + _RULES[command[0]]
    lines = texts.get(key).split("\n")
    if f"*{table}" not in lines:
        raise NotModelled(table)
    first = lines.index(f"*{table}")
    last = lines.index("COMMIT", first)
    ours = [number for number in range(first, last) if _words(lines[number])[:2] == ("-A", chain)]
    if verb == "-P":
        at = next(number for number in range(first, last) if lines[number].startswith(f":{chain} "))
        lines[at] = f":{chain} {rest[0]} [0:0]"
    elif verb == "-D":
        del lines[next(number for number in ours if _words(lines[number])[2:] == tuple(rest))]
    elif verb in {"-A", "-I"}:
        at = ours[0] if verb == "-I" and ours else last
        lines.insert(at, f"[0:0] -A {chain} {' '.join(rest)}")
    else:
        raise NotModelled(verb)
    texts.put(key, "\n".join(lines))


def _words(line: str) -> tuple[str, ...]:
    """The words of a rule's line, without its counters."""
    return split(line.partition("] ")[2] if line.startswith("[") else line) or ()


def _nft(texts: _Texts, place: str, command: Argv) -> None:
    """``nft delete rule FAMILY TABLE CHAIN handle N``, ``nft insert rule FAMILY TABLE CHAIN …``, ``nft delete element FAMILY TABLE SET { … }``."""
    key = f"{place}nft"
    whole = json.loads(texts.get(key))
    items = whole["nftables"]
    if command[1:3] == ("delete", "element"):
        _without_element(items, command)
        texts.put(key, json.dumps(whole))
        return
    if command[2] != "rule":
        raise NotModelled("nft")
    at = {"family": command[3], "table": command[4], "chain": command[5]}
    ours = [number for number, item in enumerate(items) if at.items() <= item.get("rule", {}).items()]
    if command[1] == "delete":
        del items[next(number for number in ours if items[number]["rule"]["handle"] == int(command[7]))]
    elif command[1] == "insert":
        new = {"rule": {**at, "handle": _NEW_LINK, "expr": _expressions(command[6:])}}
        items.insert(ours[0] if ours else len(items), new)
    else:
        raise NotModelled(command[1])
    texts.put(key, json.dumps(whole))


def _without_element(items: list[dict[str, Any]], command: Argv) -> None:
    at = {"family": command[3], "table": command[4], "name": command[5]}
    found = next(item["set"] for item in items if at.items() <= item.get("set", {}).items())
    kept = [each for each in found["elem"] if _key(each) != command[6].strip("{ }")]
    if len(kept) != len(found["elem"]) - 1:
        raise NotModelled(command[6])
    found["elem"] = kept


def _key(element: Any) -> Any:
    """An element's value: it may have a timeout, a comment, a counter."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _expressions(words: Argv) -> list[dict[str, Any]]:
    """The JSON of the matches that remedies use (libnftables-json(5)), and of the verdict."""
    if words == ("accept",):
        return [{"accept": None}]
    left, name, right = words[:3]
    if left in {"iifname", "oifname"}:
        return [_match({"meta": {"key": left}}, name), *_expressions(words[2:])]
    if left == "meta":
        return [_match({"meta": {"key": name}}, right), *_expressions(words[3:])]
    if (left, name) == ("ct", "state"):
        return [_match({"ct": {"key": "state"}}, right.split(","), "in"), *_expressions(words[3:])]
    if right.startswith("{"):
        named = {"set": [each.strip() for each in right.strip("{}").split(",")]}
        return [_match({"payload": {"protocol": left, "field": name}}, named), *_expressions(words[3:])]
    value: Any = int(right) if name in {"dport", "sport"} else right
    return [_match({"payload": {"protocol": left, "field": name}}, value), *_expressions(words[3:])]


def _match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def _sysctl(texts: _Texts, place: str, command: Argv) -> None:
    """``sysctl -w NAME=VALUE``; the switch of all interfaces sets each (Documentation/networking/ip-sysctl.rst, ip_forward)."""
    name, _, value = command[2].partition("=")
    every = _FORWARDING.get(name)
    lines, known = [], False
    for line in texts.get(f"{place}sysctl").split("\n"):
        key = line.partition(" = ")[0]
        mine = key == name or (every is not None and key.startswith(every) and key.endswith(".forwarding"))
        known |= key == name
        lines.append(f"{key} = {value}" if mine else line)
    texts.put(f"{place}sysctl", "\n".join([*lines, *([] if known else [f"{name} = {value}"])]))


def _ip(texts: _Texts, place: str, command: Argv) -> None:
    """``ip [-6] route add|replace|del …``, ``ip neigh del ADDRESS dev DEVICE`` and ``ip -6 neigh add proxy ADDRESS dev DEVICE``."""
    six = command[1] == "-6"
    words = command[2:] if six else command[1:]
    if words[:2] == ("neigh", "del"):
        kept = [each for each in texts.items(f"{place}neigh") if (each["dst"], each["dev"]) != (words[2], words[4])]
        texts.put_items(f"{place}neigh", kept)
        return
    if words[:3] == ("neigh", "add", "proxy"):
        key = f"{place}neigh-proxy"
        texts.put_items(key, [*texts.items(key), {"dst": words[3], "dev": words[5], "proxy": None}])
        return
    if words[:2] == ("rule", "add"):
        _rule_added(texts, f"{place}rule6" if six else f"{place}rule", words[2:])
        return
    if words[0] != "route" or words[1] not in {"add", "replace", "del"}:
        raise NotModelled(" ".join(words))
    routes = texts.items(f"{place}route")
    if words[1] == "del":
        kind, dst = words[2:4] if len(words) > 3 and words[3] != "table" else ("unicast", words[2])
        table = words[-1] if words[-2] == "table" else "main"
        at = (kind, table)
        kept = [
            each
            for each in routes
            if not ((each.get("type", "unicast"), each.get("table", "main")) == at and _same_dst(each["dst"], dst))
        ]
        if len(kept) == len(routes):
            raise NotModelled(dst)
        texts.put_items(f"{place}route", kept)
        return
    options = dict(zip(words[3::2], words[4::2], strict=True))
    table = options.get("table", "main")
    device = options.get("dev") or _towards(routes, options["via"])
    mine = [each for each in routes if _same_dst(each["dst"], words[2]) and each.get("table", "main") == table]
    kept = [each for each in routes if words[1] == "add" or each not in mine]
    new = {"dst": words[2], "dev": device, "flags": [], **({"gateway": options["via"]} if "via" in options else {})}
    six_mark = {"pref": "medium"} if six else {}  # by which a default route says that it is IPv6's
    texts.put_items(f"{place}route", [{**new, **six_mark, **({"table": table} if table != "main" else {})}, *kept])


_SELECTORS = {"from": "src", "to": "dst", "fwmark": "fwmark", "lookup": "table", "pref": "priority", "iif": "iif"}


def _rule_added(texts: _Texts, key: str, words: Argv) -> None:
    """``ip rule add to PREFIX lookup TABLE pref N``; behind those of its priority, as the kernel puts it."""
    rules, new = texts.items(key), {"src": "all"}
    for name, value in zip(words[::2], words[1::2], strict=True):
        new[_SELECTORS[name]] = value
    for name in ("src", "dst"):
        address, slash, length = new.get(name, "").partition("/")
        new |= {name: address, f"{name}len": int(length)} if slash else {}  # type: ignore[dict-item]  # as iproute2 writes them
    mark, slash, mask = new.get("fwmark", "").partition("/")
    new |= {"fwmark": mark, "fwmask": mask} if slash else {}
    priority = int(new["priority"])
    at = next((n for n, each in enumerate(rules) if each["priority"] > priority), len(rules))
    texts.put_items(key, [*rules[:at], {**new, "priority": priority}, *rules[at:]])


def _same_dst(one: str, other: str) -> bool:
    return one.removesuffix("/32") == other.removesuffix("/32")


def _towards(routes: list[dict[str, Any]], via: str) -> str:
    """The device of the link that a next hop is on."""
    linked = [each for each in routes if "gateway" not in each and each.get("type", "unicast") == "unicast"]
    return next(str(each["dev"]) for each in linked if each["dst"] != "default" and covers(each["dst"], via))


def _docker(texts: _Texts, place: str, command: Argv) -> None:
    """``docker network connect NETWORK CONTAINER`` of a running container, a network made again, and ``docker unpause CONTAINER``."""
    if command[1] == "unpause":
        containers = texts.items("containers")
        for each in containers:
            if each["Name"] == f"/{command[2]}":
                each["State"] |= {"Paused": False, "Status": "running"}
        texts.put_items("containers", containers)
        return
    if command[1:3] == ("network", "create"):
        _made_again(texts, command)
        return
    if command[1:3] != ("network", "connect") or len(command) != 5 or place:
        raise NotModelled(" ".join(command[:3]))
    network, container = texts.host.network(command[3]), texts.host.container(command[4])
    if network is None or container is None or not network.bridge or not container.running or container.requested:
        raise NotModelled(command[3])
    _join(texts, network, container)


def _made_again(texts: _Texts, command: Argv) -> None:
    """A network that gets another gateway, and is as it was otherwise: its containers' default routes lead there."""
    network = texts.host.network(command[-1])
    if network is None or len(network.gateways) != 1 or len(network.subnets) != 1:
        raise NotModelled(command[-1])
    words = list(zip(command[3:-1:2], command[4:-1:2], strict=True))
    asked = {tuple(value.split("=", 1)) for name, value in words if name == "-o"}
    named = {name: value for name, value in words if name != "-o"}
    same = {"-d": network.driver, "--subnet": network.subnets[0], "--gateway": named["--gateway"]}
    if asked != set(network.options.items()) or named != same:
        raise NotModelled(command[-1])
    old, new = network.gateways[0], named["--gateway"]
    for container in texts.host.containers or ():
        key = f"ns/{container.name}/route"
        if network.name not in container.networks or not container.running:
            continue
        for each in (routes := texts.items(key)):
            if each["dst"] == "default" and each.get("gateway") == old:
                each["gateway"] = new
        texts.put_items(key, routes)


def _join(texts: _Texts, network: Network, container: Container) -> None:
    """A veth pair between the bridge and the container's namespace, an address that is free, and a route to the subnet."""
    subnet = prefix(network.subnets[0]) if len(network.subnets) == 1 else None
    if not isinstance(subnet, IPv4Network):
        raise NotModelled(network.name)
    gateway = _gateway(texts.host, network)
    taken = {address for each in texts.host.containers or () for address in each.addresses} | {gateway}
    last = (str(subnet[-2 - number]) for number in range(min(_TRIED, subnet.num_addresses - 2)))
    address = next((each for each in last if each not in taken), None)
    if address is None:
        raise NotModelled(network.name)
    mac = "02:42:ff:ff:ff:fe"
    ends = texts.items("containers")
    for each in ends:
        if each["Name"] == f"/{container.name}":
            each["NetworkSettings"]["Networks"][network.name] = {
                "NetworkID": network.id, "IPAddress": address, "IPPrefixLen": subnet.prefixlen, "Gateway": gateway,
                "MacAddress": mac,
            }  # fmt: skip
    texts.put_items("containers", ends)
    inner, namespace = "eth-new", f"ns/{container.name}/"
    flags = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]
    link = {"flags": flags, "mtu": 1500, "operstate": "UP", "link_type": "ether", "linkinfo": {"info_kind": "veth"}}
    own = {"family": "inet", "local": address, "prefixlen": subnet.prefixlen, "scope": "global"}
    near = {
        **link,
        "ifindex": _NEW_LINK,
        "link_index": _NEW_LINK + 1,
        "ifname": inner,
        "address": mac,
        "addr_info": [own],
    }
    beyond = {
        **link, "ifindex": _NEW_LINK + 1, "link_index": _NEW_LINK, "ifname": "veth-new", "master": network.bridge,
        "address": "02:42:ff:ff:ff:ff", "addr_info": [],
    }  # fmt: skip
    texts.put_items(f"{namespace}addr", [*texts.items(f"{namespace}addr"), near])
    links = texts.items("addr")
    for each in links:
        if each["ifname"] == network.bridge:  # with a port it has its carrier
            each["flags"] = sorted({*each["flags"], "UP", "LOWER_UP"} - {"NO-CARRIER"})
            each["operstate"] = "UP"
    texts.put_items("addr", [*links, beyond])
    _routes_of(texts, namespace, container, network, {"subnet": str(subnet), "address": address, "device": inner})


def _gateway(host: Host, network: Network) -> str:
    """The bridge's own address: an old engine does not say which it chose."""
    link = host.own.link(network.bridge)
    own = (each.address for each in (link.addresses if link else ()) if covers(network.subnets[0], each.address))
    found = next(iter(network.gateways), "") or next(own, "")
    if not found:
        raise NotModelled(network.name)
    return found


def _routes_of(texts: _Texts, namespace: str, container: Container, network: Network, new: Mapping[str, str]) -> None:
    """The routes of the new interface; the default one as well, where all networks until now were internal."""
    routes = texts.items(f"{namespace}route")
    known = [texts.host.network(name) for name in container.networks]
    default = [each for each in routes if each["dst"] == "default"]
    if all(each is not None and each.internal for each in known):
        routes = [each for each in routes if each not in default]
        gateway = _gateway(texts.host, network)
        routes.insert(0, {"dst": "default", "gateway": gateway, "dev": new["device"], "flags": []})
    local = {"type": "local", "dst": new["address"], "dev": new["device"], "table": "local", "scope": "host"}
    linked = {
        "dst": new["subnet"],
        "dev": new["device"],
        "protocol": "kernel",
        "scope": "link",
        "prefsrc": new["address"],
    }
    texts.put_items(f"{namespace}route", [*routes, {**linked, "flags": []}, {**local, "prefsrc": new["address"]}])


_EFFECTS: Mapping[str, Callable[[_Texts, str, Argv], None]] = {
    **dict.fromkeys(_RULES, _rule),
    "nft": _nft,
    "sysctl": _sysctl,
    "ip": _ip,
    "docker": _docker,
}
