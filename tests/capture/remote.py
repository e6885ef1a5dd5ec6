"""What the tests of capturing use of a session with a host."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any


class Remote:
    """A session that answers each operation as it is told; an exception is raised when it is waited for."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def submit(self, operation: str, **_: object) -> Future[Any]:
        self.asked.append(operation)
        future: Future[Any] = Future()
        answer = self.answers[operation.replace("-", "_")]
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future

    def wait(self, future: Future[Any], _patience: float) -> Any:
        return future.result(0)
