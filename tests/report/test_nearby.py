from __future__ import annotations

from netprobe.report.nearby import MOST, lay_out
from netprobe.report.plain import to_plain
from netprobe.survey.nearby import NearbyContainer, NearbyHost, NearbyNetwork, NearbyPort

DEMO = NearbyContainer(
    name="demo",
    running=True,
    state="running",
    service="shop/web",
    ports=(NearbyPort(port=80, proto="tcp", host_ip="::", host_port=8080), NearbyPort(port=443, proto="tcp")),
    networks=(("six", "172.18.0.2"), ("seven", "")),
)


def shown(*hosts: NearbyHost, examples: tuple[str, ...] = ()) -> str:
    return to_plain(lay_out(hosts, examples))


def test_all_of_it() -> None:
    text = shown(
        NearbyHost(name="server2", containers=(DEMO,), networks=(NearbyNetwork(name="six", driver="bridge"),)),
        NearbyHost(name="far", why="its engine is on another machine"),
        examples=("netprobe explain demo:80",),
    )
    assert "demo       server2  running  six      172.18.0.2  [::]:8080->80/tcp" in text
    assert "443" not in text  # it is not published
    for line in ("services   shop/web", "networks   six (bridge, on server2)", "far: its engine is on another machine"):
        assert line in text
    assert text.endswith("for example:\n  netprobe explain demo:80\n")


def test_nothing_is_said_to_be_nothing() -> None:
    assert shown(NearbyHost(name="local")) == "no container is known here\n\n  hosts  local\n"


def test_many_are_counted_and_hostile_words_spelt_out() -> None:
    evil = NearbyNetwork(name="\x1b[2J" * 500, driver="\u202e")
    text = shown(NearbyHost(name="a", containers=(DEMO,) * (MOST + 7), networks=(evil,) * (MOST + 1)))
    assert "+ 7 more containers" in text
    assert "+ 1 more" in text
    assert text.replace("\n", "").isprintable()
