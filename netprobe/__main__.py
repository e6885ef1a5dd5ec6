"""The ``netprobe`` entry point, also as ``python -m netprobe``."""

from __future__ import annotations

import signal
import sys


def _end_on_interrupt() -> bool:
    """Have an interrupt just end the process, without a traceback, and return whether it raised KeyboardInterrupt before.

    SIG_IGN, as nohup and shells set it for background jobs, stays.
    """
    raised = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if raised:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return raised


# Before anything else is imported; where another program imports this module, the signal is that one's.
_CATCHES = _end_on_interrupt() if __name__ == "__main__" or sys.argv[0].rpartition("/")[2] == "netprobe" else None

import atexit  # noqa: E402
import contextlib  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402
import threading  # noqa: E402
from io import RawIOBase  # noqa: E402
from typing import NoReturn  # noqa: E402


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    catches = _end_on_interrupt() if _CATCHES is None else _CATCHES
    _begin_light()
    _open_standard_streams()
    from netprobe import interrupts
    from netprobe.cli import run

    status = 130  # 128 + SIGINT
    try:
        if catches:
            interrupts.listen(signal.SIG_DFL)
        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # outside of what says so
        pass
    if catches:  # all is said, and nothing is left that would have to be ended
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.freeze()  # all that is left goes with the process: nobody has to look through it for garbage
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the process: by the interpreter's own end, or without it where a thread still works, say, loads a module.

    That end takes modules apart, and a daemon thread inside one crashes (Python's documentation of threading and of Py_FinalizeEx).
    """
    threads = [each for each in threading.enumerate() if each is not threading.current_thread()]
    if not any(each.daemon for each in threads):
        sys.exit(status)
    for each in threads:
        if not each.daemon:
            each.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _begin_light() -> None:
    """Spare a process that lives for a second what pays off in long ones: it sets nothing that changes an answer."""
    # Importing makes objects that stay: looking for garbage among them is a tenth of the start.
    gc.set_threshold(100_000, 20, 20)
    # numpy's OpenBLAS starts a thread a processor, which then spin; nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _open_standard_streams() -> None:
    """Have what the caller closed (``>&-``) lead nowhere: else the next file that is opened, a socket of ours, would be stdout."""
    for number, name, mode in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, mode)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
    # Unbuffered (PYTHONUNBUFFERED) it takes what there is room for, and the rest is lost without a word. Whatever is said is flushed at once.
    out = sys.stdout
    if isinstance(getattr(out, "buffer", None), RawIOBase):
        sys.stdout = open(1, "w", encoding=out.encoding, errors=out.errors, closefd=False)  # noqa: SIM115 - for good


if __name__ == "__main__":
    main()
