"""Ports that are published at other addresses than the dialled one: each deciding fact changed by itself, and the remedies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.pipeline import analyze
from tests.causes.firewall.test_host import with_output, without
from tests.causes.proof.test_drops import code, whole

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

CODE = "port-not-published"
ANY = "0.0.0.0"  # noqa: S104 - compared, not bound
FIRED = [
    "published-v4-only-localhost",
    "published-v4-only-lan",
    "published-v6-only-localhost",
    "published-v6-only-lan",
    "published-v6-only-no-v6",
    "published-at-one-address",
]


@pytest.mark.parametrize("name", FIRED)
@pytest.mark.parametrize("key", ["sockets", "containers"])
def test_sockets_and_containers_must_be_known(name: str, key: str) -> None:
    report = analyze(without(whole(name), "server2", key))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("published-v4-only-localhost", ANY, "::"),
        ("published-v4-only-lan", ANY, "::"),
        ("published-v6-only-lan", "::", ANY),
        ("published-at-one-address", "192.168.3.202", "127.0.0.1"),
    ],
)
def test_published_at_the_dialled_address_it_is_another_cause(name: str, old: str, new: str) -> None:
    evidence = with_output(whole(name), "server2", "containers", f'"HostIp": "{old}"', f'"HostIp": "{new}"')
    assert code(analyze(evidence)) != CODE


@pytest.mark.parametrize(
    ("name", "summary", "remedy"),
    [
        (
            "published-v4-only-localhost",
            "demo's port 80/tcp is published on IPv4 only (0.0.0.0:80), and [::1]:80 was dialled: server2 itself refuses it",
            "# recreate demo with -p 0.0.0.0:80:80 -p '[::]:80:80'; or dial 127.0.0.1:80",
        ),
        (
            "published-v6-only-lan",
            "demo's port 80/tcp is published on IPv6 only ([::]:80), and 192.168.3.202:80 was dialled: server2 itself refuses it",
            "# recreate demo with -p '[::]:80:80' -p 0.0.0.0:80:80; or dial port 80 at the host's IPv6 address",
        ),
        (
            "published-at-one-address",
            "demo's port 80/tcp is published at 192.168.3.202:80 only, and 127.0.0.1:80 was dialled: server2 itself refuses it",
            "# recreate demo with -p 192.168.3.202:80:80 -p 127.0.0.1:80:80; or dial 192.168.3.202:80",
        ),
    ],
)
def test_it_says_where_it_is_published(name: str, summary: str, remedy: str) -> None:
    cause = analyze(whole(name)).cause
    assert cause is not None
    assert cause.summary == summary
    assert cause.remedy == (remedy,)


def _advice(evidence: Evidence) -> str:
    report = analyze(evidence)
    assert code(report) == CODE
    assert report.cause is not None
    return report.cause.remedies[0].advice


def test_what_the_target_has_and_publishes_is_to_be_asked_for() -> None:
    there = whole("publish-by-sharer")
    assert _advice(there).startswith("recreate vpn with -p 81:81")
    gone = with_output(there, "server2", "ns/vpn/sockets", ":81 ", ":91 ")
    assert _advice(gone) == "ask vpn:80, which it has and publishes: nothing in vpn listens on tcp port 81"
    unknown = without(there, "server2", "ns/vpn/sockets")
    assert _advice(unknown).startswith("recreate vpn with -p 81:81")


def test_what_the_target_has_and_does_not_publish_is_to_be_published() -> None:
    gone = with_output(whole("publish-by-sharer"), "server2", "ns/vpn/sockets", ":81 ", ":91 ")
    closed = with_output(gone, "server2", "ns/vpn/sockets", ":80 ", ":82 ")
    assert _advice(closed).startswith("nothing in vpn listens on tcp port 81: recreate vpn with -p 82:82")


def test_a_container_of_compose_has_its_ports_from_a_file() -> None:
    labels = '{"com.docker.compose.project": "home", "com.docker.compose.service": "vpn"}'
    old = '"Image": "nginx", "Labels": {}'
    evidence = with_output(whole("publish-by-sharer"), "server2", "containers", old, old.replace("{}", labels))
    wanted = 'recreate vpn with -p 81:81 (service vpn in home\'s compose file: ports: ["81:81"], then docker compose up -d vpn)'
    assert _advice(evidence).startswith(wanted)


def test_one_that_publishes_the_other_protocol_is_named_with_its_own_port() -> None:
    """``-p 5353:53/udp`` asked over TCP: the same container and its own port, not ``-p 5353:5353`` of whoever should answer."""
    evidence = whole("port-not-published-protocol")
    assert "recreate demo with -p 80:80/udp, beside what it has" in _advice(evidence)
    assert "ask port 80/tcp" in _advice(evidence)
