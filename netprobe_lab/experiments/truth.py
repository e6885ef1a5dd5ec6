"""The truth table: who reaches a published port how, when docker-proxy, the DNAT rule, or both are gone.

One row per way from a source to demo, one column per thing broken on server2 (`-p 80:80`, or `-p 80:80/udp` for UDP).
Measured on Engine 20.10.24; TABLE is that measurement, the experiments are generated from it.

UDP from a container to the host's address: docker-proxy answers from the bridge's gateway address, not from the one
dialled, because its socket is bound to 0.0.0.0. The answer arrives, so the cell works; a connected socket would refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from netprobe_lab.experiments.model import (
    HIP,
    DeleteDnat,
    Expected,
    Experiment,
    KillProxy,
    Protocol,
    Step,
    Transport,
    WaitPort,
    client,
    on,
    start,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_NETWORK = "docker network create --subnet 172.30.0.0/24 other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A source and the address that it dials: a table row.

    Attributes:
        name: part of the experiments' names.
        title: what a person calls it.
        source: the argument of --from.
        address: what it dials; {demo} is demo's own address.
        published: whether that address needs the port to be published.
    """

    name: str
    title: str
    source: str
    address: str
    published: bool = True


ROWS: Final = (
    Row(name="lan", title="another host → host address", source="server1", address=HIP),
    Row(name="loopback", title="host → 127.0.0.1", source="server2", address="127.0.0.1"),
    Row(name="own", title="host → own address", source="server2", address=HIP),
    Row(name="same-bridge", title="container, same bridge → host address", source="c1@server2", address=HIP),
    Row(name="other-bridge", title="container, other bridge → host address", source="c2@server2", address=HIP),
    Row(
        name="same-bridge-direct", title="container, same bridge → container address", source="c1@server2",
        address="{demo}", published=False,
    ),
    Row(
        name="other-bridge-direct", title="container, other bridge → container address", source="c2@server2",
        address="{demo}", published=False,
    ),
)  # fmt: skip
COLUMNS: Final = ("normal", "proxy-killed", "dnat-deleted", "both")
COLUMN_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {"normal": "normal", "proxy-killed": "proxy killed", "dnat-deleted": "DNAT deleted", "both": "both"}
)

_DNAT = "dnat"
_PROXY = "docker-proxy"
_REFUSED = "refused"
_BRIDGE = "bridge"
_DROPPED = "dropped"

# Row → the way taken in each column.
TABLE: Final[Mapping[str, tuple[str, str, str, str]]] = MappingProxyType({
    "lan":                 (_DNAT, _DNAT, _PROXY, _REFUSED),
    "loopback":            (_PROXY, _REFUSED, _PROXY, _REFUSED),
    "own":                 (_DNAT, _DNAT, _PROXY, _REFUSED),
    "same-bridge":         (_PROXY, _REFUSED, _PROXY, _REFUSED),
    "other-bridge":        (_PROXY, _REFUSED, _PROXY, _REFUSED),
    "same-bridge-direct":  (_BRIDGE, _BRIDGE, _BRIDGE, _BRIDGE),
    "other-bridge-direct": (_DROPPED, _DROPPED, _DROPPED, _DROPPED),
})  # fmt: skip

# The source address that demo's application sees where the cell works.
_SEEN_DIRECTLY: Final[Mapping[str, str]] = MappingProxyType(
    {"lan": "192.168.3.201", "own": HIP, "same-bridge-direct": "{c1}"}
)
_GATEWAY = "172.17.0.1"


def cells(protocol: Protocol) -> tuple[Experiment, ...]:
    """Return the table's experiments over one protocol; ICMP has no ports, so only the rows of demo's own address."""
    rows = [row for row in ROWS if not (row.published and protocol == "icmp")]
    return tuple(_cell(row, column, protocol) for column in COLUMNS for row in rows)


def situation(column: str, protocol: Protocol) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the steps that set up, and those that break, one column."""
    transport = _transport(protocol)
    demo = (
        (
            *start("demo", "busyboxplus", options="-p 80:80/udp", command="udp-echo 80"),
            WaitPort(host="server2", container="demo", port=80, protocol="udp"),
        )
        if transport == "udp"
        else start("demo", "nginx", options="-p 80:80", port=80)
    )
    set_up = (*demo, *client("c1"), *on("server2", OTHER_NETWORK), *client("c2", options="--network other"))
    broken: list[Step] = []
    if column in {"proxy-killed", "both"}:
        broken.append(KillProxy(host="server2", port=80, protocol=transport))
    if column in {"dnat-deleted", "both"}:
        broken.append(DeleteDnat(host="server2", port=80, protocol=transport))
    return set_up, tuple(broken)


def expected(row: Row, column: str, protocol: Protocol) -> Expected:
    """Return what netprobe must say in one cell."""
    way = TABLE[row.name][COLUMNS.index(column)]
    if way == _REFUSED:
        cause = "proxy-and-dnat-dead" if column == "both" else "proxy-dead"
        return Expected(verdict="fails", path="none", cause=cause, resolution="literal")
    if way == _DROPPED:
        return Expected(verdict="fails", path="none", cause="inter-network", resolution="literal")
    seen = _GATEWAY if way == _PROXY else _SEEN_DIRECTLY[row.name]
    missing = ("dnat-missing",) if column == "dnat-deleted" and row.published else ()
    inside = protocol == "udp" and way == _PROXY and row.source.startswith("c")
    stray = ("udp-reply-source",) if inside else ()  # docker-proxy answers a container from its bridge's address
    return Expected(verdict="works", path=way, findings=(*missing, *stray), resolution="literal", target_sees=seen)


def _cell(row: Row, column: str, protocol: Protocol) -> Experiment:
    set_up, broken = situation(column, protocol)
    port = "" if protocol == "icmp" else ":80/udp" if protocol == "udp" else ":80"
    options = ("--proto", "http") if protocol == "http" else ()
    result = expected(row, column, protocol)
    if result.cause == "inter-network":
        options = (*options, "--timeout", "2")  # silence, 28 times over: a retransmission tells as much as five
    return Experiment(
        name=f"truth-{protocol}-{row.name}-{column}",
        title=f"{protocol.upper()}, {row.title}, {COLUMN_TITLES[column]}",
        explain=(f"{row.address}{port}", "--from", row.source, *options),
        expected=result,
        set_up=set_up,
        break_=broken,
        numbers=_numbers(column),
        near_miss=_near_miss(result),
    )


def _transport(protocol: Protocol) -> Transport:
    return "udp" if protocol == "udp" else "tcp"


def _numbers(column: str) -> tuple[int, ...]:
    return (6, *{"normal": (), "proxy-killed": (7,), "dnat-deleted": (8,), "both": (9,)}[column])


def _near_miss(result: Expected) -> tuple[str, ...]:
    """Each cell is a near miss of those of the table's causes that do not belong in it."""
    mine = {result.cause, *result.findings}
    causes = ("proxy-dead", "dnat-missing", "proxy-and-dnat-dead", "inter-network", "udp-reply-source")
    return tuple(code for code in causes if code not in mine)


TRUTH: Final = (*cells("tcp"), *cells("http"), *cells("udp"), *cells("icmp"))
