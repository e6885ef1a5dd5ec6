"""Why a connection has its verdict: every code has a phrase and a verdict."""

from __future__ import annotations

from netprobe.correlate.reasons import FAILS, VERDICT_OF, VERDICTS, Reason


def test_every_reason_has_a_phrase_a_code_and_a_verdict() -> None:
    assert len(VERDICT_OF) == len(Reason)
    assert {reason.code for reason in Reason} >= {"", "refused", "no-answer", "nxdomain"}
    for reason in Reason:
        assert bool(reason.phrase) == bool(reason)
        assert VERDICTS[VERDICT_OF[reason]] == reason.verdict
        assert (reason.verdict.value == "fails") == (reason in FAILS)
