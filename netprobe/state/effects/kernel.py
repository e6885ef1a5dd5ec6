"""sysctl and ip: settings, routes, routing rules and neighbour entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state.address import covers
from netprobe.state.effects.texts import NotModelled, Texts

if TYPE_CHECKING:
    from netprobe.model.remedy import Argv

_FORWARDING = {"net.ipv4.ip_forward": "net.ipv4.conf.", "net.ipv6.conf.all.forwarding": "net.ipv6.conf."}


def sysctl(texts: Texts, place: str, command: Argv) -> None:
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


def ip(texts: Texts, place: str, command: Argv) -> None:
    """``ip [-6] route add|replace|del …``, ``ip rule add …``, ``ip neigh del ADDRESS dev DEVICE``, ``ip -6 neigh add proxy ADDRESS dev DEVICE``."""
    six = command[1] == "-6"
    words = command[2:] if six else command[1:]
    if words[:2] == ("neigh", "del"):
        _neighbour_deleted(texts, f"{place}neigh", words)
    elif words[:3] == ("neigh", "add", "proxy"):
        key = f"{place}neigh-proxy"
        texts.put_items(key, [*texts.items(key), {"dst": words[3], "dev": words[5], "proxy": None}])
    elif words[:2] == ("rule", "add"):
        _rule_added(texts, f"{place}rule6" if six else f"{place}rule", words[2:])
    elif words[:2] == ("route", "del"):
        _route_deleted(texts, f"{place}route", words)
    elif words[:2] in {("route", "add"), ("route", "replace")}:
        _route_put(texts, f"{place}route", words, six=six)
    else:
        raise NotModelled(" ".join(words))


def _neighbour_deleted(texts: Texts, key: str, words: Argv) -> None:
    kept = [each for each in texts.items(key) if (each["dst"], each["dev"]) != (words[2], words[4])]
    texts.put_items(key, kept)


def _route_deleted(texts: Texts, key: str, words: Argv) -> None:
    """``route del [TYPE] PREFIX [table N]``."""
    kind, dst = words[2:4] if len(words) > 3 and words[3] != "table" else ("unicast", words[2])
    at = (kind, words[-1] if words[-2] == "table" else "main")
    routes = texts.items(key)
    kept = [
        each
        for each in routes
        if not ((each.get("type", "unicast"), each.get("table", "main")) == at and _same_dst(each["dst"], dst))
    ]
    if len(kept) == len(routes):
        raise NotModelled(dst)
    texts.put_items(key, kept)


def _route_put(texts: Texts, key: str, words: Argv, *, six: bool) -> None:
    """``route add|replace PREFIX [via ADDRESS] [dev DEVICE] [table N]``."""
    routes = texts.items(key)
    options = dict(zip(words[3::2], words[4::2], strict=True))
    table = options.get("table", "main")
    device = options.get("dev") or _towards(routes, options["via"])
    mine = [each for each in routes if _same_dst(each["dst"], words[2]) and each.get("table", "main") == table]
    kept = [each for each in routes if words[1] == "add" or each not in mine]
    new = {"dst": words[2], "dev": device, "flags": [], **({"gateway": options["via"]} if "via" in options else {})}
    six_mark = {"pref": "medium"} if six else {}  # by which a default route says that it is IPv6's
    texts.put_items(key, [{**new, **six_mark, **({"table": table} if table != "main" else {})}, *kept])


_SELECTORS = {"from": "src", "to": "dst", "fwmark": "fwmark", "lookup": "table", "pref": "priority", "iif": "iif"}


def _rule_added(texts: Texts, key: str, words: Argv) -> None:
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
