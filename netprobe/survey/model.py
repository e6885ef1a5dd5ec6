"""One host of the inventory: the answers that it gave, and what they come to."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.state import CommandOutput


class Usable(StrEnum):
    """Whether ``explain`` can work with a host: in full, without some of its state, or not at all."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClock:
    """How far a host's clock is ahead of this machine's, in seconds, and how much that may be off."""

    offset_s: float
    uncertainty_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one host answered, unread.

    Attributes:
        name, reach, become: its entry in the inventory.
        fault: why it could not be reached, ``""`` when it was; hint: what to do about it, where that is known already.
        uid, python: of the program that ran there, after ``become``; None where it did not run.
        missing: the programs that were asked for and are not installed there.
        outputs: command outputs and files by key, of the Engine too.
        engine_fault, engine_hint: why its Engine could not be asked, and what to do about it.
        clock: None where it is this machine's own.
    """

    name: str
    reach: str = "local"
    become: str = ""
    fault: str = ""
    hint: str = ""
    uid: int | None = None
    python: str = ""
    missing: tuple[str, ...] = ()
    outputs: Mapping[str, CommandOutput] = field(default_factory=dict)
    engine_fault: str = ""
    engine_hint: str = ""
    clock: HostClock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that a host lacks. ``fatal``: ``explain`` cannot work with that host at all."""

    what: str
    cost: str
    hint: str
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInterface:
    """An interface that could be sniffed, if it is up.

    ``kind`` is that of ``ip -d link``, ``""`` for hardware and lo; ``master`` the bridge that it is a port of, ``""`` none.
    """

    name: str
    kind: str
    up: bool
    master: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """A host's Docker Engine.

    ``fault`` is not empty where there should be one and it does not answer; ``of`` where it is another host's of the inventory (as
    DOCKER_HOST may say): its containers count there.
    """

    version: str = ""
    api: str = ""
    fault: str = ""
    hint: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """One host, judged.

    Attributes:
        fault, hint: why it could not be reached, and what to do about it; empty when it was.
        root: whether netprobe is root there; None unknown.
        kernel, python: versions, ``""`` unknown.
        backend: ``nf_tables`` or ``legacy``: what ``iptables`` writes to; ``""`` unknown.
        engine: None: a plain host.
        running, containers: how many containers run, and how many there are; None unknown.
        interfaces: None unknown.
        clock: None where it is this machine's own, or unknown.
        lacks: the fatal ones first.
        same_as: the host of the inventory that is this very machine, ``""`` none.
    """

    name: str
    reach: str
    become: str = ""
    fault: str = ""
    hint: str = ""
    root: bool | None = None
    kernel: str = ""
    python: str = ""
    backend: str = ""
    engine: EngineFacts | None = None
    running: int | None = None
    containers: int | None = None
    interfaces: tuple[HostInterface, ...] | None = None
    clock: HostClock | None = None
    lacks: tuple[Lack, ...] = ()
    same_as: str = ""

    @property
    def usable(self) -> Usable:
        """Say whether ``explain`` can work with it."""
        engine_silent = self.engine is not None and bool(self.engine.fault)
        if self.fault or engine_silent or any(lack.fatal for lack in self.lacks):
            return Usable.NO
        return Usable.PARTLY if self.lacks else Usable.YES


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All hosts of an inventory.

    Attributes:
        hosts: in its order.
        origin: its file, ``""`` where there is none.
        local: the name under which this machine is in it, ``""`` where it is not (a lab's hosts).
        tshark: whether that is installed here.
    """

    hosts: tuple[HostFacts, ...]
    origin: str = ""
    local: str = "local"
    tshark: bool = True

    @property
    def all_usable(self) -> bool:
        """Say whether there is no host that ``explain`` cannot work with."""
        return all(host.usable is not Usable.NO for host in self.hosts if not host.same_as)
