"""What is asked of a container engine, and what it answers. Two ways to ask: through a host's session, and by the docker SDK."""

from __future__ import annotations

import errno
import os
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

JsonObject = dict[str, Any]

TIMEOUT_S = 5
"""How long one question may take."""


class EngineError(Exception):
    """The Engine cannot be asked. The text says why; ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All containers as the Engine lists them (GET /containers/json), and some of them inspected, by id; one that is gone is left out."""

    entries: Sequence[JsonObject]
    inspected: Mapping[str, JsonObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What an Engine tells of itself: GET /version and /info, its networks inspected, its containers."""

    version: JsonObject
    info: JsonObject
    networks: Sequence[JsonObject]
    containers: Listing


class Client(Protocol):
    """A way to ask an Engine. Every method raises EngineError when it cannot be asked."""

    def overview(self, most: int) -> Overview | None:
        """Ask for everything; containers are inspected unless there are more than `most`. None: there is no Engine, and need not be one."""

    def containers(self, idents: Collection[str]) -> Listing:
        """List all containers, and inspect these."""

    def inspect(self, idents: Collection[str]) -> dict[str, JsonObject]:
        """Inspect containers; one that is gone is left out."""

    def events(self, questions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Ask for past events: parameters of GET /events by container id -> what was answered; what was not is left out, and is no error."""


def no_answer(what: str, why: object) -> EngineError:
    """Return the error of an Engine that was asked and did not answer as it should."""
    text = " ".join(str(why).split())[:200]
    return EngineError(f"Docker does not answer ({what}): {text}", "is the engine healthy? docker info")


def no_engine(url: str, why: str = "") -> EngineError:
    """Return the error of an Engine that is not there: nobody answers at its URL."""
    hint = "start it (systemctl start docker), or say where it listens: DOCKER_HOST, or docker = in the hosts file"
    return EngineError(f"no engine answers at {url}: is Docker running?", f"{why}; {hint}" if why else hint)


def socket_error(path: str, number: int) -> EngineError:
    """Return the error of a socket that cannot be connected to, by its errno."""
    if number == errno.ENOENT:
        return no_engine(f"unix://{path}", "there is no such socket")
    if number == errno.ECONNREFUSED:
        return no_engine(f"unix://{path}", "nobody listens there")
    if number in (errno.EACCES, errno.EPERM):
        return EngineError(f"{path}: permission denied", "run as root, or as a member of the group docker")
    return EngineError(f"{path}: {os.strerror(number) if number else 'no answer'}", "check the host's docker = entry")
