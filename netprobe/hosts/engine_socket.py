"""Where the engine of a host of this machine listens, as far as that is a socket here; and a question to it, without a session. Both are quick."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from netprobe.hosts.remote import engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.inventory.hosts import HostEntry

USUAL = "/var/run/docker.sock"
UNIX = "unix://"


def engine_socket(host: HostEntry) -> str | None:
    """Return the path of the socket; None: the host has no engine, or another machine would have to be asked."""
    if not host.reach.same_machine or host.docker is None:
        return None
    url = host.docker or os.environ.get("DOCKER_HOST") or _of_context() or UNIX + USUAL
    return url.removeprefix(UNIX) if url.startswith(UNIX) else None


def ask(socket: str, paths: Iterable[str], seconds: float) -> dict[str, Any]:
    """GET paths of the engine at a socket, side by side: what :func:`netprobe.hosts.remote.engine.get` returns.

    ``seconds`` bounds connecting to it, and again all the answers together.
    """
    return engine.get({"socket": socket, "paths": list(paths), "seconds": seconds, "all_seconds": seconds})


def _of_context() -> str:
    """Return the URL of the docker context in use, ``""`` where it is the usual one: what ``docker context`` keeps, by the hash of its name."""
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111
    try:
        name = os.environ.get("DOCKER_CONTEXT") or str(_read(folder, "config.json").get("currentContext") or "")
        if name in {"", "default"}:
            return ""
        from hashlib import sha256

        kept = _read(folder, "contexts", "meta", sha256(name.encode()).hexdigest(), "meta.json")
        endpoints: Any = kept["Endpoints"]
        return str(endpoints["docker"]["Host"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ""


def _read(*parts: str) -> dict[str, object]:
    with open(os.path.join(*parts), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        value: dict[str, object] = json.load(file)
    return value
