"""Kernel settings of this network namespace: /proc/sys/net shows the namespace of whoever reads it."""

from __future__ import annotations

import glob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from netprobe.hosts.remote.children import Children

ROOT = "/proc/sys/"


def read(request: Dict[str, Any]) -> Dict[str, Any]:
    """Read all settings that the ``patterns`` (paths below /proc/sys) match: ``{"lines": ["KEY = VALUE"]}``."""
    lines: List[str] = []
    for pattern in request["patterns"]:
        for path in sorted(glob.glob(ROOT + pattern)):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    value = " ".join(file.read(4096).split())
            except OSError:
                continue
            lines.append("%s = %s" % (key(path[len(ROOT) :]), value))
    return {"lines": lines}


def key(path: str) -> str:
    """Return sysctl(8)'s name for a path: dots and slashes swapped, so that ``eth1.1`` becomes ``eth1/1``."""
    return path.translate({ord("/"): ".", ord("."): "/"})


def operations(_children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    return {"sysctls": read}
