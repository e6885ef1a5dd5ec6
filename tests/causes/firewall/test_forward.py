"""What Engine 28's own rules are remedied by, each as it cured in the lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.evidence.reader import read
from netprobe.pipeline import analyze

CAPTURES = Path(__file__).parents[3] / "captures"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("forward-policy-drop-28", "iptables -A FORWARD -j DOCKER-FORWARD"),
        ("raw-direct-unpublished-28", "iptables -I DOCKER-USER -d 172.27.0.2 -p tcp --dport 80 -j ACCEPT"),
        ("forward-drop-28", "iptables -D FORWARD -p tcp -m tcp --dport 80 -j DROP"),
    ],
)
def test_the_remedy_is_what_cures(name: str, remedy: str) -> None:
    cause = analyze(read((CAPTURES / f"{name}.pcapng").read_bytes())).cause
    assert cause is not None
    assert cause.code == "forward-drop"
    assert cause.remedy[0] == remedy
