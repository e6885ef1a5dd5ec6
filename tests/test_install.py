"""What README prints for a host of one's own: installing really, running by the link alone, and uninstalling. Needs a package index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import netprobe

ROOT = Path(__file__).parent.parent
CAPTURE = ROOT / "captures" / "demo.pcapng"
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
ROOTS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def call(*argv: str | Path, code: int = 0, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
        env={**os.environ, "PYTHON": sys.executable, "PIP_NO_COMPILE": "1", **(environment or {})},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def runs(link: Path, elsewhere: Path) -> None:
    """By the link, with root's PATH and nothing else, from a folder that somebody else may have filled."""
    (elsewhere / "netprobe").mkdir(parents=True)
    (elsewhere / "netprobe" / "__init__.py").write_text("raise SystemExit('from the current folder')")
    for arguments, says in (
        (["--version"], f"netprobe {netprobe.__version__}"),
        (["replay", str(CAPTURE)], "demo:80 from server1: works, by DNAT"),
        (["replay", str(CAPTURE), "--lang", "zh"], "从 server1 访问 demo:80：成功"),  # the compiled catalogue is there
    ):
        done = subprocess.run(
            [link, *arguments], cwd=elsewhere, env={"PATH": ROOTS_PATH, "PYTHONPATH": str(elsewhere)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(says)


def left(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return folder / call(sys.executable, "-c", BUILD, folder).splitlines()[-1]


def test_from_a_clone_and_for_a_package(tmp_path: Path) -> None:
    stage = {"DESTDIR": str(tmp_path / "stage")}
    there = tmp_path / "stage" / "usr" / "local" / "share" / "man"  # somebody else's, though empty
    there.mkdir(parents=True)
    call("make", "-s", "install", environment=stage)
    link = tmp_path / "stage" / "usr" / "local" / "bin" / "netprobe"
    assert not link.readlink().is_absolute()
    runs(link, tmp_path / "elsewhere")
    share = link.parent.parent / "share"
    beside = (
        "bash-completion/completions/netprobe",
        "zsh/site-functions/_netprobe",
        "fish/vendor_completions.d/netprobe.fish",
    )
    assert [(share / each).stat().st_size > 300 for each in (*beside, "man/man1/netprobe.1")] == [True] * 4
    call("make", "-s", "uninstall", environment=stage)
    assert [each.name for each in (tmp_path / "stage").rglob("*")] == ["usr", "local", "share", "man"]


@pytest.mark.whole
def test_a_wheel_at_a_place_of_ones_own_and_once_more(tmp_path: Path, wheel: Path) -> None:
    here = {"PREFIX": str(tmp_path / "own" / "netprobe"), "BINDIR": str(tmp_path / "bin")}
    call(ROOT / "tools" / "install", wheel, environment=here)
    compiled = [*(tmp_path / "own" / "netprobe").glob("var/cache/netprobe/kernels-*")]
    assert len(compiled) == 1, "for all users, inside of the installation"
    runs(tmp_path / "bin" / "netprobe", tmp_path / "elsewhere")
    assert "could not install" in call(ROOT / "tools" / "install", tmp_path / "none.whl", code=1, environment=here)
    runs(tmp_path / "bin" / "netprobe", tmp_path / "after")  # what was there is there still
    call(ROOT / "tools" / "install", "--uninstall", environment=here)
    assert not (tmp_path / "own").exists()
    assert not (tmp_path / "bin").exists()
    assert not (tmp_path / "share").exists()


def test_uninstalling_what_is_not_there_says_so(tmp_path: Path) -> None:
    nowhere = {"PREFIX": str(tmp_path / "none"), "BINDIR": str(tmp_path / "bin")}
    said = call(ROOT / "tools" / "install", "--uninstall", code=1, environment=nowhere)
    assert "nothing is installed in" in said


@pytest.mark.whole
def test_the_wheel_by_pipx(tmp_path: Path, wheel: Path) -> None:
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin"), "PIPX_MAN_DIR": str(tmp_path)}
    call(sys.executable, "-m", "pipx", "install", wheel, environment=places)
    link = tmp_path / "bin" / "netprobe"
    assert subprocess.run([link, "--version"], env={"PATH": ROOTS_PATH}, check=False).returncode == 0
    call(sys.executable, "-m", "pipx", "uninstall", "netprobe", environment=places)
    assert left(tmp_path / "bin") == []
    assert not list((tmp_path / "pipx").glob("venvs/*/*"))


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    used = tmp_path / "usr"
    (used / "bin").mkdir(parents=True)
    (used / "bin" / "thing").touch()
    mine = {"PREFIX": str(used), "BINDIR": str(tmp_path / "bin")}
    for argument in ((), ("--uninstall",)):
        said = call(ROOT / "tools" / "install", *argument, code=1, environment=mine)
        assert "holds something else" in said
    assert left(tmp_path) == [str(used / "bin" / "thing")]
    (used / "bin" / "netprobe").touch()
    mine = {"PREFIX": str(tmp_path / "p"), "BINDIR": str(used / "bin")}
    for argument in ((), ("--uninstall",)):
        said = call(ROOT / "tools" / "install", *argument, code=1, environment=mine)
        assert "is there already" in said
    assert (used / "bin" / "netprobe").exists()


def test_the_link_cannot_stand_where_it_leads_to(tmp_path: Path) -> None:
    place = tmp_path / "own"
    said = call(ROOT / "tools" / "install", code=1, environment={"PREFIX": str(place), "BINDIR": str(place / "bin")})
    assert "is a part of PREFIX" in said
    assert not place.exists()


@pytest.mark.parametrize("prefix", ["relative", "/a b", "/x;y"])
def test_a_prefix_that_cannot_be(prefix: str, tmp_path: Path) -> None:
    call(ROOT / "tools" / "install", code=1, environment={"PREFIX": prefix, "BINDIR": str(tmp_path)})
