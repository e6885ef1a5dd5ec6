"""An Engine asked through its host's session: the remote program reads its socket there. No port is opened anywhere, nothing is written.

Everything is asked in one request, which is under way before anybody waits for it.
"""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

from netprobe.hosts.engine_client import TIMEOUT_S, EngineError, Listing, Overview, no_answer, socket_error
from netprobe.hosts.session import HostLostError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from concurrent.futures import Future

    from netprobe.hosts.engine_client import JsonObject
    from netprobe.hosts.session import Answer, Session

ALL_SECONDS = 20
"""How long the questions of one request may take together."""

VERSION, INFO, NETWORKS, CONTAINERS = "/version", "/info", "/networks", "/containers/json?all=1"
NETWORK, CONTAINER, EVENTS = "/networks/%s", "/containers/%s/json", "/events?%s"
OK, NOT_FOUND = 200, 404
EVERY_NETWORK = 100_000


class SessionClient:
    """Asks one Engine. Paths without a version are answered as the newest one that the Engine knows, which the SDK would choose too."""

    def __init__(self, session: Session, path: str, most: int, *, required: bool) -> None:
        """Send the first request already: the whole overview, with containers inspected unless there are more than `most`.

        Args:
            session: with the Engine's host.
            path: its Unix socket there.
            most: as for :meth:`overview`.
            required: whether it is an error when there is no such socket.
        """
        self._session, self._path, self._required = session, path, required
        follow = [
            {"path": NETWORKS, "each": NETWORK, "most": EVERY_NETWORK},
            {"path": CONTAINERS, "each": CONTAINER, "most": most},
        ]
        self._first = self._submit((VERSION, INFO, NETWORKS, CONTAINERS), follow)

    def overview(self, most: int) -> Overview | None:
        """Return what was asked for at the beginning. Raises as :class:`netprobe.hosts.engine_client.Client` says."""
        del most
        try:
            answers = self._answers(self._first)
        except _NoSocket:
            if self._required:
                raise
            return None
        networks, entries = _list(answers, NETWORKS), _list(answers, CONTAINERS)
        return Overview(
            version=_object(answers, VERSION),
            info=_object(answers, INFO),
            networks=[*_found(answers, NETWORK, [str(each.get("Id")) for each in networks]).values()],
            containers=Listing(entries=entries, inspected=_found(answers, CONTAINER, _asked(answers, entries))),
        )

    def containers(self, idents: Collection[str]) -> Listing:
        """List all containers, and inspect these."""
        answers = self._answers(self._submit((CONTAINERS, *(CONTAINER % ident for ident in idents))))
        return Listing(entries=_list(answers, CONTAINERS), inspected=_found(answers, CONTAINER, idents))

    def inspect(self, idents: Collection[str]) -> dict[str, JsonObject]:
        """Inspect containers; one that is gone is left out."""
        if not idents:
            return {}
        return _found(self._answers(self._submit([CONTAINER % ident for ident in idents])), CONTAINER, idents)

    def events(self, questions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Ask for past events; what was not answered is left out."""
        from urllib.parse import urlencode

        paths = {ident: EVENTS % urlencode(each) for ident, each in questions.items()}
        answers = self._answers(self._submit(paths.values()))
        told = {ident: answers.get(path) or {} for ident, path in paths.items()}
        return {ident: str(each["body"]) for ident, each in told.items() if each.get("status") == OK}

    def _submit(self, paths: Iterable[str], follow: Iterable[Mapping[str, Any]] = ()) -> Future[Answer]:
        return self._session.submit(
            "engine",
            socket=self._path,
            paths=list(paths),
            follow=list(follow),
            seconds=TIMEOUT_S,
            all_seconds=ALL_SECONDS,
        )

    def _answers(self, asked: Future[Answer]) -> Answer:
        try:
            answer = self._session.wait(asked, TIMEOUT_S + ALL_SECONDS)
        except (RemoteError, HostLostError) as error:
            raise EngineError(f"Docker could not be asked: {error}", "check the connection to it") from None
        if "errno" in answer:
            fault = socket_error(self._path, int(answer["errno"]))
            raise _NoSocket(str(fault), fault.hint) if answer["errno"] == errno.ENOENT else fault
        answers: Answer = answer["answers"]
        return answers


class _NoSocket(EngineError):
    """There is no such socket."""


def _found(answers: Answer, path: str, idents: Iterable[str]) -> dict[str, JsonObject]:
    """Return what was inspected, by id."""
    found = {}
    for ident in idents:
        answer = answers.get(path % ident)
        if answer is None or answer.get("status") != NOT_FOUND:
            found[ident] = _object(answers, path % ident)
    return found


def _object(answers: Answer, path: str) -> JsonObject:
    value = _value(answers, path)
    if not isinstance(value, dict):
        raise no_answer(path, "not what an engine answers")
    return value


def _list(answers: Answer, path: str) -> list[JsonObject]:
    value = _value(answers, path)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise no_answer(path, "not what an engine answers")
    return value


def _asked(answers: Answer, entries: Iterable[JsonObject]) -> list[str]:
    """Return the ids of the containers that were inspected: none of very many."""
    return [ident for each in entries if CONTAINER % (ident := str(each.get("Id"))) in answers]


def _value(answers: Answer, path: str) -> Any:
    answer = answers.get(path) or {"error": "no answer"}
    if "error" in answer:
        raise no_answer(path, answer["error"])
    if answer["status"] != OK:
        raise no_answer(path, f"status {answer['status']}: {answer['body']}")
    try:
        return json.loads(answer["body"])
    except (ValueError, RecursionError) as error:
        raise no_answer(path, error) from None
