from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from click.testing import CliRunner

from netprobe.commands.lazy import LazyGroup

if TYPE_CHECKING:
    import pytest


def test_a_lazy_command_is_listed_without_its_module_and_imported_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    group = LazyGroup(name="top", lazy={"later": ("netprobe_lab.cli", "lab", "One line.")})
    monkeypatch.delitem(sys.modules, "netprobe_lab.cli", raising=False)
    listed = CliRunner().invoke(group, ["--help"])
    assert "later  One line." in listed.output
    assert "netprobe_lab.cli" not in sys.modules
    shown = CliRunner().invoke(group, ["later", "--help"])
    assert "up" in shown.output
    assert "netprobe_lab.cli" in sys.modules
