"""The text of the remote program (:mod:`netprobe.hosts.remote`) as it is sent to a host's Python."""

from __future__ import annotations

import functools
import zlib
from pathlib import Path

MODULES = (
    "children",
    "threads",
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

BOOT = (
    "import sys,zlib;i=sys.stdin.buffer;p=i.read(int(i.readline()or 0));"
    'exec(compile(p and zlib.decompress(p),"netprobe","exec"),{"PROGRAM":p})'
)
"""The one line for ``python3 -c``: read the program from standard input, then run it."""

_LOADER = """
import sys
class Loader:
    def find_spec(self, name, path=None, target=None):
        return type(sys.__spec__)(name, self, is_package=TEXTS[name] == "") if name in TEXTS else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(TEXTS[module.__name__], module.__name__, "exec"), module.__dict__)
sys.meta_path.insert(0, Loader())
from netprobe.hosts.remote.main import main
main(BOOT, PROGRAM)
"""
# A module is compiled when it is imported; a package has no text (importlib's protocol of finders and loaders).


@functools.cache
def program() -> bytes:
    """Return the program, packed (zlib): its modules as data, and a loader that makes them importable under their own names.

    It fits into a pipe (64 KiB, pipe(7)), so that writing it to a host that reads nothing holds nobody up.
    """
    folder = Path(__file__).parent / "remote"
    texts = dict.fromkeys(("netprobe", "netprobe.hosts", "netprobe.hosts.remote"), "")
    texts |= {f"netprobe.hosts.remote.{name}": (folder / f"{name}.py").read_text() for name in MODULES}
    text = f"BOOT = {BOOT!r}\nTEXTS = {texts!r}\n{_LOADER}"
    return zlib.compress(text.encode(), 1)
