"""An Engine asked by the docker SDK: by TCP, with TLS, at a docker context's address, or from a host that cannot be reached otherwise."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from docker.api.client import APIClient
from docker.errors import DockerException, NotFound
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from netprobe.hosts.engine_client import TIMEOUT_S, Listing, Overview, no_answer, no_engine, socket_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from netprobe.hosts.engine_client import JsonObject

PARALLEL = 8
T = TypeVar("T")


class SdkClient:
    """Asks one Engine, in the API version that it negotiates."""

    def __init__(self, url: str, *, from_environment: bool) -> None:
        """Name the Engine; it is asked for the first time by a method.

        Args:
            url: where it listens.
            from_environment: whether DOCKER_TLS_VERIFY and DOCKER_CERT_PATH count.
        """
        self._url = url
        self._arguments: dict[str, Any] = {**(kwargs_from_env() if from_environment else {}), "base_url": url}
        self._connected: APIClient | None = None

    def overview(self, most: int) -> Overview | None:
        """Ask for everything."""
        client = self._client()
        with ThreadPoolExecutor(PARALLEL) as pool:
            version = pool.submit(client.version, api_version=False)
            info = pool.submit(client.info)
            networks = pool.submit(self._networks)
            entries = _asked("/containers/json", lambda: client.containers(all=True))
            inspected = {} if len(entries) > most else self.inspect([str(each["Id"]) for each in entries])
            return Overview(
                version=_asked("/version", version.result),
                info=_asked("/info", info.result),
                networks=_asked("/networks", networks.result),
                containers=Listing(entries=entries, inspected=inspected),
            )

    def containers(self, idents: Collection[str]) -> Listing:
        """List all containers, and inspect these."""
        client = self._client()
        entries = _asked("/containers/json", lambda: client.containers(all=True))
        return Listing(entries=entries, inspected=self.inspect(idents))

    def inspect(self, idents: Collection[str]) -> dict[str, JsonObject]:
        """Inspect containers; one that is gone is left out."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            answers = dict(zip(idents, pool.map(self._inspect, idents), strict=True))
        return {ident: answer for ident, answer in answers.items() if answer is not None}

    def events(self, questions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Ask for past events; what was not answered is left out."""
        answers = {ident: self._events(each) for ident, each in questions.items()}
        return {ident: text for ident, text in answers.items() if text is not None}

    def _events(self, parameters: Mapping[str, str]) -> str | None:
        """Ask by the client's own session: the SDK's ``events`` has no bound in time."""
        client = self._client()
        url = f"{client.base_url}/v{client.api_version}/events"
        try:
            answer = client.get(url, params=parameters, timeout=TIMEOUT_S)
        except (DockerException, RequestException):
            return None
        return str(answer.text) if answer.ok else None

    def _client(self) -> APIClient:
        if self._connected is None:
            if self._url.startswith("unix://"):
                _check_socket(self._url.removeprefix("unix://"))
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> APIClient:
        try:
            return APIClient(version="auto", timeout=TIMEOUT_S, **self._arguments)
        except (DockerException, RequestException, ValueError) as error:  # ValueError: urllib's, of a URL that is none
            if "NewConnectionError" in str(error):  # urllib3's: refused, unreachable, or an unknown name
                raise no_engine(self._url, "nothing can be connected to there") from None
            raise no_answer(self._url, error) from None

    def _inspect(self, ident: str) -> JsonObject | None:
        client = self._client()
        try:
            found: JsonObject = _asked("inspect", lambda: client.inspect_container(ident))
        except NotFound:  # it was removed while we looked
            return None
        return found

    def _networks(self) -> list[JsonObject]:
        client, found = self._client(), []
        for each in client.networks():
            try:
                found.append(client.inspect_network(each["Id"]))
            except NotFound:
                continue
        return found


def address_from_environment() -> str | None:
    """Return the address of the docker context that is chosen; None when there is none."""
    from docker.context import ContextAPI

    try:
        context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT") or None)
    except DockerException:
        return None
    url = getattr(context, "Host", None)
    return url if isinstance(url, str) else None


def _check_socket(path: str) -> None:
    """Tell apart what the SDK reports as one and the same error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        try:
            sock.connect(path)
        except OSError as error:
            raise socket_error(path, error.errno or 0) from None


def _asked(what: str, question: Callable[[], T]) -> T:
    try:
        return question()
    except NotFound:
        raise
    except (DockerException, RequestException) as error:
        raise no_answer(what, error) from None
