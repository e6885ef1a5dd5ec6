"""Over ssh, from `desk`: everything that may be wrong with a connection."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe_lab.ask import on_desk
from netprobe_lab.layout import DESK, SERVERS
from netprobe_lab.lifecycle import up
from netprobe_lab.sshd import desk_hosts_file
from netprobe_lab.steps import clean, on_host
from netprobe_lab.waiting import poll
from tests.lab.serving import nginx

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from netprobe_lab.layout import Lab


@pytest.fixture(scope="module")
def desk(lab: Lab) -> Iterator[Lab]:
    up(lab, lambda _: None, ssh=True)
    yield lab
    clean(lab)


@pytest.fixture
def demo(desk: Lab) -> Lab:
    clean(desk)
    nginx(desk, "-p", "80:80")
    return desk


def left_behind(lab: Lab, seconds: float = 30.0) -> list[str]:
    """What of netprobe still runs on the servers some seconds after it ended: far less than its `timeout` would take to end it."""

    def found() -> list[str]:
        ours = ("tcpdump", "compile(p")  # the sniffers, and the program that is sent
        return [
            line for machine in SERVERS for line in processes(lab, machine.name) if any(each in line for each in ours)
        ]

    poll(lambda: not found(), seconds)
    return found()


def refusal(lab: Lab, hosts: Path, *arguments: str) -> dict[str, Any]:
    """Explain with an inventory of the test's own; the error's JSON."""
    done = on_desk(lab, ["explain", *(arguments or ("demo:80", "--from", "server1")), "--hosts", str(hosts), "--json"])
    loaded: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == loaded.get("exit", done.returncode)
    assert left_behind(lab) == []
    return loaded


def edited(lab: Lab, tmp_path: Path, old: str, new: str) -> Path:
    text = desk_hosts_file(lab).read_text()
    assert old in text
    path = tmp_path / "hosts.toml"
    path.write_text(text.replace(old, new))
    return path


def with_ssh_config(lab: Lab, *lines: str) -> None:
    """Options that stand before everything else in desk's own ssh_config: the first one counts."""
    before = on_host(lab, DESK.name, ["cat", "/etc/ssh/ssh_config"]).stdout
    write_config(lab, "\n".join([*lines, before]))


def write_config(lab: Lab, text: str) -> None:
    on_host(lab, DESK.name, ["tee", "/etc/ssh/ssh_config"], stdin=text)


@pytest.fixture
def config(demo: Lab) -> Iterator[Lab]:
    """The lab, with desk's ssh_config put back and no shared connection left afterwards."""
    before = on_host(demo, DESK.name, ["cat", "/etc/ssh/ssh_config"]).stdout
    forget(demo)
    yield demo
    write_config(demo, before)
    forget(demo)


def forget(lab: Lab) -> None:
    """End the shared connections."""
    for socket in (lab.host_dir(DESK.name) / "netprobe-ssh").glob("*"):
        on_host(lab, DESK.name, ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "any"], check=False)


def test_an_unknown_host_key_is_never_accepted(config: Lab) -> None:
    with_ssh_config(config, "UserKnownHostsFile /dev/null", "StrictHostKeyChecking no")
    error = refusal(config, desk_hosts_file(config))
    assert (error["exit"], "its host key is not known" in error["error"]) == (4, True)
    assert "ssh root@192.168.3.201" in error["hint"]


def test_a_changed_host_key(config: Lab, tmp_path: Path) -> None:
    known = (config.run_dir / "ssh" / "known_hosts").read_text()
    first, second = (line.split()[2] for line in known.splitlines())
    wrong = tmp_path / "known_hosts"
    wrong.write_text(known.replace(first, "@").replace(second, first).replace("@", second))
    tmp_path.chmod(0o755)
    with_ssh_config(config, f"UserKnownHostsFile {wrong}")
    error = refusal(config, desk_hosts_file(config))
    assert (error["exit"], "its host key is another than the one that is known" in error["error"]) == (4, True)


def test_a_password_is_not_asked_for(config: Lab) -> None:
    with_ssh_config(
        config, "IdentityFile /dev/null", "IdentitiesOnly yes", "Match all", "PubkeyAuthentication no", "Host *"
    )
    error = refusal(config, desk_hosts_file(config))
    assert (error["exit"], "netprobe types no password" in error["error"]) == (4, True)


def test_nobody_answers_and_an_unknown_name(config: Lab, tmp_path: Path) -> None:
    refused = refusal(config, edited(config, tmp_path, "root@192.168.3.201", "root@192.168.3.254"))
    assert (refused["exit"], "Connection refused" in refused["error"]) == (4, True)
    unknown = refusal(config, edited(config, tmp_path, "root@192.168.3.201", "root@nowhere.invalid"))
    assert (unknown["exit"], "the name nowhere.invalid is not known" in unknown["error"]) == (4, True)


def test_a_host_that_is_not_needed_does_not_matter(config: Lab, tmp_path: Path) -> None:
    hosts = edited(
        config, tmp_path, "[hosts.server1]", '[hosts.third]\nreach = "ssh://root@192.168.3.254"\n\n[hosts.server1]'
    )
    assert refusal(config, hosts)["verdict"] == "works"


def test_sudo_that_asks_and_a_user_who_is_not_root(config: Lab, tmp_path: Path) -> None:
    if 'become = "sudo -n"' not in desk_hosts_file(config).read_text():
        pytest.skip("no sudo here")
    on_host(config, "server2", ["mv", "/etc/sudoers.d/netprobe-lab", "/etc/netprobe-lab.away"])
    asking = refusal(config, desk_hosts_file(config), "demo@server2:80", "--from", "server2")
    on_host(config, "server2", ["mv", "/etc/netprobe-lab.away", "/etc/sudoers.d/netprobe-lab"])
    assert (asking["exit"], "sudo asks for a password" in asking["error"]) == (4, True)
    plain = refusal(config, edited(config, tmp_path, 'become = "sudo -n"', ""), "192.168.3.201:22", "--from", "server2")
    assert plain["exit"] == 4
    assert "root" in plain["error"] + plain["hint"]


@pytest.mark.parametrize("tool", ["tcpdump", "python3"])
def test_a_tool_that_is_missing_there(config: Lab, tool: str) -> None:
    """Covered, in the remote host's own mount namespace, by a file that cannot be executed."""
    there = on_host(config, DESK.name, ["ssh", "root@192.168.3.201", f"bash -c 'type -ap {tool}'"]).stdout
    real = list(dict.fromkeys(str(Path(path).resolve()) for path in there.split()))
    forget(config)
    for path in real:
        on_host(config, "server1", ["mount", "--bind", "/dev/null", path])
    error = refusal(config, desk_hosts_file(config))
    for path in real:
        on_host(config, "server1", ["umount", path])
    assert error["exit"] == 4
    assert tool in error["error"]


@pytest.mark.skipif(shutil.which("bpftrace") is None, reason="bpftrace is not installed")
def test_drop_reasons_from_the_host_that_can_tell_them(config: Lab) -> None:
    """bpftrace is taken from server1 (its file covered, in its own mount namespace): that is all that is missing."""
    forget(config)
    tool = str(Path(shutil.which("bpftrace") or "").resolve())
    on_host(config, "server2", ["iptables", "-I", "DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP"])
    on_host(config, "server1", ["mount", "--bind", "/dev/null", tool])
    argv = ["explain", "demo:80", "--from", "server1", "--trace", "--timeout", "1.5"]
    done = on_desk(config, [*argv, "--hosts", str(desk_hosts_file(config)), "--json"])
    on_host(config, "server1", ["umount", tool])
    on_host(config, "server2", ["iptables", "-D", "DOCKER-USER", "-s", "192.168.3.0/24", "-j", "DROP"])
    said = json.loads(done.stdout)
    assert said["cause"]["code"] == "docker-user-drop"
    assert [(drop["host"], drop["reason"]) for drop in said["drops"]] == [("server2", "NETFILTER_DROP")]
    assert said["unknowns"] == ["server1: no drop reasons from the kernel: bpftrace: not installed (package bpftrace)"]
    assert left_behind(config) == []


def test_a_connection_that_breaks_in_the_middle(config: Lab, tmp_path: Path) -> None:
    """The LAN drops all of ssh while the probe runs (another port than the probe's): what was seen is kept."""
    save = tmp_path / "evidence.pcapng"
    on_host(config, "server2", ["docker", "pause", "demo"])
    argv = ["explain", "http://demo/", "--from", "server1", "--timeout", "4", "--json", "--save", str(save)]
    results: list[subprocess.CompletedProcess[str]] = []
    worker = threading.Thread(target=lambda: results.append(on_desk(config, argv)))
    worker.start()
    assert poll(lambda: any("tcpdump" in line for line in processes(config, "server2")), 120.0)
    for machine in SERVERS:
        end_connections(config, machine.name)
    worker.join()
    said = json.loads(results[0].stdout)
    assert results[0].returncode in {3, 4}
    assert said.get("verdict", "undetermined") == "undetermined"
    assert left_behind(config) == []


def processes(lab: Lab, host: str) -> list[str]:
    """The command lines of a host's processes, each behind its id."""
    inode = lab.netns_path(host).stat().st_ino
    lines = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns/net").stat().st_ino == inode:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                lines.append(f"{entry.name} {words}")
        except OSError:
            continue
    return lines


def end_connections(lab: Lab, host: str) -> None:
    """End the sshd processes that serve connections of a host, as a broken network would in the end."""
    for line in processes(lab, host):
        number, _, words = line.partition(" ")
        if "sshd: " in words and ("notty" in words or "[priv]" in words):
            on_host(lab, host, ["kill", "-9", number], check=False)
