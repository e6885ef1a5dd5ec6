"""The images `busybox`, `busyboxplus` and `nginx`, made without a registry; and the roots of the `outside` host and of sshd.

Built once into a cache that both hosts, later labs and other checkouts share: $XDG_CACHE_HOME/netprobe/lab (by default
~/.cache/netprobe/lab). `lab down` leaves it, `lab down --purge` removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import platform
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab.packages import PROGRAM_PACKAGES, fetch, libraries, run_in_tree, unpack
from netprobe_lab.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe_lab.layout import Lab

RECIPE_LABEL = "netprobe.recipe"

NGINX_CONF = """\
user root;
worker_processes 1;
error_log stderr warn;
pid /run/nginx.pid;
events { worker_connections 256; }
http {
  default_type text/html;
  access_log ACCESS_LOG;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server { listen 80; root /usr/share/nginx/html; }
}
"""
INDEX = "<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n<h1>Welcome to nginx!</h1>\n"
UDP_ECHO = '#!/bin/sh\n# Answers every datagram on a port with itself: udp-echo PORT\nexec socat "UDP4-RECVFROM:$1,fork" PIPE\n'
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One root file system.

    Attributes:
        name: the image's name for Docker.
        programs: paths in the package tree; their libraries come along.
        files: further files, by path.
        changes: Dockerfile instructions for `docker import --change`.
    """

    name: str
    programs: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()


_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NGINX_FILES = {"usr/share/nginx/html/index.html": INDEX, "var/log/nginx/.keep": "", "var/lib/nginx/.keep": ""}

BUSYBOX = Image(name="busybox", programs=("usr/bin/busybox",), changes=(_PATH, 'CMD ["sh"]'))
BUSYBOXPLUS = Image(
    name="busyboxplus",
    programs=("usr/bin/busybox", "usr/bin/curl", "usr/bin/socat"),
    files={"usr/local/bin/udp-echo": UDP_ECHO},
    changes=(_PATH, 'CMD ["sh"]'),
)
NGINX = Image(
    name="nginx",
    programs=("usr/bin/busybox", "usr/sbin/nginx"),
    files={
        **_NGINX_FILES,
        "etc/nginx/nginx.conf": NGINX_CONF.replace("ACCESS_LOG", "/dev/stdout"),
    },
    changes=(_PATH, "EXPOSE 80", 'CMD ["nginx", "-e", "stderr", "-g", "daemon off;"]'),
)
OUTSIDE_ROOT = Image(
    name="outside",
    programs=("usr/bin/busybox", "usr/sbin/nginx", "usr/sbin/dnsmasq"),
    files={
        **_NGINX_FILES,
        "etc/nginx/nginx.conf": NGINX_CONF.replace("ACCESS_LOG", "off"),
    },
)
SSH_ROOT = Image(name="ssh", programs=("usr/bin/busybox", "usr/sbin/sshd"))
DOCKER_IMAGES = (BUSYBOX, BUSYBOXPLUS, NGINX)
TREES = (OUTSIDE_ROOT, SSH_ROOT)
_ALL = (*DOCKER_IMAGES, *TREES)


def cache_dir() -> Path:
    """Return where built images are kept between labs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "netprobe" / "lab"


def recipe() -> str:
    """Return the key of what this program builds here: another recipe or architecture has another cache entry."""
    text = repr((PROGRAM_PACKAGES, _ALL, _ACCOUNTS, platform.machine(), _os_release()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _os_release() -> str:
    try:
        return Path("/etc/os-release").read_text(errors="replace")
    except OSError:
        return ""


def build(lab: Lab) -> Path:
    """Return the directory with NAME.tar of each image and the `outside` and `ssh` trees; build it if the cache has none.

    Raises:
        LabImpossible: no packages are to be had.
    """
    target = cache_dir() / recipe()
    if target.is_dir():
        return target
    cache_dir().mkdir(parents=True, exist_ok=True)
    with locked(cache_dir()):
        if not target.is_dir():
            _remove_remains()
            with tempfile.TemporaryDirectory(prefix="work-", dir=cache_dir(), ignore_cleanup_errors=True) as work:
                _build(lab, Path(work))
                (Path(work) / "done").rename(target)
    return target


def purge() -> None:
    """Remove the cache."""
    shutil.rmtree(cache_dir(), ignore_errors=True)
    for parent in cache_dir().parents[:1]:
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a cache directory: one process builds, others wait."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_remains() -> None:
    for path in cache_dir().glob("work-*"):
        shutil.rmtree(path, ignore_errors=True)


def _build(lab: Lab, work: Path) -> None:
    root, done = work / "root", work / "done"
    unpack(lab, fetch(lab, work), root)
    done.mkdir()
    for image in _ALL:
        _write_tar(lab, root, image, done / f"{image.name}.tar")
    for tree in TREES:
        (done / tree.name).mkdir()
        run(lab, ["tar", "-xf", done / f"{tree.name}.tar", "-C", done / tree.name])
        (done / f"{tree.name}.tar").unlink()


def _write_tar(lab: Lab, root: Path, image: Image, path: Path) -> None:
    programs = {root / program for program in image.programs}
    found = set(programs)
    for program in programs:
        found |= libraries(lab, root, program)
    applets = run_in_tree(lab, root, root / "usr/bin/busybox", "--list").split()
    with tarfile.open(path, "w") as tar:
        _add_directories(tar)
        for source in sorted(found):
            _add(tar, _merged_name(root, source), source.resolve().read_bytes(), 0o755)
        loader = next(source for source in found if source.name.startswith("ld-linux"))
        _link_loader(tar, root, loader)
        for applet in sorted(set(applets) - {program.name for program in programs}):
            _add_link(tar, f"usr/bin/{applet}", "busybox")
        for name, text in sorted({**_ACCOUNTS, **image.files}.items()):
            _add(tar, name, text.encode(), 0o755 if name.startswith("usr/local/bin") else 0o644)


def _merged_name(root: Path, source: Path) -> str:
    name = str(source.relative_to(root))
    return name if name.startswith("usr/") else f"usr/{name}"


def _link_loader(tar: tarfile.TarFile, root: Path, loader: Path) -> None:
    """Add /lib64/ld-linux… (the name that programs ask for) where the loader itself lives elsewhere."""
    wanted = root / "usr/lib64" / loader.name
    if wanted.is_symlink() and wanted != loader:
        _add_link(tar, f"usr/lib64/{loader.name}", f"../{loader.relative_to(root / 'usr')}")


def _add_directories(tar: tarfile.TarFile) -> None:
    for name in (
        "dev",
        "etc",
        "proc",
        "root",
        "run",
        "sys",
        "usr",
        "usr/bin",
        "usr/sbin",
        "usr/lib",
        "usr/lib64",
        "var",
    ):
        _add_directory(tar, name, 0o755)
    for name in ("tmp", "var/tmp"):
        _add_directory(tar, name, 0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        _add_link(tar, name, f"usr/{name}")
    _add_link(tar, "var/run", "../run")


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


def _add_directory(tar: tarfile.TarFile, name: str, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)
