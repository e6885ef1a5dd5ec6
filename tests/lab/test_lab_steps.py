"""Steps do exactly what they say, and a clean lab is clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe_lab.errors import LabError
from netprobe_lab.experiments.model import DeleteDnat, Engine, KillProxy, Run, Stray, WaitPort, on, start
from netprobe_lab.processes import read_pid, start_time
from netprobe_lab.steps import carry_out, clean, container_addresses, on_host

if TYPE_CHECKING:
    from netprobe_lab.experiments.model import Step
    from netprobe_lab.layout import Lab


def rules(lab: Lab, table: str = "nat", host: str = "server2") -> list[str]:
    saved = on_host(lab, host, ["iptables-save", "--table", table]).stdout
    return [line.split(" [")[0] for line in saved.splitlines() if not line.startswith("#")]


def play(lab: Lab, steps: tuple[Step, ...]) -> None:
    for step in steps:
        carry_out(lab, step)


def test_delete_dnat_deletes_that_rule_alone(clean_lab: Lab) -> None:
    play(clean_lab, start("demo", "nginx", options="-p 80:80 -p 8080:80 -p 80:80/udp", port=80))
    before = rules(clean_lab)
    carry_out(clean_lab, DeleteDnat(host="server2", port=80))
    gone = set(before) - set(rules(clean_lab))
    assert gone == {"-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"}
    with pytest.raises(LabError, match="0 DNAT rules"):
        carry_out(clean_lab, DeleteDnat(host="server2", port=80))


def test_kill_proxy_kills_that_port_alone(clean_lab: Lab) -> None:
    play(clean_lab, start("demo", "nginx", options="-p 80:80 -p 8080:80 -p 80:80/udp", port=80))
    carry_out(clean_lab, KillProxy(host="server2", port=80))
    sockets = on_host(clean_lab, "server2", ["netstat", "-anp"]).stdout
    proxied = {(line.split()[0], line.split()[3]) for line in sockets.splitlines() if "docker-proxy" in line}
    assert proxied == {("tcp", "0.0.0.0:8080"), ("tcp6", ":::8080"), ("udp", "0.0.0.0:80"), ("udp6", ":::80")}
    with pytest.raises(LabError, match="no docker-proxy"):
        carry_out(clean_lab, KillProxy(host="server2", port=80))


def test_waiting_for_a_container_that_ended_is_an_error(clean_lab: Lab) -> None:
    play(clean_lab, on("server2", "docker run --name demo busybox true"))
    with pytest.raises(LabError, match="does not run"):
        carry_out(clean_lab, WaitPort(host="server2", container="demo", port=80))


def test_no_shell_runs_a_command(clean_lab: Lab) -> None:
    with pytest.raises(LabError):
        carry_out(clean_lab, Run(host="server2", command="ls /nowhere; true"))


def test_clean_removes_all_that_experiments_add(clean_lab: Lab) -> None:
    before = rules(clean_lab, "nat"), rules(clean_lab, "filter")
    play(clean_lab, start("demo", "nginx", options="-p 80:80", port=80))
    play(clean_lab, on("server2", "docker network create app", "iptables -I INPUT -p tcp --dport 80 -j DROP"))
    play(clean_lab, on("server2", "iptables -t mangle -A FORWARD -j ACCEPT", "iptables -P INPUT DROP"))
    assert container_addresses(clean_lab, "server2") == {"demo": "172.17.0.2"}
    clean(clean_lab)
    assert (rules(clean_lab, "nat"), rules(clean_lab, "filter")) == before
    assert not any(line.startswith("-A") for line in rules(clean_lab, "mangle"))
    assert on_host(clean_lab, "server2", ["docker", "ps", "--all", "--quiet"]).stdout == ""
    assert on_host(clean_lab, "server2", ["docker", "network", "ls", "--format", "{{.Name}}"]).stdout.split() == [
        "bridge",
        "host",
        "none",
    ]


def test_udp_echo_answers_every_datagram(clean_lab: Lab) -> None:
    play(clean_lab, start("demo", "busyboxplus", options="-p 80:80/udp", command="udp-echo 80"))
    carry_out(clean_lab, WaitPort(host="server2", container="demo", port=80, protocol="udp"))
    for text in ("one", "two"):
        argv = ["bash", "-c", f"exec 3<>/dev/udp/192.168.3.202/80; echo {text} >&3; timeout 60 head -n 1 <&3"]
        assert on_host(clean_lab, "server1", argv).stdout == f"{text}\n"


def test_an_engine_with_other_options_until_the_lab_is_clean(clean_lab: Lab) -> None:
    before, engine = rules(clean_lab), rules(clean_lab, "filter")
    carry_out(clean_lab, Engine(host="server2", options=(("userland-proxy", False),)))
    assert "-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER" in rules(clean_lab)
    play(clean_lab, start("demo", "nginx", options="-p 80:80", port=80))
    with pytest.raises(LabError, match="no docker-proxy serves"):
        carry_out(clean_lab, KillProxy(host="server2", port=80))
    clean(clean_lab)
    assert (rules(clean_lab), rules(clean_lab, "filter")) == (before, engine)
    assert "userland-proxy" not in (clean_lab.host_dir("server2") / "daemon.json").read_text()


def test_a_clean_lab_sends_nothing_stray(clean_lab: Lab) -> None:
    """What was started for an experiment watches, and ends with it."""
    carry_out(clean_lab, Stray(host="wires", interface="lan-server2", port=80, sender="client"))
    (file,) = clean_lab.run_dir.glob("helper-*.pid")
    pid = read_pid(file)
    assert pid is not None
    clean(clean_lab)
    assert start_time(pid) is None
    assert not file.exists()
    with pytest.raises(LabError, match="cannot watch eth9 of wires"):
        carry_out(clean_lab, Stray(host="wires", interface="eth9", port=80, sender="client"))
