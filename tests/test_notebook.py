"""docs/netprobe.ipynb, executed by a real kernel: reports and flow tables show themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from netprobe.model.report import SHOWN_BY, PathCode, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCS = Path(__file__).parent.parent / "docs"


class ThisPython(AsyncKernelManager):
    """A kernel of the Python that runs the tests, whatever kernels the user has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python", language="python")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Any]]:
    """What the cells of code show, in order."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, str(home))
        notebook = nbformat.read(DOCS / "netprobe.ipynb", as_version=4)  # type: ignore[no-untyped-call]
        client = NotebookClient(
            notebook,
            timeout=300,
            startup_timeout=300,
            kernel_manager_class=ThisPython,
            resources={"metadata": {"path": str(DOCS)}},
        )
        client.execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_a_report_shows_itself(outputs: list[Mapping[str, Any]]) -> None:
    shown = outputs[0]["data"]["text/html"]
    assert shown.startswith('<div class="netprobe"')
    assert "fails, docker-user-drop" in shown
    assert "-A DOCKER-USER -s 192.168.3.0/24 -j DROP" in shown
    assert "<script" not in shown


def test_its_parts_are_values(outputs: list[Mapping[str, Any]]) -> None:
    assert outputs[1]["text"].startswith("works dnat ")


def test_a_flow_table_shows_itself(outputs: list[Mapping[str, Any]]) -> None:
    shown = outputs[2]["data"]["text/html"]
    assert "<table" in shown
    assert "<th>server_port</th>" in shown
    assert "dnat" in shown


def test_a_report_that_nobody_shows_is_its_fields() -> None:
    kept, SHOWN_BY[:] = SHOWN_BY[:], []
    try:
        report = Report(
            target="t",
            source="s",
            dialled=None,
            verdict=Verdict.UNDETERMINED,
            path=PathCode.NONE,
            resolution="literal",
            why="",
        )
        assert report._repr_html_() is None
    finally:
        SHOWN_BY[:] = kept
