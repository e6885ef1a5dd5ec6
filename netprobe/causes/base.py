"""What a cause is: one defect, one class, one stable code. A class answers with a finding, or None when it is not it.

The docstring of each class has fixed headings (What it is, Why it happens, Evidence, Remedy, Source): people read them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.paths.observe import Symptom
    from netprobe.report.model import Finding


class Cause(ABC):
    """One root cause.

    Attributes:
        code: the public cause code (the catalogue's first column).
        symptoms: the packets' stories that it can explain; with any other it is not even asked.
        note: it describes connections that work: a finding, and the cause only for what it ``explains``.
        explains: a note's symptoms that are failures which it is the reason for.
    """

    code: ClassVar[str]
    symptoms: ClassVar[frozenset[Symptom]]
    note: ClassVar[bool] = False
    explains: ClassVar[frozenset[Symptom]] = frozenset()

    @abstractmethod
    def find(self, case: Case) -> Finding | None:
        """The finding, when packets and state show that this is it; None otherwise (also when the state is unknown)."""

    def possible(self, case: Case) -> bool:  # noqa: ARG002 - causes that can be ruled out override this
        """False when known state rules this cause out; used to list what may still be, when nothing was proved."""
        return True
