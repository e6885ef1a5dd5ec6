"""The container engine's socket of this host, read for netprobe: GET requests alone, as nothing is ever written to an engine."""

from __future__ import annotations

import json
import socket
import threading
import time

from netprobe.hosts.remote.threads import side_by_side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from netprobe.hosts.remote.children import Children

ALL_BYTES = 256 << 20
PARALLEL = 8


class _Asking:
    """One request's questions: each bounded, and all together."""

    def __init__(self, request: Dict[str, Any]) -> None:
        self._socket = request["socket"]
        self._seconds = request["seconds"]
        self._until = time.monotonic() + request["all_seconds"]
        self._left = ALL_BYTES
        self._lock = threading.Lock()

    def get(self, path: str) -> Dict[str, Any]:
        """GET one path: ``{"status", "body"}``, or ``{"error"}``."""
        seconds = min(self._seconds, self._until - time.monotonic())
        if seconds <= 0:
            return {"error": "no time left"}
        try:
            answer = self._exchange(path, time.monotonic() + seconds)
        except OSError as error:
            return {"error": error.strerror or str(error) or "no answer"}
        return _parsed(answer)

    def _exchange(self, path: str, deadline: float) -> bytes:
        """Ask in HTTP/1.0, whose answer is all that comes until the other side closes (RFC 1945 section 7.2.2)."""
        kept: List[bytes] = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.connect(self._socket)
            sock.sendall(b"GET %s HTTP/1.0\r\nHost: docker\r\n\r\n" % path.encode())
            while True:
                sock.settimeout(max(0.001, deadline - time.monotonic()))
                part = sock.recv(1 << 20)
                if not part:
                    return b"".join(kept)
                kept.append(part)
                with self._lock:
                    self._left -= len(part)
                    if self._left < 0:
                        raise OSError(0, "answers of more than %d MiB" % (ALL_BYTES >> 20))


def _parsed(answer: bytes) -> Dict[str, Any]:
    """Take status and body out of an answer; its ``Content-Length``, where it has one, says whether it is whole."""
    head, end, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status = lines[0].split(b" ")
    if not end or not status[0].startswith(b"HTTP/1.") or len(status) < 2 or not status[1].isdigit():
        return {"error": "not HTTP" if answer else "no answer"}
    fields = dict(line.lower().replace(b" ", b"").split(b":", 1) for line in lines[1:] if b":" in line)
    length = fields.get(b"content-length", b"")
    if length.isdigit() and int(length) != len(body):
        return {"error": "an answer that is not whole"}
    return {"status": int(status[1]), "body": body.decode("utf-8", "replace")}


def get(request: Dict[str, Any]) -> Dict[str, Any]:
    """GET the ``paths`` of the engine at ``socket``: ``{"answers": {path: …}}``, or ``{"errno", "error"}`` where nobody can be asked.

    An answer is ``{"status", "body"}``, or ``{"error"}``. ``follow``, a list of ``{path, each, most}``: when the answer at ``path``
    is a list of at most ``most`` entries, each entry's path (``each`` with its Id put in) is asked for too. No question may take
    longer than ``seconds``, all together no longer than ``all_seconds``.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(request["seconds"])
            probe.connect(request["socket"])
    except OSError as error:
        return {"errno": error.errno or 0, "error": error.strerror or str(error)}
    asking = _Asking(request)
    paths = list(request["paths"])
    answers = dict(zip(paths, side_by_side(asking.get, paths, PARALLEL)))
    more = [path for each in request.get("follow", ()) for path in _entries(answers[each["path"]], each)]
    answers.update(zip(more, side_by_side(asking.get, more, PARALLEL)))
    return {"answers": answers}


def _entries(answer: Dict[str, Any], follow: Dict[str, Any]) -> List[str]:
    """Return the paths of a list's entries; none where the answer is no such list."""
    if answer.get("status") != 200:
        return []
    try:
        entries = json.loads(answer["body"])
        idents = [str(entry["Id"]) for entry in entries]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    if len(idents) > follow["most"]:
        return []
    return [follow["each"] % ident for ident in idents if ident.isalnum()]


def operations(_children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    return {"engine": get}
