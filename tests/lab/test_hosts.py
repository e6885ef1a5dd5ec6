"""``netprobe hosts`` on real hosts, in good weather and in bad."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe_lab.ask import on_desk
from netprobe_lab.lifecycle import up
from netprobe_lab.steps import on_host
from tests.contract import assert_valid
from tests.lab.serving import nginx

if TYPE_CHECKING:
    from netprobe_lab.layout import Lab

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NETPROBE = [sys.executable, "-m", "netprobe"]
SYSTEM_PYTHON = "/usr/bin/python3"


def call(argv: list[str], expect: int, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=600, env={**os.environ, **environment}
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def survey(*prefix: str, expect: int = 0, options: tuple[str, ...] = ()) -> dict[str, Any]:
    value = json.loads(call([*prefix, *NETPROBE, "hosts", "--json", *options], expect).stdout)
    assert_valid("hosts", value)
    assert isinstance(value, dict)
    return value


def named(value: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in value["hosts"] if each["name"] == name)


def without(*programs: str) -> list[str]:
    """A prefix: a mount namespace in which these programs cannot be run."""
    hide = 'mount --bind /dev/null "$(readlink -f "$(command -v "$1")")"; shift'
    script = f'while [ "$1" != -- ]; do {hide}; done; shift; exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", *programs, "--"]


def test_the_labs_hosts_are_usable(clean_lab: Lab) -> None:
    nginx(clean_lab)
    on_host(clean_lab, "server2", ["docker", "create", "--name", "idle", "nginx"])
    value = survey()
    assert value["all_usable"]
    assert [each["name"] for each in value["hosts"]] == ["server1", "server2", "router", "outside"]
    assert value["local"] is None
    server2 = named(value, "server2")
    assert (server2["root"], server2["usable"], server2["lacks"]) == (True, "yes", [])
    assert server2["containers"] == {"running": 1, "all": 2}
    assert server2["engine"]["version"]
    assert {"name": "docker0", "kind": "bridge", "up": True, "master": None} in server2["interfaces"]
    assert named(value, "outside")["engine"] is None


def test_an_interface_that_is_down_is_shown_as_such(clean_lab: Lab) -> None:
    on_host(clean_lab, "server1", ["ip", "link", "add", "idle0", "type", "bridge"])
    try:
        assert {"name": "idle0", "kind": "bridge", "up": False, "master": None} in named(survey(), "server1")[
            "interfaces"
        ]
    finally:
        on_host(clean_lab, "server1", ["ip", "link", "del", "idle0"])


@pytest.mark.parametrize(("program", "expect", "usable"), [("tcpdump", 4, "no"), ("nft", 0, "partly"), ("ip", 4, "no")])
def test_a_program_that_is_missing(lab: Lab, program: str, expect: int, usable: str) -> None:
    server1 = named(survey(*without(program), expect=expect), "server1")
    assert server1["usable"] == usable
    assert [each["what"] for each in server1["lacks"]] == [program]


@pytest.mark.parametrize(("program", "package"), [("tcpdump", "tcpdump"), ("ip", "iproute2")])
def test_explain_names_the_missing_program(lab: Lab, program: str, package: str) -> None:
    done = call([*without(program), *NETPROBE, "explain", "server2", "--from", "server1"], 4)
    first, second = done.stderr.splitlines()
    assert first == f"netprobe: server1: {program}: not installed"
    assert second == f"  install the package {package} there"


def test_without_root(lab: Lab) -> None:
    site = str(Path(pytest.__file__).parent.parent)
    package = str(Path(__file__).parent.parent.parent)
    may = subprocess.run(
        [*NOBODY, SYSTEM_PYTHON, "-c", "import netprobe.cli, netprobe.live.survey, docker"],
        env={"PYTHONPATH": f"{package}:{site}"},
        cwd="/",
        capture_output=True,
        check=False,
    )
    if may.returncode != 0:
        pytest.skip("nobody may not read this checkout, or the system has no Python 3.11")
    argv = [*NOBODY, "env", "-C", "/", SYSTEM_PYTHON, "-m", "netprobe", "hosts", "--json"]
    server1 = named(json.loads(call(argv, 4, PYTHONPATH=f"{package}:{site}").stdout), "server1")
    alone = {"NETPROBE_HOSTS": "", "XDG_CONFIG_HOME": "/proc/nowhere"}
    local = named(json.loads(call(argv, 4, PYTHONPATH=f"{package}:{site}", **alone).stdout), "local")
    assert (local["root"], local["usable"]) == (False, "no")
    assert local["interfaces"]
    assert local["lacks"][0]["what"] == "root"
    assert "not permitted" in server1["fault"]
    assert "root" in server1["hint"]


def inventory(tmp_path: Path, **hosts: dict[str, str]) -> tuple[str, str]:
    lines = []
    for name, keys in hosts.items():
        lines += [f"[hosts.{name}]", *(f'{key} = "{value}"' for key, value in keys.items())]
    file = tmp_path / "hosts.toml"
    file.write_text("\n".join(lines))
    return ("--hosts", str(file))


def entry(lab: Lab, name: str, engine: str | None = None) -> dict[str, str]:
    engines = {} if engine is None else {"docker": f"unix://{lab.run_dir}/{engine}/docker.sock"}
    return {"reach": f"netns:{lab.netns_path(name)}", **engines}


def test_dead_hosts_hold_up_nobody(lab: Lab, tmp_path: Path) -> None:
    file = inventory(
        tmp_path,
        gone={"reach": "netns:/var/run/netns/gone"},
        silent={**entry(lab, "server1"), "become": "timeout 600 sh -c 'exec sleep 600' x"},
        server2=entry(lab, "server2", "server2"),
    )
    begin = time.monotonic()
    value = survey(expect=4, options=(*file, "--timeout", "8"))
    assert time.monotonic() - begin < 300, "however busy the machine is, far less than the silent one sleeps"
    assert named(value, "gone")["fault"].startswith("nsenter: cannot open")
    assert "no answer" in named(value, "silent")["fault"]
    assert named(value, "server2")["usable"] == "yes"


def test_one_engine_under_two_names(clean_lab: Lab, tmp_path: Path) -> None:
    nginx(clean_lab)
    file = inventory(tmp_path, a=entry(clean_lab, "server2", "server2"), b=entry(clean_lab, "server1", "server2"))
    for command in (["hosts"], ["explain", "demo:80", "--from", "a"]):
        done = call([*NETPROBE, *command, *file], 2)
        assert "a and b of the hosts file show the containers of one Docker Engine" in done.stderr.splitlines()[0]


def test_one_machine_under_two_names(lab: Lab, tmp_path: Path) -> None:
    file = inventory(tmp_path, a=entry(lab, "server2"), b=entry(lab, "server2"))
    for command in (["hosts"], ["explain", "a", "--from", "b"]):
        done = call([*NETPROBE, *command, *file], 2)
        assert "the hosts a and b are one machine" in done.stderr.splitlines()[0]


def test_a_named_host_that_is_this_machine_counts_once(clean_lab: Lab, tmp_path: Path) -> None:
    """Were ``local`` a second host, the answer would come from a process of a host without containers."""
    nginx(clean_lab, "-p", "80:80")
    server2 = {**entry(clean_lab, "server2", "server2"), "reach": "local"}
    file = inventory(tmp_path, server2=server2, server1=entry(clean_lab, "server1", "server1"))
    inside = ["nsenter", f"--net={clean_lab.netns_path('server2')}", "--"]
    value = survey(*inside, options=file)
    assert (value["local"], [each["name"] for each in value["hosts"]]) == ("server2", ["server2", "server1"])
    for target, source in (("192.168.3.202:80", "server1"), ("demo@local:80", "server1"), ("demo:80", "local")):
        argv = [*inside, *NETPROBE, "explain", target, "--from", source, "--json", *file]
        report = json.loads(call(argv, 0).stdout)
        assert report["path"] == ("bridge" if source == "local" else "dnat"), target


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("moment", [0.1, 0.3, 0.5, 0.7])
def test_ended_early_it_leaves_nothing(lab: Lab, moment: float, number: int) -> None:
    spec = {"argv": [*NETPROBE, "hosts", "--json"], "delay": moment, "signal": int(number), "patience": 60.0}
    program = str(Path(__file__).parent / "leftovers.py")
    done = subprocess.run(
        [sys.executable, program, json.dumps(spec)], capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(done.stdout)["left"] == {}


@pytest.fixture
def desk(lab: Lab) -> Lab:
    up(lab, lambda _: None, ssh=True)
    return lab


def over_ssh(lab: Lab, expect: int, *options: str) -> dict[str, Any]:
    done = on_desk(lab, ["hosts", "--json", *options])
    assert done.returncode == expect, done.stdout + done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_over_ssh(desk: Lab) -> None:
    value = over_ssh(desk, 0)
    assert named(value, "local")["clock"] is None
    for name in ("server1", "server2"):
        host = named(value, name)
        assert (host["usable"], host["root"], bool(host["engine"]["version"])) == ("yes", True, True)
        assert abs(host["clock"]["offset_s"]) <= host["clock"]["uncertainty_s"]


def test_over_ssh_one_machine_under_two_names(desk: Lab, tmp_path: Path) -> None:
    ways = {"a": "ssh://root@192.168.3.201", "b": "ssh://root@192.168.3.201:22"}
    file = inventory(tmp_path, **{name: {"reach": way} for name, way in ways.items()})
    assert "a and b of the hosts file are one machine" in over_ssh(desk, 2, *file)["error"]


def test_over_ssh_without_root(desk: Lab, tmp_path: Path) -> None:
    file = inventory(tmp_path, server2={"reach": "ssh://probe@192.168.3.202"}, gone={"reach": "ssh://192.168.3.77"})
    value = over_ssh(desk, 4, *file)
    assert (named(value, "server2")["root"], named(value, "server2")["usable"]) == (False, "no")
    assert named(value, "gone")["fault"]
    assert named(value, "gone")["engine"] is None
