from __future__ import annotations

import pytest

from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.inventory.lab import RunningLab, choose_lab, hint_of

HERE = "/home/me/netprobe"


def lab(ident: str, checkout: str = "") -> RunningLab:
    return RunningLab(id=ident, hosts_file=f"/run/netprobe-lab/{ident}/hosts.toml", checkout=checkout)


MINE, OTHER, ANOTHER = lab("b", HERE), lab("a", "/elsewhere"), lab("c")


def test_this_checkouts_own_comes_first_then_the_only_one() -> None:
    assert choose_lab([OTHER, MINE, ANOTHER], HERE) == MINE
    assert choose_lab([OTHER], HERE) == OTHER


def test_the_one_that_is_named() -> None:
    assert choose_lab([OTHER, MINE, ANOTHER], HERE, "c") == ANOTHER


@pytest.mark.parametrize("labs", [[OTHER, ANOTHER], [MINE, lab("d", HERE)]])
def test_several_are_named(labs: list[RunningLab]) -> None:
    with pytest.raises(UsageFault, match="several labs are running") as fault:
        choose_lab(labs, HERE)
    for each in labs:
        assert f"{each.id} ({each.hosts_file})" in fault.value.message
    assert "--hosts" in fault.value.hint


def test_none_is_running() -> None:
    with pytest.raises(EnvironmentFault, match="no lab is running") as fault:
        choose_lab([], HERE)
    assert "netprobe lab up" in fault.value.hint
    with pytest.raises(EnvironmentFault, match="no lab called x is running"):
        choose_lab([MINE], HERE, "x")


@pytest.mark.parametrize(
    ("labs", "wanted", "hint"),
    [
        ([], "", ""),
        ([MINE], "", "; this checkout's lab is running: its hosts are asked with --hosts lab"),
        ([OTHER, MINE], "", "; this checkout's lab is running, beside 1 other: its hosts are asked with --hosts lab"),
        ([OTHER], "", "; a lab of /elsewhere is running: its hosts are asked with --hosts lab"),
        ([ANOTHER], "", "; a lab of another checkout is running: its hosts are asked with --hosts lab"),
        ([OTHER, MINE, ANOTHER], "c", "; the lab c is running, beside 2 others: its hosts are asked with --hosts lab"),
        ([OTHER, ANOTHER], "", "; 2 labs are running: --hosts FILE asks one, such as /run/netprobe-lab/a/hosts.toml"),
    ],
)
def test_who_misses_a_host_is_told_how_many_labs_there_are_and_whose(
    labs: list[RunningLab], wanted: str, hint: str
) -> None:
    assert hint_of(labs, HERE, wanted) == hint
