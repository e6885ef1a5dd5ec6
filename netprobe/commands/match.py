"""``--match``: the frames that a display filter of Wireshark takes, by tshark."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from netprobe.commands.tshark import end, ran
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.interrupts import Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Progress = Callable[[int, int | None], object]

_POLL_S = 0.2
_BLOCK = 1 << 16
_NO_PACKETS = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)  # a pcap file that ends behind its head


def check_filter(display_filter: str) -> None:
    """Find out whether tshark takes a filter: it is given a capture without packets.

    Raises:
        UsageFault: it is no display filter.
        EnvironmentFault: tshark is not installed.
    """
    with Held(_without_packets, lambda file: file.close()) as empty:
        done = ran(_argv(empty.name, display_filter))
    if done.returncode:
        why = _words(done.stderr) or f"tshark ends with exit code {done.returncode}"
        raise UsageFault(f"--match: {why}", 'it is a display filter of Wireshark, such as: http.host == "x"')


def _without_packets() -> IO[bytes]:
    file = tempfile.NamedTemporaryFile(prefix="netprobe-", suffix=".pcap")  # noqa: SIM115 - it is held
    file.write(_NO_PACKETS)
    file.flush()
    return file


def frames_of(file: str, display_filter: str, progress: Progress, say: Callable[[str], object]) -> NDArray[np.int64]:
    """Return the numbers of the frames of one file that the filter takes, int64, in ascending order.

    tshark runs as the user does, on packets that somebody else may have made, and is ended in every case.

    Args:
        file: a capture.
        display_filter: one that :func:`check_filter` takes.
        progress: called now and then with how many bytes tshark has read, and of how many.
        say: called with a line where tshark did not read all of it.

    Raises:
        EnvironmentFault: tshark is not installed, or could not read the file.
    """
    argv = _argv(file, display_filter)
    nothing = subprocess.DEVNULL
    with (
        tempfile.TemporaryFile() as said,
        Held(lambda: subprocess.Popen(argv, stdin=nothing, stdout=subprocess.PIPE, stderr=said), end) as process,
    ):
        numbers = _numbers(process, file, progress)
        said.seek(0)
        why = _words(said.read(_BLOCK))
    if process.returncode and not len(numbers):
        raise EnvironmentFault(f"tshark finds nothing in {file}: {why}", "look at it with tshark -r")
    if process.returncode:
        say(f"{file}: {why}")
    return numbers


def _argv(file: str, display_filter: str) -> list[str]:
    program = shutil.which("tshark")
    if program is None:
        raise EnvironmentFault("--match needs tshark, which is not installed", "install the package tshark")
    path = os.path.abspath(file)  # noqa: PTH100 - a name that begins with - is no option
    return [program, "-n", "-r", path, "-Y", display_filter, "-T", "fields", "-e", "frame.number"]


def _words(said: bytes) -> str:
    """What tshark said of its own accord, in one line."""
    lines = [each.strip() for each in said.decode(errors="replace").splitlines()]
    return next((each.removeprefix("tshark: ") for each in lines if each.startswith("tshark: ")), "")


def _numbers(process: subprocess.Popen[bytes], path: str, progress: Progress) -> NDArray[np.int64]:
    """Read what tshark finds until it ends."""
    size, text = Path(path).stat().st_size, bytearray()
    out = process.stdout
    if out is None:
        raise TypeError("its output is no pipe")
    os.set_blocking(out.fileno(), False)
    while True:
        ended = process.poll() is not None
        while block := out.read(_BLOCK):
            text += block
        if ended:
            return np.array([int(each) for each in text.split()], np.int64)
        progress(_position(process.pid, path), size)
        _wait(process)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return


def _position(pid: int, path: str) -> int:
    """How far a process has read a file (proc(5), fdinfo); 0 where that is not to be seen."""
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if link.samefile(path):
                return int(Path(f"/proc/{pid}/fdinfo/{link.name}").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return 0
