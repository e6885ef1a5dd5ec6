"""What can be asked about without leaving this machine: the engines that listen at a socket of it. No other host is contacted."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from netprobe.hosts.engine_socket import ask, engine_socket
from netprobe.hosts.inventory import load
from netprobe.survey.nearby import Nearby, NearbyHost, containers_of, networks_of

if TYPE_CHECKING:
    from netprobe.inventory.hosts import HostEntry

CONTAINERS, NETWORKS = "/containers/json?all=1", "/networks"
OK = 200


def nearby(hosts_file: str | None, seconds: float) -> Nearby:
    """Return what each host's engine lists.

    Args:
        hosts_file: the inventory, as for ``explain``.
        seconds: how long one engine may take to be connected to, and as long again to answer.

    Raises:
        UsageFault: the inventory cannot be used.
        EnvironmentFault: it may not be read, or a lab is asked for and none is running.
    """
    inventory = load(hosts_file)
    entries = tuple(inventory.hosts.values())
    with ThreadPoolExecutor(max(1, len(entries))) as pool:
        found = tuple(pool.map(partial(_asked, seconds=seconds), entries))
    return Nearby(hosts=found, lab=inventory.lab)


def names(hosts_file: str | None) -> tuple[str, ...]:
    """Return the names of the inventory's hosts, other names of them too. Nobody is asked. Raises as :func:`nearby` does."""
    inventory = load(hosts_file)
    return (*inventory.hosts, *inventory.aliases)


def _asked(entry: HostEntry, seconds: float) -> NearbyHost:
    socket = engine_socket(entry)
    if socket is None:
        return NearbyHost(name=entry.name, why=_unasked(entry))
    answer = ask(socket, (CONTAINERS, NETWORKS), seconds)
    if "errno" in answer:
        why = os.strerror(answer["errno"]).lower() if answer["errno"] else answer["error"]
        return NearbyHost(name=entry.name, why=f"no engine answers at {socket}: {why}")
    texts = {path: each for path, each in answer["answers"].items() if each.get("status") == OK}
    if CONTAINERS not in texts:
        said = answer["answers"][CONTAINERS]
        why = said.get("error") or f"status {said['status']}"
        return NearbyHost(name=entry.name, why=f"the engine at {socket} does not answer: {why}")
    return NearbyHost(
        name=entry.name,
        containers=containers_of(texts[CONTAINERS]["body"]),
        networks=networks_of(texts[NETWORKS]["body"]) if NETWORKS in texts else (),
    )


def _unasked(entry: HostEntry) -> str:
    """Why an engine was not asked; ``""`` where the host has none."""
    if entry.docker is None:
        return ""
    return "its engine is on another machine, and is not asked for this list"
