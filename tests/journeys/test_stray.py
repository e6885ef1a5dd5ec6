"""Which datagram answers a question from another address than the asked one."""

from __future__ import annotations

from netprobe.journeys.stray import Strays
from tests.craft import Sent, joined, udp

ASKED = ("eth0", 10.0, udp("10.0.0.1:5000", "10.0.0.2:9999", b"question"))


def answer_to(sent: list[Sent]) -> str | None:
    """The address that the answer to what was asked first came from."""
    table, found = joined(sent)
    outer = next(each for each in found if str(each.flows[0].client.unpack()) == "10.0.0.1:5000")
    stray = Strays(found, table).reply_to(outer)
    return None if stray is None else stray.flows[0].client.address


def from_elsewhere(address: str, at: float, port: int = 9999, to: int = 5000) -> Sent:
    return ("eth0", at, udp(f"{address}:{port}", f"10.0.0.1:{to}", b"answer"))


def test_what_comes_from_the_asked_port_of_another_address_answers() -> None:
    assert answer_to([ASKED, from_elsewhere("10.0.0.7", 20)]) == "10.0.0.7"


def test_the_first_one_answers() -> None:
    assert answer_to([ASKED, from_elsewhere("10.0.0.7", 30), from_elsewhere("10.0.0.8", 20)]) == "10.0.0.8"


def test_what_came_before_the_question_is_no_answer_and_what_follows_it_is() -> None:
    before = from_elsewhere("10.0.0.7", 0)
    assert answer_to([before, ASKED]) is None
    assert answer_to([before, ASKED, from_elsewhere("10.0.0.8", 20)]) == "10.0.0.8"


def test_another_port_on_either_side_is_no_answer() -> None:
    assert answer_to([ASKED, from_elsewhere("10.0.0.7", 20, port=9998)]) is None
    assert answer_to([ASKED, from_elsewhere("10.0.0.7", 20, to=5001)]) is None


def test_what_the_asked_address_answered_needs_no_other() -> None:
    own = from_elsewhere("10.0.0.2", 15)
    assert answer_to([ASKED, own, from_elsewhere("10.0.0.7", 20)]) is None
