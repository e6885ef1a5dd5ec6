"""The text of the remote program (:mod:`netprobe.hosts.remote`) as it is sent to a host's Python."""

from __future__ import annotations

import functools
import json
from importlib import resources

MODULES = (
    "children",
    "server",
    "commands",
    "engine",
    "files",
    "sysctls",
    "sniffers",
    "answers",
    "sockets",
    "tracer",
    "drops",
    "nested",
    "main",
)

BOOT = 'import sys;i=sys.stdin.buffer;p=i.read(int(i.readline()or 0));exec(compile(p,"netprobe","exec"),{"PROGRAM":p})'
"""The one line for ``python3 -c``: read the program from standard input, then run it."""

_LOADER = """
import json, sys, types
for name, text in json.loads(MODULES):
    module = types.ModuleType(name)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)
    exec(compile(text, name, "exec"), module.__dict__)
sys.modules["netprobe.hosts.remote.main"].main(BOOT, PROGRAM)
"""


@functools.cache
def program() -> bytes:
    """Return the program: its modules as data, and a loader that makes them importable under their own names."""
    folder = resources.files("netprobe.hosts.remote")
    package = [("netprobe.hosts.remote", "")]
    modules = package + [(f"netprobe.hosts.remote.{name}", (folder / f"{name}.py").read_text()) for name in MODULES]
    return f"BOOT = {BOOT!r}\nMODULES = {json.dumps(modules)!r}\n{_LOADER}".encode()
