"""Choosing one of several connections: by its 5-tuple, its place in the listing, its time; and what is printed for it chooses it."""

from __future__ import annotations

import re

import pytest

from netprobe.errors import UsageFault
from netprobe.flows.model import SeveralFlows
from tests.craft import Sent, dns, echo, replayed, served, udp

CLIENT, WEB = "10.1.0.5:41000", "192.168.3.202:8080"


def twice(first: float = 0, second: float = 12.5e6) -> list[Sent]:
    """One 5-tuple, used twice: the second time the page is another."""
    return [
        *served(
            "eth0", CLIENT, WEB, first, asked=b"GET / HTTP/1.1\r\n\r\n", answered=b"HTTP/1.1 200 OK\r\n\r\n", seq=1000
        ),
        *served(
            "eth0",
            CLIENT,
            WEB,
            second,
            asked=b"GET / HTTP/1.1\r\n\r\n",
            answered=b"HTTP/1.1 404 Not Found\r\n\r\n",
            seq=8000,
        ),
    ]


def status(sent: list[Sent], flow: str) -> int:
    http = replayed(sent, flow).http
    assert http is not None
    return http.status


def several(sent: list[Sent], flow: str | None = None) -> SeveralFlows:
    with pytest.raises(SeveralFlows) as fault:
        replayed(sent, flow)
    return fault.value


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        *(("#1", 200), ("#2", 404), ("@0", 200), ("@12.5", 404), ("@12", 404), ("@12.500000", 404)),
        *((f"{CLIENT}>{WEB}/tcp@12.5", 404), (":8080 @0.0", 200), (" #2 ", 404), ("tcp@0", 200)),
    ],
)
def test_one_of_two_lives_of_a_tuple(flow: str, expected: int) -> None:
    assert status(twice(), flow) == expected


def test_what_is_under_way_is_chosen_where_nothing_begins() -> None:
    long = served(
        "eth0", CLIENT, WEB, 0, asked=b"GET / HTTP/1.1\r\n\r\n", answered=b"HTTP/1.1 200 OK\r\n\r\n", wait=3e6
    )
    assert status([*long, *twice(first=20e6, second=40e6)[11:]], "@5.0") == 200


@pytest.mark.parametrize("flow", ["#3", "#0", "@3.0", "@99", ":81@0"])
def test_what_is_not_there(flow: str) -> None:
    with pytest.raises(UsageFault, match="no connection that --flow asks for"):
        replayed(twice(), flow)


@pytest.mark.parametrize("flow", ["#", "#x", "#-1", ":80#1", "@", "@x", "@1.2.3", "#1@2", "@1e3", "@-1", "#1.5"])
def test_what_cannot_be_read(flow: str) -> None:
    with pytest.raises(UsageFault, match="cannot read"):
        replayed(twice(), flow)


def captures() -> dict[str, list[Sent]]:
    ask = dns(b"demo", 7)
    pings: list[Sent] = [("eth0", at, echo("10.1.0.5", "10.9.0.1", ident=ident)) for ident, at in ((1, 0), (2, 50))]
    lookups: list[Sent] = [("eth0", n * 9, udp("10.1.0.5:5000", f"10.9.0.{n}:53", ask)) for n in (1, 2)]
    proxied = [
        *served("lo", "127.0.0.1:40000", "127.0.0.1:80", 0, asked=b"hi", answered=b"you", wait=400),
        *served(
            "docker0",
            "172.17.0.1:50000",
            "172.17.0.2:80",
            60,
            asked=b"hi",
            answered=b"you",
            seq=70_000,
            ts=9,
            wait=360,
            end=False,
        ),
        *served("eth0", CLIENT, WEB, 9e6, seq=5),
    ]
    return {"a 5-tuple used twice": twice(), "pings": pings, "lookups": lookups, "beside a proxy": proxied}


@pytest.mark.parametrize("name", captures())
def test_the_example_that_is_printed_chooses_one(name: str) -> None:
    sent = captures()[name]
    fault = several(sent)
    example = re.search(r"--flow '(.+)'", fault.hint or "")
    assert example is not None
    assert replayed(sent, example[1]).dialled is not None
    assert [flow.number for flow in fault.flows] == list(range(1, len(fault.flows) + 1))
    chosen = [replayed(sent, f"#{flow.number}") for flow in fault.flows]
    assert [(report.source, report.dialled) for report in chosen] == [
        (flow.src.address, f"{flow.dst}/{flow.proto}") for flow in fault.flows
    ]


def test_a_part_that_several_fit_lists_them_by_their_own_numbers() -> None:
    sent = [*twice(), *served("eth0", "10.1.0.9:4000", "192.168.3.9:443", 1e6, seq=70_000)]
    assert [flow.number for flow in several(sent).flows] == [1, 2, 3]
    assert [flow.number for flow in several(sent, ":8080").flows] == [1, 3]
    assert status(sent, "#3") == 404
    assert "--flow '#1'" in (several(sent, ":8080").hint or "")
