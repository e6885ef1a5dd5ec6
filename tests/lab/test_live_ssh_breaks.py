"""A connection that breaks in the middle of a run, in every way that it can: what was seen is kept, and nothing is left there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.model import LimitKind
from netprobe.evidence.stream.whole import read
from netprobe.hosts.session import SILENCE_SECONDS
from netprobe_lab.layout import DESK, SERVERS, WIRES
from netprobe_lab.lifecycle import up
from netprobe_lab.namespaces import enter
from netprobe_lab.run import run
from netprobe_lab.shell import shell_environment
from netprobe_lab.steps import clean, on_host
from netprobe_lab.waiting import poll
from tests.lab.serving import nginx
from tests.lab.test_live_ssh import forget, left_behind, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from netprobe_lab.layout import Lab

DROP = ["DOCKER-USER", "-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "DROP"]


@pytest.fixture(scope="module")
def stage(lab: Lab) -> Iterator[Lab]:
    """The probe to demo:80 takes as long as its timeout."""
    up(lab, lambda _: None, ssh=True)
    clean(lab)
    nginx(lab, "-p", "80:80")
    on_host(lab, "server2", ["iptables", "-I", *DROP])
    yield lab
    clean(lab)


def kill(lab: Lab, host: str, mine: Callable[[str], bool]) -> None:
    found = [line.partition(" ") for line in processes(lab, host)]
    chosen = [int(pid) for pid, _, words in found if mine(words)]
    assert chosen, found
    for pid in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def client(lab: Lab, host: str) -> None:
    """The ssh client of one host's session."""
    address = next(machine.lan_address for machine in SERVERS if machine.name == host)
    kill(lab, DESK.name, lambda words: words.startswith("ssh ") and address in words)


def sharing(lab: Lab, host: str) -> None:
    """The process that holds the shared connections."""
    del host
    kill(lab, DESK.name, lambda words: words.startswith("ssh: ") and "[mux]" in words)


def serving(lab: Lab, host: str) -> None:
    """The remote sshd's process for the connection."""
    kill(lab, host, lambda words: "sshd: " in words and ("notty" in words or "[priv]" in words))


def program(lab: Lab, host: str) -> None:
    """The program that netprobe runs there, kill -9: it cannot tidy up."""
    kill(lab, host, lambda words: "compile(p" in words and "python3" in words.split()[0])


def wire(lab: Lab, host: str) -> None:
    """The network swallows all of ssh from now on, and says nothing."""
    rules = (
        "table bridge broken { chain forward { type filter hook forward priority 0; "
        f'iifname "lan-{host}" tcp sport 22 drop; oifname "lan-{host}" tcp dport 22 drop; }}; }};\n'
    )
    run(lab, ["nsenter", f"--net={lab.netns_path(WIRES)}", "nft", "-f", "-"], stdin=rules)


@pytest.fixture
def wires(stage: Lab) -> Iterator[Lab]:
    forget(stage)
    yield stage
    nft = ["nsenter", f"--net={stage.netns_path(WIRES)}", "nft", "delete", "table", "bridge", "broken"]
    run(stage, nft, check=False)
    forget(stage)


def explain_and(lab: Lab, save: Path, act: Callable[[Lab, str], None], host: str) -> tuple[int, dict[str, Any]]:
    """Explain on desk, and once a SYN was sent for the second time break something: the first one has been fetched by then."""
    argv = [*enter(lab, DESK.name), sys.executable, "-m", "netprobe", "explain", "demo:80", "--from", "server1"]
    argv += ["--timeout", "6", "--json", "--save", str(save)]
    environment = {**os.environ, **shell_environment(lab, DESK.name)}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert poll(lambda: counter(lab) > 1, 120)
        act(lab, host)
        out, _ = child.communicate(timeout=300)  # it does not hang: TCP itself would wait a quarter of an hour
    return child.returncode, json.loads(out)


def counter(lab: Lab) -> int:
    """How many packets the rule that drops the probe's has seen."""
    saved = on_host(lab, "server2", ["iptables-save", "-c", "-t", "filter"]).stdout
    line = next(line for line in saved.splitlines() if "DOCKER-USER" in line and line.endswith("DROP"))
    return int(line[1:].partition(":")[0])


WAYS = [
    (client, "server1"),
    (serving, "server2"),
    (sharing, "server1"),
    (program, "server2"),
    (wire, "server2"),
    pytest.param(client, "server2", marks=pytest.mark.whole),
    pytest.param(serving, "server1", marks=pytest.mark.whole),
    pytest.param(wire, "server1", marks=pytest.mark.whole),
]


@pytest.mark.parametrize(("way", "host"), WAYS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_connection(wires: Lab, tmp_path: Path, way: Callable[[Lab, str], None], host: str) -> None:
    on_host(wires, "server2", ["iptables", "-Z", "DOCKER-USER"])
    save = tmp_path / "kept.pcapng"
    code, report = explain_and(wires, save, way, host)
    assert (code, report["verdict"], report["cause"]) == (3, "undetermined", None)
    evidence = read(save.read_bytes())
    lost = {limit.subject for limit in evidence.limits if limit.kind is LimitKind.HOST}
    assert lost == ({"server1", "server2"} if way is sharing else {host})
    broke = [line.partition(":")[0] for line in report["unknowns"] if "connection to it broke during the run" in line]
    assert [name for names in broke for name in names.split(", ")] == sorted(lost)
    seen = {hop["point"] for hop in report["hops"] if hop["seen"]}
    assert {"server1/eth0", "server2/eth0"} <= seen, "what had come is kept"
    unheard = SILENCE_SECONDS if way is wire else 0.0  # of its end, too: silence is all that the host has of it
    assert left_behind(wires, 30.0 + unheard) == []
