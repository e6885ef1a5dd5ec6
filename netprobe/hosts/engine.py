"""A host's Docker Engine, read through the docker SDK. Nothing is ever written to it.

What leaves this module has passed the allow-list of :mod:`netprobe.state.engine.allow`.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from netprobe.evidence.model import CommandOutput
from netprobe.hosts.listing import as_inspect, choose, ident, is_as_before, is_named
from netprobe.state.engine.allow import allow_container, allow_info, allow_network, allow_version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from docker.api.client import APIClient

    from netprobe.hosts.session import Session
    from netprobe.inventory.hosts import HostEntry

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
INSPECT_UP_TO = 1000
"""Containers of one host that are inspected; of more than that, the list's entry has to do for the others."""
PARALLEL = 8
TIMEOUT_S = 5

JsonObject = dict[str, Any]
T = TypeVar("T")


class EngineError(Exception):
    """The Engine cannot be asked. The text says why; ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Engine:
    """One Engine, spoken to in the API version that it negotiates."""

    def __init__(self, client: APIClient) -> None:
        self._client = client
        self._known: dict[str, tuple[Mapping[str, Any], JsonObject]] = {}
        self._read_at = 0.0
        self.only_listed = 0
        """Of the containers read last, how many were not inspected."""

    @classmethod
    def connect(cls, host: HostEntry, session: Session | None = None) -> Engine | None:
        """Connect to a host's Engine. None: the host has none (nothing configured, nothing at the usual place).

        ``session``: with a host that is not this machine, whose Engine is asked through it.

        Raises:
            EngineError: there should be one and it cannot be asked.
        """
        if (
            not host.reach.same_machine
            and (host.docker or DEFAULT_SOCKET).startswith("unix://")
            and host.docker is not None
        ):
            return cls._remote(host, session)
        url = host.docker if host.docker != "" else _from_environment()
        if url is None or (host.docker == "" and url == DEFAULT_SOCKET and not os.path.exists(url[7:])):  # noqa: PTH110
            return None
        if url.startswith("unix://"):
            _check_socket(url[len("unix://") :])
        from docker.api.client import APIClient
        from docker.utils import kwargs_from_env

        arguments = kwargs_from_env() if host.docker == "" else {}
        arguments["base_url"] = url
        return cls(_asked(url, lambda: APIClient(version="auto", timeout=TIMEOUT_S, **arguments)))

    @classmethod
    def _remote(cls, host: HostEntry, session: Session | None) -> Engine | None:
        """Connect to the Engine of another machine."""
        path = (host.docker or DEFAULT_SOCKET).removeprefix("unix://")
        if session is None:
            return None
        from netprobe.hosts.remote_engine import RemoteClient, probe
        from netprobe.hosts.session import HostLostError, RemoteError

        try:
            number = probe(session, path, TIMEOUT_S)
        except (RemoteError, HostLostError) as error:
            raise EngineError(f"Docker could not be asked: {error}", "check the connection to it") from None
        if number == errno.ENOENT and host.docker == "":
            return None
        if number is not None:
            raise _socket_error(path, number)
        return cls(_asked(path, lambda: RemoteClient(session, path, TIMEOUT_S)))

    def collect(
        self, wanted: Collection[str] = (), environ: Callable[[int], Iterable[str]] | None = None
    ) -> dict[str, CommandOutput]:
        """Read version, info, containers and networks.

        Args:
            wanted: names, addresses and ports of interest; they choose what is inspected on a host with very many containers.
            environ: reads the environment of a process by id; called only for containers with links.

        Raises:
            EngineError: the Engine stopped answering.
        """
        with ThreadPoolExecutor(PARALLEL) as pool:
            version = pool.submit(self._client.version, api_version=False)
            info = pool.submit(self._client.info)
            networks = pool.submit(self._networks)
            containers = self.containers(wanted, environ)
            return {
                "docker-version": _output("version", allow_version(_asked("/version", version.result))),
                "docker-info": _output("info", allow_info(_asked("/info", info.result))),
                "containers": containers,
                "networks": _output("networks", _asked("/networks", networks.result)),
            }

    def containers(
        self,
        wanted: Collection[str] = (),
        environ: Callable[[int], Iterable[str]] | None = None,
        most: int = INSPECT_UP_TO,
    ) -> CommandOutput:
        """Read all containers (stopped ones too). What surely did not change since the last time is not asked again.

        Of more than ``most``, the list has to do for the others. Raises as :meth:`collect` does.
        """
        now = time.monotonic()
        listed = {ident(each): each for each in _asked("/containers/json", lambda: self._client.containers(all=True))}
        known = {
            name: kept for name, each in listed.items() if (kept := self._as_before(each, wanted, now)) is not None
        }
        chosen = dict.fromkeys(name for name in choose(listed.values(), wanted, most) if name not in known)
        found = known | self._inspected(chosen, environ)
        self._known, self._read_at = {name: (listed[name], kept) for name, kept in found.items()}, now
        told = {name: allow_container(as_inspect(each)) for name, each in listed.items() if name not in chosen | found}
        self.only_listed = len(told)
        # what was chosen and not found was removed while we looked
        return _output("containers", [(found | told)[name] for name in listed if name in found or name in told])

    def _as_before(self, entry: Mapping[str, Any], wanted: Collection[str], now: float) -> JsonObject | None:
        """Return what is known of a container from the last time, None when it may be something else by now, or matters."""
        earlier, kept = self._known.get(ident(entry), (None, None))
        if earlier is None or is_named(entry, wanted):
            return None
        return kept if is_as_before(entry, earlier, now - self._read_at) else None

    def _inspected(
        self, idents: Collection[str], environ: Callable[[int], Iterable[str]] | None
    ) -> dict[str, JsonObject]:
        with ThreadPoolExecutor(PARALLEL) as pool:
            answers = dict(zip(idents, pool.map(self._inspect, idents), strict=True))
        return {
            name: allow_container(each, _environment(each, environ))
            for name, each in answers.items()
            if each is not None
        }

    def _inspect(self, ident: str) -> JsonObject | None:
        from docker.errors import NotFound

        try:
            found: JsonObject = _asked("inspect", lambda: self._client.inspect_container(ident))
        except NotFound:  # it was removed while we looked
            return None
        return found

    def _networks(self) -> list[JsonObject]:
        from docker.errors import NotFound

        found = []
        for each in self._client.networks():
            try:
                found.append(allow_network(self._client.inspect_network(each["Id"])))
            except NotFound:
                continue
        return found


def _environment(inspect: JsonObject, environ: Callable[[int], Iterable[str]] | None) -> Iterable[str]:
    """Return the environment of a running container that has links, else nothing."""
    pid = (inspect.get("State") or {}).get("Pid") or 0
    links = (inspect.get("HostConfig") or {}).get("Links")
    return environ(pid) if environ is not None and pid and links else ()


def _output(what: str, value: object) -> CommandOutput:
    return CommandOutput(argv=("docker", what), stdout=json.dumps(value, sort_keys=True))


def _from_environment() -> str | None:
    """Return the Engine's URL as the docker command would choose it: DOCKER_HOST, else the current context."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    if not os.environ.get("DOCKER_CONTEXT") and not _config_names_context():
        return DEFAULT_SOCKET
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT") or None)
    except DockerException:
        return DEFAULT_SOCKET
    url = getattr(context, "Host", None)
    return url if isinstance(url, str) else DEFAULT_SOCKET


def _config_names_context() -> bool:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return bool(json.load(file).get("currentContext"))
    except (OSError, ValueError, AttributeError):
        return False


def _check_socket(path: str) -> None:
    """Tell apart what the SDK reports as one and the same error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        try:
            sock.connect(path)
        except OSError as error:
            raise _socket_error(path, error.errno or 0) from None


def _socket_error(path: str, number: int) -> EngineError:
    if number == errno.ENOENT:
        return EngineError(f"Docker is not running: there is no {path}", "start it: systemctl start docker")
    if number == errno.ECONNREFUSED:
        return EngineError(f"Docker is not running: nobody listens at {path}", "start it: systemctl start docker")
    if number in (errno.EACCES, errno.EPERM):
        return EngineError(f"{path}: permission denied", "run as root, or as a member of the group docker")
    return EngineError(f"{path}: {os.strerror(number) if number else 'no answer'}", "check the host's docker = entry")


def _asked(what: str, question: Callable[[], T]) -> T:
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException

    try:
        return question()
    except NotFound:
        raise
    except (DockerException, RequestException) as error:
        text = " ".join(str(error).split())[:200]
        raise EngineError(f"Docker does not answer ({what}): {text}", "is the engine healthy? docker info") from None
