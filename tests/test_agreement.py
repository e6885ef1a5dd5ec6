"""What `make agree` counts: how a file is held against tshark, and how differences are told."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
from pathlib import Path

import pytest
from agreement.collections import captures_in, collections, others_in
from agreement.compare import Compared, Difference, compare
from agreement.expected import NOTHING, expected
from agreement.left_out import not_read
from agreement.reasons import REASONS
from agreement.tally import Tally
from agreement.tshark import Frame
from bench_shapes import captures

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


def test_every_reason_is_a_sentence_of_its_own() -> None:
    assert len({reason.why for reason in REASONS}) == len(REASONS)
