"""Where a command writes what it made: stdout, or a file (``-o``, ``--html``) that is there whole or not at all. ``-`` is stdout, as elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.ending import PAGE, refuse_ending
from netprobe.commands.outcome import STDOUT_HINT, StdoutFault, forget_stdout
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.evidence.files import caller, removed
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import BinaryIO


STDOUT = "-"
"""The name of standard output; a file of that name is ``./-``."""
A_FILE_CALLED_SO = "give the name of a file (one called - is ./-)"


def file_or_stdout(path: str | None) -> str | None:
    """Return the file that is named; None: none was, or stdout."""
    return None if path == STDOUT else path


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file to be written, or stdout.

    Attributes:
        path: its name, as it was given; :data:`STDOUT`: stdout, which then has nothing else.
        force: whether one that is there may be replaced.
        option: by which it was asked for.
        what: what is written, as the subject of a sentence: ``a page is``.
        written: the endings that say so, the usual one first; none: any will do.
    """

    path: str
    force: bool = False
    option: str = "-o"
    what: str = "it is"
    written: tuple[str, ...] = ()

    @property
    def is_stdout(self) -> bool:
        """Whether it goes to stdout."""
        return self.path == STDOUT

    def check(self, inputs: Collection[str]) -> None:
        """Find out before the work whether it may be written.

        Raises:
            UsageFault: it is one of the inputs, a directory, in no directory, there and not to be replaced, or its name promises another format.
            EnvironmentFault: its directory cannot be written to.
        """
        if self.is_stdout:
            return
        target = Path(self.path)
        if not self.path or "\0" in self.path:
            raise UsageFault(f"{self.option}: no file can be called {self.path!r}", "choose another name")
        if any(_same(target, each) for each in inputs):
            raise UsageFault(f"{self.option}: {self.path} is an input", "give it another name")
        if self.written:
            refuse_ending(self.option, self.path, self.written, self.what)
        try:
            if target.is_dir():
                raise UsageFault(f"{self.option}: {self.path} is a directory", "give the name of a file")
            if target.is_file() and not self.force:
                raise UsageFault(
                    f"{self.option}: {self.path} exists", "give it another name, or --force to overwrite it"
                )
            if not target.exists() and not target.parent.is_dir():
                raise UsageFault(f"{self.option}: there is no directory {target.parent}", "make it, or choose another")
            if not target.exists() and not os.access(target.parent, os.W_OK):
                raise EnvironmentFault(
                    f"{self.option}: cannot write to {target.parent}", f"choose another place for {self.option}"
                )
        except OSError as error:
            raise UsageFault(
                f"{self.option}: no file can be called {self.path!r}: {_why(error)}", "choose another name"
            ) from None

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Write the file: under another name beside it, then renamed; what is no plain file (a pipe, a device) is written to.

        Raises:
            EnvironmentFault: it cannot be written; nothing is left of it.
        """
        if self.is_stdout:
            pour(pieces)
            return
        try:
            with _opened(Path(self.path)) as file:
                for piece in pieces:
                    file.write(piece)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write {self.path}: {_why(error)}", f"choose another place for {self.option}"
            ) from error


def page_to(path: str | None, *, force: bool) -> OutputFile | None:
    """Return where ``--html`` has a page written; None: it was not given."""
    return None if path is None else OutputFile(path=path, force=force, option="--html", what="a page is", written=PAGE)


def _same(target: Path, given: str) -> bool:
    """Whether both are one file; also one that is not there yet."""
    with suppress(OSError, ValueError):
        if os.path.realpath(target) == os.path.realpath(given):
            return True
        return target.samefile(given)
    return False


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


@contextmanager
def _opened(target: Path) -> Iterator[BinaryIO]:
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    whole = Path(os.path.realpath(target))
    part = whole.with_name(f".{whole.name[:200]}.{os.urandom(4).hex()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if (owner := caller()) is not None:
                os.fchown(handle, *owner)
            os.fsync(handle)
        part.replace(whole)
    except BaseException:  # also on Ctrl-C: nothing is left behind
        removed(part)
        raise


def pour(pieces: Iterable[bytes | memoryview], what: str = "it") -> None:
    """Write to stdout; a reader that went away (``| head``) is no fault.

    Args:
        pieces: what is written.
        what: that, for messages: ``the flows``.

    Raises:
        StdoutFault: it cannot be written, a full disk, say.
    """
    made = iter(pieces)
    while (piece := next(made, None)) is not None:
        try:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            forget_stdout()
            return
        except OSError as error:
            forget_stdout()
            raise StdoutFault(f"{what} cannot be written: {error.strerror}", STDOUT_HINT) from error
