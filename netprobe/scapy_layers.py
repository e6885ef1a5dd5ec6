"""Where scapy is imported: ``load()`` first, then the layers as ever. Nothing is left on disk by it.

``scapy.main``, scapy's interactive shell, makes ``~/.config``, ``~/.cache`` and, for bash, ``~/.local/share/bash-completion`` when it is
imported. ``scapy.data`` imports it to learn where to keep a cache, and then writes four pickles there. No setting turns that off, and the XDG
variables that move it are the whole process's. So an empty ``scapy.main`` that names no cache (scapy then keeps none) stands in while the layers load.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHELL = "scapy.main"
_NO_FOLDERS: dict[str, None] = {"SCAPY_CACHE_FOLDER": None}  # what scapy.data asks of it
# These import l2 and inet too, and bind themselves to port 53 and ethertype 0x86DD. Not scapy.all: it looks at the machine's interfaces.
_LAYERS = ("scapy.layers.dns", "scapy.layers.inet6")
_lock = threading.Lock()


def load() -> None:
    """Import scapy's layers up to DNS, once; safe in any thread.

    Raises:
        ImportError: scapy is not installed.
    """
    with _lock:
        try:
            with _no_shell():
                _import()
        except ImportError:  # a scapy that asks its shell for more gets the real one
            _import()


def _import() -> None:
    for name in _LAYERS:
        importlib.import_module(name)


@contextlib.contextmanager
def _no_shell() -> Iterator[None]:
    """Let a module without folders stand in for scapy's shell, unless that is loaded already."""
    if _SHELL in sys.modules:
        yield
        return
    stand_in = ModuleType(_SHELL)
    vars(stand_in).update(_NO_FOLDERS)
    sys.modules[_SHELL] = stand_in
    try:
        yield
    finally:
        del sys.modules[_SHELL]
