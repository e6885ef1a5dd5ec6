"""The `outside` host's two services: nginx on port 80, and the name server of the lab on its LAN address.

The name server knows the names of `outside.test`; every other name does not exist (NXDOMAIN), so that a lookup ends
in the lab and never asks a real resolver. Below `apps.outside.test` every name is the outside host (a wildcard), in
`corp.outside.test` there is `db` alone; `text.outside.test` has a text and no address, `six.outside.test` an IPv6 address alone.
"""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING

from netprobe_lab.errors import LabError
from netprobe_lab.layout import DNS_DOMAIN, OUTSIDE, OUTSIDE_LAN_ADDRESS, OUTSIDE_NAME, Lab
from netprobe_lab.namespaces import enter
from netprobe_lab.processes import read_pid, write_pid
from netprobe_lab.run import environment, last_line, run, tool
from netprobe_lab.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

_NGINX = ("/usr/sbin/nginx", "-e", "stderr", "-g", "daemon off;")
_DNSMASQ = (
    "/usr/sbin/dnsmasq", "--keep-in-foreground", "--user=root", "--group=root", "--pid-file=", "--conf-file=",
    "--no-resolv", "--no-hosts", "--bind-interfaces", f"--listen-address={OUTSIDE_LAN_ADDRESS}", "--log-facility=-",
    f"--host-record={OUTSIDE_NAME},{OUTSIDE.address}", f"--host-record=ns.{DNS_DOMAIN},{OUTSIDE_LAN_ADDRESS}",
    f"--address=/apps.{DNS_DOMAIN}/{OUTSIDE.address}", f"--host-record=db.corp.{DNS_DOMAIN},{OUTSIDE.address}",
    f"--txt-record=text.{DNS_DOMAIN},no address", f"--host-record=six.{DNS_DOMAIN},2001:db8:5::10",
    "--address=/#/",
)  # fmt: skip


def start_services(lab: Lab, root: Path) -> None:
    """Start both services from the `outside` tree, if they do not run, and wait until they listen."""
    run(
        lab, [*enter(lab, OUTSIDE.name), "mount", "--rbind", "/dev", root / "dev"]
    )  # in the host's mount namespace only
    for name, port, command in (("nginx", 80, _NGINX), ("dnsmasq", 53, _DNSMASQ)):
        if read_pid(lab.host_dir(OUTSIDE.name) / f"{name}.pid") is None:
            _spawn(lab, root, name, command)
        wait_for(partial(_serves, lab, name, port), f"{name} on {OUTSIDE.name}", 120)


def _spawn(lab: Lab, root: Path, name: str, command: tuple[str, ...]) -> None:
    directory = lab.host_dir(OUTSIDE.name)
    argv = [*enter(lab, OUTSIDE.name), tool("chroot"), str(root), *command]
    with (directory / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            argv, env=environment(lab), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    write_pid(directory / f"{name}.pid", process.pid)


def _serves(lab: Lab, name: str, port: int) -> bool:
    if read_pid(lab.host_dir(OUTSIDE.name) / f"{name}.pid") is None:
        log = lab.host_dir(OUTSIDE.name) / f"{name}.log"
        raise LabError(f"{name} on {OUTSIDE.name} ended: {last_line(log.read_text(errors='replace'))}", f"see {log}")
    return _listening(lab, port)


def _listening(lab: Lab, port: int) -> bool:
    """Ask the kernel (inside the host) whether something listens on a TCP port."""
    table = run(lab, [*enter(lab, OUTSIDE.name), "cat", "/proc/net/tcp"]).stdout
    rows = (line.split() for line in table.splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)  # 0A: TCP_LISTEN
