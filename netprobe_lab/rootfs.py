"""The root file system of another Debian release, whose Docker Engine a lab can run in place of the machine's.

`lab up --engine SUITE`: debootstrap(8) builds the tree once (about two and a half minutes) into the cache of the images; nothing
of it is installed on the machine. `pivot` starts a daemon in it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab import images, pivot
from netprobe_lab.errors import LabError, LabImpossible
from netprobe_lab.layout import DATA_ROOT
from netprobe_lab.run import last_line, run, tool

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

_PACKAGES = ("docker.io", "iptables", "nftables", "iproute2")
_BUILD_SECONDS = 1800.0


def build_root(lab: Lab, suite: str) -> Path:
    """Return the tree of a release; build it if the cache has none.

    Raises:
        LabImpossible: debootstrap is not installed, or no packages are to be had.
    """
    target = images.cache_dir() / f"engine-{suite}"
    if target.is_dir():
        return target
    tool("debootstrap")
    images.cache_dir().mkdir(parents=True, exist_ok=True)
    with images.locked(images.cache_dir()):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(
                prefix="work-", dir=images.cache_dir(), ignore_cleanup_errors=True
            ) as work:
                _build(lab, suite, Path(work) / "root")
                (Path(work) / "root").rename(target)
    return target


def _build(lab: Lab, suite: str, root: Path) -> None:
    argv = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", suite, str(root)]
    done = run(lab, argv, seconds=_BUILD_SECONDS, check=False)
    if done.returncode != 0:
        raise LabImpossible(
            f"no root file system of Debian {suite} to be had: {last_line(done.stderr or done.stdout)}",
            "a Debian package mirror must be reachable once",
        )
    for directory in (DATA_ROOT, Path("/etc/docker")):
        (root / directory.relative_to("/")).mkdir(parents=True, exist_ok=True)


def choose_root(lab: Lab, root: Path | None) -> None:
    """Have the engines of a lab that is not up run from this tree; from the machine's own root with None."""
    if root is None:
        _chosen(lab).unlink(missing_ok=True)
    else:
        _chosen(lab).write_text(f"{root}\n")


def chosen_root(lab: Lab) -> Path | None:
    """Return the tree that a lab's engines run from, None if it is the machine's own root."""
    try:
        return Path(_chosen(lab).read_text().strip())
    except FileNotFoundError:
        return None


def check_suite(lab: Lab, suite: str | None) -> None:
    """Raise LabError if the engines of a lab that is up do not run from this release (None: any will do)."""
    root = chosen_root(lab)
    if suite is not None and (root is None or root.name != f"engine-{suite}"):
        raise LabError(
            f"lab {lab.id} is up with {'the engine of the machine' if root is None else root.name}", "netprobe lab down"
        )


def pivot_argv(root: Path) -> list[str]:
    """Return the argv prefix that starts a program of a tree with that tree as its root, in a mount namespace of its own."""
    unshare = [tool("unshare"), "--mount", "--propagation", "slave", "--"]
    return [*unshare, sys.executable, "-I", str(Path(pivot.__file__)), str(root), str(DATA_ROOT)]


def _chosen(lab: Lab) -> Path:
    return lab.run_dir / "engine-root"
