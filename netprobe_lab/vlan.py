"""`eth1.1` of a server: made in the way that this kernel allows, found out by trying."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe_lab import trunk
from netprobe_lab.run import PATH, last_line, run

if TYPE_CHECKING:
    import subprocess

    from netprobe_lab.layout import Lab, Machine

_BY_8021Q = "8021q"
_BY_EBPF = "eBPF, no 8021q in this kernel"


def make_vlan(lab: Lab, machine: Machine) -> None:
    """Make eth1.1 unless it is there, and write down how: the rest of the lab does without where neither way works."""
    note = _note(lab, machine)
    if note.exists():
        return
    _ip(lab, machine, "link", "delete", trunk.INTERFACE)  # a half-made one, of an `up` that was killed
    kind = ("type", "vlan", "id", str(trunk.VLAN_ID))
    refused = _ip(lab, machine, "link", "add", "link", trunk.PARENT, "name", trunk.INTERFACE, *kind)
    how = _BY_8021Q if refused is None else _by_ebpf(lab, machine)
    if not how.startswith("missing"):
        _ip(lab, machine, "link", "set", trunk.INTERFACE, "up")
    note.write_text(how)


def vlan_made_by(lab: Lab, machine: Machine) -> str:
    """Return how eth1.1 was made, or why it is missing."""
    note = _note(lab, machine)
    return note.read_text() if note.exists() else "missing"


def _by_ebpf(lab: Lab, machine: Machine) -> str:
    """Make it of a veth pair and two tc programs; return the words for `lab status`."""
    tc = shutil.which("tc", path=PATH)
    if tc is None:
        return "missing: no 8021q in this kernel, and no tc"
    pair = ("type", "veth", "peer", "name", trunk.PAIR_END)
    refused = _ip(lab, machine, "link", "add", trunk.INTERFACE, *pair)
    if refused is not None:
        return f"missing: {refused}"
    _ip(lab, machine, "link", "set", trunk.PAIR_END, "up")
    done = _join(lab, machine, tc)
    if done.returncode == 0:
        return _BY_EBPF
    _ip(lab, machine, "link", "delete", trunk.INTERFACE)
    return f"missing: no 8021q in this kernel, and no eBPF: {last_line(done.stderr)}"


def _join(lab: Lab, machine: Machine, tc: str) -> subprocess.CompletedProcess[str]:
    """Run trunk.py; its bpffs is of a mount namespace of its own, and goes with it."""
    directory = lab.host_dir(machine.name) / "bpf"
    directory.mkdir(exist_ok=True)
    _tc_forget(lab, machine, tc)
    argv = ["nsenter", f"--net={lab.netns_path(machine.name)}", "--", "unshare", "--mount", "--propagation", "private"]
    program = str(Path(trunk.__file__))
    return run(lab, [*argv, "--", sys.executable, "-I", program, str(directory), tc], check=False)


def _tc_forget(lab: Lab, machine: Machine, tc: str) -> None:
    run(lab, [tc, "-n", lab.netns(machine.name), "qdisc", "del", "dev", trunk.PARENT, "clsact"], check=False)


def _ip(lab: Lab, machine: Machine, *words: str) -> str | None:
    """Run ip(8) in the host's network namespace; return its complaint, None if it has none."""
    done = run(lab, ["ip", "-n", lab.netns(machine.name), *words], check=False)
    return None if done.returncode == 0 else last_line(done.stderr)


def _note(lab: Lab, machine: Machine) -> Path:
    return lab.host_dir(machine.name) / "vlan"
