"""A host's container engine, read. Nothing is ever written to it.

What leaves this module has passed the allow-list of :mod:`netprobe.state.engine.allow`.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netprobe.evidence.state import CommandOutput
from netprobe.hosts.endings import ended_just_now, last_exit_code, parameters
from netprobe.hosts.engine_client import EngineError, no_answer, no_engine
from netprobe.hosts.listing import as_inspect, choose, ident, is_as_before, is_named
from netprobe.state.engine import ENGINES
from netprobe.state.engine.allow import allow_container, allow_info, allow_network, allow_version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from netprobe.hosts.engine_client import Client, JsonObject, Listing
    from netprobe.hosts.session import Session
    from netprobe.inventory.hosts import HostEntry

__all__ = ["Engine", "EngineError", "has_engine", "none_there"]

DEFAULT_SOCKET = ENGINES[0].socket
INSPECT_UP_TO = 1000
"""Containers of one host that are inspected; of more than that, the list's entry has to do for the others."""


class Engine:
    """One Engine, and what it told last of its containers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, tuple[Mapping[str, Any], JsonObject]] = {}
        self._read_at = 0.0
        self.only_listed = 0
        """Of the containers read last, how many were not inspected."""

    @classmethod
    def of(cls, host: HostEntry, session: Session | None) -> Engine | None:
        """Return a host's Engine, asked already where that holds nobody up. None: the host has none.

        Args:
            host: its entry: which Engine, if any.
            session: with the host; None: it cannot be reached, but its Engine perhaps can.
        """
        url = _url(host)
        if url is None:
            return None
        if url.startswith("unix://") and session is not None:
            from netprobe.hosts.engine_session import SessionClient

            required = host.docker != "" or url != DEFAULT_SOCKET
            return cls(SessionClient(session, url.removeprefix("unix://"), INSPECT_UP_TO, required=required))
        if not host.reach.same_machine and url.startswith("unix://"):
            return None  # a socket of a machine that cannot be reached
        from netprobe.hosts.engine_sdk import SdkClient

        return cls(SdkClient(url, from_environment=host.docker == ""))

    def collect(
        self, wanted: Collection[str] = (), environ: Callable[[int], Iterable[str]] | None = None
    ) -> dict[str, CommandOutput]:
        """Read version, info, containers and networks. Nothing: there is no Engine, and need not be one.

        Args:
            wanted: names, addresses and ports of interest; they choose what is inspected on a host with very many containers.
            environ: reads the environment of a process by id; called only for containers with links.

        Raises:
            EngineError: it cannot be asked.
        """
        now = time.monotonic()
        with _shapes_of_an_engine():
            overview = self._client.overview(INSPECT_UP_TO)
            if overview is None:
                return {}
            return {
                "docker-version": _output("version", allow_version(overview.version)),
                "docker-info": _output("info", allow_info(overview.info)),
                "containers": self._take(overview.containers, now, wanted, environ, INSPECT_UP_TO),
                "networks": _output("networks", [allow_network(each) for each in overview.networks]),
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
        matter = [name for name, (entry, _) in self._known.items() if is_named(entry, wanted)]
        with _shapes_of_an_engine():
            return self._take(self._client.containers(matter), now, wanted, environ, most)

    def _take(
        self,
        listing: Listing,
        now: float,
        wanted: Collection[str],
        environ: Callable[[int], Iterable[str]] | None,
        most: int,
    ) -> CommandOutput:
        """Take a list of containers in, and inspect what it takes beside those that came with it."""
        listed = {ident(each): each for each in listing.entries}
        known = {
            name: kept for name, each in listed.items() if (kept := self._as_before(each, wanted, now)) is not None
        }
        chosen = dict.fromkeys(name for name in choose(listed.values(), wanted, most) if name not in known)
        answers = {name: each for name, each in listing.inspected.items() if name in chosen}
        missing = [name for name in chosen if name not in listing.inspected]
        answers |= self._client.inspect(missing) if missing else {}
        ends = self._ends(listed, answers)
        found = known | {
            name: allow_container(each, _environment(each, environ), ends.get(name)) for name, each in answers.items()
        }
        self._known, self._read_at = {name: (listed[name], kept) for name, kept in found.items()}, now
        told = {name: allow_container(as_inspect(each)) for name, each in listed.items() if name not in chosen | found}
        self.only_listed = len(told)
        # what was chosen and not found was removed while we looked
        return _output("containers", [(found | told)[name] for name in listed if name in found or name in told])

    def _ends(self, listed: Mapping[str, JsonObject], answers: Mapping[str, JsonObject]) -> dict[str, int]:
        """Return the exit codes of the last end of those that the engine started again just now, by id, as far as its events tell."""
        again = {name: each for name, each in answers.items() if ended_just_now(listed.get(name, {}), each)}
        questions = {name: asked for name, each in again.items() if (asked := parameters(each)) is not None}
        told = self._client.events(questions) if questions else {}
        codes = {name: last_exit_code(text) for name, text in told.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def _as_before(self, entry: Mapping[str, Any], wanted: Collection[str], now: float) -> JsonObject | None:
        """Return what is known of a container from the last time, None when it may be something else by now, or matters."""
        earlier, kept = self._known.get(ident(entry), (None, None))
        if earlier is None or is_named(entry, wanted):
            return None
        return kept if is_as_before(entry, earlier, now - self._read_at) else None


@contextmanager
def _shapes_of_an_engine() -> Iterator[None]:
    """Take answers that have not the shape of an Engine's for no answer: whoever listens there may be anything."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise no_answer("its API", f"not what an engine answers: {type(error).__name__}: {error}") from error


def has_engine(host: HostEntry) -> bool:
    """Tell whether a host should have an Engine, as far as its entry and this machine say."""
    return _url(host) is not None


def none_there() -> EngineError:
    """Return the error of a host that was thought to have an Engine at the usual place."""
    return no_engine(DEFAULT_SOCKET)


def _environment(inspect: JsonObject, environ: Callable[[int], Iterable[str]] | None) -> Iterable[str]:
    """Return the environment of a running container that has links, else nothing."""
    pid = (inspect.get("State") or {}).get("Pid") or 0
    links = (inspect.get("HostConfig") or {}).get("Links")
    return environ(pid) if environ is not None and pid and links else ()


def _output(what: str, value: object) -> CommandOutput:
    return CommandOutput(argv=("docker", what), stdout=json.dumps(value, sort_keys=True))


def _url(host: HostEntry) -> str | None:
    """Return where a host's Engine listens; None: it has none."""
    if host.docker is None:
        return None
    if host.docker or not host.reach.same_machine:
        return host.docker or DEFAULT_SOCKET
    url = _from_environment()
    return None if url == DEFAULT_SOCKET and not os.path.exists(url.removeprefix("unix://")) else url  # noqa: PTH110


def _from_environment() -> str:
    """Return the Engine's URL as the docker command would choose it: DOCKER_HOST, else the current context."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    if not os.environ.get("DOCKER_CONTEXT") and not _config_names_context():
        return DEFAULT_SOCKET
    from netprobe.hosts.engine_sdk import address_from_environment

    return address_from_environment() or DEFAULT_SOCKET


def _config_names_context() -> bool:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return bool(json.load(file).get("currentContext"))
    except (OSError, ValueError, AttributeError):
        return False
