"""The Docker Engine's socket of this host, read for somebody elsewhere: GET requests alone, as nothing is ever written to it."""

from __future__ import annotations

import http.client
import os
import socket
from typing import Any, Dict

BYTES = 64 << 20


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(request: Dict[str, Any]) -> Dict[str, Any]:
    """GET ``path`` of the engine at ``socket``: ``{"status", "type", "body"}``, or ``{"errno", "error"}`` when it cannot be asked."""
    connection = _Connection(request["socket"], request["seconds"])
    try:
        connection.request("GET", request["path"], headers={"Host": "docker"})
        answer = connection.getresponse()
        body = answer.read(BYTES + 1)
        if len(body) > BYTES:
            return {"errno": 0, "error": "an answer of more than 64 MiB"}
        return {
            "status": answer.status,
            "type": answer.getheader("Content-Type") or "",
            "body": body.decode("utf-8", "replace"),
        }
    except OSError as error:
        return {"errno": error.errno or 0, "error": error.strerror or str(error) or os.strerror(error.errno or 0)}
    except http.client.HTTPException as error:
        return {"errno": 0, "error": "not HTTP: %s" % type(error).__name__}
    finally:
        connection.close()
