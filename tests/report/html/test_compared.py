from __future__ import annotations

from dataclasses import replace

from netprobe.model.details import Compared
from netprobe.model.hop import Direction, Hop
from netprobe.report.html.compared import pairs
from tests.report.examples import SYN_ACK, SYN_IN, SYN_OUT

AHEAD = replace(SYN_OUT, seen=None, time_us=None)
GONE = Hop(point="server1/eth0", seen=False)
BLIND = Hop(point="server1/eth0", seen=None)


def test_both_agree_where_a_packet_came_as_predicted_or_came_to_neither() -> None:
    told = pairs((Compared(predicted=AHEAD, observed=SYN_OUT), Compared(predicted=None, observed=GONE)))
    assert [each.agree for each in told] == [True, True]
    assert told[0].observed == f"{told[0].predicted} (+0 µs)"
    assert (told[1].predicted, told[1].observed) == ("not reached", "not seen")


def test_they_differ_where_one_of_them_has_it_alone() -> None:
    told = pairs((Compared(predicted=None, observed=SYN_IN), Compared(predicted=AHEAD, observed=GONE)))
    assert [each.agree for each in told] == [False, False]


def test_nothing_is_said_where_nobody_looked() -> None:
    told = pairs((Compared(predicted=AHEAD, observed=BLIND), Compared(predicted=AHEAD, observed=None)))
    assert [(each.agree, each.observed) for each in told] == [(None, "not observable here"), (None, "not looked at")]


def test_each_packet_begins_with_its_name() -> None:
    second = replace(SYN_OUT, leg=2)
    told = pairs(tuple(Compared(predicted=None, observed=each) for each in (SYN_OUT, SYN_IN, second, SYN_ACK)))
    assert [each.new for each in told] == ["the request", "", "the request, second connection", "the answer"]
    assert SYN_ACK.direction is Direction.REPLY
