"""The container engine's socket of this host, read for netprobe: GET requests alone, as nothing is ever written to an engine."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.client import HTTPConnection, HTTPException

from netprobe.hosts.remote.threads import side_by_side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from netprobe.hosts.remote.children import Children

BYTES = 64 << 20
ALL_BYTES = 256 << 20
PARALLEL = 8


class _Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


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
        connection = _Connection(self._socket, seconds)
        try:
            connection.request("GET", path, headers={"Host": "docker"})
            answer = connection.getresponse()
            return self._bounded(answer.status, answer.read(BYTES + 1))
        except OSError as error:
            return {"error": error.strerror or str(error) or "no answer"}
        except HTTPException as error:
            return {"error": "not HTTP: %s" % type(error).__name__}
        finally:
            connection.close()

    def _bounded(self, status: int, body: bytes) -> Dict[str, Any]:
        with self._lock:
            self._left -= len(body)
            if len(body) > BYTES or self._left < 0:
                return {"error": "an answer of more than %d MiB" % ((BYTES if self._left >= 0 else ALL_BYTES) >> 20)}
        return {"status": status, "body": body.decode("utf-8", "replace")}


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
