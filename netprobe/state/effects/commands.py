"""The hosts as they are once the commands of remedies were carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.effects.engine import docker
from netprobe.state.effects.kernel import ip, sysctl
from netprobe.state.effects.rules import BACKENDS, iptables, nft
from netprobe.state.effects.texts import NotModelled, Texts
from netprobe.state.model import Host
from netprobe.state.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from netprobe.model.remedy import Argv, Remedy


def fixed(hosts: Mapping[str, Host], remedies: Iterable[Remedy]) -> dict[str, Host]:
    """Return the hosts as they are once the commands of all steps were carried out.

    Raises:
        NotModelled: the effect of one is not known.
    """
    found = dict(hosts)
    for remedy in remedies:
        for command in _whole(remedy.commands):
            host = found.get(remedy.host)
            if host is None:
                raise NotModelled(remedy.host)
            found[remedy.host] = _carried_out(host, command)
    return found


def _whole(commands: tuple[Argv, ...]) -> tuple[Argv, ...]:
    """A network that is left, removed, made and joined again is one change: :func:`_made_again`."""
    made = [command for command in commands if command[:3] == ("docker", "network", "create")]
    removed = [command for command in commands if command[:3] == ("docker", "network", "rm")]
    if len(made) == len(removed) == 1 and made[0][-1] == removed[0][-1]:
        return tuple(made)
    return commands


def _carried_out(host: Host, command: Argv) -> Host:
    texts, place = Texts(host), ""
    if command[:2] == ("nsenter", "-t") and command[3] == "-n":
        owner = next((each.name for each in host.containers or () if str(each.pid) == command[2]), None)
        if owner is None:
            raise NotModelled(command[2])
        place, command = f"ns/{owner}/", command[4:]
    effect = _EFFECTS.get(command[0])
    if effect is None:
        raise NotModelled(command[0])
    try:
        effect(texts, place, command)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        StopIteration,
        RecursionError,
    ) as fault:  # untrusted text
        raise NotModelled(command[0]) from fault
    return Host(host.name, Outputs(texts.outputs, host.outputs))  # what did not change is parsed already


_EFFECTS: Mapping[str, Callable[[Texts, str, Argv], None]] = {
    **dict.fromkeys(BACKENDS, iptables),
    "nft": nft,
    "sysctl": sysctl,
    "ip": ip,
    "docker": docker,
}
