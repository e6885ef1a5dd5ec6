from __future__ import annotations

from netprobe.cli.asking import explain
from netprobe.evidence.model import Proto


def test_every_probe_can_be_asked_for() -> None:
    option = next(each for each in explain.params if each.name == "proto")
    assert list(getattr(option.type, "choices", ())) == [each.value for each in Proto]
