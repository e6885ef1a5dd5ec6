"""tshark's fields of every frame of a file: one run a file, with all that joins packets, checks sums or guesses turned off."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FIELDS = (
    *("frame.number", "frame.protocols", "frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_id"),
    *("frame.encap_type", "_ws.malformed", "_ws.short"),
    *("eth.src", "eth.dst", "eth.type", "eth.len", "sll.src.eth", "sll.etype", "sll.hatype", "vlan.id", "vlan.etype"),
    *("ieee8021ad.id", "chdlc.protocol", "pppoe.payload_length"),
    *("ip.version", "ip.hdr_len", "ip.src", "ip.dst", "ip.proto", "ip.ttl", "ip.id", "ip.frag_offset"),
    *("ip.flags.mf", "ip.flags.df", "ip.len", "ip.opt.type", "ip.opt.len"),
    *("ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.hlim", "ipv6.plen", "ipv6.hopopts.nxt", "ipv6.hopopts.len_oct"),
    *("ipv6.dstopts.nxt", "ipv6.dstopts.len_oct", "ipv6.routing.nxt", "ipv6.routing.len_oct", "ipv6.routing.type"),
    *("ipv6.routing.segleft", "ipv6.routing.src.addr", "ipv6.routing.mipv6.home_address", "ipv6.routing.srh.addr"),
    *("ipv6.fraghdr.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ah.next_header", "ah.length"),
    *("arp.opcode", "arp.hw.type", "arp.hw.size", "arp.proto.size", "arp.proto.type"),
    *("arp.src.hw_mac", "arp.dst.hw_mac", "arp.src.proto_ipv4", "arp.dst.proto_ipv4"),
    *("tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value", "tcp.len"),
    *(
        "tcp.hdr_len",
        "tcp.options.timestamp.tsval",
        "tcp.options.timestamp.tsecr",
        "tcp.options.mss_val",
        "tcp.payload",
    ),
    *("sctp.srcport", "sctp.dstport"),
    *("udp.srcport", "udp.dstport", "udp.length", "udp.payload"),
    *("icmp.type", "icmp.code", "icmp.ident", "icmp.seq", "icmp.data_time", "icmpv6.type", "icmpv6.code", "data.data"),
    *("icmpv6.echo.identifier", "icmpv6.echo.sequence_number", "icmpv6.nd.ns.target_address"),
    *("icmpv6.nd.na.target_address", "icmpv6.nd.na.flag.r", "icmpv6.nd.na.flag.s", "icmpv6.nd.na.flag.o"),
    *("icmpv6.opt.type", "icmpv6.opt.linkaddr", "dns.id", "dns.flags.response", "dns.flags.opcode", "dns.flags.rcode"),
    *("dns.count.queries", "dns.count.answers", "dns.length"),
)
_OFF = (
    *("ip.defragment", "ipv6.defragment", "tcp.desegment_tcp_streams", "tcp.analyze_sequence_numbers"),
    *("tcp.relative_sequence_numbers", "tcp.calculate_timestamps", "udp.calculate_timestamps", "ip.use_geoip"),
    *("ipv6.use_geoip", "icmp.favor_icmp_mpls", "arp.detect_duplicate_ips", "dns.desegment_dns_messages"),
)
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Frame:
    """What tshark says of one frame.

    Attributes:
        protocols: its layers, outermost first.
        said: field -> its values, outermost layer first; a field that is not there has none.
    """

    protocols: tuple[str, ...]
    said: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str, index: int = 0) -> str | None:
        """The n-th value of a field."""
        values = self.said.get(name, [])
        return values[index] if index < len(values) else None

    def number(self, name: str, index: int = 0) -> int | None:
        """The n-th value of a field that is a number or a yes or no, whichever way it is written."""
        text = self.text(name, index)
        if text is None:
            return None
        return int({"True": "1", "False": "0"}.get(text, text), 0)


def frames(file: Path, cache_folder: Path | None = None) -> dict[int, Frame]:
    """Return the frames of a file by their number; none where tshark cannot read it.

    Args:
        file: a capture.
        cache_folder: where what tshark printed is kept, by what the file holds.
    """
    argv = command(file)
    kept = None
    if cache_folder is not None:
        key = hashlib.sha256(file.read_bytes() + " ".join([version(), *argv[3:]]).encode()).hexdigest()
        kept = cache_folder / f"{key}.gz"
        if kept.exists():
            return dict(map(_frame, gzip.decompress(kept.read_bytes()).decode("utf-8", "replace").splitlines()))
    printed = _run(argv)
    if kept is not None:
        kept.write_bytes(gzip.compress(printed, 1))
    return dict(map(_frame, printed.decode("utf-8", "replace").splitlines()))


def command(file: Path) -> list[str]:
    """Return the argv; the file's name is the third argument."""
    fields = [word for name in FIELDS for word in ("-e", name)]
    return _argv(file, ["-T", "fields", *fields, "-E", "separator=/t", "-E", "aggregator=,"])


def run(file: Path, arguments: Sequence[str]) -> str:
    """Return what tshark prints of a file by these arguments, with the same things turned off."""
    return _run(_argv(file, arguments)).decode("utf-8", "replace")


def _argv(file: Path, arguments: Sequence[str]) -> list[str]:
    options = [word for name in _OFF for word in ("-o", f"{name}:FALSE")]
    return ["tshark", "-r", str(file), "-n", *options, *arguments]


def _run(argv: list[str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="netprobe-agree-") as home:  # nobody's own settings
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "TZ": "UTC", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as late:
            return late.stdout or b""
    return done.stdout


@cache
def version() -> str:
    """Return the first line of ``tshark --version``."""
    done = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def _frame(line: str) -> tuple[int, Frame]:
    values = dict(zip(FIELDS, line.split("\t"), strict=False))
    said = {name: text.split(",") for name, text in values.items() if text}
    return int(values["frame.number"]), Frame(tuple(values.get("frame.protocols", "").split(":")), said)
