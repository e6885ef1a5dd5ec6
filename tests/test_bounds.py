"""tools/bounds.py: compiled as it compiles, kernels' reads are checked, those with unsigned places too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).parent.parent / "tools"
_CODE = """
import numpy as np, bounds
from netprobe.compiled import jit, reads
read = jit.compiled(lambda b, at: reads.u32(b, at))
held = np.arange(4, dtype=np.uint8)
assert read(held, 0) == 0x00010203
for at in (1, 4, -1):
    try:
        read(held, at)
    except IndexError:
        print(at)
"""


def test_reads_outside_of_a_buffer_are_seen() -> None:
    environment = {**os.environ, "PYTHONPATH": str(TOOLS)}
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["1", "4", "-1"]
