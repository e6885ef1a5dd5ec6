"""``netprobe explain``: its options."""

from __future__ import annotations

from typing import Any

import click

from netprobe.cli.options import (
    completed_by,
    deep_option,
    hosts_option,
    html_option,
    lang_option,
    output_options,
    quiet_option,
    verbose_option,
)

EXPLAIN_EXAMPLES = """\b
Examples:
  netprobe explain web:80                    from this host to its container web
  netprobe explain db:5432 --from web        from container to container, by name
  netprobe explain shop/web:80               to the service web of the Compose project shop
  netprobe explain demo:80 --from server1    from another host of the inventory
  netprobe explain http://10.0.0.5/ --save run.pcapng
"""


@click.command(short_help="Probe TARGET, watch the packets, say why it works or fails.", epilog=EXPLAIN_EXAMPLES)
@click.argument("target", required=False, shell_complete=completed_by("targets"))
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    shell_complete=completed_by("sources"),
    help="Who asks: a host, a container, a Compose service, PROJECT/SERVICE, or NAME@HOST.  [default: local; with a lab's hosts it must be given]",
)
@click.option(
    "--proto", type=click.Choice(["tcp", "udp", "icmp", "http", "https", "dns"]), help="What the probe speaks."
)
@click.option(
    "--size",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="Payload size, to test the MTU: http, https (up to 1 MiB) or icmp (up to 65507).",
)
@click.option(
    "--save",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write the evidence to FILE, a new one (pcapng; replay or Wireshark).",
)
@html_option
@click.option(
    "--against",
    type=click.Path(readable=False),
    metavar="GOOD",
    help="Compare this run with a saved one of the same question, as netprobe diff does; --html, --json and the exit code are the comparison's.",
)
@click.option("--force", is_flag=True, help="Let --save and --html overwrite a file that exists.")
@hosts_option
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 120),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Seconds for name lookup and probe.",
)
@click.option("--all", "every", is_flag=True, help="Ask each container of TARGET, a Compose service of several, once.")
@click.option("--predict", is_flag=True, help="Send nothing: say what would happen by the hosts' state.")
@click.option("--fail", is_flag=True, help="Take an HTTP status of 400 and above for a failure, as curl --fail does.")
@click.option(
    "--trace",
    is_flag=True,
    help="Have the kernel tell rule by rule how the probe's packets went. Changes the hosts: a temporary nft table, gone with netprobe.",
)
@click.option("-4", "--ipv4", "ipv4", is_flag=True, help="Only IPv4: the address that is dialled, and the name lookup.")
@click.option("-6", "--ipv6", "ipv6", is_flag=True, help="Only IPv6.")
@output_options
@deep_option
@lang_option()
@quiet_option
@verbose_option
def explain(*, against: str | None, **asked: Any) -> int:
    """Probe TARGET, watch every place that the probe passes, and explain what happened.

    TARGET is [PROJECT/]NAME[@HOST][:PORT][/tcp|/udp], an address in place of the name ([IPv6] in brackets), http://… or https://…; without
    a port it is an ICMP echo. NAME is a container, or a Compose service: the one of the source's own project first, then the only
    one that fits. Without TARGET: a list of what can be explained on this machine.
    """
    if against is not None:
        from netprobe.commands.against import run
        from netprobe.commands.explain import ExplainAsked

        return run(against, ExplainAsked(**asked))
    from netprobe.commands import explain as command

    return command.run(command.ExplainAsked(**asked))
