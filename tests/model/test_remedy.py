from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.remedy import Remedy, advise, lines, run, shell_line
from netprobe.model.rule import Program

WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("docker", "restart", "demo"), "docker restart demo"),
        (("iptables", "-A", "FORWARD", "!", "-o", "docker0"), "iptables -A FORWARD ! -o docker0"),
        (("nft", "chain", "inet", "f", "in", "{ policy accept; }"), "nft chain inet f in '{ policy accept; }'"),
        (("docker", "restart", "a!b"), "docker restart 'a!b'"),
        (("echo", ""), "echo ''"),
    ],
)
def test_a_command_is_quoted_where_a_shell_needs_it(argv: tuple[str, ...], line: str) -> None:
    assert shell_line(argv) == line


@given(st.lists(WORD, min_size=1).map(tuple))
def test_what_is_rendered_is_parsed_again(argv: tuple[str, ...]) -> None:
    assert tuple(shlex.split(shell_line(argv))) == argv


@pytest.mark.parametrize("word", ["$(id)", "`id`", "a;b", "a'b\"c", "*", "~", "#x", "\n", "-n"])
def test_a_shell_takes_a_word_as_it_is(word: str) -> None:
    done = subprocess.run(["sh", "-c", shell_line(("printf", "%s.", word))], capture_output=True, check=True, text=True)
    assert done.stdout == f"{word}."


def test_steps_are_lines_in_order_with_advice_as_a_comment() -> None:
    steps = (
        run("server2", "docker", "restart", "demo", advice="its connections are cut"),
        advise("server1", "ask again"),
    )
    assert lines(steps) == ("docker restart demo", "# its connections are cut", "# ask again")


def test_advice_is_one_line_whatever_a_name_in_it_holds() -> None:
    assert advise("server1", "start x\nreboot\ragain").lines == ("# start x reboot again",)


def test_a_step_may_have_several_commands() -> None:
    step = Remedy(host="server2", commands=(("ip", "link", "set", "eth1", "up"), ("ip", "link", "show", "eth1")))
    assert step.lines == ("ip link set eth1 up", "ip link show eth1")


def test_the_words_of_a_command_are_plain_strings() -> None:
    remedy = run("server1", Program.IPTABLES, "-D", "DOCKER-USER", "1")
    assert remedy.commands == (("iptables", "-D", "DOCKER-USER", "1"),)
    assert {type(word) for word in remedy.commands[0]} == {str}
