"""The same program once more, inside a container's network namespace: the prober of a container source.

A process of its own, as a thread cannot change its namespace without the risk of taking others with it.
"""

from __future__ import annotations

import json
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen
    from typing import Any, Callable, Dict

    from netprobe.hosts.remote.children import Children


class Nested:
    """Programs by namespace key, each asked one thing at a time."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._lock = threading.Lock()
        self._running: Dict[str, Popen[bytes]] = {}

    def within(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Pass ``request`` on to the program inside namespace ``ns``, which is started when it is not there yet."""
        with self._lock:
            child = self._running.get(request["ns"]) or self._start(request["ns"], request["life_seconds"])
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps({**request["request"], "id": 0}).encode() + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
        if not line:
            raise OSError("the prober ended early: %s" % _last_words(child))
        answer: Dict[str, Any] = json.loads(line.decode())
        if "error" in answer:
            raise OSError(answer["error"])
        result: Dict[str, Any] = answer["ok"]
        return result

    def _start(self, namespace: str, seconds: float) -> Popen[bytes]:
        child = self._running[namespace] = self._children.spawn_again(seconds, namespace)
        return child


def _last_words(child: Popen[bytes]) -> str:
    stream = child.stderr
    said = stream.read(2000).decode("utf-8", "replace").strip() if stream is not None else ""
    return said.splitlines()[-1] if said else "no reason given"


def operations(children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    return {"within": Nested(children).within}
