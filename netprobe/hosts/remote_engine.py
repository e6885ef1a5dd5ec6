"""The docker SDK over a session: the remote program asks the Engine's socket there, no port is opened anywhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from docker.api.client import APIClient
from requests import Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as NoAnswer
from requests.structures import CaseInsensitiveDict

from netprobe.hosts.session import HostLostError, RemoteError

if TYPE_CHECKING:
    from requests import PreparedRequest

    from netprobe.hosts.session import Session

_URL = "http://localhost:2375"  # names nothing: every request goes to the session


class _BySession(BaseAdapter):
    """Has the remote program send each request."""

    def __init__(self, session: Session, path: str, seconds: float) -> None:
        super().__init__()
        self._session, self._path, self._seconds = session, path, seconds

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Send one request. Raises requests' ConnectionError when the engine, or the session, does not answer."""
        if request.method != "GET":
            raise NoAnswer(f"{request.method}: nothing is written to an engine")
        try:
            answer = self._session.ask(
                "engine", self._seconds + 5, socket=self._path, path=request.path_url, seconds=self._seconds
            )
        except (RemoteError, HostLostError) as error:
            raise NoAnswer(str(error)) from None
        if "error" in answer:
            raise NoAnswer(f"{self._path}: {answer['error']}")
        response = Response()
        response.status_code = int(answer["status"])
        response.headers = CaseInsensitiveDict({"Content-Type": str(answer["type"])})
        response.raw = io.BytesIO(str(answer["body"]).encode())
        response.encoding = "utf-8"
        response.url, response.request = request.url or "", request
        return response

    def close(self) -> None:
        """Nothing is held."""


class RemoteClient(APIClient):
    """The SDK's low-level client, on an Engine that a session reaches."""

    def __init__(self, session: Session, path: str, seconds: float) -> None:
        self._by_session = _BySession(session, path, seconds)
        super().__init__(base_url=_URL, version="auto", timeout=int(seconds))

    def get_adapter(self, url: str) -> BaseAdapter:
        """Return the same adapter for every address."""
        del url
        return self._by_session


def probe(session: Session, path: str, seconds: float) -> int | None:
    """Return the errno with which the Engine's socket cannot be used there, None when it answers.

    Raises:
        HostLostError: the session ended.
        RemoteError: the remote program could not be asked.
    """
    answer = session.ask("engine", seconds + 5, socket=path, path="/_ping", seconds=seconds)
    return int(answer["errno"]) if "error" in answer else None
