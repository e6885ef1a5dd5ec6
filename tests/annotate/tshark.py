"""What tshark reads out of a file."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def fields(file: Path, *names: str, given: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Fields of every frame; several values of one are parted by a vertical line."""
    asked = [word for name in names for word in ("-e", name)]
    argv = ["tshark", "-r", str(file), *given, "-T", "fields", "-E", "aggregator=|", *asked]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [tuple(line.split("\t")) for line in done.stdout.split("\n")[:-1]]
