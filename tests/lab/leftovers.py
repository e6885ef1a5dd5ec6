"""Run a command, end it at some moment, and report what is left of it. A program of its own: ``python leftovers.py SPEC``.

It makes itself the reaper of all its descendants (PR_SET_CHILD_SUBREAPER), so that whatever outlives the command becomes its
own child and is counted exactly, whatever else the machine runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def descendants() -> dict[int, str]:
    parents, words = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                words[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if stat[0] != "Z":
                parents[int(entry.name)] = int(stat[1])
    found = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return {pid: words[pid][:200] for pid in found - {os.getpid()}}
        found |= more


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait_until(ready: list[str], command: subprocess.Popen[str]) -> None:
    """Wait until a question is answered with exit code 0; no longer than the command runs."""
    while command.poll() is None and subprocess.run(ready, check=False).returncode:
        time.sleep(0.05)  # noqa: TID251 - polling; the command ends


def cpu_seconds(pid: int) -> float:
    """How long a process has computed, with what it waited for; 0 if it is gone (it may be a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main(spec: dict[str, object]) -> dict[str, object]:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    argv = [str(word) for word in spec["argv"]]  # type: ignore[attr-defined]  # a list, by the only caller
    command = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    delay, number = float(str(spec["delay"])), int(str(spec["signal"]))
    if "ready" in spec:
        wait_until([str(word) for word in spec["ready"]], command)  # type: ignore[attr-defined]  # a list, too
    try:
        command.wait(delay)
    except subprocess.TimeoutExpired:
        seen, cpu = len(descendants()), cpu_seconds(command.pid)
        if spec.get("group"):
            os.killpg(command.pid, number)
        else:
            command.send_signal(number)
    else:
        seen, cpu = 0, 0.0
    command.wait(120)  # what it prints fits into a pipe
    at_exit = descendants()
    out, err = command.communicate(timeout=120)
    begin = time.monotonic()
    while descendants() and time.monotonic() - begin < float(str(spec["patience"])):
        reap()
        time.sleep(0.02)  # noqa: TID251 - polling with a bound
    return {
        "left": descendants(),
        "at_exit": at_exit,
        "seen": seen,
        "cpu": cpu,
        "rc": command.returncode,
        "out": out[-2000:],
        "err": err[-2000:],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
