"""State commands: run side by side, each bounded in time and bytes, each with its own outcome."""

from __future__ import annotations

import os
import signal
import time

from netprobe.hosts.remote.children import Missing, environment, read_both, which
from netprobe.hosts.remote.threads import side_by_side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from netprobe.hosts.remote.children import Children

PARALLEL = 6
COMPLAINTS = 4096


def run(children: Children, request: Dict[str, Any]) -> Dict[str, Any]:
    """Run ``commands``: a list of ``{key, argv, ns, seconds, limit, other_than, older}``; return ``{key: {rc, out, err}}``.

    ``rc`` is None when the command could not be run to its end, and ``err`` says why. A command with ``other_than`` is an
    extra: it is passed over (no key) where it is not installed, or is the same program as that one under another name, or where
    that is a file that is there. One that fails is run again as ``older`` says, if that says anything; ``older`` is true in its answer then.
    """
    commands = [each for each in request["commands"] if not (each.get("other_than") and _extra(each))]
    outcomes = side_by_side(lambda command: _either(children, command), commands, PARALLEL)
    return {command["key"]: outcome for command, outcome in zip(commands, outcomes)}


def _extra(command: Dict[str, Any]) -> bool:
    path = environment()["PATH"]
    own, other = which(command["argv"][0], path), which(command["other_than"], path)
    if own is None or os.path.isfile(command["other_than"]):
        return True
    return other is not None and os.path.realpath(own) == os.path.realpath(other)


def _either(children: Children, command: Dict[str, Any]) -> Dict[str, Any]:
    """Run a command, or what an older version of its program understands."""
    outcome = _outcome(children, command)
    if not command.get("older") or outcome["rc"] in (0, None):
        return outcome
    return dict(_outcome(children, dict(command, argv=command["older"])), older=True)


def _outcome(children: Children, command: Dict[str, Any]) -> Dict[str, Any]:
    try:
        child = children.spawn(command["argv"], None, command.get("ns"))
    except Missing as error:
        return {"rc": None, "out": "", "err": str(error), "missing": True}
    except (OSError, KeyError) as error:
        return {"rc": None, "out": "", "err": str(error)}
    deadline = time.monotonic() + command["seconds"]
    output, complaints, ended = read_both(child, (command["limit"], COMPLAINTS), deadline)
    status = children.reap(child, max(0.0, deadline - time.monotonic()) if ended else 0.0)
    for stream in (child.stdout, child.stderr):
        assert stream is not None
        stream.close()
    if len(output) > command["limit"]:
        return {"rc": None, "out": "", "err": "more than %d bytes of output" % command["limit"]}
    if status == -signal.SIGKILL:
        return {"rc": None, "out": "", "err": "no end after %g s" % command["seconds"]}
    error_text = complaints.decode("utf-8", "replace").strip()
    return {"rc": status, "out": output.decode("utf-8", "replace"), "err": error_text[:400]}


def proxies(_request: Dict[str, Any]) -> Dict[str, Any]:
    """List the docker-proxy processes of this network namespace: ``{"proxies": [{"pid", "argv"}]}``."""
    here = os.stat("/proc/self/ns/net").st_ino
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as file:
                argv = file.read(8192).split(b"\0")[:-1]
            if (
                argv
                and os.path.basename(argv[0]) == b"docker-proxy"
                and os.stat("/proc/%s/ns/net" % entry).st_ino == here
            ):
                found.append({"pid": int(entry), "argv": [part.decode("utf-8", "replace") for part in argv]})
        except OSError:  # it ended while we looked
            continue
    return {"proxies": sorted(found, key=lambda proxy: int(str(proxy["pid"])))}


def operations(children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    return {"run": lambda request: run(children, request), "proxies": proxies}
