"""What a payload tells of DNS and of TLS: held against those who read the whole message, on captures of the lab."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netprobe.decode.decoder import decode
from netprobe.decode.table import Kind, PacketTable
from netprobe.evidence.stream.whole import read
from netprobe.flowtable.columns import DnsAnswer, TlsSign
from netprobe.flowtable.spoken import dns_ranks, tls_signs
from netprobe.paths.questions import Answered, _how

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def table_of(name: str) -> PacketTable:
    evidence = read((CAPTURES / f"{name}.pcapng").read_bytes())
    return decode(evidence.packets, evidence.points)


@pytest.mark.parametrize("name", ["dns-upstream-dead", "name-unknown", "name-with-ipv6-only", "dns-two-networks"])
def test_an_answer_has_the_rank_that_replay_gives_it(name: str) -> None:
    table = table_of(name)
    rows = np.arange(len(table))
    ranks = dns_ranks(table, rows)
    answers = np.flatnonzero(table.is_dns() & (table.dns_qr == 1))
    assert ranks[answers].tolist() == [list(Answered).index(_how(table, int(row))) for row in answers]
    assert set(ranks[np.setdiff1d(rows, answers)].tolist()) == {-1}


def test_the_ranks_are_those_of_answers_in_their_order() -> None:
    assert [each.name for each in DnsAnswer] == [each.name for each in Answered if each is not Answered.NOT]


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("tls-certificate-good", TlsSign.TLS),
        ("tls-handshake-foreign", TlsSign.OTHER),
        ("tls-handshake-version", TlsSign.TLS | TlsSign.ALERT),
    ],
)
def test_a_client_says_hello_and_its_server_answers_with_tls_or_without(name: str, server: TlsSign) -> None:
    table = table_of(name)
    said = np.flatnonzero((table.kind == Kind.TCP) & (table.payload_len > 0))
    signs = tls_signs(table, said)
    first = TlsSign(int(signs[0]))
    assert TlsSign.HELLO in first
    assert TlsSign.TLS in first
    answer = next(
        index
        for index in range(len(said))
        if table.sport[said[index]] == table.dport[said[0]] and table.dport[said[index]] == table.sport[said[0]]
    )
    assert TlsSign(int(signs[answer])) & (TlsSign.TLS | TlsSign.OTHER | TlsSign.ALERT) == server


def test_what_is_no_tcp_or_says_nothing_shows_no_sign() -> None:
    table = table_of("tls-certificate-good")
    silent = np.flatnonzero((table.kind != Kind.TCP) | (table.payload_len <= 0))
    assert not tls_signs(table, silent).any()
    assert len(silent)
