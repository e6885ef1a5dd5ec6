"""The programs of the images, out of the distribution's own packages, without installing any of them.

`apt-get` resolves them against an empty dpkg status, so it downloads the whole closure of dependencies, whatever the
machine has installed; `dpkg-deb -x` unpacks that into one directory tree that the images are cut from.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab.errors import LabImpossible
from netprobe_lab.run import last_line, run

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

PROGRAM_PACKAGES = ("busybox", "curl", "dnsmasq-base", "nginx-light", "openssh-server", "socat")
_MERGED = ("bin", "sbin", "lib", "lib64")  # directories that are links into /usr on a merged-/usr system


def fetch(lab: Lab, work: Path) -> list[Path]:
    """Download the packages and all that they depend on.

    Args:
        lab: whose environment to run in.
        work: an empty directory to download into.

    Raises:
        LabImpossible: this machine has no apt, or no packages are to be had.
    """
    for name in ("debs/partial", "lists/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    done = _apt(lab, work, [], "install", *PROGRAM_PACKAGES)
    if done is not None:  # the machine's package lists are empty or stale: use fresh ones of our own
        own_lists = ["-o", f"Dir::State::lists={work / 'lists'}"]
        failed = _apt(lab, work, own_lists, "update") or _apt(lab, work, own_lists, "install", *PROGRAM_PACKAGES)
        if failed is not None:
            raise LabImpossible(
                f"no packages to be had for the lab's images: {failed}",
                "a Debian package mirror must be reachable once; see apt-get update",
            )
    return sorted((work / "debs").glob("*.deb"))


def _apt(lab: Lab, work: Path, options: list[str], verb: str, *names: str) -> str | None:
    """Run one apt-get command on private directories; return its complaint, None if it succeeded."""
    argv = ["apt-get", "-q", "-y", "-o", f"Dir::State::status={work / 'status'}"]
    argv += ["-o", f"Dir::Cache::archives={work / 'debs'}", "-o", "Debug::NoLocking=1", *options]
    argv += ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "APT::Sandbox::User=root"]
    if verb == "install":
        argv += ["--download-only", "--no-install-recommends"]
    done = run(lab, [*argv, verb, *names], env={"DEBIAN_FRONTEND": "noninteractive"}, seconds=300, check=False)
    return None if done.returncode == 0 else last_line(done.stderr)


def unpack(lab: Lab, debs: list[Path], root: Path) -> None:
    """Unpack packages into one tree, with /bin, /sbin, /lib and /lib64 merged into /usr."""
    root.mkdir()
    for deb in debs:
        run(lab, ["dpkg-deb", "-x", deb, root])
    for name in _MERGED:
        merged = root / "usr" / name
        merged.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir() and not (root / name).is_symlink():
            shutil.copytree(root / name, merged, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(root / name)
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(f"usr/{name}")


def libraries(lab: Lab, root: Path, program: Path) -> set[Path]:
    """Return the shared libraries that a program of the tree loads, the loader among them, as the tree's loader lists them."""
    loader = loader_of(root)
    search = ":".join(str(path) for path in {loader.parent, *(root / "usr/lib").glob("*-linux-gnu*"), root / "usr/lib"})
    done = run(lab, [loader, "--library-path", search, "--list", program])
    paths = (Path(word) for word in done.stdout.split() if word.startswith(f"{root}/"))
    return {path for path in paths if ".so" in path.name} | {loader}


def run_in_tree(lab: Lab, root: Path, program: Path, *arguments: str) -> str:
    """Run a program of the tree with the tree's own loader and libraries; return what it prints."""
    loader = loader_of(root)
    return run(lab, [loader, "--library-path", loader.parent, program, *arguments]).stdout


def loader_of(root: Path) -> Path:
    """Return the program loader of a tree."""
    candidates = [*(root / "usr/lib").glob("*/ld-linux*.so.*"), *(root / "usr/lib").glob("ld-linux*.so.*")]
    for path in candidates:
        if path.resolve().is_relative_to(root.resolve()):
            return path
    raise LabImpossible("the unpacked packages have no program loader", "this architecture is not known to the lab")
