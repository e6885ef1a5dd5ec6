"""What may still be the cause: the likeliest first, each with its reason."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from netprobe.pipeline import analyze
from netprobe.report.text import render
from tests.causes.altered import recorded
from tests.causes.proof.test_drops import with_rules
from tests.mutilation import NAMES, evidence, expected, one_failed, works

pytestmark = pytest.mark.usefixtures("shared")

FAILING = [name for name in NAMES if not works(name) and expected(name)["cause"]]
SHOWN = 5
EVERY = 12  # a sample of the captures, whatever others there are: each is taken apart some 50 times


def in_sample(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % EVERY == 0


@pytest.mark.whole
def test_without_any_one_output_the_true_cause_is_mostly_among_the_first() -> None:
    """Each command of each host in turn failed, at both moments and at the second alone: in four of five the first five have it."""
    first = count = 0
    for name in filter(in_sample, FAILING):
        whole, code = evidence(name), expected(name)["cause"]["code"]
        for host, key in sorted({(state.host, key) for state in whole.before for key in state.outputs}):
            before, after = (
                tuple(one_failed(each, key) if each.host == host else each for each in states)
                for states in (whole.before, whole.after)
            )
            copies = [replace(whole, before=before, after=after)]
            if after != whole.after:
                copies.append(replace(whole, after=after))
            for report in map(analyze, copies):
                if report.verdict.value == "undetermined":
                    count += 1
                    first += code in report.alternatives[:SHOWN]
    assert count > 50
    assert first >= 0.8 * count, f"{first} of {count}"


@pytest.mark.parametrize("name", ["docker-user-drop", "stale-arp", "ip-forward-off"])
def test_what_could_not_be_read_after_the_probe_is_supposed_to_be_as_before(name: str) -> None:
    whole, code = evidence(name), expected(name)["cause"]["code"]
    key = {"docker-user-drop": "iptables", "stale-arp": "neigh", "ip-forward-off": "addr"}[name]
    report = analyze(replace(whole, after=tuple(one_failed(each, key) for each in whole.after)))
    assert report.verdict.value == "undetermined"
    assert report.alternatives[0] == code
    why = report.alternatives_why[0]
    assert (why.code, bool(why.reason), bool(why.would_tell)) == (code, True, True)


def test_the_codes_and_the_reasons_are_of_the_same_causes() -> None:
    for name in NAMES:
        if expected(name)["verdict"] == "undetermined":
            report = analyze(evidence(name))
            assert report.alternatives == tuple(each.code for each in report.alternatives_why)
            assert all(each.reason and each.would_tell for each in report.alternatives_why)


def test_five_are_shown_and_how_many_more_there_are() -> None:
    report = analyze(evidence("ct-count-uncounted"))
    text = render(report)
    assert sum(f"{code}: " in text for code in report.alternatives) == SHOWN
    assert f"and {len(report.alternatives) - SHOWN} more" in text


def test_a_name_that_nobody_looked_up_is_no_cause() -> None:
    whole = evidence("ct-count-uncounted")  # the inventory knew the address
    assert not any(code.startswith("name-") or code == "dns-no-shared-network" for code in analyze(whole).alternatives)


def test_a_rule_that_counted_while_data_got_lost_comes_first() -> None:
    """The walk is the first packet's: what meets later ones alone shows by its counter."""
    drop = "-A DOCKER-USER -p tcp -m tcp --tcp-flags PSH PSH -j DROP"
    evidence = with_rules(
        recorded("app-silent-half"), (r"^(\[\d+:\d+\] -A DOCKER-USER -j RETURN)$", rf"[0:0] {drop}\n\1"), before=True
    )
    evidence = with_rules(evidence, (r"^\[0:0\] (-A DOCKER-USER -p tcp .*)$", r"[4:240] \1"))
    report = analyze(evidence)
    assert report.alternatives[0] == "docker-user-drop"
    assert "counted 4 meanwhile" in report.alternatives_why[0].reason
    assert "docker-user-drop" not in analyze(recorded("app-silent-half")).alternatives
