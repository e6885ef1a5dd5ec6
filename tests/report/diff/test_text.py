"""A comparison as people read it."""

from __future__ import annotations

from netprobe.report.diff.text import lay_out
from netprobe.report.text import printed
from tests.diff.test_compare import compared


def shown(good: str, bad: str, *, whole: bool = False) -> str:
    return printed(
        lay_out(compared(good, bad), (f"{good}.pcapng", f"{bad}.pcapng"), whole=whole), columns=None, colour=False
    )


def test_a_difference_reads_from_the_answer_to_what_decides() -> None:
    text = shown("demo", "docker-user-drop")
    assert text.startswith("demo:80 from server1: they differ\n")
    assert "GOOD   the SYN went on to server2/docker0" in text
    assert "  server2, filter/DOCKER-USER\n    + -A DOCKER-USER -s 192.168.3.0/24 -j DROP\n" in text


def test_what_does_not_bear_on_it_is_counted_and_shown_with_all() -> None:
    assert "-A DOCKER-USER -s 198.51.100.0/24 -j DROP" not in shown("demo", "docker-user-drop-elsewhere")
    assert "of state do" in shown("demo", "docker-user-drop-elsewhere")
    assert "-A DOCKER-USER -s 198.51.100.0/24 -j DROP" in shown("demo", "docker-user-drop-elsewhere", whole=True)


def test_the_same_is_said_in_one_line() -> None:
    assert shown("demo", "demo").splitlines()[0] == "demo:80 from server1: the same: both work, by DNAT"
