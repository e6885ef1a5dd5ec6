"""`lab up --ssh`: a real sshd on each server, and `desk`, from where netprobe reaches them over ssh.

server1 is reached as root; server2 as the user `probe`, who becomes root by `sudo -n` (where sudo is installed; as root elsewhere).
Keys are made for the lab and go with it. sshd comes from the distribution's package, unpacked beside the images: nothing is
installed for it.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from netprobe_lab.errors import LabError
from netprobe_lab.layout import DESK, SERVERS, Lab, Machine
from netprobe_lab.namespaces import enter
from netprobe_lab.packages import loader_of
from netprobe_lab.processes import read_pid, write_pid
from netprobe_lab.run import PATH, environment, last_line, run, tool
from netprobe_lab.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

USER = "probe"
_ACCOUNTS = f"""
for line in sshd:x:64001:65534::/run/sshd:/usr/sbin/nologin {USER}:x:64002:65534::/tmp:/bin/sh; do
    grep -q "^${{line%%:*}}:" /etc/passwd || echo "$line" >> /etc/passwd
    grep -q "^${{line%%:*}}:" /etc/shadow || echo "${{line%%:*}}:*:19000:0:99999:7:::" >> /etc/shadow
done
mkdir -p /run/sshd /etc/sudoers.d
printf '{USER} ALL=(root) NOPASSWD: ALL\\n' > /etc/sudoers.d/netprobe-lab
chmod 440 /etc/sudoers.d/netprobe-lab
"""


def start_ssh(lab: Lab, tree: Path) -> bool:
    """Start sshd on the servers, and write `desk`'s configuration; what is there already stays.

    Returns:
        Whether anything had to be done.

    Raises:
        LabError: sshd did not come up.
    """
    missing = [machine for machine in SERVERS if read_pid(_pid_file(lab, machine)) is None]
    if not missing and desk_hosts_file(lab).is_file():
        return False
    _make_keys(lab)
    for machine in missing:
        _start(lab, machine, tree)
    _write_desk(lab)
    return True


def ssh_runs(lab: Lab) -> bool:
    """Return whether every server's sshd runs."""
    return all(read_pid(_pid_file(lab, machine)) is not None for machine in SERVERS)


def desk_hosts_file(lab: Lab) -> Path:
    """Return the inventory that is used on `desk`."""
    return lab.host_dir(DESK.name) / "hosts.toml"


def desk_environment(lab: Lab) -> dict[str, str]:
    """Return what makes netprobe on `desk` use its own inventory, and keep shared connections in the lab."""
    if not desk_hosts_file(lab).is_file():
        return {}
    return {"NETPROBE_HOSTS": str(desk_hosts_file(lab)), "XDG_RUNTIME_DIR": str(lab.host_dir(DESK.name))}


def _folder(lab: Lab) -> Path:
    return lab.run_dir / "ssh"


def _pid_file(lab: Lab, machine: Machine) -> Path:
    return lab.host_dir(machine.name) / "sshd.pid"


def _make_keys(lab: Lab) -> None:
    folder = _folder(lab)
    folder.mkdir(mode=0o755, exist_ok=True)
    for name in ("user", *(machine.name for machine in SERVERS)):
        key = folder / name
        if not key.exists():
            run(lab, [tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", f"{name} of lab {lab.id}", "-f", key])
    (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
    known = [
        f"{machine.lan_address},{machine.name} {(folder / machine.name).with_suffix('.pub').read_text()}"
        for machine in SERVERS
    ]
    (folder / "known_hosts").write_text("".join(known))
    (folder / "config").write_text(
        f"Host *\n  IdentityFile {folder / 'user'}\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder / 'known_hosts'}\n"
        "  GlobalKnownHostsFile /dev/null\n"
    )


def _configuration(lab: Lab, machine: Machine) -> str:
    folder = _folder(lab)
    lines = {
        "ListenAddress": machine.lan_address,
        "HostKey": folder / machine.name,
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "UseDNS": "no",
        "StrictModes": "no",
        "PrintMotd": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _start(lab: Lab, machine: Machine, tree: Path) -> None:
    prefix = enter(lab, machine.name)
    run(lab, [*prefix, "sh", "-c", _ACCOUNTS])
    directory = lab.host_dir(machine.name)
    (directory / "sshd_config").write_text(_configuration(lab, machine))
    loader = loader_of(tree)
    # -r: it does not start itself anew for each connection, which would be without the tree's loader and libraries.
    argv = [*prefix, str(loader), "--library-path", str(loader.parent), str(tree / "usr/sbin/sshd"), "-D", "-e", "-r"]
    with (directory / "sshd.log").open("ab") as log:
        process = subprocess.Popen(
            [*argv, "-f", str(directory / "sshd_config")], env=environment(lab), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    write_pid(_pid_file(lab, machine), process.pid)
    wait_for(partial(_listens, lab, machine), f"sshd on {machine.name}", 120, str(directory / "sshd.log"))


def _listens(lab: Lab, machine: Machine) -> bool:
    if read_pid(_pid_file(lab, machine)) is None:
        log = lab.host_dir(machine.name) / "sshd.log"
        raise LabError(f"sshd on {machine.name} ended: {last_line(log.read_text(errors='replace'))}", f"see {log}")
    table = run(lab, [*enter(lab, machine.name), "cat", "/proc/net/tcp"]).stdout
    rows = (line.split() for line in table.splitlines()[1:])
    return any(row[1].endswith(":0016") and row[3] == "0A" for row in rows)  # 0A: TCP_LISTEN


def _write_desk(lab: Lab) -> None:
    """Have ssh on `desk` use the lab's key and know the servers' (its /etc is its own); write its inventory."""
    config = _folder(lab) / "config"
    run(lab, [*enter(lab, DESK.name), "cp", config, "/etc/ssh/ssh_config"])
    sudo = shutil.which("sudo", path=PATH) is not None
    lines = []
    for machine in SERVERS:
        by_sudo = sudo and machine is SERVERS[-1]
        lines += [
            f"[hosts.{machine.name}]",
            f'reach = "ssh://{USER if by_sudo else "root"}@{machine.lan_address}"',
            f'docker = "unix://{lab.socket(machine.name)}"',
            *(['become = "sudo -n"'] if by_sudo else []),
            "",
        ]
    desk_hosts_file(lab).write_text("\n".join(lines))
