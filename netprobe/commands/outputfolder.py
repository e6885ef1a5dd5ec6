"""A folder of ``-o NAME/``: several files that are one data set, there whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.output import STDOUT
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.evidence.files import caller
from netprobe.interrupts import whole
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import BinaryIO, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFolder:
    """A folder to be written.

    Attributes:
        path: its name, as it was given.
        option: by which it was asked for.
    """

    path: str
    option: str = "-o"

    def check(self, inputs: Collection[str]) -> None:  # noqa: ARG002 - as OutputFile's: no input is in a folder that is not there
        """Find out before the work whether it may be written.

        Raises:
            UsageFault: something of that name is there, or the folder that it is to be in is not.
        """
        if self.path == STDOUT:
            raise UsageFault(f"{self.option}: a folder cannot go to stdout", "give the name of a new folder")
        target = Path(self.path)
        if "\0" in self.path:
            raise UsageFault(f"{self.option}: no folder can be called {self.path!r}", "choose another name")
        try:
            if target.exists() or target.is_symlink():
                raise UsageFault(
                    f"{self.option}: {self.path} exists", "give the name of a new folder: none is overwritten"
                )
            if not target.parent.is_dir():
                raise UsageFault(f"{self.option}: there is no directory {target.parent}", "make it, or choose another")
        except OSError as error:
            raise UsageFault(f"{self.option}: no folder can be called {self.path!r}", "choose another name") from error

    def write(self, files: Iterable[Iterable[bytes]], ending: str) -> None:
        """Write the folder: under another name beside it, then renamed.

        Args:
            files: the contents of each file.
            ending: of their names: ``part-00000.ENDING``.

        Raises:
            EnvironmentFault: it cannot be written; nothing is left of it.
        """

        def appended(part: Path) -> None:
            for number, pieces in enumerate(files):
                _write(part / f"part-{number:05}.{ending}", pieces)

        self._made(appended)

    def fill(self, pieces: Iterable[tuple[str, bytes]]) -> None:
        """Write the folder of files that are made together.

        Args:
            pieces: names of files, and what is to be appended to each.

        Raises:
            EnvironmentFault: it cannot be written; nothing is left of it.
        """

        def appended(part: Path) -> None:
            for name, piece in pieces:
                with _private(part / name, "ab") as file:
                    file.write(piece)
            for file_name in part.iterdir():
                with file_name.open("rb") as made:
                    os.fsync(made.fileno())

        self._made(appended)

    def _made(self, fill: Callable[[Path], None]) -> None:
        target = Path(os.path.realpath(self.path))
        part = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.part")
        try:
            part.mkdir(mode=0o700)
            fill(part)
            if (owner := caller()) is not None:
                for each in (part, *part.iterdir()):
                    os.chown(each, *owner)
            part.rename(target)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write {self.path}: {error.strerror or error}", f"choose another place for {self.option}"
            ) from error
        finally:  # also on Ctrl-C: nothing is left behind
            _removed(part)


@whole
def _removed(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)


def _private(file: Path, mode: Literal["ab", "xb"]) -> BinaryIO:
    """Open a file for nobody else, as those are that ``--save`` and ``-o`` write: evidence tells of a host's rules and processes."""
    return open(file, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _write(file: Path, pieces: Iterable[bytes]) -> None:
    with _private(file, "xb") as opened:
        for piece in pieces:
            opened.write(piece)
        opened.flush()
        os.fsync(opened.fileno())
