"""The experiments' declarations, the comparison with a report, and the stable part of a report: all pure."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from netprobe.errors import UsageFault
from netprobe_lab.commands import chosen
from netprobe_lab.compare import disagreements, seen_by_target
from netprobe_lab.errors import LabError
from netprobe_lab.experiments import EXPERIMENTS, GROUPS, experiment
from netprobe_lab.experiments.model import Expected, Run
from netprobe_lab.experiments.sources import SOURCES, Rebuilt
from netprobe_lab.experiments.truth import COLUMNS, ROWS, TABLE, TRUTH
from netprobe_lab.layout import OVERRIDE, SERVER1, this_lab
from netprobe_lab.runner import grouped
from netprobe_lab.stable import stable
from netprobe_lab.table import cell_text

CAPTURES = Path(__file__).parents[2] / "captures"
CAUSES = (
    "dns-no-shared-network", "proxy-dead", "dnat-missing", "proxy-and-dnat-dead", "app-not-listening",
    "app-bound-loopback", "container-stopped", "port-not-published", "publish-loopback-only", "inter-network",
    "masquerade-missing", "docker-user-drop", "forward-drop", "input-drop", "name-unknown", "port-closed",
    "container-paused", "macvlan-isolated-l3",
)  # fmt: skip


def test_names_are_unique_and_fit_a_file_name() -> None:
    names = [one.name for one in EXPERIMENTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]{3,60}", name) for name in names)


@pytest.mark.parametrize("code", CAUSES)
def test_every_cause_fires_somewhere_and_has_a_near_miss(code: str) -> None:
    fires = [one for one in EXPERIMENTS if code == one.expected.cause or code in one.expected.findings]
    silent = [one for one in EXPERIMENTS if code in one.near_miss]
    assert fires
    assert silent
    assert not set(fires) & set(silent)


def test_every_experiment_of_this_issue_is_there() -> None:
    assert {number for one in EXPERIMENTS for number in one.numbers} >= {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}


def test_failures_name_a_cause_and_successes_none() -> None:
    for one in EXPERIMENTS:
        assert (one.expected.cause is not None) == (one.expected.verdict == "fails"), one.name
        assert one.expected.cause not in one.near_miss, one.name


@pytest.mark.parametrize("rebuilt", SOURCES, ids=lambda rebuilt: rebuilt.reports.partition(",")[0])
def test_a_reported_situation_has_what_went_wrong_and_a_twin(rebuilt: Rebuilt) -> None:
    asked = [experiment(name) for name in rebuilt.asked]
    twins = [experiment(name) for name in rebuilt.twins]
    codes = {each.expected.cause or next(iter(each.expected.findings)) for each in asked}
    assert all((CAPTURES / f"{each.name}.expected.json").is_file() for each in (*asked, *twins))
    assert all(each.near_miss for each in asked if each.expected.verdict == "fails")
    assert all(each.expected.verdict == "works" for each in twins)
    assert codes & {code for each in twins for code in each.near_miss}


def test_truth_table_is_whole() -> None:
    assert set(TABLE) == {row.name for row in ROWS}
    assert all(len(cells) == len(COLUMNS) for cells in TABLE.values())
    counts = {
        proto: sum(one.name.startswith(f"truth-{proto}-") for one in TRUTH) for proto in ("tcp", "http", "udp", "icmp")
    }
    assert counts == {"tcp": 28, "http": 28, "udp": 28, "icmp": 8}


def test_commands_need_no_shell() -> None:
    for one in EXPERIMENTS:
        for step in (*one.set_up, *one.break_):
            assert not (isinstance(step, Run) and _operators(step.command)), one.name


def _operators(command: str) -> list[str]:
    """What a shell would act upon: operators outside quotes."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return [word for word in lexer if word and set(word) <= set(";&|<>")]


def test_operators_are_found_outside_quotes_only() -> None:
    assert _operators("ip link > x; reboot") == [">", ";"]
    assert _operators("nft add chain ip own in '{ policy drop; }'") == []


def test_one_set_up_serves_a_column() -> None:
    tcp = [one for one in TRUTH if one.name.startswith(("truth-tcp-", "truth-http-", "truth-icmp-"))]
    assert len(grouped(tcp)) == len(COLUMNS)


def test_unknown_experiments_are_refused() -> None:
    with pytest.raises(UsageFault, match="no experiment"):
        experiment("nope")
    with pytest.raises(UsageFault, match="no experiment"):
        chosen(["demo", "nope-*"])
    assert [one.name for one in chosen(["demo*", "demo"])] == ["demo", "demo-http"]


def test_a_group_may_be_named_and_is_no_experiment() -> None:
    names = {group.name for group in GROUPS}
    assert len(names) == len(GROUPS)
    assert not names & {each.name for each in EXPERIMENTS}
    for group in GROUPS:
        assert group.experiments
        assert tuple(chosen([group.name])) == group.experiments


def test_lab_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OVERRIDE, raising=False)
    assert re.fullmatch(r"[0-9a-f]{6}", this_lab().id)
    monkeypatch.setenv(OVERRIDE, "bob")
    assert this_lab().netns("server1") == "np-bob-server1"
    monkeypatch.setenv(OVERRIDE, "../x")
    with pytest.raises(LabError):
        this_lab()


def test_macs_are_local_and_unicast() -> None:
    assert SERVER1.mac(1) == "02:4e:50:00:01:c9"


def report(**changes: Any) -> dict[str, Any]:
    hop = {
        "point": "server2/vethdeadbee", "seen": True, "time_us": 12.5, "direction": "request", "leg": 1,
        "packet": {"src": "192.168.3.201:41000", "frame": 7}, "changes": [{"field": "dst", "from": "a", "to": "b"}],
    }  # fmt: skip
    base: dict[str, Any] = {
        "target": "demo:80", "source": "server1", "dialled": "192.168.3.202:80/tcp", "verdict": "works", "path": "dnat",
        "segments": [{"host": "server2", "path": "dnat"}], "vlan": None, "resolution": "inventory", "cause": None,
        "findings": [], "hops": [hop], "last_seen": "server2/br-0123456789ab", "first_missing": None, "alternatives": [],
        "why": "a sentence", "schema": "netprobe/report/1",
    }  # fmt: skip
    return base | changes


EXPECTED = Expected(
    verdict="works", path="dnat", resolution="inventory", segments=("server2=dnat",), target_sees="192.168.3.201"
)


def test_agreement() -> None:
    assert disagreements(report(), EXPECTED, {}) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"verdict": "fails"}, "verdict"),
        ({"path": "docker-proxy"}, "path"),
        ({"cause": {"code": "proxy-dead"}}, "cause"),
        ({"findings": [{"code": "dnat-missing"}]}, "findings"),
        ({"resolution": "literal"}, "resolution"),
        ({"segments": []}, "segments"),
        ({"hops": []}, "source seen"),
    ],
)
def test_each_difference_is_a_disagreement(change: dict[str, Any], what: str) -> None:
    (line,) = disagreements(report(**change), EXPECTED, {})
    assert line.startswith(what)


def test_addresses_are_filled_in() -> None:
    expected = Expected(verdict="works", path="dnat", target_sees="{c1}")
    assert disagreements(report(), expected, {"c1": "192.168.3.201"}) == []


def test_the_target_sees_the_inner_leg_of_a_proxy() -> None:
    hops = [
        {"seen": True, "direction": "request", "leg": 1, "packet": {"src": "192.168.3.201:4000"}},
        {"seen": True, "direction": "request", "leg": 2, "packet": {"src": "172.17.0.1:5000"}},
        {"seen": False, "direction": "request", "leg": 2, "packet": None},
        {"seen": True, "direction": "reply", "leg": 2, "packet": {"src": "172.17.0.2:80"}},
    ]
    assert seen_by_target(report(hops=hops)) == "172.17.0.1"


def test_stable_leaves_out_what_varies() -> None:
    other = report(why="another sentence")
    other["hops"] = [dict(other["hops"][0], time_us=99.0, point="server2/veth0000001", packet={"src": "x", "frame": 1})]
    other["last_seen"] = "server2/br-ba9876543210"
    assert stable(report()) == stable(other)
    assert stable(report())["hops"] == [{"point": "server2/veth*", "seen": True, "changes": ["dst"]}]
    assert stable(report()) != stable(report(path="bridge"))


def test_cells_read_like_the_table() -> None:
    assert cell_text(report()) == "dnat, source 192.168.3.201"
    assert cell_text(report(verdict="fails", cause={"code": "proxy-dead"})) == "fails: proxy-dead"
    assert cell_text(report(verdict="undetermined")) == "undetermined"
