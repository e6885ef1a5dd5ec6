"""Where a command writes what it made: stdout, or a file (``-o``, ``--html``) that is there whole or not at all."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import STDOUT_HINT, StdoutFault, forget_stdout
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.evidence.files import caller, removed
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file to be written.

    Attributes:
        path: its name, as it was given.
        force: whether one that is there may be replaced.
        option: by which it was asked for.
    """

    path: str
    force: bool = False
    option: str = "-o"

    def check(self, inputs: Collection[str]) -> None:
        """Find out before the work whether it may be written.

        Raises:
            UsageFault: it is one of the inputs, a directory, in no directory, or there and not to be replaced.
            EnvironmentFault: its directory cannot be written to.
        """
        target = Path(self.path)
        if not self.path or "\0" in self.path:
            raise UsageFault(f"{self.option}: no file can be called {self.path!r}", "choose another name")
        if any(_same(target, each) for each in inputs):
            raise UsageFault(f"{self.option}: {self.path} is an input", "give it another name")
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
        try:
            with _opened(Path(self.path)) as file:
                for piece in pieces:
                    file.write(piece)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write {self.path}: {_why(error)}", f"choose another place for {self.option}"
            ) from error


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


def pour(pieces: Iterable[bytes]) -> None:
    """Write to stdout; a reader that went away (``| head``) is no fault.

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
            raise StdoutFault(f"the flows cannot be written: {error.strerror}", STDOUT_HINT) from error
