"""Requests in, answers out: one JSON object a line, each request answered from its own thread.

A network that swallows everything never ends the input, so whoever asks over one sends empty lines, and has the silence watched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Callable, Dict

    Operation = Callable[[Dict[str, Any]], Dict[str, Any]]


class Server:
    """Answers requests until the input ends."""

    def __init__(self, find: Callable[[str], Operation], output: IO[bytes]) -> None:
        self._find = find
        self._output = output
        self._lock = threading.Lock()
        self._heard = time.monotonic()

    def watch(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """End this program once nothing was heard for ``seconds``."""
        threading.Thread(target=self._watch, args=(request["seconds"],), daemon=True).start()
        return {}

    def _watch(self, seconds: float) -> None:
        pause = threading.Event()
        while True:
            left = self._heard + seconds - time.monotonic()
            if left <= 0:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            pause.wait(left)

    def serve(self, source: IO[bytes]) -> None:
        """Read ``{"id", "op", …}`` lines; write ``{"id", "ok": …}`` or ``{"id", "error": …}`` lines in any order; an empty line is a sign of life."""
        for line in iter(source.readline, b""):
            self._heard = time.monotonic()
            if not line.strip():
                continue
            request = json.loads(line.decode())
            threading.Thread(target=self._answer, args=(request,), daemon=True).start()

    def _answer(self, request: Dict[str, Any]) -> None:
        answer: Dict[str, Any] = {"id": request["id"]}
        try:
            answer["ok"] = self._find(request["op"])(request)
        except (OSError, ValueError, KeyError, TypeError, AssertionError, subprocess.SubprocessError) as error:
            answer["error"] = "%s: %s" % (type(error).__name__, error)
        self.write(answer)

    def write(self, answer: Dict[str, Any]) -> None:
        """Write one answer; when nobody reads any more, the end of the input is near as well."""
        data = json.dumps(answer).encode() + b"\n"
        with self._lock:
            try:
                self._output.write(data)
                self._output.flush()
            except (BrokenPipeError, ValueError):
                return
