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
        return show(body, depth + 1)
    if body is None:
        return str(name)
    return f"{name} {json.dumps(body, sort_keys=True) if isinstance(body, dict) else show(body, depth + 1)}"


def _show_match(body: dict[str, Any], depth: int) -> str:
    op = text_of(body, "op")
    middle = "" if op in {"==", "in", ""} else f"{op} "
    return f"{show(body.get('left'), depth)} {middle}{show(body.get('right'), depth)}"


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


_BETWEEN = {**{each: f" {each} " for each in ("&", "|", "^", "<<", ">>")}, "concat": " . ", "range": "-"}
_SHOW: dict[str, Callable[[dict[str, Any], int], str]] = {
    "match": _show_match,
    "payload": _payload,
    "meta": lambda body, _: (
        f"meta {text_of(body, 'key')}" if text_of(body, "key") == "l4proto" else text_of(body, "key")
    ),
    "ct": _ct,
    "fib": lambda body, _: f"fib {' '.join(fib_flags(body))} {text_of(body, 'result')}",
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
