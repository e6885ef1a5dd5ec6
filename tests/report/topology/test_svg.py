"""The picture: well-formed, whole, harmless whatever things are called, and the same each time."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.topology.picture import Shape
from netprobe.report.topology.style import RULES, Palette, style
from netprobe.report.topology.svg import svg
from netprobe.topology.build import build, of_evidence
from netprobe.topology.overlay import overlay
from tests.topology.hostile import NAMES, hostile_world
from tests.topology.large import large_host

if TYPE_CHECKING:
    from netprobe.topology.model import Topology
    from netprobe.topology.overlay import Overlay

CAPTURES = Path(__file__).parent.parent.parent.parent / "captures"
CHOSEN = (
    *("docker-user-drop", "truth-http-loopback-normal", "macvlan-vlan", "masquerade", "app-not-listening", "demo"),
    *("forward-drop-reply", "dns-user-network", "macvlan-isolated-l3", "internal-network-and-another", "link-name"),
)
SPACE = "{http://www.w3.org/2000/svg}"


def of(name: str) -> tuple[Topology, Overlay]:
    evidence = read((CAPTURES / f"{name}.pcapng").read_bytes())
    return of_evidence(evidence), overlay(analyze(evidence))


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - our own


def texts(picture: str) -> list[str]:
    return [each.text or "" for each in parsed(picture).iter(f"{SPACE}text")]


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("name", CHOSEN)
def test_every_point_of_the_journey_is_numbered_in_order(name: str, shape: Shape) -> None:
    topology, journey = of(name)
    root = parsed(svg(topology, journey, shape=shape))
    numbers = [each.text or "" for each in root.iter(f"{SPACE}text") if each.get("class") == "on"]
    found = sorted(int(each) for text in numbers for each in text.split(", "))
    once = [
        each
        for number, each in enumerate(journey.request)
        if not number or journey.request[number - 1].point != each.point
    ]
    assert found == list(range(1, len(once) + 1))


@pytest.mark.parametrize("name", CHOSEN)
def test_it_fits_its_view_box(name: str) -> None:
    topology, journey = of(name)
    for shape in Shape:
        root = parsed(svg(topology, journey, shape=shape))
        *_, width, height = map(float, root.attrib["viewBox"].split())
        assert width == 360 or shape is Shape.WIDE
        for box in root.iter(f"{SPACE}rect"):
            assert float(box.attrib["x"]) >= 0
            assert float(box.attrib["x"]) + float(box.attrib["width"]) <= width
            assert float(box.attrib["y"]) + float(box.attrib["height"]) <= height


def test_where_it_ended_is_marked_with_the_cause() -> None:
    picture = svg(*of("docker-user-drop"))
    assert "docker-user-drop" in texts(picture)
    assert 'class="end"' in picture
    assert 'class="end"' not in svg(*of("masquerade"))


def test_docker_proxy_stands_between_its_two_connections() -> None:
    topology, journey = of("truth-http-loopback-normal")
    assert "docker-proxy :80 → 172.17.0.2:80" in texts(svg(topology, journey))
    assert 'class="through"' in svg(topology, journey)


def test_an_end_that_is_none_of_the_hosts_is_there_as_an_outsider() -> None:
    topology, journey = of("masquerade")
    topology = type(topology)(hosts=tuple(each for each in topology.hosts if each.name != "outside"))
    assert "203.0.113.10" in texts(svg(topology, journey))


def test_it_says_in_words_what_it_shows() -> None:
    root = parsed(svg(*of("docker-user-drop")))
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SPACE}title") == "demo:80 from server1: fails: docker-user-drop"
    said = root.findtext(f"{SPACE}desc")
    assert said == "The packet passed server1/eth0, server2/eth0; it was not seen at server2/docker0."


def test_the_same_gives_the_same_and_nothing_has_an_id_or_comes_from_elsewhere() -> None:
    one, other = (svg(*of("macvlan-vlan")) for _ in range(2))
    assert one == other
    assert not re.search(r"\bid=|url\(|href|<script|@import", one)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_does_no_harm(name: str) -> None:
    picture = svg(build(hostile_world(name)))
    root = parsed(picture)
    assert not [each for each in root.iter() if each.tag.removeprefix(SPACE) == "script"]
    assert all(each.isprintable() for text in root.itertext() for line in text.split("\n") for each in line)
    assert max(map(len, texts(picture))) < 120


def test_names_cannot_turn_what_stands_beside_them() -> None:
    assert "unicode-bidi:isolate" in RULES


@pytest.mark.parametrize("palette", list(Palette))
def test_every_colour_that_is_used_is_there(palette: Palette) -> None:
    used = set(re.findall(r"var\((--np-[\w-]+)\)", RULES))
    assert used <= set(re.findall(r"(--np-[\w-]+):", style(palette)))


def test_a_page_that_has_the_style_sheet_gets_none() -> None:
    assert "<style" not in svg(*of("demo"), Palette.PAGE)


def test_a_large_host_is_cut_down_to_the_journey_and_says_what_is_hidden() -> None:
    topology = build({"big": large_host(200)})
    assert "+ 188 more containers" in texts(svg(topology))
    assert len(svg(topology)) < 60_000
    assert "c199" in texts(svg(topology, whole=True))


def test_a_thousand_containers_take_no_time() -> None:
    before = time.process_time()
    svg(build({"big": large_host(1000)}), whole=True)
    assert time.process_time() - before < 5  # about 0.5 on a quiet machine


@pytest.mark.parametrize("name", ["output-drop", "output-drop-container", "no-route-host", "macvlan-isolated-l3"])
def test_what_never_left_ended_with_who_asked(name: str) -> None:
    topology, journey = of(name)
    assert not journey.request
    picture = svg(topology, journey)
    assert 'class="end"' in picture
    assert journey.code in texts(picture)


def test_a_point_that_is_passed_twice_has_both_numbers_within_the_picture() -> None:
    """To its own bridge's published port and back by docker-proxy."""
    for shape in Shape:
        root = parsed(svg(*of("truth-http-same-bridge-normal"), shape=shape))
        width = float(root.attrib["viewBox"].split()[2])
        assert "3, 4" in [each.text for each in root.iter(f"{SPACE}text")]
        for box in root.iter(f"{SPACE}rect"):
            assert float(box.attrib["x"]) + float(box.attrib["width"]) <= width
