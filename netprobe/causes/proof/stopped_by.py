"""That a rule (or a policy) stopped the packet, and what proves it: one value, whoever found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.model.remedy import Argv
    from netprobe.model.report import Confidence
    from netprobe.model.rule import Hook, RuleRef


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedBy:
    """One rule or policy that stopped the packet, or may have.

    Attributes:
        rule: which. place: in whose namespace it stands. undo: the argv that takes it away.
        hook: where it stands in the packet's way; None where that is not known.
        before, after: its packet counter; equal for one that does not count.
        traced: the kernel's own trace of the packet ends there.
        walked: the walk through the hosts' state ends there, and so do the packets. back: it is the answer that ends there.
        confidence: certain where the walk surely ends there.
    """

    rule: RuleRef
    place: Place
    undo: Argv
    hook: Hook | None
    before: int = 0
    after: int = 0
    traced: bool = False
    walked: bool = False
    back: bool = False
    confidence: Confidence

    @property
    def host(self) -> str:
        """On which host."""
        return self.place.host

    @property
    def delta(self) -> int:
        """How many packets it counted."""
        return self.after - self.before

    @property
    def does(self) -> str:
        """``drops`` or ``rejects``."""
        return "rejects" if self.rule.rejects else "drops"

    @property
    def text(self) -> str:
        """The rule's text; an nftables rule's without its counter."""
        return self.rule.shown

    @property
    def proof(self) -> str:
        """``counter 0 → 3``, and what the kernel's trace says; what stands for them where the rule does not count."""
        found = [f"counter {self.before} → {self.after}"] if self.delta else []
        found += ["the kernel's trace of the packet ends there"] if self.traced else []
        return ", and ".join(found) or f"it {self._uncounted}"

    @property
    def evidence(self) -> str:
        """The same as a sentence: ``filter/FORWARD #1 counter 0 → 3``."""
        if self.delta:
            return f"{self.rule} {self.proof}"
        return f"{self.rule}: {self.proof}" if self.traced else f"{self.rule} {self._uncounted}"

    @property
    def _uncounted(self) -> str:
        return f"does not count; the walk through {self.place.container or self.host}'s rules ends there"
