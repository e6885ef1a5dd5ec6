"""The ``netprobe`` entry point, also as ``python -m netprobe``."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    # An interrupt while modules are still being imported just ends the process, without a traceback. (SIG_IGN, as nohup
    # and shells set it for background jobs, stays.)
    catches = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if catches:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from netprobe.cli import run

    if catches:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
