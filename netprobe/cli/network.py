"""What looks at hosts and their networks: the options of ``netprobe hosts``, ``topology`` and ``ps``."""

from __future__ import annotations

from typing import Any

import click

from netprobe.cli.options import hosts_option, json_option, network_options, verbose_option

TOPOLOGY_EXAMPLES = """\b
Examples:
  netprobe topology                          the hosts of the inventory, as a tree
  netprobe topology --host server2 -o server2.svg
  netprobe topology run.pcapng --format mermaid
"""
PS_EXAMPLES = """\b
Examples:
  netprobe ps                                the hosts of the inventory
  netprobe ps --host server2 --json
  netprobe ps run.pcapng
"""


@click.command(short_help="Which hosts there are, and what netprobe can do on each.")
@hosts_option
@click.option(
    "--timeout",
    type=click.FloatRange(0.5, 120),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for the hosts, all together.",
)
@json_option
@verbose_option
def hosts(*, hosts: str | None, timeout: float, as_json: bool, verbose: bool) -> int:
    """Look at every host of the inventory: can it be reached, as root, is its Docker Engine there, what does it lack?

    Nothing is changed or sniffed. A host is usable in part where some of its state cannot be read; explain works there, and
    says what it does not know. Exit code 0 if every host is usable (in part, too), 4 if one is not.
    """
    from netprobe.commands import hosts as command

    return command.run(hosts=hosts, timeout_s=timeout, as_json=as_json, verbose=verbose)


@click.command(short_help="A picture of the network: hosts, bridges, interfaces, containers.", epilog=TOPOLOGY_EXAMPLES)
@network_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "svg", "mermaid", "json"]),
    help="What to print.  [default: as the name after -o ends, else tree]",
)
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
@click.option(
    "-o",
    "output",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write to FILE, a new one, whole or not at all; - is stdout.",
)
@click.option("--force", is_flag=True, help="Let -o overwrite a file that exists.")
@click.option("--all", "whole", is_flag=True, help="Leave nothing out of large hosts.")
def topology(*, as_json: bool, form: str | None, hosts: str | None, timeout: float, **asked: Any) -> int:
    """Show hosts, network namespaces, bridges, interfaces, containers, published ports, and how the hosts are joined.

    The hosts of the inventory are asked as `netprobe hosts` asks them; nothing is sent or changed. With FILE (saved by explain --save, or
    any capture) that one is shown. What is not known is said; a host that cannot be reached is named.
    """
    from netprobe.commands import topology as command

    return command.run(hosts=hosts, timeout_s=timeout, form="json" if as_json else form, **asked)


@click.command(short_help="Containers, their networks and ports, and who reaches whom.", epilog=PS_EXAMPLES)
@network_options
@click.option("--all", "whole", is_flag=True, help="List every container, and let more of them (40) ask each other.")
@json_option
def ps(*, hosts: str | None, timeout: float, **asked: Any) -> int:
    """List containers with their networks, addresses and published ports, and who reaches whom.

    Who reaches whom is predicted from the hosts' state (routes, rules, NAT, sockets), nothing is sent: each host and container asks each
    container for a TCP port that is served, or an echo. With FILE (saved by explain --save) that is shown.
    """
    from netprobe.commands import ps as command

    return command.run(hosts=hosts, timeout_s=timeout, **asked)
