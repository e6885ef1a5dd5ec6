"""Whether two runs are of one question: only then their first difference means something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from netprobe.diff.model import RunSide
    from netprobe.evidence.model import Probe

_SUFFIXES = ("/tcp", "/udp")


def same_question(good: RunSide, bad: RunSide) -> tuple[str, ...]:
    """Return in what the two differ that does not make them two questions, a sentence each.

    Raises:
        UsageFault: they ask something else: another target, port, protocol or source.
    """
    if good.probe is None or bad.probe is None:
        return _by_packets(good, bad)
    ours, theirs = words_of(good.probe), words_of(bad.probe)
    other = [f"{name}: {ours[name]} and {theirs[name]}" for name in ours if ours[name] != theirs[name]]
    if other:
        _refuse(other)
    return tuple(_beside(good.probe, bad.probe))


def _refuse(other: list[str]) -> None:
    raise UsageFault(
        f"the two are of different questions ({'; '.join(other)})",
        "compare two runs of one question: same target, port, protocol and source",
    )


def words_of(
    probe: Probe, *, target: str | None = None, source: str | None = None, protocol: str | None = None
) -> dict[str, str]:
    """Return what was asked, in the words in which it was; ``target``, ``source`` and ``protocol`` in place of the probe's own."""
    asked = target or probe.target
    for suffix in _SUFFIXES:
        asked = asked.removesuffix(suffix)
    return {"target": asked, "protocol": protocol or probe.proto.value, "source": source or probe.source}


def _beside(good: Probe, bad: Probe) -> list[str]:
    found = []
    if good.size != bad.size:
        found.append(f"the payload: {_bytes(good.size)} and {_bytes(bad.size)}")
    if good.predict != bad.predict:
        found.append(f"{'GOOD' if good.predict else 'BAD'} sent nothing: it is a prediction")
    if good.fail != bad.fail:
        found.append(f"{'GOOD' if good.fail else 'BAD'} alone takes a status of 400 and above for a failure (--fail)")
    return found


def _bytes(size: int | None) -> str:
    return "of the usual size" if size is None else f"{size} bytes"


def _by_packets(good: RunSide, bad: RunSide) -> tuple[str, ...]:
    """Captures from elsewhere have no question of their own: who asked whom, by their packets."""
    ours, theirs = _ends(good), _ends(bad)
    other = [
        f"{name}: {ours[name]} and {theirs[name]}"
        for name in ours
        if ours[name] and theirs[name] and ours[name] != theirs[name]
    ]
    if other:
        _refuse(other)
    return ()


def _ends(side: RunSide) -> dict[str, str]:
    """Whom the first packet is from and for; by the question where there is one."""
    first = next((hop.packet for hop in side.report.hops if hop.packet is not None), None)
    if first is None:
        return {"source": "", "target": side.report.dialled or "", "protocol": ""}
    return {"source": first.src.address, "target": str(first.dst), "protocol": first.proto}
