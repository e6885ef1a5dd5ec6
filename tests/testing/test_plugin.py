"""The pytest plugin as other projects use it: pytest in a process of its own, which finds it by its entry point."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "pytest-example"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", *arguments]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "captures").mkdir()
    shutil.copy(EXAMPLE / "captures" / "docker-user-drop.pcapng", tmp_path / "captures")
    return tmp_path


def test_the_example_passes(tmp_path: Path) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__"))
    done = run(copy)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_its_page_has_its_tests() -> None:
    page, tests = (EXAMPLE / "README.md").read_text(), (EXAMPLE / "test_network.py").read_text()
    shown = [line.strip() for line in page.splitlines() if line.startswith("        explain_capture(")]
    assert shown
    assert all(line in tests for line in shown)


def test_a_failure_shows_the_report_and_not_our_code(project: Path) -> None:
    (project / "test_it.py").write_text(
        "def test_it(explain_capture):\n    explain_capture('captures/docker-user-drop.pcapng').assert_works()\n"
    )
    done = run(project)
    assert done.returncode == 1
    assert "demo:80 from server1 should work; fails" in done.stdout
    assert "rule      -A DOCKER-USER -s 192.168.3.0/24 -j DROP" in done.stdout
    assert "raise AssertionError" not in done.stdout


def test_snapshots_stand_beside_the_test(project: Path) -> None:
    (project / "test_it.py").write_text(
        "def test_it(explain_capture):\n    explain_capture('captures/docker-user-drop.pcapng').assert_snapshot()\n"
    )
    assert run(project).returncode == 1
    assert run(project, "--netprobe-update").returncode == 0
    assert (project / "snapshots" / "test_it" / "test_it.json").exists()
    assert run(project).returncode == 0


def test_nothing_of_netprobe_is_loaded_before_a_fixture_is_used(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import sys\n\n\ndef test_it(request):\n"
        "    assert request.config.pluginmanager.hasplugin('netprobe')\n"
        "    ours = {name for name in sys.modules if name.partition('.')[0] == 'netprobe'}\n"
        "    assert ours == {'netprobe', 'netprobe.testing', 'netprobe.testing.plugin'}\n"
        "    assert not {'numpy', 'pandas', 'scapy', 'numba', 'click'} & set(sys.modules)\n"
    )
    done = run(project)
    assert done.returncode == 0, done.stdout


def test_a_file_that_is_not_there_is_said_by_its_name(project: Path) -> None:
    (project / "test_it.py").write_text(
        "def test_it(explain_capture):\n    explain_capture('captures/nowhere.pcapng')\n"
    )
    done = run(project)
    assert done.returncode == 1
    assert "captures/nowhere.pcapng" in done.stdout
    assert "EvidenceFault" in done.stdout
