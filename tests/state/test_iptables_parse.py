from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from netprobe.forward.traverse import traverse
from netprobe.state.iptables import delete_argv, hits
from netprobe.state.iptables_parse import parse_iptables
from netprobe.state.issues import Issues
from netprobe.state.packet import PacketTuple

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = st.sampled_from(
    ["-A", "FORWARD", "DOCKER", "!", "-s", "-d", "-i", "-p", "tcp", "10.0.0.0/8", "--dport", "80:", "-m", "-j", "-g", "DNAT",
     '"', '"x y"', "\\", "--to-destination", "::", "[1:2]", "*nat", ":FORWARD", "--comment", "--ctstate", "-", "--", "\x1b[2J"]
)  # fmt: skip
LINE = st.lists(WORDS | st.text(max_size=8), max_size=12).map(" ".join)


def read(parser: Callable[..., Any], text: str, issues: Issues, **more: str) -> Any:
    """Parse a text that can be read: an unknown value fails the test where it is used."""
    return parser(text, issues, **more)


@given(st.lists(LINE, max_size=20).map("\n".join))
def test_any_text_is_read_or_named(text: str) -> None:
    issues = Issues("x")
    ruleset = read(parse_iptables, "*nat\n:FORWARD ACCEPT [0:0]\n" + text, issues)
    for rule in ruleset.rules():
        assert rule.matches(PacketTuple()) in {True, False, None}
        assert delete_argv(rule)[0] == "iptables"
    hits(ruleset, ruleset)
    traverse(ruleset, "nat", "FORWARD", PacketTuple(src="10.0.0.1"))
    read(parse_iptables, text, Issues("y"))


@given(st.text())
def test_a_comment_of_any_text_comes_back_whole(comment: str) -> None:
    line = comment.replace("\\", "\\\\").replace('"', '\\"')
    if "\n" in comment or "\r" in comment:
        return
    issues = Issues("x")
    ruleset = read(parse_iptables, f'*filter\n[0:0] -A X -m comment --comment "{line}" -j DROP', issues)
    (rule,) = ruleset.rules()
    assert (rule.comment, rule.target, issues.found) == (comment, "DROP", [])
