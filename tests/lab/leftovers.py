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


def main(spec: dict[str, object]) -> dict[str, object]:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    argv = [str(word) for word in spec["argv"]]  # type: ignore[attr-defined]  # a list, by the only caller
    command = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    delay, number = float(str(spec["delay"])), int(str(spec["signal"]))
    try:
        command.wait(delay)
    except subprocess.TimeoutExpired:
        if spec.get("group"):
            os.killpg(command.pid, number)
        else:
            command.send_signal(number)
    seen = len(descendants())
    out, err = command.communicate(timeout=30)
    begin = time.monotonic()
    while descendants() and time.monotonic() - begin < float(str(spec["patience"])):
        reap()
        time.sleep(0.02)  # noqa: TID251 - polling with a bound
    took = time.monotonic() - begin
    return {
        "left": descendants(),
        "took": took,
        "seen": seen,
        "rc": command.returncode,
        "out": out[-2000:],
        "err": err[-2000:],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
