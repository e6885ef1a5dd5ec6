from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.point import PointName, point_name

WORD = st.text(st.characters(blacklist_characters="/"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (PointName("server2", None, "docker0"), "server2/docker0"),
        (PointName("server2", "demo", "eth0"), "server2/demo/eth0"),
        (PointName("", None, "eth0"), "eth0"),
    ],
)
def test_it_is_read_as_it_is_written(name: PointName, text: str) -> None:
    assert str(name) == text
    assert PointName.parse(text) == name


@given(WORD, st.none() | WORD, WORD)
def test_every_name_survives(host: str, container: str | None, interface: str) -> None:
    name = PointName(host, container, interface)
    assert PointName.parse(str(name)) == name


@pytest.mark.parametrize("text", ["", "/", "a//b", "a/", "/b", "a/b/c/d", "\\Device\\NPF_{0}"])
def test_a_name_of_another_form_is_an_interface_of_an_unknown_host(text: str) -> None:
    assert PointName.parse(text) == PointName("", None, text)


def test_the_text_alone() -> None:
    assert point_name("server2", "eth0", "demo") == "server2/demo/eth0"
    assert point_name("server2", "docker0") == "server2/docker0"
