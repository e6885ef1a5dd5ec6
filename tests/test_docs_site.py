"""The docs as a site: built strictly, which runs the commands on its pages. What needs hosts is run by the lab's tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import docs_site as docs
import pytest

from netprobe.causes.catalogue import CAUSES, TRAFFIC
from netprobe.cli import cli, run

if TYPE_CHECKING:
    from pathlib import Path

LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"?(?!data:)(https?:|//)[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    folder = tmp_path_factory.mktemp("docs")
    docs.make_pages(folder / "pages")
    assert docs.build(folder) == 0
    return folder / "site"


@pytest.mark.whole  # of `make docs`, too
def test_a_page_a_command_and_a_cause(site: Path) -> None:
    commands = {each.stem for each in (site / "commands").glob("*.html")} - {"index"}
    assert commands == set(cli.commands) == set(docs.RUNS)
    for name, lines in docs.RUNS.items():
        assert lines or docs.RECORDED[name], "a page shows what its command prints"
        assert not any(line.endswith("--help") for _, line in lines)
    lab = (site / "commands" / "lab.html").read_text()
    for name in ("up", "down", "shell", "run", "list", "tour"):
        assert f"netprobe lab {name}" in lab
    assert "Leave the last experiment as it is" in lab
    causes = {each.stem for each in (site / "causes").glob("*.html")} - {"index"}
    assert causes == {each.code for each in (*CAUSES, *TRAFFIC)}
    page = (site / "commands" / "replay.html").read_text()
    assert "filter/DOCKER-USER #1 of server2 dropped it" in page


@pytest.mark.whole
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert LOADED.findall(page.read_text()) == [], page


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("[there](nowhere.md)\n")
    assert docs.build(tmp_path) != 0


def test_a_command_that_ends_otherwise_ends_the_build() -> None:
    with pytest.raises(SystemExit, match="exit code 1, not 0"):
        docs._output("netprobe replay captures/docker-user-drop.pcapng", 0)


def test_the_picture_is_what_the_program_draws(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", str(docs.ROOT / "captures" / "demo.pcapng"), "--format", "svg"]) == 0
    assert capsys.readouterr().out == (docs.ROOT / "docs" / "topology.svg").read_text()
