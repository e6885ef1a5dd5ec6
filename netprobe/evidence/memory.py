"""Memory of a process that works through a large file chunk by chunk: the next chunk is where the last one was."""

from __future__ import annotations

from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_SETTINGS = ((_MMAP_THRESHOLD, 1 << 24), (_TRIM_THRESHOLD, 1 << 26), (_TOP_PAD, 1 << 22))
"""Of mallopt(3), in bytes: more than a chunk, than several chunks, and than what one takes beside its bytes."""


@cache
def keep_freed() -> None:
    """Have glibc keep what is freed for what comes next. Given back to the kernel, each page of it costs a microsecond or more to get again.

    For a process of our own, and for a worker of a cluster: it holds for all of it. Another C library goes on as it does.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for setting, size in _SETTINGS:
        mallopt(setting, size)
