"""What the kernel itself tells of a packet (`--trace`): the rules that it met, and why it was dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.endpoint import Endpoint
    from netprobe.model.hop import Direction
    from netprobe.model.rule import RuleRef


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One rule that a traced packet met and matched, or a chain's policy.

    Attributes:
        rule: which. Its text is ``""`` for a policy, and for a rule that nft did not know.
        verdict: of this packet: ``accept``, ``drop``, ``continue``, ``return``, ``jump DOCKER`` …
    """

    rule: RuleRef
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceWalk:
    """How one of the probe's packets went through a host's rules, by the kernel's own trace (``--trace``).

    Attributes:
        host: where. direction, leg: as of a hop.
        src, dst, info: the packet as it came into this host or was sent by it.
        frame: the packet's frame at a point of this host that saw it like that, 0 when none did.
        count: how many packets of this direction and leg went like this.
        steps: in the order in which it met them.
    """

    host: str
    direction: Direction
    leg: int
    src: Endpoint
    dst: Endpoint
    info: str = ""
    frame: int = 0
    count: int = 1
    steps: tuple[TraceStep, ...] = ()

    @property
    def dropped_by(self) -> TraceStep | None:
        """The step that dropped it; None when none did."""
        return self.steps[-1] if self.steps and self.steps[-1].verdict == "drop" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelDrop:
    """One of the probe's packets that the kernel dropped, by its own reason (``--trace`` with bpftrace).

    Attributes:
        host, container: in whose network namespace (container None: the host's own). direction, leg: as of a hop.
        src, dst, info: the packet as it was then.
        reason: its name in that kernel, ``NETFILTER_DROP``. at: the kernel's function, ``nft_do_chain``.
        interface: the interface that it was on, ``""`` none.
        count: how many packets like it.
    """

    host: str
    container: str | None = None
    direction: Direction
    leg: int
    src: Endpoint
    dst: Endpoint
    info: str = ""
    reason: str
    at: str
    interface: str = ""
    count: int = 1

    @property
    def place(self) -> str:
        """Where, by the namespace: ``server2``, ``demo@server2``."""
        return self.host if self.container is None else f"{self.container}@{self.host}"

    @property
    def times(self) -> str:
        """``, 3 times``; nothing for once."""
        return f", {self.count} times" if self.count > 1 else ""
