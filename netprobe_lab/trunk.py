"""The trunk's VLAN: `eth1.1` on a server, by 8021q where the kernel has it, else by two small eBPF programs.

Without 8021q `eth1.1` is one end of a veth pair inside the host, and the programs join the other end to eth1, as clsact
ingress filters (tc-bpf(8)): what enters the pair leaves eth1 with the tag put on, what enters eth1 with that tag goes into
the pair without it. Each filter holds its program, so that nothing stays pinned, and all of it goes with the host's namespace.

Runs as a file as well, inside the host's network namespace and a mount namespace of its own: loads, pins, attaches, ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

PARENT = "eth1"
VLAN_ID = 1
INTERFACE = f"{PARENT}.{VLAN_ID}"
PAIR_END = f"{INTERFACE}-wire"

_SYSCALL_BPF = {"x86_64": 321, "aarch64": 280}  # asm/unistd.h
_PROG_LOAD, _OBJ_PIN, _SCHED_CLS = 5, 6, 3  # linux/bpf.h: commands, and the program type of tc
_REDIRECT, _VLAN_PUSH, _VLAN_POP = 23, 18, 19  # linux/bpf.h: helpers
_VLAN_PRESENT, _VLAN_TCI = 20, 24  # offsets in struct __sk_buff
_CALL, _EXIT, _LOAD, _MOVE, _COPY, _AND, _IF_EQUAL, _IF_NOT = 0x85, 0x95, 0x61, 0xB7, 0xBF, 0x57, 0x15, 0x55
_ETH_P_8021Q, _ID_MASK, _TC_ACT_OK = 0x8100, 0x0FFF, 0

Instruction = tuple[int, int, int, int, int]  # opcode, destination and source register, offset, immediate


def tagger(parent: int, vlan: int) -> bytes:
    """Return the pair end's program: put the tag on, send out of `parent` (an interface's number)."""
    return _assemble(
        (_MOVE, 2, 0, 0, socket.htons(_ETH_P_8021Q)),
        (_MOVE, 3, 0, 0, vlan),
        (_CALL, 0, 0, 0, _VLAN_PUSH),
        (_MOVE, 1, 0, 0, parent),
        (_MOVE, 2, 0, 0, 0),
        (_CALL, 0, 0, 0, _REDIRECT),
        (_EXIT, 0, 0, 0, 0),
    )


def untagger(pair_end: int, vlan: int) -> bytes:
    """Return the parent's program: what has this tag loses it and goes into the pair; everything else passes."""
    return _assemble(
        (_COPY, 6, 1, 0, 0),
        (_LOAD, 0, 6, _VLAN_PRESENT, 0),
        (_IF_EQUAL, 0, 0, 9, 0),
        (_LOAD, 0, 6, _VLAN_TCI, 0),
        (_AND, 0, 0, 0, _ID_MASK),
        (_IF_NOT, 0, 0, 6, vlan),
        (_COPY, 1, 6, 0, 0),
        (_CALL, 0, 0, 0, _VLAN_POP),
        (_MOVE, 1, 0, 0, pair_end),
        (_MOVE, 2, 0, 0, 0),
        (_CALL, 0, 0, 0, _REDIRECT),
        (_EXIT, 0, 0, 0, 0),
        (_MOVE, 0, 0, 0, _TC_ACT_OK),
        (_EXIT, 0, 0, 0, 0),
    )


def _assemble(*program: Instruction) -> bytes:
    """Encode as struct bpf_insn does; the registers share a byte, the destination in the half that is low on this machine."""
    little = sys.byteorder == "little"
    return b"".join(
        struct.pack("=BBhi", code, target | source << 4 if little else target << 4 | source, offset, immediate)
        for code, target, source, offset, immediate in program
    )


def load_pinned(program: bytes, path: Path) -> None:
    """Load a tc program and pin it at a path of a bpffs.

    Raises:
        OSError: the kernel, or this process's rights, do not allow it.
    """
    code, licence = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(b"GPL")
    attributes = (_SCHED_CLS, len(program) // 8, ctypes.addressof(code), ctypes.addressof(licence))
    descriptor = _bpf(_PROG_LOAD, struct.pack("=IIQQ", *attributes))
    try:
        name = ctypes.create_string_buffer(os.fsencode(path))
        _bpf(_OBJ_PIN, struct.pack("=QII", ctypes.addressof(name), descriptor, 0))
    finally:
        os.close(descriptor)


def _bpf(command: int, attributes: bytes) -> int:
    number = _SYSCALL_BPF.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of bpf(2) on {platform.machine()} is not known here")
    libc = ctypes.CDLL(None, use_errno=True)
    union = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = int(libc.syscall(ctypes.c_long(number), ctypes.c_int(command), union, ctypes.c_uint(len(union))))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf(2): {os.strerror(ctypes.get_errno())}")
    return result


def _mount_bpffs(target: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"bpf", os.fsencode(target), b"bpf", ctypes.c_ulong(0), None) != 0:
        raise OSError(ctypes.get_errno(), f"mount of bpf: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    """Join PAIR_END to PARENT, both of this network namespace. Arguments: an empty directory, the path of tc."""
    directory, tc = Path(sys.argv[1]), sys.argv[2]
    with contextlib.suppress(OSError, ValueError):  # kernels before 5.11 charge programs to it; others need no raise
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _mount_bpffs(directory)
    parent, pair_end = socket.if_nametoindex(PARENT), socket.if_nametoindex(PAIR_END)
    programs = {PAIR_END: tagger(parent, VLAN_ID), PARENT: untagger(pair_end, VLAN_ID)}
    for number, (interface, program) in enumerate(programs.items()):
        pinned = directory / f"program{number}"
        load_pinned(program, pinned)
        subprocess.run([tc, "qdisc", "add", "dev", interface, "clsact"], check=True)
        filter_ = [tc, "filter", "add", "dev", interface, "ingress", "bpf", "da", "object-pinned", str(pinned)]
        subprocess.run(filter_, check=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as fault:
        sys.exit(str(fault))
