"""Where two runs part before a packet of theirs leaves: the name's lookup, and what was dialled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.journey import of_roles
from netprobe.diff.model import Parting, PartingKind
from netprobe.evidence.model import Resolution
from netprobe.model.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.diff.model import RunSide
    from netprobe.diff.roles import Roles
    from netprobe.evidence.model import Lookup


def of_lookup(good: RunSide, bad: RunSide, roles: tuple[Mapping[str, Roles], Mapping[str, Roles]]) -> Parting | None:
    """Return the difference of how the name was looked up, and of what it gave."""
    if good.probe is None or bad.probe is None:
        return None
    ours, theirs = good.probe.lookup, bad.probe.lookup
    gave = [
        tuple(sorted(of_roles(each, named) for each in look.addresses))
        for look, named in zip((ours, theirs), roles, strict=True)
    ]
    failed = Resolution.FAILED in {ours.how, theirs.how}
    if (
        ours.how is theirs.how
        and (not failed or ours.rcode == theirs.rcode)
        and (ours.how is Resolution.INVENTORY or gave[0] == gave[1])
    ):
        return None
    return Parting(kind=PartingKind.LOOKUP, good=_looked_up(ours, roles[0]), bad=_looked_up(theirs, roles[1]))


def _whose(text: str, roles: Mapping[str, Roles]) -> str:
    return next((each.within(text) for each in roles.values() if each.within(text)), "")


def _looked_up(lookup: Lookup, roles: Mapping[str, Roles]) -> str:
    name = lookup.name or "the name"
    if lookup.how is Resolution.FAILED:
        said = f" ({lookup.rcode})" if lookup.rcode else ""
        last = f": {lookup.steps[-1]}" if lookup.steps else ""
        return f"{name} was not resolved{said}{last}"
    where = {
        Resolution.HOSTS_FILE: "the hosts file",
        Resolution.EMBEDDED_DNS: "Docker's embedded DNS server",
        Resolution.UPSTREAM_DNS: f"the name server {lookup.server or ''}".rstrip(),
        Resolution.INVENTORY: "the hosts' own state",
    }.get(lookup.how)
    gave = ", ".join(f"{each}{_whose(each, roles)}" for each in lookup.addresses) or "no address"
    return f"{name} gave {gave}, by {where}" if where else f"an address was dialled: {gave}"


def of_dialled(good: RunSide, bad: RunSide, roles: tuple[Mapping[str, Roles], Mapping[str, Roles]]) -> Parting | None:
    """Return the difference of what was dialled."""
    if good.probe is None or bad.probe is None:
        return None
    ends = [
        Endpoint(each.probe.dialled, each.probe.dialled_port) if each.probe and each.probe.dialled else None
        for each in (good, bad)
    ]
    named = [of_roles(str(end), role) if end else "" for end, role in zip(ends, roles, strict=True)]
    if named[0] == named[1]:
        return None
    said = [
        f"{end}{_whose(str(end), role)} was dialled" if end else "nothing was dialled"
        for end, role in zip(ends, roles, strict=True)
    ]
    return Parting(kind=PartingKind.DIALLED, good=said[0], bad=said[1])
