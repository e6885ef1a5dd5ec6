"""The remote program (:mod:`netprobe.hosts.remote`) as it is sent to a host's Python."""

from __future__ import annotations

import functools
import marshal
import zlib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple

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
    "response",
    "tls",
    "sizes",
    "sockets",
    "tracer",
    "drops",
    "nested",
    "main",
)

_READ = "import gc,sys;gc.set_threshold(20000,20,20);i=sys.stdin.buffer;p=i.read(int(i.readline()or 0));"
# What a start makes stays: looking for garbage among it is a tenth of it.
_TEXT = 'import zlib;exec(compile(p and zlib.decompress(p),"netprobe","exec"),{"PROGRAM":p})'
_COMPILED = 'import marshal;m=marshal.loads(p)if p else{"LOADER":""};m["PROGRAM"]=p;exec(m["LOADER"],m)'

_LOADER = """
import marshal, sys
class Loader:
    def find_spec(self, name, path=None, target=None):
        return type(sys.__spec__)(name, self, is_package=not MODULES[name]) if name in MODULES else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        code = MODULES[module.__name__]
        compiled = code and isinstance(code, bytes)
        exec(marshal.loads(code) if compiled else compile(code, module.__name__, "exec"), module.__dict__)
sys.meta_path.insert(0, Loader())
from netprobe.hosts.remote.main import main
main(BOOT, PROGRAM)
"""
# A module is compiled or unpacked when it is imported; a package has no text (importlib's protocol of finders and loaders).


PIPE_BYTES = 1 << 18
"""How large the pipe to a program that is compiled is to be: then writing it to a host that reads nothing holds nobody up."""


class RemoteProgram(NamedTuple):
    """What is run for ``python3 -c``, and what that then reads from its standard input, behind a line with its length."""

    boot: str
    data: bytes


@functools.cache
def as_text() -> RemoteProgram:
    """Return the program for any Python: its modules as data, and a loader that makes them importable under their own names.

    It fits into any pipe (64 KiB, pipe(7)).
    """
    boot = _READ + _TEXT
    texts = {name: file.read_text() if file is not None else "" for name, file in _modules().items()}
    text = f"BOOT = {boot!r}\nMODULES = {texts!r}\n{_LOADER}"
    return RemoteProgram(boot, zlib.compress(text.encode(), 1))


@functools.cache
def compiled() -> RemoteProgram:
    """Return the program for the Python that runs this one, compiled, as importing keeps it: that saves each host's program a quarter of its start."""
    boot = _READ + _COMPILED
    code = {
        name: marshal.dumps(SourceFileLoader(name, str(file)).get_code(name)) if file is not None else b""
        for name, file in _modules().items()
    }
    loader = compile(_LOADER, "netprobe", "exec")
    return RemoteProgram(boot, marshal.dumps({"BOOT": boot, "MODULES": code, "LOADER": loader}))


def _modules() -> dict[str, Path | None]:
    """Return the program's modules by name; None: a package."""
    folder = Path(__file__).parent / "remote"
    packages: dict[str, Path | None] = dict.fromkeys(("netprobe", "netprobe.hosts", "netprobe.hosts.remote"))
    return packages | {f"netprobe.hosts.remote.{name}": folder / f"{name}.py" for name in MODULES}
