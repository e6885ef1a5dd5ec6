"""`lab status`: what of the lab is there."""

from __future__ import annotations

import click

from netprobe_lab.engine import docker_argv, engine_version
from netprobe_lab.layout import MACHINES, TRUNKED, Lab, Machine
from netprobe_lab.lifecycle import is_up
from netprobe_lab.processes import read_pid
from netprobe_lab.run import require_root, run
from netprobe_lab.sshd import desk_hosts_file, ssh_runs
from netprobe_lab.trunk import INTERFACE
from netprobe_lab.vlan import vlan_made_by


def print_status(lab: Lab) -> bool:
    """Print a line per host; return whether the whole lab is up."""
    require_root()
    up = is_up(lab)
    click.echo(f"lab {lab.id} of {lab.checkout}: {'up' if up else _not_up(lab)}")
    for machine in MACHINES:
        click.echo(_line(lab, machine))
    if up:
        for machine in TRUNKED:
            click.echo(f"  {machine.name:8} {INTERFACE}: {vlan_made_by(lab, machine)}")
        click.echo(f"hosts file: {lab.hosts_file}")
        if ssh_runs(lab):
            click.echo(f"ssh: on both servers; netprobe lab shell desk, hosts file {desk_hosts_file(lab)}")
    return up


def _not_up(lab: Lab) -> str:
    if any(_stands(lab, machine) for machine in MACHINES):
        return "up in part; netprobe lab up repairs it"
    return "down; netprobe lab up brings it up"


def _stands(lab: Lab, machine: Machine) -> bool:
    return read_pid(lab.holder_file(machine.name)) is not None


def _line(lab: Lab, machine: Machine) -> str:
    state = "up" if _stands(lab, machine) else "down"
    line = f"  {machine.name:8} {machine.address:14} {state}"
    if not machine.engine:
        return line
    version = engine_version(lab, machine)
    if version is None:
        return f"{line}  no engine"
    names = run(lab, docker_argv(lab, machine.name, "ps", "--format", "{{.Names}}"), check=False).stdout.split()
    return f"{line}  Docker Engine {version}  containers: {', '.join(names) or 'none'}"
