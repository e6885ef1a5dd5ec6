from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netprobe.annotate.story import Story, story
from netprobe.commands.language import in_language
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze_in_detail

CAPTURES = Path(__file__).parents[2] / "captures"


def told(name: str) -> Story:
    evidence = read((CAPTURES / f"{name}.pcapng").read_bytes())
    return story(*analyze_in_detail(evidence), evidence.points)


def test_where_a_packet_was_lost_and_which_rule_did_it() -> None:
    found = told("docker-user-drop")
    assert found.frames[5] == ("demo:80 from server1: fails, docker-user-drop", "SYN, 1st of 2 copies")
    assert found.frames[6] == ("SYN, 2nd copy; last seen here: dropped by filter/DOCKER-USER #1",)
    assert found.frames[8] == ("SYN, sent again, 2nd copy; last seen here: dropped by filter/DOCKER-USER #1",)
    assert found.points["server2/docker0"] == "on server2; the connection never arrived here"
    assert found.points["server2/vetha3312be"] == "on server2; demo's veth; the connection never arrived here"
    assert "fix: iptables " in found.section


def test_what_changed_on_a_way_that_works() -> None:
    found = told("truth-http-lan-normal")
    texts = [text for each in found.frames.values() for text in each]
    assert any(text.startswith("SYN, 2nd copy") for text in texts)
    assert any("; dst by DNAT (nat/DOCKER #" in text for text in texts)
    assert not any("last seen here" in text for text in texts)


def test_a_file_says_the_same_whatever_language_is_printed() -> None:
    with in_language("zh"):
        found = told("truth-http-lan-normal")
    assert found == told("truth-http-lan-normal")


def test_two_connections_of_a_proxy() -> None:
    texts = [text for each in told("app-not-listening-via-proxy").frames.values() for text in each]
    assert any("(the connection of docker-proxy)" in text for text in texts)


def test_a_rule_that_changes_is_not_said_to_drop() -> None:
    texts = [text for each in told("hairpin-missing-neighbour").frames.values() for text in each]
    assert any("2nd copy; last seen here: hairpin-missing: " in text for text in texts)
    assert not any("dropped by" in text for text in texts)


def test_who_asked_and_was_not_answered() -> None:
    texts = [text for each in told("bridge-address-lost").frames.values() for text in each]
    assert any(text.startswith("ARP: nobody answered for 172.17.0.1") for text in texts)


def test_hostile_names_are_spelt() -> None:
    evidence = read((CAPTURES / "docker-user-drop.pcapng").read_bytes())
    report, details = analyze_in_detail(evidence)
    hostile = replace(report, target="de\x1b[31mmo\u202e</script>\n" + "x" * 4096)
    found = story(hostile, details, evidence.points)
    assert "de\\x1b[31mmo\\u202e</script>\\x0a" in found.section
    assert all("\x1b" not in text and "\n" not in text for each in found.frames.values() for text in each)
