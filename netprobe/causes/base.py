"""What a cause is: one defect, one class, one stable code. A class answers with a finding, or None when it is not it.

The docstring of each class has fixed headings (What it is, Why it happens, Evidence, Remedy, Source): people read them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from netprobe.causes.proof.known import lacks

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.report import Finding
    from netprobe.paths.observe import Symptom


class Cause(ABC):
    """One root cause.

    Attributes:
        code: the public cause code (the catalogue's first column).
        symptoms: the packets' stories that it can explain; with any other it is not even asked.
        note: it describes connections that work: a finding, and the cause only for what it ``explains``.
        explains: a note's symptoms that are failures which it is the reason for.
        needs: the outputs of host commands that decide whether it is this one (see :mod:`netprobe.causes.proof.known`).
        instead_of: the codes of less specific causes that the same packets fit: while ``needs`` are not known, they are not said.
    """

    code: ClassVar[str]
    symptoms: ClassVar[frozenset[Symptom]]
    note: ClassVar[bool] = False
    explains: ClassVar[frozenset[Symptom]] = frozenset()
    needs: ClassVar[tuple[str, ...]] = ()
    instead_of: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def find(self, case: Case) -> Finding | None:
        """The finding, when packets and state show that this is it; None otherwise (also when the state is unknown)."""

    def undecided(self, case: Case) -> bool:
        """Whether it cannot be told from the causes that it stands ``instead_of``, for want of host state."""
        return bool(self.instead_of) and lacks(case, *self.needs)

    def possible(self, case: Case) -> bool:  # noqa: ARG002 - causes that can be ruled out override this
        """False when known state rules this cause out; used to list what may still be, when nothing was proved."""
        return True
