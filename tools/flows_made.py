"""Flow rows of a made-up container host, with the truth beside them: for measures of joins and verdicts at a size that no capture in the repository has.

    tools/flows_made.py [--rows N] [--seed N] [--clock SECONDS] [--pace N] [--constants]

Three points (uplink, bridge, veth; the uplink may be on another clock) see what passes them of connections that are published with DNAT or
docker-proxy, masqueraded, hairpinned, bridged, routed or given to a macvlan; of name lookups, scans and floods. Among them are what joins wrongly if one
coincidence is enough: sequence numbers that collide by chance or always begin alike, 5-tuples used again, SYNs sent again of which a point lost
the first, questions with one id to two servers, equal payloads of many senders.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS
from netprobe.correlate.ways import PATHS
from netprobe.decode.table import Kind
from netprobe.evidence.model import CapturePoint
from netprobe.flowtable.columns import absent
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined
    from netprobe.correlate.judge import Judged
    from netprobe.flowtable.columns import FlowRows

    Index = NDArray[np.int64]

UPLINK, BRIDGE, VETH = range(3)
START_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
# what share of the connections is of each kind, and how many rows one of it makes
SHARES = {
    "dnat": 0.2, "masquerade": 0.2, "hairpin": 0.05, "bridge": 0.1, "routed": 0.1, "macvlan": 0.05, "proxy": 0.1, "own": 0.06,
    "lookup": 0.06, "two-servers": 0.02, "scan": 0.02, "flood": 0.02, "service": 0.02,
}  # fmt: skip
ROWS_EACH = 2.65
DATAGRAMS = ("lookup", "two-servers", "scan", "flood", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Rows and the truth about them.

    Attributes:
        rows: a finished flow table's. points: the capture points.
        connection: int64 (n,), which rows are one connection. path: (n,), the kind of connection, a key of :data:`SHARES`.
        outer: int64 (n,), of rows of a proxy's inner connection the number of the outer one; -1.
    """

    rows: FlowRows
    points: tuple[CapturePoint, ...]
    connection: Index
    path: NDArray[Any]
    outer: Index


class Talks:
    """What is said on each connection, wherever it is seen: columns of equal length."""

    def __init__(self, rng: np.random.Generator, kinds: NDArray[Any], seconds: float) -> None:
        n = len(kinds)
        self.kinds, self.rng, self.size = kinds, rng, n
        self.udp = np.isin(kinds, DATAGRAMS)
        self.begin = START_NS + np.sort(rng.integers(0, int(seconds * SECOND), n))
        self.took = rng.integers(200_000, 40_000_000, n)
        self.lived = self.took + rng.integers(1_000_000, 2_000_000_000, n)
        self.answered = rng.random(n) < 0.85
        device = rng.random(n) < 0.03  # begins with one of a few numbers, without timestamps, IP id 0
        self.isn = np.where(device, rng.integers(1, 6, n) * 1000, rng.integers(0, 1 << 32, n))
        self.reply = np.where(rng.random(n) < 0.01, 1, rng.integers(0, 1 << 32, n))
        self.clocked = (rng.random(n) < 0.7) & ~device
        self.ip_id = np.where(device | (rng.random(n) < 0.1), 0, rng.integers(1, 1 << 16, n))
        self.window = rng.choice([64240, 65535, 29200], n)
        self.resent = (rng.random(n) < 0.02) & ~self.udp  # the first SYN got no further than to the first point
        self.port = rng.integers(32768, 61000, n)
        self.digest = rng.integers(1, 1 << 63, (n, 2)).astype(np.uint64)
        self.length = rng.integers(20, 1200, (n, 2))
        self.dns_id = np.where(np.isin(kinds, ("lookup", "two-servers")), rng.integers(0, 1 << 16, n), -1)
        self._again()
        self._alike()

    def _again(self) -> None:
        """Some use a port again that an equal connection had a minute ago or longer."""
        late = np.flatnonzero(self.rng.random(self.size) < 0.05)
        self.port[late] = self.port[np.maximum(late - self.size // 8, 0)]

    def _alike(self) -> None:
        """Scans and floods say one thing; names are few, so that only the id tells their questions."""
        for kind in ("scan", "flood", "service"):
            chosen = self.kinds == kind
            self.digest[chosen, 0], self.length[chosen, 0] = 7, 12
            self.answered[chosen] &= kind == "service"
        names = np.isin(self.kinds, ("lookup", "two-servers"))
        name = self.rng.integers(0, 20, self.size)
        self.digest[names, 0] = (self.dns_id * 100 + name)[names].astype(np.uint64)
        self.length[names, 0] = 30 + name[names]
        self.ip_id[names & (self.rng.random(self.size) < 0.5)] = 0


class Book:
    """Collects what each point sees."""

    def __init__(self, talks: Talks) -> None:
        self.talks = talks
        self.rows: list[FlowRows] = []
        self.of: list[Index] = []
        self.outer: list[Index] = []
        self._numbers = talks.size

    def see(
        self,
        which: Index,
        point: int,
        ends: tuple[Any, Any, Any, Any],
        hop: int,
        *,
        number: Any = None,
        proxy: Any = None,
        **said: Any,
    ) -> None:
        """``point`` sees these connections between client address, port, server address, port, behind ``hop`` routers and 30 µs a point."""
        talks = self.talks
        rows = absent(len(which))
        rows["point"], rows["kind"], rows["version"], rows["client"], rows["guessed"] = point, Kind.TCP, 4, 0, 0
        rows["kind"][talks.udp[which]] = Kind.UDP
        client, port, server, service = ends
        rows["lo"][:, 0], rows["port"][:, 0], rows["lo"][:, 1], rows["port"][:, 1] = client, port, server, service
        _fill(rows, talks, which, hop, said)
        self.rows.append(rows)
        self.of.append(which if number is None else number)
        self.outer.append(np.full(len(which), -1) if proxy is None else proxy)

    def numbers(self, count: int) -> Index:
        """Numbers for more connections."""
        self._numbers += count
        return np.arange(self._numbers - count, self._numbers)


def _fill(rows: FlowRows, talks: Talks, which: Index, hop: int, said: dict[str, Any]) -> None:
    """What a point behind ``hop`` routers has of the packets. ``said``: what another connection of the same talk (a proxy's) has otherwise."""
    step, rng = said.get("step", hop), talks.rng
    begin, isn, reply = (said.get(name, getattr(talks, name)[which]) for name in ("begin", "isn", "reply"))
    answered, udp = talks.answered[which], talks.udp[which]
    lost = talks.resent[which] & (step > 0)
    again = np.where(talks.resent[which], SECOND, 0)
    head = begin + step * 30_000 + rng.integers(0, 20_000, len(which)) + np.where(lost, SECOND, 0)
    took = said.get("took", talks.took[which])
    back = begin + again + took - step * 20_000 - rng.integers(0, 10_000, len(which))
    rows["head_ns"] = np.stack([head, np.where(answered, back, -1)], 1)
    rows["first_ns"], rows["last_ns"] = (
        head,
        np.where(answered, back + talks.lived[which], head + np.where(lost, 0, again)),
    )
    rows["packets"] = np.stack([np.where(answered, 8, 1), np.where(answered, 6, 0)], 1)
    rows["syns"][:, 0], rows["syn_acks"][:, 1] = np.where(udp, 0, 1 + (talks.resent[which] & ~lost)), answered & ~udp
    rows["isn"] = np.stack([np.where(udp, -1, isn), np.where(answered & ~udp, reply, -1)], 1)
    rows["head_seq"] = rows["isn"]
    rows["head_ack"] = np.stack([np.where(udp, -1, 0), np.where(answered & ~udp, (isn + 1) & 0xFFFFFFFF, -1)], 1)
    ticks = begin // 1_000_000 % (1 << 31)
    rows["head_tsval"] = np.where(
        (talks.clocked[which] & ~udp)[:, None], np.stack([ticks + lost * 1000, ticks + 77], 1), -1
    )
    ip_id = talks.ip_id[which]
    rows["head_ip_id"] = np.stack(
        [np.where(ip_id > 0, (ip_id + lost) % 65536, 0), np.where(udp & answered, ip_id, 0)], 1
    )
    rows["head_ttl"] = np.stack(
        [np.full(len(which), 64 - hop), 64 - (np.full(len(which), said.get("hops", 1)) - hop)], 1
    )
    rows["head_window"] = np.where(udp, -1, talks.window[which])[:, None]
    links = said.get(
        "links", (0x0242AC110000 + which % 99, np.full(len(which), 0x0242AC110100 + 8 * hop) + rows["point"])
    )
    rows["head_from"], rows["head_to"] = np.stack(links, 1), np.stack(links[::-1], 1)
    rows["dns_id"] = talks.dns_id[which]
    _payload(rows, talks, which)


def _payload(rows: FlowRows, talks: Talks, which: Index) -> None:
    udp, answered = talks.udp[which, None], talks.answered[which, None]
    length, digest = talks.length[which], talks.digest[which]
    spoke = np.concatenate([udp | answered, answered], 1)
    kept = np.minimum(length, 64)
    rows["data_length"], rows["data_kept"] = np.where(spoke, length, -1), np.where(spoke, kept, 0)
    rows["data_digest"] = np.where(spoke, digest, 0).astype(np.uint64)
    opened = rows["head_ns"][:, 1:] + np.array([[300_000, 700_000]])  # request and answer behind a handshake
    rows["data_ns"] = np.where(spoke, np.where(udp, rows["head_ns"], opened), -1)
    rows["head_length"], rows["head_kept"] = np.where(udp & spoke, length, 0), np.where(udp & spoke, kept, 0)
    rows["head_digest"] = np.where(udp & spoke, digest, np.uint64(0xCBF29CE484222325))
    tcp = ~udp & answered
    rows["next"] = np.where(tcp, (rows["isn"] + 2 + length) & 0xFFFFFFFF, -1)
    rows["acked"] = np.where(tcp, rows["next"][:, ::-1], -1)
    rows["fin_ns"] = np.where(tcp, rows["last_ns"][:, None] - np.array([[100_000, 60_000]]), -1)
    rows["payload"] = np.where(spoke, length, 0)
    _told(rows, tcp[:, 0])


def _told(rows: FlowRows, stood: NDArray[np.bool_]) -> None:
    """What verdicts look at: flags, history, the handshake's times, DNS. ``stood``: which TCP connections were accepted."""
    tcp, answered = rows["kind"] == Kind.TCP, rows["packets"][:, 1] > 0
    rows["flags"][stood], rows["flags"][tcp & ~stood, 0] = 0x1B, 0x02
    for chosen, letters in (
        (stood, b"ShADadFf"),
        (tcp & ~stood, b"S"),
        (~tcp & answered, b"Dd"),
        (~tcp & ~answered, b"D"),
    ):
        rows["history"][chosen, : len(letters)] = np.frombuffer(letters, np.uint8)
        rows["events"][chosen] = len(letters)
    rows["syn_ns"] = np.where(tcp, rows["head_ns"][:, 0], -1)
    rows["syn_ack_ns"] = np.where(stood, rows["head_ns"][:, 1], -1)
    rows["ack_ns"] = np.where(stood, rows["head_ns"][:, 1] + 50_000, -1)
    asked = rows["dns_id"] >= 0
    rows["dns_last"] = rows["dns_id"]
    rows["dns_best"], rows["dns_rcode"] = np.where(asked & answered, 0, -1), np.where(asked & answered, 0, -1)


HOST, GATEWAY = 0xC0A803CA, 0xAC110001  # 192.168.3.202, 172.17.0.1
BRIDGE_LINK = 0x02424E000001


def made(count: int, seed: int = 1, *, clock_ns: int = 0) -> Made:
    """About ``count`` rows in ten minutes; ``clock_ns`` is how far the uplink's clock is ahead."""
    rng = np.random.default_rng(seed)
    size = int(count / ROWS_EACH)
    kinds = rng.choice(list(SHARES), size, p=np.array(list(SHARES.values())) / sum(SHARES.values()))
    talks = Talks(rng, kinds, 600.0)
    book = Book(talks)
    path = [kinds]
    for kind, write in _WRITERS.items():
        which = np.flatnonzero(kinds == kind)
        path += write(book, which) or []
    rows: FlowRows = np.concatenate(book.rows)
    of: Index = np.concatenate(book.of)
    outer: Index = np.concatenate(book.outer)
    ahead = rows["point"] == UPLINK
    for name in ("head_ns", "data_ns", "fin_ns", "first_ns", "last_ns", "syn_ns", "syn_ack_ns", "ack_ns"):
        moved = ahead if rows[name].ndim == 1 else ahead[:, None]
        rows[name] += np.where(moved & (rows[name] >= 0), clock_ns, 0)
    order = np.argsort(rows["first_ns"], kind="stable")
    hosts = ("server2" if clock_ns else "server1", "server1", "server1")
    names = ("eth0", "docker0", "demo/eth0")
    points = tuple(
        CapturePoint(
            name=f"{host}/{name}",
            host=host,
            container="demo" if "/" in name else None,
            interface=name.rpartition("/")[2],
        )
        for host, name in zip(hosts, names, strict=True)
    )
    return Made(
        rows=rows[order], points=points, connection=of[order], path=np.concatenate(path)[of[order]], outer=outer[order]
    )


def _clients(book: Book, which: Index) -> Index:
    return (10 << 24) + book.talks.rng.integers(256, 5256, len(which))


def _containers(book: Book, which: Index) -> Index:
    return 0xAC110000 + book.talks.rng.integers(2, 202, len(which))


def _servers(book: Book, which: Index) -> Index:
    return (8 << 24) + book.talks.rng.integers(0, 300, len(which))


def _published(book: Book, which: Index) -> None:
    client, inside, port = _clients(book, which), _containers(book, which), book.talks.port[which]
    book.see(which, UPLINK, (client, port, HOST, 8000 + inside % 256), 0)
    for step, point in ((1, BRIDGE), (2, VETH)):
        book.see(which, point, (client, port, inside, 80), 1, step=step)


def _masqueraded(book: Book, which: Index, service: int = 443) -> None:
    inside, server, port = _containers(book, which), _servers(book, which), book.talks.port[which]
    for step, point in ((0, VETH), (1, BRIDGE)):
        book.see(which, point, (inside, port, server, service), 0, step=step)
    rng = book.talks.rng
    other = np.where(rng.random(len(which)) < 0.05, rng.integers(1024, 32768, len(which)), port)
    book.see(which, UPLINK, (HOST, other, server, service), 1, step=2)


def _hairpin(book: Book, which: Index) -> None:
    client, inside, port = _containers(book, which), _containers(book, which), book.talks.port[which]
    links = (
        (0x0242AC110000 + client % 256, np.full(len(which), BRIDGE_LINK)),
        (np.full(len(which), BRIDGE_LINK), 0x0242AC110000 + inside % 256),
    )
    book.see(which, BRIDGE, (client, port, HOST, 8000 + inside % 256), 0, links=links[0])
    for step, point in ((1, BRIDGE), (2, VETH)):
        book.see(which, point, (GATEWAY, port, inside, 80), 1, step=step, links=links[1])


def _unchanged(points: tuple[int, ...], routed: int) -> Any:
    def write(book: Book, which: Index) -> None:
        client, inside, port = _clients(book, which), _containers(book, which), book.talks.port[which]
        frame = {
            "links": (0x0242AC110000 + which % 99, 0x0242AC120000 + which % 97)
        }  # no bridge and no macvlan changes it
        for step, point in enumerate(points):
            hop = routed if step else 0
            book.see(
                which, point, (client, port, inside, 5432), hop, step=step, hops=routed, **({} if routed else frame)
            )

    return write


def _proxied(book: Book, which: Index) -> list[NDArray[Any]]:
    talks, rng = book.talks, book.talks.rng
    talks.answered[which], talks.took[which], talks.resent[which] = (
        True,
        rng.integers(30_000, 90_000, len(which)),
        False,
    )
    inside = _containers(book, which)
    book.see(which, UPLINK, (_clients(book, which), talks.port[which], HOST, 9000 + inside % 256), 0, hops=0)
    number = book.numbers(len(which))
    own = {
        "isn": rng.integers(0, 1 << 32, len(which)),
        "reply": rng.integers(0, 1 << 32, len(which)),
        "begin": talks.begin[which] + talks.took[which] + rng.integers(80_000, 600_000, len(which)),
    }
    port = rng.integers(32768, 61000, len(which))
    for step, point in enumerate((BRIDGE, VETH)):
        book.see(which, point, (GATEWAY, port, inside, 80), 0, step=step, hops=0, number=number, proxy=which, **own)
    return [np.full(len(which), "inner")]


def _own(book: Book, which: Index) -> None:
    book.see(which, UPLINK, (_clients(book, which), book.talks.port[which], HOST, 22), 0, hops=0)


def _looked_up(book: Book, which: Index) -> None:
    _masqueraded(book, which, 53)


def _of_two_servers(book: Book, which: Index) -> list[NDArray[Any]]:
    """The same question, with one id and from one port, to two servers at once (dnsmasq's all-servers)."""
    inside, port, number = _containers(book, which), book.talks.port[which], book.numbers(len(which))
    for server, numbers in ((0x08080808, which), (0x08080404, number)):
        for step, (point, client) in enumerate(((VETH, inside), (BRIDGE, inside), (UPLINK, HOST))):
            book.see(which, point, (client, port, server, 53), int(point == UPLINK), step=step, number=numbers)
    return [np.full(len(which), "two-servers")]


def _scanned(book: Book, which: Index) -> None:
    """One client and port, many servers, one payload."""
    server = 0xAC120000 + np.arange(len(which)) % 60000
    for step, point in enumerate((UPLINK, BRIDGE, VETH)):
        book.see(
            which, point, (0x0A000007, 54321, server, 161 + np.arange(len(which)) // 60000), int(step > 0), step=step
        )


def _flooded(book: Book, which: Index) -> None:
    """Many clients, one server, one payload."""
    _published(book, which)


def _served(book: Book, which: Index) -> None:
    """Many clients ask one server the same."""
    _masqueraded(book, which, 123)


_WRITERS: dict[str, Any] = {
    "dnat": _published,
    "masquerade": _masqueraded,
    "hairpin": _hairpin,
    "bridge": _unchanged((BRIDGE, VETH), 0),
    "routed": _unchanged((UPLINK, BRIDGE, VETH), 1),
    "macvlan": _unchanged((UPLINK, VETH), 0),
    "proxy": _proxied,
    "own": _own,
    "lookup": _looked_up,
    "two-servers": _of_two_servers,
    "scan": _scanned,
    "flood": _flooded,
    "service": _served,
}


def faster(case: Made, times: int) -> Made:
    """The same, so many times as many connections a second, each as long as it was."""
    pair = np.where(case.outer >= 0, case.outer, case.connection)
    rows = case.rows.copy()
    begun = np.full(int(pair.max()) + 1, 1 << 62)
    np.minimum.at(begun, pair, rows["first_ns"])
    sooner = (begun[pair] - START_NS) // times * (times - 1)
    for name in ("head_ns", "data_ns", "fin_ns", "first_ns", "last_ns"):
        moved = sooner[:, None] if rows[name].ndim > 1 else sooner
        rows[name] -= np.where(rows[name] >= 0, moved, 0)
    order = np.argsort(rows["first_ns"], kind="stable")
    return chosen(replace(case, rows=rows), order)


def without_numbers(case: Made) -> Made:
    """The same of senders that always begin with one number, and have one timestamp and one IP id: a load generator, or behind what rewrites them."""
    rows = case.rows
    less = np.where(rows["isn"] >= 0, rows["isn"] - np.array([[1000, 5000]]), 0)
    for name, other in (("isn", 0), ("head_seq", 0), ("next", 0), ("head_ack", 1), ("acked", 1)):
        moved = less[:, ::-1] if other else less
        rows[name] = np.where(rows[name] > 0, (rows[name] - moved) & 0xFFFFFFFF, rows[name])
    for name, value in (("head_tsval", 77), ("head_ip_id", 7)):
        rows[name] = np.where(rows[name] > 0, value, rows[name])
    rows["head_window"] = np.where(rows["head_window"] > 0, 64240, rows["head_window"])
    return case


def chosen(case: Made, which: Any) -> Made:
    """Some of the rows."""
    columns = {name: getattr(case, name)[which] for name in ("rows", "connection", "path", "outer")}
    return replace(case, **columns)


def judged(case: Made, joined: Joined) -> dict[str, tuple[int, int, int]]:
    """Of each kind of connection: how many there are, how many of them were joined wholly, how many with another's row."""
    truth, found = case.connection, joined.connection
    wrong = np.zeros(int(truth.max()) + 1, np.bool_)
    whole = np.ones(int(truth.max()) + 1, np.bool_)
    for mine, theirs, out in ((truth, found, whole), (found, truth, wrong)):
        order = np.lexsort((theirs, mine))
        same, differs = mine[order][1:] == mine[order][:-1], theirs[order][1:] != theirs[order][:-1]
        at = np.flatnonzero(same & differs)
        if out is whole:
            out[mine[order][at]] = False
        else:
            out[truth[order[at]]] = out[truth[order[at + 1]]] = True
    kind = np.empty(len(wrong), case.path.dtype)
    kind[truth] = case.path
    return {
        each: (int((kind == each).sum()), int(whole[kind == each].sum()), int(wrong[kind == each].sum()))
        for each in np.unique(kind)
    }


def pairs(case: Made, joined: Joined) -> tuple[int, int, int]:
    """A proxy's pairs: how many there are, found, and wrong."""
    inner = np.flatnonzero(case.outer >= 0)
    first = inner[np.unique(case.connection[inner], return_index=True)[1]]
    outer = np.full(int(case.connection.max()) + 1, -1)
    outer[case.connection] = joined.connection
    wanted, told = outer[case.outer[first]], joined.outer_of[joined.connection[first]]
    extra = np.flatnonzero(joined.outer_of >= 0)
    is_inner = np.zeros(len(joined), np.bool_)
    is_inner[joined.connection[inner]] = True
    return (
        len(first),
        int((wanted == told).sum()),
        int(((told >= 0) & (wanted != told)).sum() + (~is_inner[extra]).sum()),
    )


def _peak() -> int:
    """The process's most resident memory, KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


#: What each kind of connection is classified as, where it works and where it does not.
PATH_OF = {
    "dnat": ("dnat", "dnat"), "masquerade": ("masquerade", "masquerade"), "hairpin": ("dnat-masquerade", "dnat-masquerade"),
    "bridge": ("bridge", "none"), "routed": ("routed", "routed"), "macvlan": ("macvlan", "none"), "proxy": ("docker-proxy", "docker-proxy"),
    "inner": ("docker-proxy", "docker-proxy"), "own": ("none", "none"), "lookup": ("masquerade", "masquerade"),
    "two-servers": ("masquerade", "masquerade"), "scan": ("routed", "routed"), "flood": ("dnat", "dnat"), "service": ("masquerade", "masquerade"),
}  # fmt: skip


def paths(case: Made, joined: Joined, told: Judged) -> dict[str, tuple[int, int, int]]:
    """Of each kind: how many rows it has, how many of them have the right path, how many a wrong path or verdict.

    ``undetermined`` is none of both, nor ``none`` for what was not answered: it came no further than where it was seen.
    """
    answered = np.zeros(int(case.connection.max()) + 1, np.bool_)
    np.logical_or.at(answered, case.connection, case.rows["packets"][:, 1] > 0)
    works = answered[case.connection]
    verdict = np.array([each.value for each in VERDICTS])[told.verdict[joined.connection]]
    path = np.array(PATHS)[told.path[joined.connection]]
    wanted = np.array([PATH_OF[kind][0 if good else 1] for kind, good in zip(case.path, works, strict=True)])
    right = path == wanted
    wrong = ~right & (path != "undetermined") & (works | (path != "none"))
    wrong |= (verdict != np.where(works, "works", "undetermined")) & (verdict != "undetermined")
    return {
        kind: (
            int((case.path == kind).sum()),
            int(right[case.path == kind].sum()),
            int(wrong[case.path == kind].sum()),
        )
        for kind in np.unique(case.path)
    }


def main() -> int:
    """Make rows, join and judge them, and hold that against the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", type=float, default=0.0, help="seconds that the uplink's clock is ahead")
    parser.add_argument("--pace", type=int, default=1, help="how many times faster connections begin")
    parser.add_argument(
        "--constants", action="store_true", help="all begin with one number, and have one timestamp and IP id"
    )
    asked = parser.parse_args()
    case = faster(made(asked.rows, asked.seed, clock_ns=int(asked.clock * SECOND)), asked.pace)
    case = without_numbers(case) if asked.constants else case
    before = _peak()
    begun = time.process_time()
    joined = join(case.rows, case.points)
    took = time.process_time() - begun
    peak = _peak()
    print(
        f"{len(case.rows):,} rows, {len(joined):,} connections: {took:.2f} s CPU, peak {peak >> 10} MB (made: {before >> 10} MB)"
    )
    total = [0, 0, 0]
    for kind, counts in judged(case, joined).items():
        total = [one + other for one, other in zip(total, counts, strict=True)]
        print(f"  {kind:12} {counts[0]:8,} connections, {counts[1] / counts[0]:9.4%} whole, {counts[2]} wrong")
    print(f"  {'all':12} {total[0]:8,} connections, {total[1] / total[0]:9.4%} whole, {total[2]} wrong")
    count, found, wrong = pairs(case, joined)
    print(f"  a proxy's pairs: {count:,}, {found / max(count, 1):.4%} found, {wrong} wrong")
    begun = time.process_time()
    told = judge(case.rows, joined, case.points)
    print(f"judged: {time.process_time() - begun:.2f} s CPU, peak {_peak() >> 10} MB")
    counted = paths(case, joined, told)
    counted["all"] = tuple(sum(each) for each in zip(*counted.values(), strict=True))
    for kind, (rows, right, wrong) in counted.items():
        print(f"  {kind:12} {rows:8,} rows, {right / rows:9.4%} with the right path, {wrong} wrong")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
