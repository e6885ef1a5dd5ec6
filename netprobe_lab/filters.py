"""A host's packet filter as it was when the lab came up, and putting it back after an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe_lab.namespaces import enter
from netprobe_lab.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe_lab.layout import Lab, Machine


PROGRAMS = ("iptables", "ip6tables")


def keep_filter(lab: Lab, machine: Machine) -> None:
    """Note a host's packet filter, unless that was done already; no container may be there yet."""
    for program in PROGRAMS:
        path = _baseline(lab, machine, program)
        if not path.exists():
            path.write_text(run(lab, [*enter(lab, machine.name), f"{program}-save"]).stdout)


def restore_filter(lab: Lab, machine: Machine) -> None:
    """Put a host's packet filter back as it was noted; the counters stay unless something was changed."""
    prefix = enter(lab, machine.name)
    _clear_legacy(lab, prefix)
    for program in PROGRAMS:
        _restore(lab, prefix, program, _baseline(lab, machine, program).read_text())


def _restore(lab: Lab, prefix: list[str], program: str, wanted: str) -> None:
    now = run(lab, [*prefix, f"{program}-save"]).stdout
    if _rules(now) == _rules(wanted):
        return
    added = _tables(now) - _tables(wanted)
    _empty(lab, prefix, program, now, added)
    family = "ip6" if program == "ip6tables" else "ip"
    for table in sorted(added):  # where the program writes to nf_tables, the empty table goes too
        run(lab, [*prefix, "nft", "delete", "table", family, table], check=False)
    if wanted:
        run(lab, [*prefix, f"{program}-restore"], stdin=wanted)


def _clear_legacy(lab: Lab, prefix: list[str]) -> None:
    """Empty the legacy backend, which nothing but an experiment fills."""
    saved = run(lab, [*prefix, "iptables-legacy-save"]).stdout
    _empty(lab, prefix, "iptables-legacy", saved, _tables(saved))


def _empty(lab: Lab, prefix: list[str], program: str, saved: str, tables: set[str]) -> None:
    """Empty these tables: no rule, no chain of its own, every policy ACCEPT."""
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        if table not in tables:
            continue
        if line.startswith("*"):
            run(lab, [*prefix, program, "--table", table, "--flush"])
            run(lab, [*prefix, program, "--table", table, "--delete-chain"])
        elif line.startswith(":") and line.split()[1] == "DROP":
            run(lab, [*prefix, program, "--table", table, "--policy", line[1:].split()[0], "ACCEPT"])


def _baseline(lab: Lab, machine: Machine, program: str) -> Path:
    return lab.host_dir(machine.name) / f"{program}.baseline"


def _rules(saved: str) -> list[str]:
    """Return what iptables-save printed, without comments and counters."""
    return [line.split(" [")[0] for line in saved.splitlines() if not line.startswith("#")]


def _tables(saved: str) -> set[str]:
    return {line[1:] for line in saved.splitlines() if line.startswith("*")}
