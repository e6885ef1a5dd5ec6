"""For all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# A shell that runs a job in the background has it ignore SIGINT, and children inherit that: tests of Ctrl-C need the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says more about the machine's other work than about the code.
settings.register_profile("netprobe", deadline=None)
settings.load_profile("netprobe")
