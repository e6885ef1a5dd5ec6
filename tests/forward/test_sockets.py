"""Which answers a socket takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.evidence.model import Place
from netprobe.forward.model import Flying
from netprobe.forward.sockets import asked_elsewhere

ASKED = Flying(src="192.0.2.7", sport=40000, dst="198.51.100.2", dport=53, proto="udp")
HERE = Place(host="client")


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_socket_takes_answers_from_where_it_dialled_to_where_it_did(proto: str) -> None:
    asked = replace(ASKED, proto=proto)
    assert asked_elsewhere(HERE, asked.back(), [asked]) is None
    other = asked_elsewhere(HERE, replace(asked.back(), src="198.51.100.9"), [asked])
    assert other is not None
    assert other.text == "the answer comes from 198.51.100.9:53, not from 198.51.100.2:53"
    moved = asked_elsewhere(HERE, replace(asked.back(), dst="192.0.2.8"), [asked])
    assert moved is not None
    assert moved.text == "the answer is sent to 192.0.2.8, not to 192.0.2.7"


def test_an_echo_is_answered_by_whom_it_was_sent_to() -> None:
    asked = replace(ASKED, proto="icmp", sport=None, dport=None)
    assert asked_elsewhere(HERE, asked.back(), [asked]) is None
    assert asked_elsewhere(HERE, replace(asked.back(), src="198.51.100.9"), [asked]) is not None
