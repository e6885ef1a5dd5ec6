"""What is asked of a port by its name: whose it is, under which name and scheme, and what the target itself sent back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.decode.table import Flag
from netprobe.journeys.stream import stream
from netprobe.model.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.causes.case import Case
    from netprobe.flows.model import Flow

_URL = re.compile(r"\w+://([^/?#]*)")
_WITH_PORT = re.compile(r"(?:\]|\A[^][:]*):\d+\Z")
_TRANSPORT = re.compile(r"/(?:tcp|udp)\Z")
_ENDING = int(Flag.FIN | Flag.RST)
_PORT = {"http": 80, "https": 443}


def whose_port(case: Case) -> str:
    """``demo's port 443``; for captures of nobody that is known ``203.0.113.10:443``."""
    place, probe = case.intent.target, case.probe
    port = probe.target_port or probe.dialled_port if probe is not None else None
    if place is not None and port is not None:
        return f"{place.container or place.host}'s port {port}"
    if probe is not None and probe.dialled is not None:
        return str(Endpoint(probe.dialled, probe.dialled_port))
    if case.journey is None:
        return "the server"
    return str(case.journey.outer.flows[0].server.unpack())


def asked_name(case: Case) -> str:
    """The name that the client asked TLS for, ``""`` none."""
    session = case.probe.result.tls if case.probe is not None else None
    if session is not None:
        return session.server_name
    hello = case.story.tls.client.client_hello if case.story.tls is not None else None
    return hello.server_name if hello is not None else ""


def asked_as(case: Case, scheme: str) -> str:
    """The same question with another scheme and its port said: ``http://demo:443``."""
    probe = case.probe
    if probe is None:
        return f"{scheme}://{whose_port(case)}"
    url = _URL.match(probe.target)
    if url is None:  # a form that no URL has, as PROJECT/NAME
        return f"{_TRANSPORT.sub('', probe.target)} with --proto {scheme}"
    port = "" if _WITH_PORT.search(url[1]) else f":{_PORT.get(str(probe.proto), probe.dialled_port)}"
    return f"{scheme}://{url[1]}{port}"


def target_flows(case: Case) -> tuple[Flow, ...] | None:
    """The connection as points of the target's own namespace saw it; None where nothing was sniffed there, or the target is nobody of the inventory."""
    inside = {
        number for number, point in enumerate(case.points) if point.place == case.intent.target and not point.dropped
    }
    if case.journey is None or case.intent.target is None or not inside:
        return None
    return tuple(flow for flow in case.journey.inner.flows if flow.point in inside)


def server_bytes(case: Case, flows: Iterable[Flow]) -> bytes:
    """The first bytes that the server sent in these flows, by the one that has most of them."""
    return max((stream(flow, case.table, "reverse") for flow in flows), key=len, default=b"")


def bytes_sent(case: Case, flows: Iterable[Flow]) -> int:
    """How many bytes the server sent in the flow of these that has most, retransmissions once."""
    table = case.table
    sizes = ({int(table.seq[row]): int(table.payload_len[row]) for row in flow.reverse.tolist()} for flow in flows)
    return max((sum(each.values()) for each in sizes), default=0)


def ended_by_server(case: Case, flows: Iterable[Flow]) -> bool:
    """Whether in one of these flows the server sent a FIN or RST before the client did."""
    table = case.table
    flags, times = table.tcp_flags, table.packets.time_ns
    for flow in flows:
        mine, theirs = (
            min((int(times[row]) for row in rows.tolist() if int(flags[row]) & _ENDING), default=None)
            for rows in (flow.forward, flow.reverse)
        )
        if theirs is not None and (mine is None or theirs <= mine):
            return True
    return False
