"""A host's answers, read and judged."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from netprobe.evidence.state import HostState
from netprobe.state.build import build_host
from netprobe.survey.model import EngineFacts, HostFacts, HostInterface
from netprobe.survey.needs import lacking_privileges, lacking_programs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.state import CommandOutput
    from netprobe.state.model import Host
    from netprobe.survey.model import Answers

# iptables(8) since 1.8.0 says which backend it is; before that there was only one.
_BACKEND = re.compile(r"\((nf_tables|legacy)\)")
_CAPABILITIES = re.compile(r"^CapEff:\s*([0-9a-f]{1,16})$", re.MULTILINE)

# What nsenter, sudo and the session say when a host cannot be reached -> what to do about it.
_HINTS = (
    (re.compile(r"not permitted|[Pp]ermission denied"), "run it as root: sudo netprobe hosts"),
    (re.compile(r"cannot open .*No such file"), "is that host up? see ip netns list, and its reach = entry"),
    (re.compile(r"python3.*(No such file|not found|not installed)"), "install the package python3 there"),
    (re.compile(r"no answer (with)?in"), "is it up? give a slow one a longer --timeout"),
)
_DENIED = 0
_ANY_HINT = "check its reach = entry in the hosts file"


def judge(answers: Answers) -> HostFacts:
    """Return what a host's answers come to."""
    if answers.fault:
        return HostFacts(
            name=answers.name,
            reach=answers.reach,
            become=answers.become,
            fault=answers.fault,
            hint=answers.hint or hint_for(answers.fault, answers.become),
            engine=None if answers.reach.startswith("ssh:") else _engine(answers),  # the same words once more
        )
    host = build_host(HostState(host=answers.name, outputs=dict(answers.outputs)))
    containers = host.containers
    privileges = lacking_privileges(
        answers.uid, _capabilities(answers.outputs), answers.become, far=answers.reach.startswith("ssh:")
    )
    return HostFacts(
        name=answers.name,
        reach=answers.reach,
        become=answers.become,
        root=None if answers.uid is None else answers.uid == 0,
        kernel=_text(answers.outputs, "kernel").strip(),
        python=answers.python,
        backend=_backend(answers.outputs),
        engine=_engine(answers),
        running=None if containers is None else sum(each.running for each in containers),
        containers=None if containers is None else len(containers),
        interfaces=_interfaces(host),
        clock=answers.clock,
        lacks=tuple(sorted([*privileges, *lacking_programs(answers.missing)], key=lambda lack: not lack.fatal)),
    )


def hint_for(fault: str, become: str) -> str:
    """Return what to do about a host that cannot be reached."""
    if become and _HINTS[_DENIED][0].search(fault):
        return f"become = {become!r} does not make it root there"
    return next((hint for pattern, hint in _HINTS if pattern.search(fault)), _ANY_HINT)


def _text(outputs: Mapping[str, CommandOutput], key: str) -> str:
    output = outputs.get(key)
    return output.stdout if output is not None and output.ok else ""


def _capabilities(outputs: Mapping[str, CommandOutput]) -> int | None:
    found = _CAPABILITIES.search(_text(outputs, "status"))
    return None if found is None else int(found[1], 16)


def _backend(outputs: Mapping[str, CommandOutput]) -> str:
    said = _text(outputs, "iptables-version")
    found = _BACKEND.search(said)
    return found[1] if found is not None else "legacy" if said.strip() else ""


def _interfaces(host: Host) -> tuple[HostInterface, ...] | None:
    if host.own.links is None:
        return None
    return tuple(
        HostInterface(name=each.name, kind=each.kind, up=each.up, master=each.master) for each in host.own.links
    )


def _engine(answers: Answers) -> EngineFacts | None:
    if answers.engine_fault:
        return EngineFacts(fault=answers.engine_fault, hint=answers.engine_hint)
    said = _object(_text(answers.outputs, "docker-version"))
    if said is None:
        return None
    return EngineFacts(version=_word(said.get("Version")), api=_word(said.get("ApiVersion")))


def _object(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _word(value: object) -> str:
    return value[:80] if isinstance(value, str) else "unknown"
