"""What is asked of a host's program, in words: for whoever wants to watch (``-v``)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from netprobe.model.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Doing = Callable[[str, str], object]
    """(host, what is done there): called as it is asked for, from any thread."""

_PLAIN = {
    "hello": "who am I there?",
    "proxies": "reads /proc: which docker-proxy processes are there?",
    "quiet": "waits until the capture points are quiet",
    "stop": "closes the capture points",
    "untrace": "ends the kernel's trace, and removes its table",
    "watch-drops": "runs bpftrace for the kernel's drop reasons, where it is installed",
    "drops": "ends bpftrace",
}
_UNTOLD = frozenset({"watch", "tail"})
"""Said every few moments."""


def nobody(host: str, what: str) -> None:
    """Nobody watches."""
    del host, what


def begins(argv: Sequence[str]) -> str:
    """Return what is said of a program that is started: its argv, without the text of the program."""
    return f"starts its program: {shlex.join(argv[:-1])} …"


def words(operation: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each thing that a request has done.

    Args:
        operation: its name, of ``hosts.remote.server``.
        arguments: as they are sent.
    """
    if operation in _UNTOLD:
        return
    if operation == "within":
        request = dict(arguments["request"])
        for each in words(request.pop("op"), request):
            yield f"{each}{_inside(arguments['ns'])}"
        return
    told = _TOLD.get(operation)
    if told is not None:
        yield from told(arguments)
    else:
        yield _PLAIN.get(operation, operation)


def _inside(namespace: str | None) -> str:
    return f"  (in {namespace})" if namespace else ""


def _run(arguments: Mapping[str, Any]) -> Iterator[str]:
    for each in arguments["commands"]:
        unless = f"  (unless {each['other_than']} says the same)" if each.get("other_than") else ""
        yield f"runs {shlex.join(each['argv'])}{_inside(each['ns'])}{unless}"


def _read(arguments: Mapping[str, Any]) -> Iterator[str]:
    for each in arguments["files"]:
        whose = f"  (as process {each['pid']} sees it)" if each.get("pid") else ""
        yield f"reads {each['path']}{whose}"


def _sysctls(arguments: Mapping[str, Any]) -> Iterator[str]:
    yield f"reads /proc/sys: {' '.join(arguments['patterns'])}"


def _engine(arguments: Mapping[str, Any]) -> Iterator[str]:
    asked = [f"GET {path}" for path in arguments["paths"]]
    asked += [f"GET {each['each'] % '…'} for each of {each['path']}" for each in arguments.get("follow", ())]
    yield f"asks the engine at {arguments['socket']}: {', '.join(asked)}"


def _sniff(arguments: Mapping[str, Any]) -> Iterator[str]:
    for each in arguments["points"]:
        argv = ["tcpdump", "-i", each["interface"], "-p", each["filter"]]
        yield f"opens capture point {each['key']}: {shlex.join(argv)}{_inside(each['ns'])}"


def _enter(arguments: Mapping[str, Any]) -> Iterator[str]:
    yield f"enters the network namespace of {arguments['key']} (process {arguments['pid']})"


def _bind(arguments: Mapping[str, Any]) -> Iterator[str]:
    yield f"binds a socket for {arguments['proto']} towards {arguments['address']}"


def _go(arguments: Mapping[str, Any]) -> Iterator[str]:
    at = Endpoint(arguments["address"], arguments["port"])
    yield f"sends the probe: {arguments['proto']} to {at}, {arguments['seconds']:.1f} s at most"


def _ask(arguments: Mapping[str, Any]) -> Iterator[str]:
    yield f"asks the name server {arguments['server']}, {arguments['seconds']:.1f} s at most"


def _trace(arguments: Mapping[str, Any]) -> Iterator[str]:
    yield f"has the kernel trace the probe: adds the temporary table {arguments['table']}, and runs nft monitor trace"


_TOLD: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "run": _run,
    "read": _read,
    "sysctls": _sysctls,
    "engine": _engine,
    "sniff": _sniff,
    "enter": _enter,
    "bind": _bind,
    "go": _go,
    "ask": _ask,
    "trace": _trace,
}
