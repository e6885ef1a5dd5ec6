"""Tests for the suite's own tests (test_suite.py): they are no part of any run but theirs."""

from __future__ import annotations

import os
from pathlib import Path


def test_right_at_the_second_time() -> None:
    flag = Path(os.environ["NETPROBE_TWICE"])
    seen = flag.exists()
    flag.touch()
    print("what a test prints\n" * 100)
    assert list(range(100)) == list(range(100 if seen else 50)), "the first time"


def test_never_right() -> None:
    assert os.sep == "?"


def test_always_right() -> None:
    assert os.sep != "?"
