"""An Engine's list of containers: which of them to inspect on a host that has very many, and what the list alone tells of the others.

The list (GET /containers/json) is one answer, whatever their number; an inspect is one question each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state.issues import dict_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

JsonObject = dict[str, Any]
_SERVICE = "com.docker.compose.service"

FRESH = "second"
"""In a Status that tells of less than a minute (go-units HumanDuration): ``Up 5 seconds``, ``Up Less than a second``."""


def choose(listed: Iterable[Mapping[str, Any]], wanted: Collection[str], most: int) -> list[str]:
    """Return the ids to inspect: all of them, or of more than `most` those that matter most.

    Those that go by a wanted name, id or address come first; then those with a wanted port; then those that do not run, of which the
    list tells the least.
    """
    entries = list(listed)
    if len(entries) > most:
        entries.sort(key=lambda entry: _rank(entry, wanted))
    return [ident(entry) for entry in entries[:most]]


def ident(entry: Mapping[str, Any]) -> str:
    """Return a container's id."""
    return str(entry["Id"])


def is_named(entry: Mapping[str, Any], wanted: Collection[str]) -> bool:
    """Tell whether one of these words is its name, its id, its Compose service or one of its addresses."""
    words = {str(name).lstrip("/") for name in entry.get("Names") or ()} | {ident(entry), ident(entry)[:12]}
    words.add(str(dict_of(dict(entry), "Labels").get(_SERVICE)))
    for endpoint in _endpoints(entry).values():
        words |= {str((endpoint or {}).get(key)) for key in ("IPAddress", "GlobalIPv6Address")}
    return not words.isdisjoint(wanted)


def _rank(entry: Mapping[str, Any], wanted: Collection[str]) -> int:
    if is_named(entry, wanted):
        return 0
    ports = {str(port.get(key)) for port in entry.get("Ports") or () for key in ("PublicPort", "PrivatePort")}
    if not ports.isdisjoint(wanted):
        return 1
    return 2 if entry.get("State") != "running" else 3


def _endpoints(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return (entry.get("NetworkSettings") or {}).get("Networks") or {}


def as_inspect(entry: Mapping[str, Any]) -> JsonObject:
    """Return what the list tells of a container in the shape of an inspect.

    Not told: its process, what it publishes while it does not run, its links, aliases, sandbox and exit status.
    """
    names = [str(name) for name in entry.get("Names") or ()]
    own = [name for name in names if name.count("/") == 1]  # /web/db: an alias that web has for it (--link)
    return {
        "Id": ident(entry),
        "Name": next(iter([*own, *names]), ""),
        "State": {"Status": entry.get("State")},
        "Config": {"Image": entry.get("Image"), "Labels": dict_of(dict(entry), "Labels")},
        "HostConfig": {"NetworkMode": (entry.get("HostConfig") or {}).get("NetworkMode")},
        "NetworkSettings": {"Ports": _ports(entry), "Networks": dict(_endpoints(entry))},
    }


def _ports(entry: Mapping[str, Any]) -> JsonObject:
    found: JsonObject = {}
    for port in entry.get("Ports") or ():
        bound = found.setdefault(f"{port.get('PrivatePort')}/{port.get('Type')}", [])
        if port.get("PublicPort"):
            bound.append({"HostIp": port.get("IP") or "", "HostPort": str(port["PublicPort"])})
    return found


def is_as_before(entry: Mapping[str, Any], earlier: Mapping[str, Any], seconds: float) -> bool:
    """Tell whether a container that was listed twice, so many seconds apart, is surely the same, not started again in between.

    The list tells its name, state, ports and networks, and since when it has been in that state: over a minute is no restart in less (the answer may take some seconds).
    """
    return entry == earlier and seconds < 30.0 and FRESH not in str(entry.get("Status", FRESH))
