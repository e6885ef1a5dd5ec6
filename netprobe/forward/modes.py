"""The two modes of a walk: the way that a packet will take by the state (prediction), and every way that it might take (capture points)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

from netprobe.forward.model import Stopped, UnknownHere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle
    from netprobe.model.rule import RuleRef

T = TypeVar("T")


class Mode(ABC):
    """How a walk goes on at an obstacle, at what the state does not tell, and at a fork.

    Attributes:
        heeds_rules: firewall rules are looked at.
        explores: it goes every way that is possible; else the one that the state tells.
        discovers: it asks for link addresses before it sends.
    """

    heeds_rules: bool = True
    explores: bool = False
    discovers: bool = True

    @abstractmethod
    def meet(self, obstacle: Obstacle) -> None:
        """Come to an obstacle: raise Stopped, or pass it."""

    @abstractmethod
    def unknown(self, why: UnknownHere) -> None:
        """Come to what the state does not tell: raise it, or pass as if nothing were there."""

    @abstractmethod
    def choose(self, known: Sequence[T], others: Callable[[], Iterable[T]], why: str) -> T:
        """Take one way at a fork.

        Args:
            known: the way that the state tells, or nothing.
            others: the ways that are possible besides.
            why: what the state does not tell, for a fork without a known way.

        Raises:
            UnknownHere: there is no way that is known, or none at all.
        """

    def gone(self, place: Place) -> frozenset[RuleRef]:  # noqa: ARG002 - the mode's signature
        """A namespace's rules and policies that are passed as if they were not there."""
        return frozenset()


class Predicting(Mode):
    """The way that the packet will take; where the state does not tell, nothing is guessed.

    Args:
        past: obstacles (by place and label) that are passed, with the rest of their hook.
        gone: rules and policies (and whose they are) that are taken to be deleted, or ACCEPT: what follows them in their hook counts.
    """

    def __init__(
        self, past: frozenset[tuple[Place, str]] = frozenset(), gone: frozenset[tuple[Place, RuleRef]] = frozenset()
    ) -> None:
        self._past = past
        self._gone = gone

    def meet(self, obstacle: Obstacle) -> None:
        """Stop, unless this one is to be passed."""
        if (obstacle.place, obstacle.label) not in self._past:
            raise Stopped(obstacle)

    def unknown(self, why: UnknownHere) -> None:
        """End here."""
        raise why

    def choose(self, known: Sequence[T], others: Callable[[], Iterable[T]], why: str) -> T:  # noqa: ARG002 - the mode's signature
        """Take the known way."""
        if not known:
            raise UnknownHere(why)
        return known[0]

    def gone(self, place: Place) -> frozenset[RuleRef]:
        """Those that were said to be gone."""
        return frozenset(rule for where, rule in self._gone if where == place)


class Exploring(Mode):
    """One of the ways that the packet might take: at the n-th fork the one that ``script`` says, behind its end always the first.

    Obstacles are passed. A walk that leaves what the state tells is not sure any more, and heeds no rules: they told otherwise.

    Attributes:
        sure: nothing that the state tells speaks against this way.
        open: the scripts of the ways that were left aside.
    """

    discovers = False  # it passes what would stop that

    def __init__(self, script: tuple[int, ...] = ()) -> None:
        self._script = script
        self._taken: tuple[int, ...] = ()
        self.explores = self.sure = True
        self.open: list[tuple[int, ...]] = []

    def meet(self, obstacle: Obstacle) -> None:
        """Pass it."""

    def unknown(self, why: UnknownHere) -> None:
        """Pass it."""

    def choose(self, known: Sequence[T], others: Callable[[], Iterable[T]], why: str) -> T:
        """Take the scripted way, and note the others."""
        options = list(dict.fromkeys((*known, *others())))
        if not options:
            raise UnknownHere(why)
        at = len(self._taken)
        pick = self._script[at] if at < len(self._script) else 0
        if at >= len(self._script):
            self.open += [(*self._taken, other) for other in range(1, len(options))]
        self._taken = (*self._taken, pick)
        if known and options[pick] != known[0]:
            self.sure = self.heeds_rules = False
        return options[pick]


class Supposing(Exploring):
    """The first of the ways that it might take, where nothing that is unknown stops it: what is known to stop it still does."""

    discovers = True

    def meet(self, obstacle: Obstacle) -> None:
        """Stop."""
        raise Stopped(obstacle)
