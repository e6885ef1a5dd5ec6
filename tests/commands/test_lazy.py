from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from netprobe.commands.lazy import Lazy, LazyGroup
from netprobe.errors import EnvironmentFault


def group_of(module: str) -> LazyGroup:
    lazy = Lazy(module=module, attribute="lab", help_line="One line.", more="There.", how_to_get="buy it")
    return LazyGroup(name="top", lazy={"later": lazy})


def test_a_lazy_command_is_listed_without_its_module_and_imported_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    group = group_of("netprobe_lab.cli")
    monkeypatch.delitem(sys.modules, "netprobe_lab.cli", raising=False)
    listed = CliRunner().invoke(group, ["--help"])
    assert "later  One line." in listed.output
    assert "netprobe_lab.cli" not in sys.modules
    shown = CliRunner().invoke(group, ["later", "--help"])
    assert "up" in shown.output
    assert "netprobe_lab.cli" in sys.modules


def test_a_command_whose_package_is_missing_says_how_to_get_it() -> None:
    with pytest.raises(EnvironmentFault, match="later: nowhere is not installed") as raised:
        group_of("nowhere.cli").main(["later"], standalone_mode=False)
    assert raised.value.hint == "buy it"


def test_a_package_that_is_broken_is_not_called_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"netprobe_lab\.nothing"):
        group_of("netprobe_lab.nothing").main(["later"], standalone_mode=False)
