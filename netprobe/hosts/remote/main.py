"""The program's beginning and its end."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading

from netprobe.hosts.remote.children import Children
from netprobe.hosts.remote.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from netprobe.hosts.remote.server import Operation

PARTS = {
    "run": "commands",
    "proxies": "commands",
    "read": "files",
    "sysctls": "sysctls",
    "engine": "engine",
    "bind": "sockets",
    "ask": "sockets",
    "go": "sockets",
    "within": "nested",
    "sniff": "sniffers",
    "tail": "sniffers",
    "quiet": "sniffers",
    "stop": "sniffers",
    "trace": "tracer",
    "untrace": "tracer",
    "watch-drops": "drops",
    "drops": "drops",
}
"""The module that answers an operation. It is loaded when the first of them is asked for: most hosts are asked for few."""


class Operations:
    """Every operation by its name."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._lock = threading.Lock()
        self._known: Dict[str, Operation] = {"hello": _hello, "enter": self._enter}

    def find(self, name: str) -> Operation:
        """Return an operation, its module loaded if need be.

        Raises:
            KeyError: there is none of that name.
        """
        with self._lock:
            if name not in self._known:
                module = importlib.import_module("netprobe.hosts.remote." + PARTS[name])
                self._known.update(module.operations(self._children))
            return self._known[name]

    def add(self, name: str, operation: Operation) -> None:
        """Add one that is not of a module."""
        self._known[name] = operation

    def _enter(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._children.enter(request["key"], request["pid"])
        return {}


def _hello(_request: Dict[str, Any]) -> Dict[str, Any]:
    return {"python": list(sys.version_info[:3]), "uid": os.geteuid()}


def _end_input(_signal: int, _frame: object) -> None:
    """Let the input end here and now. Raising would interrupt whatever goes on, and `timeout` sends each signal twice."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)


def main(boot: str, program: bytes) -> None:
    """Serve requests until the input ends or a signal comes; leave no child behind."""
    children = Children(boot, program)
    operations = Operations(children)
    server = Server(operations.find, sys.stdout.buffer)
    operations.add("watch", server.watch)
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, _end_input)
        server.serve(sys.stdin.buffer)
    finally:
        try:
            children.end()
        finally:
            os._exit(0)
