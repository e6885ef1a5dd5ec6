"""The kernel's own drop reasons (``--trace`` with bpftrace) held against the packets and the cause.

A reason says what kind of check a packet did not pass, not which rule or setting: it supports a cause, and names none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import NEIGH_FAILED, NO_SOCKET
from netprobe.causes.proof.traced import ends_of
from netprobe.model.hop import Direction
from netprobe.model.trace import KernelDrop

if TYPE_CHECKING:
    from netprobe.causes.base import Cause
    from netprobe.causes.case import Case
    from netprobe.model.report import Finding
    from netprobe.state.drops import Dropped


def kernel_drops(case: Case) -> tuple[KernelDrop, ...] | None:
    """The journey's packets that were lost, by host and in order, equal ones counted together; None where no host told."""
    hosts = [(name, host.dropped) for name, host in case.world.after.items() if host.dropped is not None]
    if not hosts:
        return None
    found = [_of(case, name, each) for name, dropped in hosts for each in dropped or () if each.is_loss]
    counts = Counter(drop for drop in found if drop is not None)
    return tuple(replace(drop, count=count) for drop, count in counts.items())


def untold(case: Case) -> tuple[str, ...]:
    """One line a reason why hosts did not tell what their kernel dropped; nothing where nobody asked, or the trace says the same."""
    hosts: dict[str, list[str]] = {}
    for name, host in case.world.after.items():
        output, trace = host.outputs.outputs.get("drops"), host.outputs.outputs.get("trace")
        if output is not None and not output.ok and (trace is None or trace.error != output.error):
            hosts.setdefault(output.error or f"exit status {output.rc}", []).append(name)
    return tuple(f"{', '.join(names)}: no drop reasons from the kernel: {why}" for why, names in hosts.items())


def supported(case: Case, cause: Cause, finding: Finding) -> Finding:
    """A cause's finding with what the kernel says to the same effect, on the same host, as the last of its evidence."""
    said = [
        f"{drop.place}: the kernel's own drop reason is {drop.reason}, in {drop.at}: {drop.src} → {drop.dst} {drop.info}".rstrip()
        + drop.times
        for drop in kernel_drops(case) or ()
        if _agrees(cause, finding, drop)
    ]
    return replace(finding, evidence=(*finding.evidence, *said))


def _agrees(cause: Cause, finding: Finding, drop: KernelDrop) -> bool:
    """Whether a drop says what the finding says; who gets no answer to ARP may be at the other end of what is wrong."""
    here = drop.host == (finding.where.host or drop.host) or drop.reason in NEIGH_FAILED
    if not here or drop.reason not in cause.drop_reasons:
        return False
    back = drop.direction is Direction.REPLY
    return drop.reason not in NO_SOCKET or back is cause.drops_answer


def _of(case: Case, host: str, dropped: Dropped) -> KernelDrop | None:
    """A drop as the report has it; None where it may be somebody else's packet."""
    place = _placed(case, dropped)
    if place is None:
        return None
    return KernelDrop(
        host=host,
        container=dropped.container,
        direction=place[0],
        leg=place[1],
        src=dropped.src,
        dst=dropped.dst,
        info=dropped.info,
        reason=dropped.reason,
        at=dropped.at,
        interface=dropped.interface,
    )


def _placed(case: Case, dropped: Dropped) -> tuple[Direction, int] | None:
    """Whose packet it is: the journey's by its ends, or by the probe's own port, which translation mostly keeps."""
    known = ends_of(case).get((dropped.src, dropped.dst))
    if known is not None:
        return known
    local = case.probe.result.local if case.probe is not None else None
    if local is None:
        return None
    if case.transport == "icmp":
        return {"echo request": (Direction.REQUEST, 1), "echo reply": (Direction.REPLY, 1)}.get(dropped.info)
    if dropped.src.port == local[1]:
        return Direction.REQUEST, 1
    return (Direction.REPLY, 1) if dropped.dst.port == local[1] else None
