"""This repository makes two distributions: netprobe, which production hosts install, and netprobe-lab."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path

import pytest

import netprobe

ROOT = Path(__file__).parent.parent
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
CAPTURE = ROOT / "captures" / "demo.pcapng"
TEMPLATES = ROOT / "netprobe" / "report" / "html" / "templates"


def built(project: Path, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=project, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheels of netprobe and of netprobe-lab."""
    folder = tmp_path_factory.mktemp("wheels")
    return built(ROOT, folder), built(ROOT / "netprobe_lab", folder)


def unpacked(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


def modules(package: str) -> set[str]:
    return {str(file.relative_to(ROOT)) for file in (ROOT / package).rglob("*.py")}


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return {name for name in file.namelist() if ".dist-info/" not in name}


def run(*packages: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run netprobe as it is installed from wheels: beside its dependencies, without this clone on the path."""
    path = [*map(str, packages), sysconfig.get_path("platlib"), sysconfig.get_path("purelib")]
    code = f"import sys; sys.path += {path!r}; from netprobe.__main__ import main; main()"
    # -S: else the editable install of this clone would be found.
    argv = [sys.executable, "-I", "-S", "-c", code, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=packages[0])


def test_netprobes_wheel_is_netprobe_without_the_lab(wheels: tuple[Path, Path]) -> None:
    pages = {f"netprobe/report/html/templates/{each.name}" for each in TEMPLATES.iterdir()}
    assert files(wheels[0]) == modules("netprobe") | pages | {
        "netprobe/annotate/profile/colorfilters",
        "netprobe/annotate/profile/preferences",
        "netprobe/causes/examples.json",
        "netprobe/locale/zh/LC_MESSAGES/netprobe.mo",
        "netprobe/py.typed",
    }


def test_the_labs_wheel_is_the_lab_alone(wheels: tuple[Path, Path]) -> None:
    assert files(wheels[1]) == modules("netprobe_lab") | {
        "netprobe_lab/locale/zh/LC_MESSAGES/netprobe_lab.mo",
        "netprobe_lab/py.typed",
        "netprobe_lab/tour/templates/tour.html.j2",
    }


def test_the_lab_needs_the_netprobe_of_its_own_version(wheels: tuple[Path, Path]) -> None:
    version = netprobe.__version__
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as file:
            name = next(each for each in file.namelist() if each.endswith(".dist-info/METADATA"))
            metadata = Parser().parsestr(file.read(name).decode())
            licence = name.replace("METADATA", "licenses/LICENSE")
            assert file.read(licence) == (ROOT / "LICENSE").read_bytes()
        assert metadata["Version"] == version
    assert f"netprobe=={version}" in metadata.get_all("Requires-Dist", [])


def test_netprobe_works_without_the_lab(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    alone = unpacked(wheels[0], tmp_path)
    done = run(alone, arguments=["replay", str(CAPTURE), "--json"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == "dnat"
    page = tmp_path / "page.html"
    assert run(alone, arguments=["replay", str(CAPTURE), "--html", str(page)]).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    assert "lab" in run(alone, arguments=["--help"]).stdout
    assert run(alone, arguments=["causes", "docker-user-drop"]).returncode == 0


def test_without_the_lab_one_line_says_how_to_get_it(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    alone = unpacked(wheels[0], tmp_path)
    for arguments in (["lab"], ["lab", "up"], ["lab", "run", "demo"], ["lab", "--help"]):
        done = run(alone, arguments=arguments)
        assert (done.returncode, done.stdout) == (4, "")
        said, how = done.stderr.splitlines()
        assert said == "netprobe: lab: netprobe_lab is not installed"
        assert "pip install ./netprobe_lab" in how
    done = run(alone, arguments=["lab", "status", "--json"])
    value = json.loads(done.stdout)
    assert (done.returncode, value["schema"], value["exit"]) == (4, "netprobe/error/1", 4)


def test_netprobe_finds_the_lab_where_it_is_installed(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    alone, lab = unpacked(wheels[0], tmp_path / "netprobe"), unpacked(wheels[1], tmp_path / "lab")
    done = run(alone, lab, arguments=["lab", "list"])
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("  demo ") for line in done.stdout.splitlines())


def test_the_manual_page_bears_the_day_of_the_release() -> None:
    """A version that is not released yet has the day on which its page was last looked at."""
    day = datetime.strptime(netprobe.RELEASE_DATE, "%Y-%m-%d").replace(tzinfo=UTC)
    released = re.findall(
        rf"^## \[{re.escape(netprobe.__version__)}\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released in ([], [f"{day:%Y-%m-%d}"])


def test_the_versions_of_both_projects_agree() -> None:
    for file in (ROOT / "pyproject.toml", ROOT / "netprobe_lab" / "pyproject.toml"):
        assert tomllib.loads(file.read_text())["project"]["version"] == netprobe.__version__
