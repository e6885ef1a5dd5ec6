"""A rule of ``nft -j`` in nft's own words, as near as needed to recognise it (where its text was not collected).

Source: nft(8).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from netprobe.state.issues import text_of
from netprobe.state.nft_meta import fib_flags

if TYPE_CHECKING:
    from collections.abc import Callable

_DEPTH = 24  # nesting of an expression that is still shown


def show(value: Any, depth: int = 0) -> str:
    """An expression in nft's own words, as near as needed to recognise it; JSON where no words are known."""
    if depth > _DEPTH:
        return "…"
    if isinstance(value, bool):
        return "exists" if value else "missing"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return "{ " + ", ".join(show(each, depth + 1) for each in value) + " }"
    if not isinstance(value, dict) or len(value) != 1:
        return json.dumps(value, sort_keys=True)
    ((name, body),) = value.items()
    return _show_named(name, body, depth)


def _show_named(name: str, body: Any, depth: int) -> str:
    shown = _SHOW.get(name)
    if shown is not None and isinstance(body, dict):
        return shown(body, depth + 1)
    if name in _BETWEEN and isinstance(body, list):
        return _BETWEEN[name].join(show(each, depth + 1) for each in body)
    if name == "set" and isinstance(body, list):
        return "{ " + ", ".join(_element(each, depth + 2) for each in body) + " }"
    if body is None:
        return str(name)
    return f"{name} {json.dumps(body, sort_keys=True) if isinstance(body, dict) else show(body, depth + 1)}"


def _element(value: Any, depth: int) -> str:
    """One of a set, or of a map: a key and what it leads to."""
    pair = value if isinstance(value, list) and len(value) == 2 else None
    return show(value, depth) if pair is None else f"{show(pair[0], depth)} : {show(pair[1], depth)}"


def _show_match(body: dict[str, Any], depth: int) -> str:
    op = text_of(body, "op")
    left = body.get("left")
    computed = isinstance(left, dict) and not _COMPUTED.isdisjoint(left)  # then nft writes `==` as well
    middle = "" if op in {"in", ""} or (op == "==" and not computed) else f"{op} "
    return f"{show(left, depth)} {middle}{show(body.get('right'), depth)}"


def _rate(body: dict[str, Any], depth: int) -> str:
    unit, burst = text_of(body, "rate_unit"), body.get("burst")
    over, rate = "over " if body.get("inv") else "", show(body.get("rate"), depth)
    amount = f"{rate} {unit}" if unit not in {"", "packets"} else rate
    shown = f"limit rate {over}{amount}/{text_of(body, 'per')}"
    usual = burst in (None, 0, 5)  # nft writes none then
    return shown if usual else f"{shown} burst {burst} {text_of(body, 'burst_unit') or 'packets'}"


def _amount(name: str, value: str) -> Callable[[dict[str, Any], int], str]:
    def shown(body: dict[str, Any], _: int) -> str:
        over = "over " if body.get("inv") else ""
        return f"{name} {over}{body.get(value)} {text_of(body, value + '_unit')}".strip()

    return shown


def _set_statement(body: dict[str, Any], depth: int) -> str:
    statements = body.get("stmt")
    shown = [show(each, depth) for each in statements] if isinstance(statements, list) else []
    return f"{text_of(body, 'op')} {text_of(body, 'set')} {{ {' '.join((show(body.get('elem'), depth), *shown))} }}"


def _payload(body: dict[str, Any], _: int) -> str:
    if "base" in body:
        return f"@{body.get('base')},{body.get('offset')},{body.get('len')}"
    return f"{text_of(body, 'protocol')} {text_of(body, 'field')}".strip()


def _in_order(name: str, *keys: str) -> Callable[[dict[str, Any], int], str]:
    """The name, then what the body has of the keys: a value alone, or behind its word where the key ends in a space (``mod 2``); none of 0."""

    def shown(body: dict[str, Any], depth: int) -> str:
        words = [name]
        for key in keys:
            value = body.get(key.strip())
            if value not in (None, 0, ""):
                words.append(f"{key if key.endswith(' ') else ''}{show(value, depth)}")
        return " ".join(words)

    return shown


def _option(name: str) -> Callable[[dict[str, Any], int], str]:
    """A field of an option, chunk or extension header, or the whole: ``tcp option maxseg size``, ``exthdr frag``, ``rt type``."""
    named = _in_order(name, "name", "type", "field")

    def shown(body: dict[str, Any], depth: int) -> str:
        if "base" in body:
            return f"{name} {_payload(body, depth)}"
        return named(body, depth).removeprefix("exthdr " if "field" in body else "")

    return shown


def _jhash(body: dict[str, Any], depth: int) -> str:
    rest = {**body, "seed": f"{body['seed']:#x}"} if isinstance(body.get("seed"), int) else body
    return _in_order("jhash", "expr", "mod ", "seed ", "offset ")(rest, depth)


def _log(body: dict[str, Any], depth: int) -> str:
    quoted = {**body, "prefix": f'"{text_of(body, "prefix")}"'} if body.get("prefix") else body
    flags = body.get("flags")
    each = flags if isinstance(flags, list) else [flags] if flags else []
    words = _in_order("log", "prefix ", "group ", "snaplen ", "queue-threshold ", "level ")(quoted, depth)
    return " ".join((words, *(f"flags {show(flag, depth)}" for flag in each)))


def _queue(body: dict[str, Any], depth: int) -> str:
    flags = body.get("flags")
    joined = ",".join(show(each, depth) for each in flags) if isinstance(flags, list) else flags
    return _in_order("queue", "flags ", "to ")({"flags": joined, "to": show(body.get("num"), depth)}, depth)


def _synproxy(body: dict[str, Any], depth: int) -> str:
    flags = body.get("flags")
    each = flags if isinstance(flags, list) else [flags] if flags else []
    words = _in_order("synproxy", "mss ", "wscale ")(body, depth)
    return " ".join((words, *(show(flag, depth) for flag in each)))


def _copy(name: str) -> Callable[[dict[str, Any], int], str]:
    """``dup`` and ``fwd``: to an address by a device, or to a device."""

    def shown(body: dict[str, Any], depth: int) -> str:
        to, device = (body.get("addr"), body.get("dev")) if "addr" in body else (body.get("dev"), None)
        return _in_order(name, "family", "to ", "device ")({**body, "to": to, "device": device}, depth)

    return shown


def _ct(body: dict[str, Any], _: int) -> str:
    return " ".join(filter(None, ("ct", text_of(body, "dir"), text_of(body, "key"))))


def _to(name: str) -> Callable[[dict[str, Any], int], str]:
    def shown(body: dict[str, Any], depth: int) -> str:
        address = "" if body.get("addr") is None else show(body["addr"], depth)
        ends = f"{address}{_colon(body.get('port'), depth)}"
        return f"{name} to {ends}" if ends else name

    return shown


def _colon(port: Any, depth: int) -> str:
    return "" if port is None else f":{show(port, depth)}"


_UNQUALIFIED = frozenset(
    {"iif", "iifname", "iifgroup", "oif", "oifname", "oifgroup"}
)  # nft writes no "meta" before them
_COMPUTED = frozenset({"&", "|", "^", "<<", ">>"})
_BETWEEN = {**{each: f" {each} " for each in _COMPUTED}, "concat": " . ", "range": "-"}
_SHOW: dict[str, Callable[[dict[str, Any], int], str]] = {
    "match": _show_match,
    "payload": _payload,
    "meta": lambda body, _: (
        text_of(body, "key") if text_of(body, "key") in _UNQUALIFIED else f"meta {text_of(body, 'key')}"
    ),
    "ct": _ct,
    "socket": _in_order("socket", "key"),
    "rt": _in_order("rt", "family", "key"),
    "osf": _in_order("osf", "ttl ", "key"),
    "ipsec": _in_order("ipsec", "dir", "spnum ", "family", "key"),
    "tunnel": _in_order("tunnel", "key"),
    "xt": _in_order("xt", "type", "name"),
    "numgen": _in_order("numgen", "mode", "mod ", "offset "),
    "symhash": _in_order("symhash", "mod ", "offset "),
    "jhash": _jhash,
    **{name: _option(name) for name in ("exthdr", "ip option", "tcp option", "sctp chunk", "dccp option")},
    "log": _log,
    "queue": _queue,
    "synproxy": _synproxy,
    **{name: _copy(name) for name in ("dup", "fwd")},
    "fib": lambda body, _: f"fib {' . '.join(fib_flags(body))} {text_of(body, 'result')}",
    "vmap": lambda body, depth: f"{show(body.get('key'), depth)} vmap {show(body.get('data'), depth)}",
    "map": lambda body, depth: f"{show(body.get('key'), depth)} map {show(body.get('data'), depth)}",
    "mangle": lambda body, depth: f"{show(body.get('key'), depth)} set {show(body.get('value'), depth)}",
    "elem": lambda body, depth: show(body.get("val"), depth),
    "set": _set_statement,
    "limit": _rate,
    "quota": _amount("quota", "val"),
    "ct count": _amount("ct count", "val"),
    "meter": lambda body, depth: (
        f"meter {text_of(body, 'name')} {{ {show(body.get('key'), depth)} {show(body.get('stmt'), depth)} }}"
    ),
    "flow": lambda body, _: f"flow {text_of(body, 'op')} {text_of(body, 'flowtable')}",
    **{name: _to(name) for name in ("dnat", "snat", "masquerade", "redirect", "tproxy")},
    "prefix": lambda body, depth: f"{show(body.get('addr'), depth)}/{show(body.get('len'), depth)}",
    "counter": lambda body, _: f"counter packets {body.get('packets')} bytes {body.get('bytes')}",
    "jump": lambda body, _: f"jump {text_of(body, 'target')}",
    "goto": lambda body, _: f"goto {text_of(body, 'target')}",
    "reject": lambda body, _: " ".join(filter(None, ("reject with", text_of(body, "type"), text_of(body, "expr")))),
}
