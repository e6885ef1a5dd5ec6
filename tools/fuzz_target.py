"""The process that `tools/fuzz.py` starts: libFuzzer's arguments in, findings out. Not for users."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["netprobe"], exclude=["netprobe.compiled"]):
    import fuzz_checks


def one(data: bytes) -> None:
    """Try one input."""
    fuzz_checks.check(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
