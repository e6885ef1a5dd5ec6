"""Collecting host state: the raw text of commands, before and after the probe (keys: ``HostState`` in ``evidence.state``)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.state import CommandOutput, HostState
from netprobe.hosts.outputs import (
    AFTER,
    AT_END,
    BYTES,
    COMMANDS,
    CONNTRACK,
    INSIDE,
    IPTABLES_TABLES,
    MATTERS,
    NAMESPACE_AFTER,
    NAMESPACE_AT_END,
    NAMESPACE_FIRST,
    NAMESPACE_REST,
    NFT_TABLE,
    OLDER,
    OTHER_THAN,
    REST,
    SECONDS,
    SENT_ONLY,
    SYSCTLS,
    WORDS,
)
from netprobe.hosts.reach import lookup_files
from netprobe.hosts.session import PACKAGES, HostLostError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from netprobe.hosts.session import Answer, Session

"""Connection tracking: files that a kernel may be without (CONFIG_NF_CONNTRACK_PROCFS)."""
"""What is asked of a program that refuses the command above."""
"""What is asked in another way in a container's namespace: /proc/sys/net shows the namespace of whoever reads it."""
"""What a plan needs: asked of every host of the inventory."""
"""What the analysis needs beside: asked of the hosts involved."""
"""What can have changed by the end of a probe, and no late packet of it changes."""
"""What a probe, or whatever happens during it, can change beside: asked once all is quiet."""
"""Where packets went and what happened to them: of no use where nothing is sent."""
"""Keys whose absence is worth a limit of its own."""


@dataclass(slots=True)
class HostRecord:
    """What is known of one host so far, growing as answers come in."""

    name: str
    outputs: dict[str, CommandOutput] = field(default_factory=dict)

    def state(self) -> HostState:
        """Return it as evidence."""
        return HostState(host=self.name, outputs=dict(sorted(self.outputs.items())))

    def limits(self) -> tuple[Limit, ...]:
        """Name the state that is missing and matters."""
        found = []
        for key, output in sorted(self.outputs.items()):
            if not output.ok and key.rpartition("/")[2] in MATTERS:
                why = output.error or f"exit status {output.rc}"
                found.append(Limit(kind=LimitKind.STATE, subject=f"{self.name}: {key}", why=why))
        return tuple(found)


def commands(keys: Iterable[str], container: str | None = None, namespace: str | None = None) -> list[dict[str, Any]]:
    """Return the remote program's request for these keys, in a container's namespace (entered under its name), at a path, or the host's own."""
    prefix = "" if container is None else f"ns/{container}/"
    return [
        {
            "key": prefix + key,
            "argv": list((COMMANDS if container is None else {**COMMANDS, **INSIDE})[key]),
            "ns": container or namespace,
            "seconds": SECONDS,
            "limit": BYTES,
            "other_than": OTHER_THAN.get(key),
            "older": list(OLDER.get(key, ())),
        }
        for key in keys
    ]


@dataclass(slots=True)
class Asked:
    """State asked of a host and not yet received."""

    session: Session
    record: HostRecord
    run: Future[Answer]
    asked: Sequence[Mapping[str, Any]]
    others: dict[str, Future[Answer]] = field(default_factory=dict)

    def receive(self) -> None:
        """Wait for the answers and put them into the record; what did not come is recorded as such."""
        results, error = self._answer(self.run)
        for command in self.asked:
            if error or command["key"] in results or not command["other_than"]:
                result = results.get(command["key"])
                argv = command["older"] if result is not None and result.get("older") else command["argv"]
                self.record.outputs[command["key"]] = _output(argv, result, error)
        for what in list(self.others):
            self.receive_other(what)

    def receive_other(self, what: str) -> None:
        """Wait for one of the other answers alone; nothing where it was not asked for, or was received before."""
        future = self.others.pop(what, None)
        if future is not None:
            answer, error = self._answer(future)
            self.record.outputs |= _RECEIVERS[what](answer, error)

    def _answer(self, future: Future[Answer]) -> tuple[Answer, str]:
        try:
            return self.session.wait(future, SECONDS + 5.0), ""
        except (HostLostError, RemoteError) as error:
            return {}, str(error)


def ask(
    session: Session,
    record: HostRecord,
    keys: Iterable[str],
    containers: Mapping[str, Iterable[str]] | None = None,
    namespace: str | None = None,
) -> Asked:
    """Ask for command outputs of the host and, by name, of container namespaces that were entered.

    Args:
        session: whose program is asked.
        record: whose outputs they are.
        keys: of :data:`COMMANDS`, for the host's own namespace.
        containers: keys by the container's name.
        namespace: the path of the host's own network namespace, where the program is not in it.
    """
    asked = commands(keys, namespace=namespace)
    for container, container_keys in (containers or {}).items():
        asked += commands(container_keys, container)
    return Asked(session, record, session.submit("run", commands=asked), asked)


def ask_rest(session: Session, record: HostRecord, *, predicts: bool) -> Asked:
    """Ask for all state of a host beside what was asked first; where nothing will be sent, for what a prediction needs."""
    proxies = session.submit("proxies")  # first: where to sniff depends on it
    asked = ask(session, record, [key for key in REST if not (predicts and key in SENT_ONLY)])
    asked.others = {
        "proxies": proxies,
        "sysctl": session.submit("sysctls", patterns=list(SYSCTLS)),
        "files": session.submit("read", files=_own_files(session)),
    }
    if not predicts:
        asked.others["conntrack"] = session.submit("read", files=_conntrack_files())
    return asked


def ask_namespace(session: Session, record: HostRecord, container: str) -> Asked:
    """Ask for what a plan needs of a container's namespace."""
    return ask(session, record, (), {container: NAMESPACE_FIRST})


def ask_namespace_rest(session: Session, record: HostRecord, containers: Iterable[str], *, predicts: bool) -> Asked:
    """Ask for the rest of the state of containers' namespaces; where nothing will be sent, for what a prediction needs."""
    keys = [key for key in NAMESPACE_REST if not (predicts and key in SENT_ONLY)]
    return ask(session, record, (), dict.fromkeys(containers, keys))


def ask_at_end(session: Session, record: HostRecord, containers: Iterable[str]) -> Asked:
    """Ask again for what can have changed, and does not by late packets."""
    asked = ask(session, record, AT_END, dict.fromkeys(containers, NAMESPACE_AT_END))
    asked.others = {"proxies": session.submit("proxies")}
    return asked


def ask_after(session: Session, record: HostRecord, containers: Iterable[str]) -> Asked:
    """Ask again for what else can have changed, once all is quiet."""
    asked = ask(session, record, AFTER, dict.fromkeys(containers, NAMESPACE_AFTER))
    asked.others = {"conntrack": session.submit("read", files=_conntrack_files())}
    return asked


def ask_words(session: Session, earlier: HostRecord, record: HostRecord, containers: Iterable[str]) -> Asked | None:
    """Ask for the rules in nft's own words: the texts that a report shows. None where nothing but iptables has rules, by the earlier state."""
    own = (WORDS,) if _has_own_rules(earlier, "nft") else ()
    inside = {each: (WORDS,) for each in containers if _has_own_rules(earlier, f"ns/{each}/nft")}
    return ask(session, record, own, inside) if own or inside else None


def _has_own_rules(record: HostRecord, key: str) -> bool:
    output = record.outputs.get(key)
    tables = NFT_TABLE.findall(output.stdout) if output is not None and output.ok else ()
    return any(family not in {"ip", "ip6"} or name not in IPTABLES_TABLES for family, name in tables)


def read_container_files(session: Session, record: HostRecord, container: str, pid: int) -> None:
    """Read a container's lookup files, without trusting the container."""
    prefix = f"ns/{container}/"
    paths = {f"{prefix}hosts-file": "/etc/hosts", f"{prefix}resolv-conf": "/etc/resolv.conf"}
    wanted = [{"key": key, "path": path, "pid": pid} for key, path in paths.items()]
    try:
        answer = session.ask("read", files=wanted)
        record.outputs |= _files(answer, "")
    except (HostLostError, RemoteError) as error:
        record.outputs |= {key: _file(path, None, str(error)) for key, path in paths.items()}


def read_own_files(session: Session, record: HostRecord) -> None:
    """Read the host's own lookup files."""
    try:
        record.outputs |= _files(session.ask("read", files=_own_files(session)), "")
    except (HostLostError, RemoteError) as error:
        record.outputs |= {each["key"]: _file(each["path"], None, str(error)) for each in _own_files(session)}


def read_environment(session: Session, pid: int) -> tuple[str, ...]:
    """Read a process's environment: ``NAME=value`` texts; nothing when it cannot be read."""
    try:
        answer = session.ask("read", files=[{"key": "environ", "path": f"/proc/{pid}/environ", "pid": None}])
    except (HostLostError, RemoteError):
        return ()
    return tuple(part for part in str(answer["environ"]["out"]).split("\0") if part)


def _own_files(session: Session) -> list[dict[str, Any]]:
    return [{"key": key, "path": path, "pid": None} for key, path in lookup_files(session.host.reach).items()]


def _conntrack_files() -> list[dict[str, Any]]:
    return [{"key": key, "path": path, "pid": None} for key, path in CONNTRACK.items()]


def _output(argv: Sequence[str], result: Answer | None, error: str) -> CommandOutput:
    if result is None:
        return CommandOutput(argv=tuple(argv), rc=None, error=error or "no answer")
    text = str(result["err"])
    if result.get("missing"):
        program = text.partition(":")[0]
        text += f" (package {PACKAGES.get(program, program)})"
    line = " ".join(text.split()) if result["rc"] != 0 else ""
    return CommandOutput(argv=tuple(argv), rc=result["rc"], stdout=str(result["out"]), error=line)


def _file(path: str, text: str | None, error: str) -> CommandOutput:
    rc = None if text is None or error else 0
    return CommandOutput(argv=("read", path), rc=rc, stdout=text or "", error=error)


NAMES = {"hosts-file": "/etc/hosts", "resolv-conf": "/etc/resolv.conf", **CONNTRACK}
"""Files by their place on the host itself: where a lab keeps them is no part of the evidence."""


def _files(answer: Answer, error: str) -> dict[str, CommandOutput]:
    """Name files by their place on the host. When the question failed there is no answer, and nothing is known."""
    found = {key: _file(path, None, error) for key, path in NAMES.items() if error and key not in CONNTRACK}
    for key, result in answer.items():
        path = NAMES.get(key.rpartition("/")[2], key)
        found[key] = _file(path, str(result["out"]), str(result["err"]))
    return found


def _conntrack(answer: Answer, error: str) -> dict[str, CommandOutput]:
    return {key: output for key, output in _files(answer, error).items() if output.ok}


def _sysctls(answer: Answer, error: str) -> dict[str, CommandOutput]:
    text = "".join(f"{line}\n" for line in answer.get("lines", ()))
    return {"sysctl": CommandOutput(argv=("read", "/proc/sys"), rc=None if error else 0, stdout=text, error=error)}


def _proxies(answer: Answer, error: str) -> dict[str, CommandOutput]:
    text = json.dumps(answer.get("proxies", []))
    return {"proxies": CommandOutput(argv=("read", "/proc"), rc=None if error else 0, stdout=text, error=error)}


_RECEIVERS = {"sysctl": _sysctls, "proxies": _proxies, "files": _files, "conntrack": _conntrack}
