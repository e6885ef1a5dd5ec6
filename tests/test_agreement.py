"""What `make agree` counts: how a file is held against tshark, and how differences are told."""

from __future__ import annotations

import dataclasses
import gzip
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from agreement.collections import captures_in, collections, others_in
from agreement.compare import COLUMNS, Compared, Difference, compare
from agreement.expected import NOTHING, expected
from agreement.left_out import left_out, not_read
from agreement.reasons import REASONS, UNKNOWN, reason_of
from agreement.tally import Tally
from agreement.tshark import Frame
from bench_shapes import captures

from netprobe.decode.table import PacketTable

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def test_the_list_says_where_each_collection_is_and_under_what_license() -> None:
    listed = collections()
    assert len(listed) >= 3
    assert all(
        re.fullmatch(r"[\w.-]+/[\w.-]+", each.name) and re.fullmatch("[0-9a-f]{40}", each.commit) for each in listed
    )
    assert all(each.license for each in listed)
    assert len({each.name for each in listed}) == len(listed)


def test_the_commands_fetch_that_commit_and_that_folder_alone() -> None:
    (one,) = collections(
        "# a note\n\nowner/name 0123456789012345678901234567890123456789 some/where no license given\n"
    )
    assert one.at(Path("/c")) == Path("/c/owner+name/some/where")
    assert "fetch --depth 1 https://github.com/owner/name 0123456789012345678901234567890123456789" in one.commands(
        Path("/c")
    )
    assert one.commands(Path("/c")).endswith("checkout FETCH_HEAD -- some/where")


def test_captures_are_known_by_how_they_begin(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "trace").write_bytes(bytes.fromhex("d4c3b2a1") + bytes(20))
    (tmp_path / "b.pcap").write_bytes(b"\n\r\r\n")
    (tmp_path / "c.pcap").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"\n\r\r\n"))
    (tmp_path / "e.gz").write_bytes(gzip.compress(b"text"))
    (tmp_path / "f.zip").write_bytes(b"PK\3\4")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"\n\r\r\n")[:12])
    assert [file.name for file in captures_in(tmp_path)] == ["b.pcap", "d.gz", "trace"]
    assert others_in(tmp_path) == {
        "zip archives, not unpacked": 1,
        "named as captures, and neither pcap nor pcapng": 1,
    }


@needs_tshark
@pytest.mark.parametrize("shape", ["conversations", "datagrams, refused", "ARP requests", "fragments", "DNS queries"])
def test_a_sound_file_agrees_in_every_column_that_it_has(tmp_path: Path, shape: str) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(captures(shape, 2)[0][1])
    found = compare(file)
    assert (found.differences, found.left_out, found.refused) == ([], {}, "")
    assert found.frames > 0
    assert {"kind", "src", "dst", "ip_version", "caplen", "time_ns"} <= found.columns


@needs_tshark
def test_a_link_type_that_is_not_read_is_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    sound = captures("datagrams", 1)[0][1]
    file.write_bytes(sound[:20] + struct.pack("<I", 147) + sound[24:])  # LINKTYPE_USER0
    found = compare(file)
    assert found.left_out == {"link type 147 (USER0)": 1}
    assert found.columns <= {"frame", "time_ns", "point"}
    assert found.differences == []


@needs_tshark
def test_what_tshark_printed_is_kept_by_what_the_file_holds(tmp_path: Path) -> None:
    file, cache = tmp_path / "a.pcap", tmp_path / "cache"
    cache.mkdir()
    file.write_bytes(captures("datagrams", 1)[0][1])
    assert compare(file, cache).differences == compare(file, cache).differences == []
    assert len(list(cache.iterdir())) == 1
    file.write_bytes(captures("datagrams", 2)[0][1])
    assert compare(file, cache).frames == 2


def test_an_error_s_quote_is_the_frame_s_second_packet() -> None:
    said = {
        "ip.version": ["4", "4"],
        "ip.src": ["10.0.0.9", "10.0.0.1"],
        "ip.dst": ["10.0.0.1", "10.0.0.2"],
        "ip.proto": ["1", "17"],
        "ip.frag_offset": ["0", "0"],
        "icmp.type": ["3"],
        "icmp.code": ["3"],
        "udp.srcport": ["5000"],
        "udp.dstport": ["53"],
    }
    values = expected(Frame(("eth", "ethertype", "ip", "icmp", "ip", "udp", "dns"), said))
    assert (values["src"], values["inner_src"], values["inner_dst"]) == ("10.0.0.9", "10.0.0.1", "10.0.0.2")
    assert (values["inner_proto"], values["inner_sport"], values["inner_dport"]) == (17, 5000, 53)
    assert (values["sport"], values["dns_id"]) == (NOTHING["sport"], NOTHING["dns_id"])


def test_what_is_inside_a_tunnel_is_not_the_packet_s_own() -> None:
    said = {"ip.src": ["10.0.0.1", "172.17.0.1"], "ip.dst": ["10.0.0.2", "172.17.0.2"], "ip.proto": ["47", "6"]}
    values = expected(Frame(("eth", "ethertype", "ip", "gre", "ip", "tcp"), {**said, "tcp.srcport": ["80"]}))
    assert (values["src"], values["ip_proto"], values["sport"]) == ("10.0.0.1", 47, NOTHING["sport"])


def test_a_layer_before_the_network_s_that_is_not_read_has_a_name() -> None:
    assert not_read(Frame(("eth", "ethertype", "hsr", "ethertype", "ip"))) == "hsr"
    assert not_read(Frame(("eth", "ethertype", "vlan", "ethertype", "ip", "hsr"))) is None
    assert not_read(Frame(("eth", "ethertype", "lldp"))) is None


def test_a_file_agrees_where_all_its_frames_do() -> None:
    wrong = Difference(column="ttl", frame=7, ours=64, theirs=63, said=Frame(("eth", "ip")), anomalies=("BAD_ARP",))
    files = [
        Compared(file=Path("/c/good.pcap"), columns={"ttl", "src"}),
        Compared(file=Path("/c/bad.pcap"), columns={"ttl", "src"}, differences=[wrong]),
    ]
    tally = Tally("owner/name", Path("/c"), files, {"zip archives, not unpacked": 2})
    assert (tally.share("ttl"), tally.share("src"), tally.worst_of_all(), tally.unknown()) == (0.5, 1.0, 0.5, 1)
    assert any(re.search(r"^ttl +1/2 +50.00% +1/2 +50.00%$", line) for line in Tally.table([tally]))
    assert list(tally.left_out()) == ["  not compared: 2 files: zip archives, not unpacked"]
    (kind,) = tally.kinds(every_file=False)
    assert kind.startswith("ttl: 1 files, 1 frames: ")
    assert "bad.pcap frame 7 (eth:ip; BAD_ARP): netprobe '64', tshark '63'" in kind


def test_every_column_of_the_packet_table_is_compared() -> None:
    of_the_table = {field.name.removesuffix("_hi").removesuffix("_lo") for field in dataclasses.fields(PacketTable)}
    # two are where the payload is; tunnel: of packets inside of others, which test_flow_agreement.py holds against tshark
    netprobes_own = {"packets", "anomaly", "payload_off", "payload_cap", "tunnel"}
    assert of_the_table - netprobes_own <= {*COLUMNS}


def frame(protocols: str, **said: str) -> Frame:
    return Frame(tuple(protocols.split(":")), {name.replace("__", "."): text.split(",") for name, text in said.items()})


def differs(column: str, said: Frame, **more: Any) -> Difference:
    facts: dict[str, Any] = {"frame": 1, "ours": 1, "theirs": 2, "length": 66} | more
    return Difference(column=column, said=said, **facts)


TCP = "eth:ethertype:ip:tcp"
SHORT = {"_ws__short": "[Packet size limited during capture: TCP truncated]"}
SPLIT = {"ip__flags__mf": "1", "ip__hdr_len": "20", "tcp__hdr_len": "40"}
FRAGMENTS = "eth:ethertype:ipv6:ipv6.fraghdr:ipv6.fraghdr:udp"
MALFORMED = {"_ws__malformed": "[Malformed Packet]"}
CASES: dict[str, tuple[str, Difference, Difference]] = {
    "a header that was cut off": (
        "cut off in the middle",
        differs("sport", frame(TCP, **SHORT), anomalies=("TRUNCATED_TRANSPORT",)),
        differs("sport", frame(TCP), anomalies=("TRUNCATED_TRANSPORT",)),
    ),
    "an IP header that claims more than the frame": (
        "claims more bytes",
        differs("payload_len", frame(TCP), length=66, claimed=53),
        differs("payload_len", frame(TCP), length=66, claimed=52),
    ),
    "an IP header that claims more than PPPoE's length": (
        "claims more bytes",
        differs("payload_len", frame("eth:pppoes:ppp:ip:tcp", pppoe__payload_length="42"), length=99, claimed=41),
        differs("payload_len", frame("eth:pppoes:ppp:ip:tcp", pppoe__payload_length="42"), length=99, claimed=40),
    ),
    "BIG TCP": ("64 KiB", differs("mss", frame(TCP), length=70000), differs("mss", frame(TCP), length=60000)),
    "a fraction of more than a second": (
        "32 bits",
        differs("time_ns", frame(TCP, frame__time_epoch="10.1410065408"), ours=20_000_000_000),
        differs("time_ns", frame(TCP, frame__time_epoch="10.1410065409"), ours=20_000_000_000),
    ),
    "an IPv4 option": (
        "malformed IPv4 option",
        differs("sport", frame("eth:ethertype:ip", ip__hdr_len="32", **MALFORMED)),
        differs("sport", frame("eth:ethertype:ip", ip__hdr_len="20", **MALFORMED)),
    ),
    "an option of IPv6": (
        "longer than it",
        differs("sport", frame("eth:ethertype:ipv6:ipv6.dstopts", **MALFORMED)),
        differs("sport", frame("eth:ethertype:ipv6:ipv6.dstopts")),
    ),
    "several fragment headers": (
        "several fragment headers",
        differs("sport", frame(FRAGMENTS, ipv6__fraghdr__offset="0,185")),
        differs("sport", frame(FRAGMENTS, ipv6__fraghdr__offset="0,0")),
    ),
    "a TCP header of 8 bytes": (
        "less than 20 bytes",
        differs("payload_len", frame(TCP, tcp__hdr_len="8"), anomalies=("BAD_TCP_OFFSET",)),
        differs("payload_len", frame(TCP, tcp__hdr_len="20"), anomalies=("BAD_TCP_OFFSET",)),
    ),
    "a TCP header that goes on in the next fragment": (
        "next IP fragment",
        differs("mss", frame(TCP, **SPLIT), claimed=44, anomalies=("BAD_TCP_OFFSET",)),
        differs("mss", frame(TCP, **SPLIT), claimed=60, anomalies=("BAD_TCP_OFFSET",)),
    ),
    "the last packet of a damaged file": (
        "last packet of a file",
        differs("frame", frame(TCP), theirs=1, anomalies=("cut short at byte 24",)),
        differs("frame", frame(TCP), theirs=1),
    ),
    "a record of zeros": (
        "record of zeros",
        differs("frame", frame(TCP), anomalies=("zeros from byte 40",)),
        differs("ttl", frame(TCP), anomalies=("zeros from byte 40",)),
    ),
    "a length of 2 GiB": (
        "2 GiB",
        differs("origlen", frame(TCP), ours=1 << 31, theirs=(1 << 31) - 1),
        differs("origlen", frame(TCP), ours=1 << 31, theirs=7),
    ),
    "another variant of pcap": (
        "another variant",
        differs("ttl", frame("eth:data", eth__dst="02:00:00:00:00:07"), data=bytes(8) + b"\2\0\0\0\0\7"),
        differs("ttl", frame("eth:data", eth__dst="02:00:00:00:00:07"), data=bytes(9) + b"\2\0\0\0\0\7"),
    ),
    "FabricPath": ("FabricPath", differs("eth_src", frame("eth:cfp:eth:data")), differs("eth_src", frame("eth:data"))),
}


@pytest.mark.parametrize("name", CASES)
def test_a_reason_fits_its_kind_and_not_the_one_beside_it(name: str) -> None:
    why, kind, beside = CASES[name]
    assert why in reason_of(kind)
    assert reason_of(beside) == UNKNOWN


def test_every_reason_is_a_sentence_of_its_own_and_has_a_case() -> None:
    assert len({reason.why for reason in REASONS}) == len(REASONS)
    assert {reason_of(kind) for _, kind, _ in CASES.values()} == {reason.why for reason in REASONS}


ARP = {"arp__hw__type": "1", "arp__hw__size": "6", "arp__proto__size": "4", "arp__proto__type": "0x0800"}
LEFT: dict[str, tuple[str, Frame, Frame]] = {
    "HSR": ("behind hsr", frame("eth:ethertype:hsr:ethertype:ip", ip__dst="10.0.0.1"), frame("eth:ethertype:lldp")),
    "ARP on HDLC": ("HDLC", frame("chdlc:data", chdlc__protocol="2054"), frame("chdlc:data", chdlc__protocol="2000")),
    "RARP": (
        "RARP",
        frame("eth:ethertype:arp", eth__type="0x8035", **ARP),
        frame("eth:ethertype:arp", eth__type="0x0806", **ARP),
    ),
    "ARP of other hardware": (
        "other hardware",
        frame("eth:ethertype:arp", **(ARP | {"arp__hw__type": "19"})),
        frame("eth:ethertype:arp", **ARP),
    ),
    "no field of the header": (
        "no field",
        frame("eth:ethertype:ip"),
        frame("eth:ethertype:ip", ip__dst="10.0.0.1"),
    ),
    "DNS on another port": (
        "guesses",
        frame("eth:ethertype:ip:udp:dns", ip__dst="10.0.0.1", udp__srcport="40000", udp__dstport="8053"),
        frame("eth:ethertype:ip:udp:dns", ip__dst="10.0.0.1", udp__srcport="40000", udp__dstport="53"),
    ),
    "DNS over TCP": (
        "over TCP",
        frame("eth:ethertype:ip:tcp:dns", ip__dst="10.0.0.1"),
        frame("eth:ethertype:ip:tcp:tls", ip__dst="10.0.0.1"),
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_out_is_said_and_what_stands_beside_it_is_compared(name: str) -> None:
    why, out, beside = LEFT[name]
    (left,) = left_out(out, None)
    assert why in left.why
    assert left.columns
    assert not {"eth_src", "time_ns"} & left.columns or name == "HSR"
    assert list(left_out(beside, None)) == []
