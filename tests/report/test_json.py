from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.http import HttpAnswer
from netprobe.model.tls import TlsFacts
from netprobe.report.json import dumps, failure, to_json
from tests.report.examples import EVIL, FAILS, WORKS

KEYS = [
    "schema",
    "target",
    "source",
    "dialled",
    "sent",
    "verdict",
    "path",
    "segments",
    "vlan",
    "resolution",
    "predicted_path",
    "why",
    "cause",
    "findings",
    "hops",
    "last_seen",
    "first_missing",
    "assumptions",
    "unknowns",
    "alternatives",
    "alternatives_why",
    "after",
    "clocks",
    "arp",
    "ndp",
    "trace",
    "drops",
    "tls",
    "http",
]


def test_every_key_is_there_in_the_order_of_the_contract() -> None:
    for report in (WORKS, FAILS):
        assert list(to_json(report)) == KEYS


def test_a_tls_session() -> None:
    assert to_json(WORKS)["tls"] is None
    tls = TlsFacts(version="TLS 1.3", server_name="demo", subject=f"CN={EVIL}", names=("demo", EVIL), not_after=5)
    found = to_json(replace(WORKS, tls=tls))["tls"]
    assert found == {
        "version": "TLS 1.3",
        "server_name": "demo",
        "subject": f"CN={EVIL}",
        "issuer": None,
        "names": ["demo", EVIL],
        "not_before": None,
        "not_after": 5,
        "trusted": None,
        "alert": None,
    }


def test_an_http_response() -> None:
    assert to_json(WORKS)["http"] is None
    http = HttpAnswer(status=301, reason="Moved", location="/" + EVIL, server="", frame=12)
    found = to_json(replace(WORKS, http=http))["http"]
    assert found == {
        "status": 301,
        "reason": "Moved",
        "version": "1.1",
        "location": "/" + EVIL,
        "server": None,
        "frame": 12,
    }


def test_a_failure() -> None:
    value = to_json(FAILS)
    assert value["schema"] == "netprobe/report/1"
    assert (value["verdict"], value["path"]) == ("fails", "none")
    assert value["cause"] == {
        "code": "docker-user-drop",
        "summary": "a rule drops the SYN",
        "where": {
            "host": "server2",
            "component": "filter/DOCKER-USER",
            "rule": "-A DOCKER-USER -s 192.168.3.0/24 -j DROP",
        },
        "evidence": ["frame 13: the SYN at server2/eth0", "filter/DOCKER-USER #1 counted 3 packets"],
        "remedy": ["iptables -D DOCKER-USER -s 192.168.3.0/24 -j DROP", "# it opens all ports", "# then ask again"],
        "remedies": [
            {
                "host": "server2",
                "run": [["iptables", "-D", "DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP"]],
                "text": "it opens all ports",
            },
            {"host": "server1", "run": [], "text": "then ask again"},
        ],
        "confidence": "certain",
    }
    assert [hop["seen"] for hop in value["hops"]] == [True, True, False, None]
    assert value["hops"][2]["packet"] is None
    assert (value["last_seen"], value["first_missing"]) == ("server2/eth0", "server2/docker0")


def test_a_hop_says_what_changed_from_what_to_what() -> None:
    hop = to_json(WORKS)["hops"][2]
    assert list(hop)[:5] == ["point", "seen", "time_us", "packet", "changes"]
    assert hop["packet"] is not None
    assert hop["packet"]["frame"] == 14
    assert hop["changes"][0] == {
        "field": "dst",
        "from": "192.168.3.202:80",
        "to": "172.17.0.2:80",
        "by": "DNAT",
        "rule": "nat/DOCKER #2",
    }


def test_an_error() -> None:
    assert failure(2, "no host 'x'", "known: local") == {
        "schema": "netprobe/error/1",
        "exit": 2,
        "error": "no host 'x'",
        "hint": "known: local",
    }


def test_hostile_text_is_ascii_and_comes_back_whole() -> None:
    text = dumps(to_json(replace(WORKS, why=EVIL)))
    assert text.isascii()
    assert json.loads(text)["why"] == EVIL


@given(st.text(st.characters(codec=None)))
def test_what_is_printed_holds_no_control_character(text: str) -> None:
    printed = dumps({"why": text})
    assert all(" " <= character <= "~" or character == "\n" for character in printed)
    assert json.loads(json.dumps(json.loads(printed))) is not None
