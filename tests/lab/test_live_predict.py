"""``explain --predict`` in the lab: what it predicts is what then happens, and it sends nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from netprobe_lab.ask import here
from netprobe_lab.experiments import experiment
from netprobe_lab.runner import make_situation, situation
from netprobe_lab.steps import clean, on_host

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

NAMES = [
    "truth-tcp-lan-normal",
    "three-faults",
    "macvlan-vlan",
    *(
        pytest.param(name, marks=pytest.mark.whole)
        for name in ("truth-tcp-loopback-normal", "truth-tcp-own-dnat-deleted", "masquerade")
    ),
]


def predict(lab: Lab, arguments: tuple[str, ...]) -> dict[str, Any]:
    done = here(["explain", *arguments, "--predict", "--json", "--hosts", str(lab.hosts_file)])
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_foretold(lab: Lab, name: str) -> None:
    wanted = experiment(name)
    make_situation(lab, situation(wanted))
    arguments = tuple(word for word in wanted.explain if "{" not in word)
    said = predict(lab, arguments)
    assert (said["verdict"], (said["cause"] or {}).get("code")) == (wanted.expected.verdict, wanted.expected.cause)
    if wanted.expected.verdict == "works":
        assert said["predicted_path"] == wanted.expected.path
    clean(lab)


def test_nothing_is_sent(lab: Lab) -> None:
    """Not even the name is asked for: no packet leaves the container, no connection is tracked."""
    wanted = experiment("masquerade-by-name")
    make_situation(lab, situation(wanted))
    rules = ["iptables", "-I", "FORWARD", "-s", "172.17.0.0/16", "-j", "RETURN"]
    on_host(lab, "server2", rules)
    said = predict(lab, wanted.explain)
    counted = on_host(lab, "server2", ["iptables", "-vxnL", "FORWARD", "1"]).stdout.split()[0]
    assert (said["verdict"], counted) == ("undetermined", "0")
    assert any("sends nothing" in line for line in said["unknowns"])
    clean(lab)
