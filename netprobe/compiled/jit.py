"""How kernels become machine code: by numba, whose types end here. Only who compiles imports this module, and with it numba.

A kernel is a function of arrays and whole numbers that neither raises nor allocates: so its machine code needs nothing of Python or of numba when it
runs, and is loaded without them (:mod:`netprobe.compiled.machine`, which says how it is called). :func:`machine_code` checks that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, cast

import llvmlite.binding as llvm
import numba

from netprobe.compiled.entries import Array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netprobe.compiled.entries import KernelEntry

F = TypeVar("F", bound="Callable[..., Any]")

_HOW: dict[str, Any] = {
    "error_model": "numpy",
    "_nrt": False,
}  # no ZeroDivisionError; no counting of references to arrays
_LIBRARY = ("memset", "memcpy", "memmove")  # of the C library: all that machine code may need of the process


_FAILS = re.compile(r"\bret i32 (?!0\b)")  # a status that is not the constant 0


class NotAlone(Exception):
    """A kernel needs something beside itself when it runs: it raises, allocates or calls into Python."""


def compiled(function: F) -> F:
    """Compile a function: when a kernel that calls it is compiled, or when a test calls it."""
    return cast("F", numba.njit(nogil=True, **_HOW)(function))


def inlined(function: F) -> F:
    """Compile a small function into those that call it."""
    return cast("F", numba.njit(inline="always", **_HOW)(function))


def machine_code(kernels: Sequence[tuple[KernelEntry, Callable[..., Any]]]) -> bytes:
    """Compile kernels for this machine's processor, to one object file whose symbols are the entries' names.

    Raises:
        NotAlone: one of them needs more than some functions of the C library.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
        jit=True,
    )
    whole = llvm.parse_assembly(f'target triple = "{llvm.get_process_triple()}"')
    for entry, function in kernels:
        whole.link_in(_module(entry, function))
    _optimize(whole, machine)
    needs = {each.name for each in (*whole.functions, *whole.global_variables) if each.is_declaration}
    foreign = sorted(name for name in needs if not name.startswith("llvm.") and name not in _LIBRARY)
    if foreign:
        raise NotAlone(f"needs {', '.join(foreign)}")
    for entry, _ in kernels:
        if _FAILS.search(str(whole.get_function(entry.name))):
            raise NotAlone(f"{entry.name} can raise")
    return cast("bytes", machine.emit_object(whole))


def _module(entry: KernelEntry, function: Any) -> llvm.ModuleRef:
    """Return what numba made of one kernel; nothing of it but the kernel can be seen from outside."""
    signature = tuple(
        numba.types.Array(numba.from_dtype(each.dtype), each.dimensions, "C")
        if isinstance(each, Array)
        else numba.types.int64
        for each in entry.takes
    )
    function.compile(signature)
    done = function.overloads[signature]
    module = llvm.parse_bitcode(done.library._final_module.as_bitcode())
    for each in (*module.functions, *module.global_variables):
        if each.name == done.fndesc.llvm_func_name:
            each.name = entry.name
        elif not each.is_declaration:
            each.linkage = "internal"
    return module


def _optimize(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Once more, now that it is all there: what nobody calls goes (numba's own wrappers), and so do arguments that nobody reads."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
