"""What is freed is kept for what comes next."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from netprobe.evidence.memory import keep_freed

_ROUNDS, _CHUNKS, _SIZE = 40, 4, 2 << 20
_CODE = f"""
import resource, threading
from netprobe.evidence.memory import keep_freed
keep_freed()
def work():
    for _ in range({_ROUNDS}):
        held = [b"x" * {_SIZE} for _ in range({_CHUNKS})]
        del held
reader = threading.Thread(target=work)
reader.start()
reader.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not this C library")
def test_pages_of_what_was_freed_are_used_again() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < _ROUNDS * _CHUNKS * _SIZE // 4096 // 4


def test_another_c_library_goes_on_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed()
