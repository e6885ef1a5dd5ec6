"""Whether the kernels read or write outside of their arrays: compiled once more with each index checked (numba's boundscheck), and run.

    tools/bounds.py [FILE ...]

Without FILE over captures/ and tests/corpus: each file is walked through, and each of its packets decoded and tracked alone, in a buffer that ends
where the packet does, whole and cut short; then all together. `make fuzz` ends with it. Takes half a minute.

Exit 0: nothing. 1: an index outside of an array; the packet is shown. 4: numba is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["NUMBA_BOUNDSCHECK"] = "1"  # it is read when numba is imported

import numpy as np

from netprobe.compiled import machine
from netprobe.compiled.decode import decode_compiled
from netprobe.compiled.entries import KERNELS, Array
from netprobe.compiled.track import CompiledTracker
from netprobe.compiled.walk import CompiledWalker
from netprobe.errors import NetprobeError
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.stream import open_stream
from netprobe.flowtable.options import options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.compiled.entries import KernelEntry
    from netprobe.compiled.machine import Kernel
    from netprobe.evidence.model import CapturePoint

ROOT = Path(__file__).resolve().parents[1]
CUTS, DEEP = 4, 200
"""A packet is cut short every so many bytes of its first ones, which are headers."""


def checked() -> Mapping[str, Kernel]:
    """Compile all kernels so that an index outside of an array raises IndexError."""
    import numba

    def one(entry: KernelEntry) -> Kernel:
        function: Any = getattr(importlib.import_module(f"netprobe.compiled.{entry.module}"), entry.name)
        kinds = tuple(
            numba.types.Array(numba.from_dtype(each.dtype), each.dimensions, "C")
            if isinstance(each, Array)
            else numba.types.int64
            for each in entry.takes
        )
        function.compile(kinds)
        function.disable_compile()

        def call(*given: Any) -> int:
            return int(function(*map(_writable, given)) or 0)

        return call

    return {entry.name: one(entry) for entry in KERNELS}


def _writable(value: Any) -> Any:
    """The array itself, or of bytes a copy: numba takes what cannot be written for another type."""
    return value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value


def alone(packets: Packets, row: int, size: int) -> Packets:
    """One packet in a buffer of its own, of which so many bytes were kept."""
    raw = packets.raw(row)[:size]
    columns = {name: getattr(packets, name)[row : row + 1] for name in ("origlen", "time_ns", "point", "frame")}
    return Packets(data=raw, offset=np.zeros(1, np.int64), caplen=np.array([len(raw)], np.int64), **columns)


def variants(packets: Packets, *, deep: bool) -> Iterator[Packets]:
    """Each packet alone, whole and (``deep``) cut short; then all of them as they stand."""
    for row in range(len(packets)):
        size = int(packets.caplen[row])
        for cut in range(0, min(size, DEEP), CUTS) if deep else ():
            yield alone(packets, row, cut)
        yield alone(packets, row, size)
    yield packets


def check(file: Path, *, deep: bool) -> int:
    """Walk through a file, decode and track its packets; returns how many.

    Raises:
        IndexError: a kernel left an array.
    """
    count = 0
    tracker = CompiledTracker(options())
    for chunk_bytes in (1 << 12, 1 << 22):
        stream = open_stream([str(file)], {}, chunk_bytes=chunk_bytes, walker=CompiledWalker())
        for packets in stream.chunks():
            for given in variants(packets, deep=deep) if chunk_bytes == 1 << 22 else (packets,):
                _run(tracker, given, stream.points)
                count += len(given)
    tracker.finish()
    return count


def _run(tracker: CompiledTracker, packets: Packets, points: Sequence[CapturePoint]) -> None:
    try:
        tracker.take(packets, points)
        decode_compiled(packets, points, tunnels=True)
    except IndexError:
        print(f"outside of an array: {packets.raw(0).hex() if len(packets) == 1 else f'{len(packets)} packets'}")
        raise


def main(argv: Sequence[str] | None = None) -> int:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    chosen = parser.parse_args(argv)
    corpus = sorted((ROOT / "tests" / "corpus").iterdir())
    files = chosen.files or [*corpus, *sorted((ROOT / "captures").glob("*.pcapng"))]
    if importlib.util.find_spec("numba") is None:
        print("bounds: numba is not installed", file=sys.stderr)
        return 4
    kernels, count, bad = checked(), 0, 0
    machine.kernels = lambda: kernels  # type: ignore[assignment]  # for the program's own classes
    for file in files:
        try:
            count += check(file, deep=bool(chosen.files) or file in corpus)
        except NetprobeError:
            continue  # no capture
        except IndexError as error:
            print(f"{file}: {error}")
            bad += 1
    print(f"bounds: {count} packets of {len(files)} files, {bad} files with an index outside of an array")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
