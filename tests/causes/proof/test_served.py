"""Whose port it is, and how the same is asked by another scheme."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from netprobe.causes.proof.served import asked_as, whose_port
from netprobe.evidence.model import Place, Probe, Proto


def asked(target: str, place: Place | None = None) -> Any:
    """No more of a case than what was asked for, and who is meant."""
    probe = Probe(
        target=target,
        source="c",
        proto=Proto.HTTPS,
        source_at=Place(host="s"),
        target_at=place,
        target_port=None if place is None else 443,
        dialled="192.0.2.7",
        dialled_port=8443,
    )
    return SimpleNamespace(probe=probe, journey=None, intent=SimpleNamespace(target=place))


@pytest.mark.parametrize(
    ("target", "again"),
    [
        ("https://demo/a", "http://demo:443"),
        ("HTTPS://web@server2:8443/a?b", "http://web@server2:8443"),
        ("https://[::1]:8443", "http://[::1]:8443"),
        ("https://[::1]/", "http://[::1]:443"),
        ("https://192.0.2.7?a", "http://192.0.2.7:443"),
        ("demo:8443/tcp", "demo:8443 with --proto http"),
        ("shop/web:8443", "shop/web:8443 with --proto http"),
    ],
)
def test_the_same_by_another_scheme(target: str, again: str) -> None:
    assert asked_as(asked(target), "http") == again


def test_whose_port() -> None:
    assert whose_port(asked("https://demo", Place(host="s", container="demo"))) == "demo's port 443"
    assert whose_port(asked("https://s", Place(host="s"))) == "s's port 443"
    assert whose_port(asked("https://192.0.2.7")) == "192.0.2.7:8443"
