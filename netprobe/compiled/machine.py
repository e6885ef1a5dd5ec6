"""Machine code, loaded by LLVM alone, and called: no numba, which takes as long to import as a million packets take.

How a kernel is called is numba's calling convention (numba.core.callconv, CPUCallConv): it returns a status, 0 for success; the first two arguments
are where its result and an exception go; an array is its memory's owner and parent (none here), its size in elements, an element's bytes, where it
begins, its shape, its strides (numba.np.arrayobj).
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

from netprobe.compiled import store
from netprobe.compiled.entries import KERNELS, Array, Number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.compiled.entries import KernelEntry

    Kernel = Callable[..., int]


class NotUsable(Exception):
    """There is no compiled code that can be used: who asks goes the numpy way."""


def usable() -> bool:
    """Whether there is compiled code for this version on this processor, whole and our own. Cheap: neither numba nor LLVM is imported."""
    return bool(store.find().code)


def why_not() -> str:
    """Say why :func:`usable` is false, for a person; ``""`` where it is true."""
    return store.find().why


@cache
def kernels() -> Mapping[str, Kernel]:
    """Load all kernels, by name.

    Raises:
        NotUsable: as :func:`why_not` says, or LLVM is not there.
    """
    kept = store.find()
    if not kept.code:
        raise NotUsable(kept.why)
    return load(kept.code)


def load(code: bytes) -> Mapping[str, Kernel]:
    """Load an object file of :func:`netprobe.compiled.jit.machine_code`; it is trusted.

    Raises:
        NotUsable: LLVM is not there.
    """
    try:
        import llvmlite.binding as llvm
    except (ImportError, OSError) as error:
        raise NotUsable(f"llvmlite cannot be loaded: {error}") from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple = llvm.get_process_triple()
    empty = llvm.parse_assembly(f'target triple = "{triple}"')
    engine = llvm.create_mcjit_compiler(empty, llvm.Target.from_triple(triple).create_target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return {entry.name: _kernel(entry, engine.get_function_address(entry.name), engine) for entry in KERNELS}


def _kernel(entry: KernelEntry, address: int, engine: Any) -> Kernel:
    if not address:
        raise NotUsable(f"it lacks {entry.name}")
    words = sum(5 + 2 * each.dimensions if isinstance(each, Array) else 1 for each in entry.takes)
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * words)(address)

    def call(*given: NDArray[Any] | int) -> int:
        """Call the kernel; Python's lock is not held while it runs."""
        result, fault = ctypes.c_int64(0), ctypes.c_void_p()
        flat = [word for each, value in zip(entry.takes, given, strict=True) for word in _words(entry, each, value)]
        status = function(ctypes.addressof(result), ctypes.addressof(fault), *flat)
        if status:
            raise RuntimeError(f"kernel {entry.name} ended with status {status}")
        return result.value

    call.engine = engine  # type: ignore[attr-defined]  # the code is freed with it
    return call


def _words(entry: KernelEntry, wanted: Array | Number, value: Any) -> list[int]:
    if isinstance(wanted, Number):
        return [value]
    array: np.ndarray[Any, Any] = value
    if array.dtype != wanted.dtype or array.ndim != wanted.dimensions or not array.flags.c_contiguous:
        raise TypeError(
            f"kernel {entry.name} takes a contiguous {wanted}, not {array.dtype} of {array.ndim} dimensions"
        )
    return [0, 0, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides]
