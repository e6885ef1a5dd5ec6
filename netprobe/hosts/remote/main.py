"""The program's beginning and its end."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Dict

from netprobe.hosts.remote import commands, engine, files, sysctls
from netprobe.hosts.remote.children import Children
from netprobe.hosts.remote.drops import Drops
from netprobe.hosts.remote.nested import Nested
from netprobe.hosts.remote.server import Server
from netprobe.hosts.remote.sniffers import Sniffers
from netprobe.hosts.remote.sockets import Sockets
from netprobe.hosts.remote.tracer import Tracer


class Ended(BaseException):
    """A signal asks this program to end."""


def _end(_signal: int, _frame: object) -> None:
    raise Ended


def main(boot: str, program: bytes) -> None:
    """Serve requests until the input ends or a signal comes; leave no child behind."""
    children = Children()
    sniffers = Sniffers(children)
    sockets = Sockets()
    tracer = Tracer(children)
    drops = Drops(children)
    nested = Nested(children, boot, program)

    def enter(request: Dict[str, Any]) -> Dict[str, Any]:
        children.enter(request["key"], request["pid"])
        return {}

    server = Server(
        {
            "hello": lambda _request: {"python": list(sys.version_info[:3]), "uid": os.geteuid()},
            "watch": lambda request: server.watch(request),  # noqa: PLW0108 - it is not there yet
            "enter": enter,
            "run": lambda request: commands.run(children, request),
            "read": files.read,
            "proxies": commands.proxies,
            "sysctls": sysctls.read,
            "sniff": sniffers.start,
            "tail": sniffers.tail,
            "stop": sniffers.stop,
            "trace": tracer.start,
            "untrace": tracer.stop,
            "watch-drops": drops.start,
            "drops": drops.stop,
            "bind": sockets.bind,
            "ask": sockets.ask,
            "go": sockets.go,
            "engine": engine.get,
            "within": nested.within,
        },
        sys.stdout.buffer,
    )
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, _end)
        server.serve(sys.stdin.buffer)
    except Ended:
        pass
    finally:
        children.end()
        os._exit(0)
