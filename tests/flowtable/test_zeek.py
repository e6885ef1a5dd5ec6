"""Each of Zeek's connection states by a small capture; what Zeek itself says of such captures stands in its documentation and its own tests."""

from __future__ import annotations

import pytest

from netprobe.flowtable.columns import ConnState, histories
from tests.craft import evidence, udp
from tests.flowtable.against import tracked
from tests.flowtable.tcp import HANDSHAKE, Short, rows

ASKED, ANSWERED = ("PA", 1, 1, b"ask"), ("pa", 1, 4, b"answer")
CASES: dict[str, tuple[str, str, list[Short]]] = {
    "attempt": ("S0", "S", [("S",)]),
    "attempt, again": ("S0", "S", [("S",), ("S",), ("S",)]),
    "established": ("S1", "ShA", HANDSHAKE),
    "no ACK captured": ("S1", "Sh", HANDSHAKE[:2]),
    "ended": ("SF", "ShADadFf", [*HANDSHAKE, ASKED, ("a", 1, 4), ANSWERED, ("FA", 4, 7), ("fa", 7, 5), ("A", 5, 8)]),
    "refused": ("REJ", "Sr", [("S",), ("ra", -9000, 1)]),
    "closed by the client alone": ("S2", "ShAFa", [*HANDSHAKE, ("FA", 1, 1), ("a", 1, 2)]),
    "closed by the server alone": ("S3", "ShAf", [*HANDSHAKE, ("fa", 1, 1), ("A", 1, 2)]),
    "reset by the client": ("RSTO", "ShADR", [*HANDSHAKE, ASKED, ("R", 4)]),
    "reset by the server": ("RSTR", "ShADr", [*HANDSHAKE, ASKED, ("ra", 1, 4)]),
    "reset by the client behind its SYN": ("RSTOS0", "SR", [("S",), ("R", 1)]),
    "what is acknowledged early and reset": ("RSTOS0", "SaR", [("S",), ("a", 0, 1), ("R", 1)]),
    "SYN-ACK and reset of a server alone": ("RSTRH", "hr", [("sa", 0, 1), ("r", 1)]),
    "SYN and FIN of a client alone": ("SH", "SF", [("S",), ("FA", 1, 1)]),
    "SYN-ACK and FIN of a server alone": ("SHR", "hf", [("sa", 0, 1), ("fa", 1, 1)]),
    "mid-stream": ("OTH", "Da", [("PA", 1, 1, b"x"), ("a", 1, 2)]),
    "a reset alone": ("OTH", "R", [("R", 1)]),
    "SYN, FIN and reset of a client alone": ("OTH", "SaFR", [("S",), ("a", 0, 1), ("FA", 1, 1), ("R", 2)]),
    "a reset behind both FINs": ("SF", "ShAFfR", [*HANDSHAKE, ("FA", 1, 1), ("fa", 1, 2), ("R", 2)]),
    "a reset behind the own FIN, and then the other's FIN": (
        "SF",
        "ShAFRf",
        [*HANDSHAKE, ("FA", 1, 1), ("R", 2), ("fa", 1, 2)],
    ),
    "a reset behind the own FIN": ("RSTO", "ShAFR", [*HANDSHAKE, ("FA", 1, 1), ("R", 2)]),
    "without its SYN": ("S1", "hAD", [("sa", 0, 1), ("A", 1, 1), ASKED]),
    "simultaneous open": ("S1", "SsA", [("S",), ("s",), ("A", 1, 1)]),
    "SYN and FIN in one": ("SH", "Q", [("SF",)]),
    "SYN and RST in one": ("OTH", "Q", [("SR",)]),
}


@pytest.mark.parametrize("name", CASES)
def test_state_and_history(name: str) -> None:
    state, history, shorts = CASES[name]
    found = rows(shorts)
    assert [ConnState(each).name for each in found["conn_state"]] == [state]
    assert histories(found) == [history.encode()]


def test_every_state_has_a_case() -> None:
    assert {state for state, *_ in CASES.values()} == {state.name for state in ConnState} - {"NONE"}


def test_what_is_no_tcp_has_none() -> None:
    case = evidence([("eth0", 0, udp("10.0.0.1:5000", "10.0.0.2:9")), ("eth0", 5, udp("10.0.0.2:9", "10.0.0.1:5000"))])
    found = tracked(case.packets, case.points)
    assert (found["conn_state"].tolist(), histories(found)) == ([ConnState.NONE], [b"Dd"])
