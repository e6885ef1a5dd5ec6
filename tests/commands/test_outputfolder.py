"""A folder of -o NAME/ is there whole or not at all."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from netprobe.cli import run
from netprobe.commands import flows as command
from netprobe.commands.outputfolder import OutputFolder
from netprobe.errors import EnvironmentFault, UsageFault
from tests.commands.test_flows import capture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_files_are_numbered_and_nobody_else_reads_them(tmp_path: Path) -> None:
    OutputFolder(path=f"{tmp_path}/out/").write([[b"a", b"b"], [b"c"]], "x")
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == {
        "part-00000.x": b"ab",
        "part-00001.x": b"c",
    }
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "out").iterdir()} == {0o600}
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_in_the_middle_leaves_nothing(tmp_path: Path, fault: BaseException) -> None:
    def pieces() -> Iterator[list[bytes]]:
        yield [b"a"]
        raise fault

    with pytest.raises(EnvironmentFault if isinstance(fault, OSError) else KeyboardInterrupt, match=r"No space|^$"):
        OutputFolder(path=f"{tmp_path}/out/").write(pieces(), "x")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageFault, match="exists"):
        OutputFolder(path=f"{tmp_path}/out/").check([])
    with pytest.raises(UsageFault, match="no directory"):
        OutputFolder(path=f"{tmp_path}/none/out/").check([])
    with pytest.raises(UsageFault, match="no folder can be called"):
        OutputFolder(path=f"{tmp_path}/\0/").check([])


def test_flows_in_a_folder_are_those_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PART_ROWS", 1)
    file = capture(tmp_path)
    assert run(["flows", file, "-o", f"{tmp_path}/out/"]) == 0
    assert run(["flows", file, "-o", f"{tmp_path}/out.parquet"]) == 0
    assert len([*(tmp_path / "out").iterdir()]) == 2
    whole, parts = pd.read_parquet(tmp_path / "out.parquet"), pd.read_parquet(tmp_path / "out")
    pd.testing.assert_frame_equal(parts.astype(whole.dtypes), whole)


def test_a_folder_without_a_flow_has_the_columns(tmp_path: Path) -> None:
    assert run(["flows", capture(tmp_path), "--where", "bytes < 0", "-o", f"{tmp_path}/out/"]) == 0
    assert "server_port" in pd.read_parquet(tmp_path / "out").columns


def test_a_folder_is_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", capture(tmp_path), "--format", "csv", "-o", f"{tmp_path}/out/"]) == 2
    assert "a folder is written as Parquet" in capsys.readouterr().err
