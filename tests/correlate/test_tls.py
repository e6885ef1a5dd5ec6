"""TLS on many connections, by how segments begin: a failure is told where it is sure, and else that it is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import Reason
from netprobe.evidence.stream.whole import read
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker

if TYPE_CHECKING:
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def rows_of(name: str) -> tuple[FlowRows, tuple[CapturePoint, ...]]:
    """The rows of a capture's TLS connection."""
    evidence = read((CAPTURES / f"{name}.pcapng").read_bytes())
    tracker = Tracker(options())
    tracker.take(evidence.packets, evidence.points)
    rows = tracker.finish()
    return rows[(rows["port"][:, 1] == 443)], evidence.points


def reason(rows: FlowRows, points: tuple[CapturePoint, ...]) -> Reason:
    found = {Reason(each) for each in judge(rows, join(rows, points), points).reason.tolist()}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tls-certificate-good", Reason.NONE),
        ("tls-handshake-version", Reason.TLS_ALERT),
        ("tls-handshake-foreign", Reason.NOT_TLS),
        ("tls-silent", Reason.NONE),  # nothing came back yet
    ],
)
def test_a_handshake_that_is_whole_in_the_capture(name: str, expected: Reason) -> None:
    assert reason(*rows_of(name)) is expected


@pytest.mark.parametrize("missing", ["gaps", "syn_acks"])
def test_a_first_segment_that_was_not_captured_may_have_been_tls(missing: str) -> None:
    rows, points = rows_of("tls-handshake-foreign")
    rows[missing][:, 1] = 1 if missing == "gaps" else 0
    assert reason(rows, points) is Reason.TLS_IN_PART


def test_an_end_behind_the_hello_alone_is_one_of_the_handshake() -> None:
    rows, points = rows_of("tls-silent")
    ends = rows["data_ns"][:, 0] + 1_000_000
    rows["fin_ns"][:, 1], rows["fin_ns"][:, 0], rows["rst_ns"] = ends, -1, -1
    assert reason(rows, points) is Reason.TLS_ENDED
    rows["gaps"][:, 0] = 1
    assert reason(rows, points) is Reason.TLS_IN_PART


def test_a_server_that_says_nothing_and_ends_it_never_did_a_handshake() -> None:
    """The client answers its FIN with an alert in clear, which alone could be an encrypted one behind the handshake."""
    rows, points = rows_of("tls-handshake-ended")
    assert reason(rows, points) is Reason.TLS_ENDED


@pytest.mark.parametrize("missing", ["gaps", "syn_acks", "payload"])
def test_a_server_that_may_have_said_something_may_have_done_it(missing: str) -> None:
    rows, points = rows_of("tls-handshake-ended")
    rows[missing][:, 1] = 0 if missing == "syn_acks" else 1
    assert reason(rows, points) is Reason.TLS_IN_PART
