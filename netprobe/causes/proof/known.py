"""Whether what would decide is known at all: the outputs of host commands that a cause rests upon, at both moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.model import Host

_INSIDE = "ns/*/"

#: What most causes rest upon: while one of these was asked for in vain, known state rules out next to nothing.
BASIC = (
    *("addr", "route", "rule", "neigh", "sockets", "sysctl", "resolv-conf", "iptables", "containers", "networks"),
    *("ns/*/addr", "ns/*/route", "ns/*/rule", "ns/*/sockets", "ns/*/iptables"),
)


def lacks(case: Case, *keys: str, everywhere: bool = False) -> bool:
    """Whether one of these outputs is missing or failed, before or after the probe, on a host that the question is about.

    Args:
        case: the run.
        keys: keys of :class:`~netprobe.evidence.state.HostState`; ``ns/*/KEY`` is KEY of every container namespace that was entered.
        everywhere: of any host of the inventory.
    """
    return any(
        host is None or not _tells(host, key)
        for moment in (case.before, case.after)
        for host in map(moment, case.world.before if everywhere else _asked(case))
        for key in keys
    )


def in_vain(case: Case, *keys: str) -> bool:
    """Whether one of these outputs was asked for in vain, before or after the probe, on any host. Never asked for does not count."""
    outputs = (host.outputs.outputs for hosts in (case.world.before, case.world.after) for host in hosts.values())
    return any(not output.ok and _is_one(key, keys) for each in outputs for key, output in each.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An output that was asked for in vain: of which host, under which key, and by which command (none for files)."""

    host: str
    key: str
    argv: tuple[str, ...] = ()


def missing(case: Case, *keys: str) -> tuple[Unread, ...]:
    """Those of these outputs that were asked for in vain, before or after the probe, on any host."""
    found = (
        Unread(host=name, key=key, argv=output.argv)
        for hosts in (case.world.before, case.world.after)
        for name, host in hosts.items()
        for key, output in host.outputs.outputs.items()
        if not output.ok and _is_one(key, keys)
    )
    return tuple(dict.fromkeys(found))


def _is_one(key: str, wanted: tuple[str, ...]) -> bool:
    return (f"{_INSIDE}{key.rpartition('/')[2]}" if key.startswith("ns/") else key) in wanted


def _asked(case: Case) -> set[str]:
    """The hosts of source and target, and the one that was dialled."""
    probe = case.probe
    names = {place.host for place in (probe.source_at, probe.target_at) if place is not None} if probe else set()
    return names | ({case.dialled_host.name} if case.dialled_host else set())


def _tells(host: Host, key: str) -> bool:
    outputs = host.outputs.outputs
    if key in host.engine.outputs and not host.engine.outputs & outputs.keys():
        return True  # a plain host has no engine
    keys = [f"ns/{name}/{key.removeprefix(_INSIDE)}" for name in host.namespaces] if key.startswith(_INSIDE) else [key]
    return all(each in outputs and outputs[each].ok for each in keys)
