"""What a cause is: one defect, one class, one stable code. A class answers with a finding, or None when it is not it.

The docstring of each class has fixed headings (What it is, Why it happens, Evidence, Remedy, Source): people read them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from netprobe.causes.proof.known import lacks
from netprobe.causes.remedies.past_rule import ways_past_rule
from netprobe.causes.remedies.steps import setting
from netprobe.model.hop import Direction

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Barrier, Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.model.report import Finding
    from netprobe.paths.story import Symptom

#: The kernel's drop reasons (Linux include/net/dropreason-core.h) that several causes share: a filter's rule; no socket; nobody answered ARP.
NETFILTER_DROP: Final = frozenset({"NETFILTER_DROP"})
NO_SOCKET: Final = frozenset({"NO_SOCKET"})
NEIGH_FAILED: Final = frozenset({"NEIGH_FAILED"})

#: What would tell whether a firewall rule is to blame.
TRACE: Final = "the same question with --trace: the kernel names the rule, or shows that none stops it"


def undone(case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
    """Return what takes a predicted obstacle away, or lets the packet past it, where one command does."""
    if not obstacle.undo:
        return ()
    if obstacle.rule is None:
        return (setting(case, obstacle.place, obstacle.undo),)
    reply = obstacle.direction is Direction.REPLY
    return ways_past_rule(case, obstacle.place, obstacle.rule, obstacle.undo, hook=obstacle.hook, reply=reply)


class Cause(ABC):
    """One root cause.

    Attributes:
        code: the public cause code (the catalogue's first column).
        symptoms: the packets' stories that it can explain; with any other it is not even asked.
        note: it describes connections that work: a finding, and the cause only for what it ``explains``.
        explains: a note's symptoms that are failures which it is the reason for.
        needs: the outputs of host commands that decide whether it is this one (see :mod:`netprobe.causes.proof.known`).
        instead_of: less specific causes that the same packets fit: while ``needs`` are not known, they are not said.
        barriers: the obstacles of a predicted walk that it explains (see :meth:`explains_obstacle`).
        drop_reasons: the reasons that the kernel gives for a drop where this is the cause. They support it and prove nothing: a reason
            names no rule and no setting.
        drops_answer: the packet that finds no socket is the answer; otherwise that one is but late.
        reads: the outputs of host commands that it is proved by (``ns/*/KEY``: of a container's namespace): where one could not be read, it is
            likelier than a cause that had all it needs and did not fire.
        looked_up: it concerns a name that was looked up: not where an address was dialled, or the inventory told it.
        tells: what would show whether it is this one, in a few words.
        beyond_state: no host's state shows it (or no walk of a first packet, which is small): that prediction and packets differ is
            its very evidence.
        by_name: what its name gave shows it, wherever the packets go: a prediction asks it, too.
    """

    code: ClassVar[str]
    symptoms: ClassVar[frozenset[Symptom]]
    note: ClassVar[bool] = False
    explains: ClassVar[frozenset[Symptom]] = frozenset()
    needs: ClassVar[tuple[str, ...]] = ()
    instead_of: ClassVar[frozenset[type[Cause]]] = frozenset()
    barriers: ClassVar[frozenset[Barrier]] = frozenset()
    drop_reasons: ClassVar[frozenset[str]] = frozenset()
    drops_answer: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    looked_up: ClassVar[bool] = False
    tells: ClassVar[str] = ""
    beyond_state: ClassVar[bool] = False
    by_name: ClassVar[bool] = False

    @abstractmethod
    def find(self, case: Case) -> Finding | None:
        """The finding, when packets and state show that this is it; None otherwise (also when the state is unknown)."""

    def is_reason(self, case: Case) -> bool:  # noqa: ARG002 - notes that know better override it
        """A note that was found: whether it is the reason why this connection fails (one of ``explains``), or beside that."""
        return True

    def undecided(self, case: Case) -> bool:
        """Whether it cannot be told from the causes that it stands ``instead_of``, for want of host state."""
        return bool(self.instead_of) and lacks(case, *self.needs)

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:  # noqa: ARG002 - some look at the case as well
        """Whether a predicted obstacle is this defect: by its kind; causes that share a kind look closer."""
        return obstacle.barrier in self.barriers

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """What takes a predicted obstacle of this kind away."""
        return undone(case, obstacle)

    def possible(self, case: Case) -> bool:  # noqa: ARG002 - causes that can be ruled out override this
        """False when known state rules this cause out; used to list what may still be, when nothing was proved."""
        return True
