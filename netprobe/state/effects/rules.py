"""iptables and nft: rules, policies and elements of sets, put in and taken out as the kernel does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from netprobe.state.effects.texts import NEW_LINK, NotModelled, Texts
from netprobe.state.iptables import split

if TYPE_CHECKING:
    from netprobe.model.remedy import Argv


BACKENDS = ("iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy")


def iptables(texts: Texts, place: str, command: Argv) -> None:
    """``iptables [-t TABLE] -A|-I|-D|-P CHAIN …``."""
    words = list(command[1:])
    table = "filter"
    if words[0] == "-t":
        table, words = words[1], words[2:]
    verb, chain, rest = words[0], words[1], words[2:]
    key = place + command[0]
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


def nft(texts: Texts, place: str, command: Argv) -> None:
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
        new = {"rule": {**at, "handle": NEW_LINK, "expr": _expressions(command[6:])}}
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
    if (left, right) == ("arp", "ip"):
        name, right, words = f"{name} ip", words[3], words[1:]
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
