"""What could not be read, supposed: as at the other moment of the run, or else holding nothing special. For alternatives only, never for a verdict.

A cause that fires under such a supposition is the likeliest of those that are still possible: all that is known speaks for it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from netprobe.evidence.state import CommandOutput
from netprobe.state.address import ip
from netprobe.state.issues import Issues
from netprobe.state.links import parse_links
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState

    Outputs = Mapping[str, CommandOutput]

_RULES: Final = json.dumps(
    [
        {"priority": 0, "src": "all", "table": "local"},
        {"priority": 32766, "src": "all", "table": "main"},
        {"priority": 32767, "src": "all", "table": "default"},
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """Evidence in which what could not be read is supposed, and in which words."""

    evidence: Evidence
    words: tuple[str, ...]


def suppose(evidence: Evidence) -> Supposed | None:
    """Return the evidence with a supposition for each output that was asked for in vain; None where there is none to make."""
    words: dict[str, None] = {}
    after = {state.host: state for state in evidence.after}
    first, last = [], []
    for state in evidence.before:
        later = after.pop(state.host, None)
        first.append(_filled(state, later, words))
        if later is not None:
            last.append(_filled(later, state, words))
    if not words:
        return None
    return Supposed(evidence=replace(evidence, before=tuple(first), after=(*last, *after.values())), words=tuple(words))


def _filled(state: HostState, other: HostState | None, words: dict[str, None]) -> HostState:
    outputs = dict(state.outputs)
    for key, output in state.outputs.items():
        twin = other.outputs.get(key) if other is not None else None
        text = None if output.ok else twin.stdout if twin is not None and twin.ok else _neutral(key, state.outputs)
        if text is not None:
            same = twin is not None and twin.ok
            words[
                f"{state.host}'s {key} was the same before and after"
                if same
                else f"{state.host}'s {key} held nothing unusual"
            ] = None
            outputs[key] = CommandOutput(argv=output.argv, rc=0, stdout=text)
    return replace(state, outputs=outputs)


def _neutral(key: str, outputs: Outputs) -> str | None:
    prefix, _, kind = key.rpartition("/")
    make = _NEUTRAL.get(kind)
    return make(outputs, f"{prefix}/" if prefix else "") if make is not None else None


def _connected(outputs: Outputs, prefix: str) -> str | None:
    """The routes that addresses make by themselves (net/ipv4/fib_frontend.c, fib_add_ifaddr)."""
    output = outputs.get(f"{prefix}addr")
    links = parse_links(output.stdout, Issues("addr")) if output is not None and output.ok else None
    if links is None:
        return None
    routes: list[dict[str, Any]] = []
    for link in links:
        for each in link.addresses:
            routes.append(
                {"type": "local", "dst": each.address, "dev": link.name, "table": "local", "scope": "host", "flags": []}
            )
            if ip(each.address) is not None and each.prefix and link.up and not link.loopback:
                routes.append(
                    {"dst": each.prefix, "dev": link.name, "scope": "link", "prefsrc": each.address, "flags": []}
                )
    return json.dumps(routes)


def _switches(outputs: Outputs, prefix: str) -> str | None:
    """A host that forwards, and checks no reverse path."""
    output = outputs.get(f"{prefix}addr")
    links = parse_links(output.stdout, Issues("addr")) if output is not None and output.ok else ()
    names = ["all", "default", *(link.name.replace(".", "/") for link in links or ())]
    lines = [
        f"net.ipv4.conf.{name}.{what}"
        for name in names
        for what in ("forwarding = 1", "rp_filter = 0", "route_localnet = 1")
    ]
    bridge = [f"net.bridge.bridge-nf-call-{each} = 1" for each in ("iptables", "ip6tables")]
    return "\n".join(
        [
            "net.ipv4.ip_forward = 1",
            "net.ipv4.icmp_echo_ignore_all = 0",
            "net.ipv6.conf.all.forwarding = 1",
            *lines,
            *bridge,
        ]
    )


def _text(text: str) -> Callable[[Outputs, str], str | None]:
    return lambda _outputs, _prefix: text


#: What an output holds where nothing is special, by the last part of its key; what is not here cannot be supposed.
_NEUTRAL: Final[Mapping[str, Callable[[Outputs, str], str | None]]] = {
    "nft": _text('{"nftables": []}'),
    "iptables-legacy": _text(""),
    "ip6tables-legacy": _text(""),
    "ip6tables": _text(""),
    "neigh": _text("[]"),
    "neigh-proxy": _text("[]"),
    "rule": _text(_RULES),
    "rule6": _text(_RULES),
    "route": _connected,
    "sysctl": _switches,
}
