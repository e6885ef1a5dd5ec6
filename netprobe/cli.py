"""The command line: parse, call, print, exit code. Only click and the standard library are imported before a command runs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from netprobe import __version__
from netprobe.commands.lazy import Lazy, LazyGroup
from netprobe.commands.outcome import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXIT_CODES = """\b
Exit codes:
  0   it works
  1   it fails, and the cause is named
  2   usage error, or an unknown name
  3   undetermined
  4   the environment does not allow it (no root, no tool, host unreachable)
"""

EXPLAIN_EXAMPLES = """\b
Examples:
  netprobe explain web:80                    from this host to its container web
  netprobe explain db:5432 --from web        from container to container, by name
  netprobe explain shop/web:80               to the service web of the Compose project shop
  netprobe explain demo:80 --from server1    from another host of the inventory
  netprobe explain http://10.0.0.5/ --save run.pcapng
"""
REPLAY_EXAMPLES = """\b
Examples:
  netprobe replay run.pcapng
  netprobe replay --point server2/eth0=a.pcap --point server2/docker0=b.pcap
  ssh HOST tcpdump -U -w - port 80 | netprobe replay -
  netprobe replay a.pcap --flow '192.168.3.201:41290>192.168.3.202:80/tcp'
"""
FLOWS_EXAMPLES = """\b
Examples:
  netprobe flows big.pcap --top 20
  netprobe flows eth0.pcap docker0.pcap --where "server_port == 443 and client_retransmits > 10"
  netprobe flows ring.pcap* --sort -duration --format csv > flows.csv
  netprobe flows big.pcap.zst -o flows.parquet
"""
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

LAB = Lazy(
    module="netprobe_lab.cli",
    attribute="lab",
    help_line="Two real Docker hosts on this machine to try things in.",
    how_to_get="it is a package of its own, netprobe-lab: in a clone of netprobe, sudo make install-lab (or, in a virtual environment, pip install ./netprobe_lab)",
)


@click.group(
    cls=LazyGroup,
    lazy={"lab": LAB},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, message="netprobe %(version)s")
def cli() -> None:
    """Why does a container connection work, or why does it fail? Proved with packets."""


#: What a report is printed as beside text for people: option -> help. Each has its printer in :data:`netprobe.commands.show.PRINTERS`.
OUTPUTS: dict[str, str] = {"json": "Print one JSON value on stdout instead of text."}


def output_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command an option for each of :data:`OUTPUTS`."""
    for name, text in OUTPUTS.items():
        command = click.option(f"--{name}", "output", flag_value=name, help=text)(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on stdout instead of text.")
hosts_option = click.option(
    "--hosts",
    type=click.Path(),
    metavar="FILE",
    help="The inventory of hosts (TOML); `lab`: that of the running lab.  [default: $NETPROBE_HOSTS, else ~/.config/netprobe/hosts.toml, else this machine alone]",
)
html_option = click.option(
    "--html",
    type=click.Path(),
    metavar="FILE",
    help="Write the report to FILE, a new one, as a page for browsers that needs nothing else: to send, or to print.",
)
_NETWORK_OPTIONS = (
    click.argument("file", required=False, type=click.Path()),
    click.option("--host", "only", multiple=True, metavar="NAME", help="Only this host; may be given several times."),
    hosts_option,
    click.option(
        "--timeout",
        type=click.FloatRange(0.5, 120),
        default=30.0,
        show_default=True,
        metavar="S",
        help="Seconds that anything started on a host may live at most.",
    ),
)


def network_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command what says whose network is looked at: that of live hosts, or of a file."""
    for option in reversed(_NETWORK_OPTIONS):
        command = option(command)
    return command


deep_option = click.option(
    "--deep", is_flag=True, help="Dissect the packets shown, with the application layer by tshark."
)


@cli.command(short_help="Probe TARGET, watch the packets, say why it works or fails.", epilog=EXPLAIN_EXAMPLES)
@click.argument("target")
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
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
    type=click.Path(),
    metavar="FILE",
    help="Write the evidence to FILE, a new one (pcapng; replay or Wireshark).",
)
@html_option
@click.option("--force", is_flag=True, help="Let --save and --html overwrite a file that exists.")
@hosts_option
@click.option(
    "--timeout",
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
@output_options
@deep_option
def explain(
    *,
    target: str,
    source: str | None,
    proto: str | None,
    size: int | None,
    save: str | None,
    html: str | None,
    force: bool,
    hosts: str | None,
    timeout: float,
    every: bool,
    predict: bool,
    fail: bool,
    trace: bool,
    output: str | None,
    deep: bool,
) -> int:
    """Probe TARGET, watch every place that the probe passes, and explain what happened.

    TARGET is [PROJECT/]NAME[@HOST][:PORT][/tcp|/udp], an address in place of the name ([IPv6] in brackets), http://… or https://…; without
    a port it is an ICMP echo. NAME is a container, or a Compose service: the one of the source's own project first, then the only
    one that fits.
    """
    from netprobe.commands import explain as command

    return command.run(
        target=target,
        source=source,
        proto=proto,
        size=size,
        save=save,
        html=html,
        force=force,
        hosts=hosts,
        timeout_s=timeout,
        every=every,
        predict=predict,
        fail=fail,
        trace=trace,
        output=output,
        deep=deep,
    )


@cli.command(short_help="Explain saved evidence, or captures of tcpdump and Wireshark.", epilog=REPLAY_EXAMPLES)
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path())
@click.option("--point", "points", multiple=True, metavar="NAME=FILE", help="A capture file, and where it was taken.")
@click.option(
    "--flow",
    metavar="EXPR",
    help="Which connection: SRC:PORT>DST:PORT/PROTO or part of it, '#3' of the listing, @12.5 seconds from the start.",
)
@html_option
@click.option("--force", is_flag=True, help="Let --html overwrite a file that exists.")
@output_options
@deep_option
def replay(
    *,
    files: tuple[str, ...],
    points: tuple[str, ...],
    flow: str | None,
    html: str | None,
    force: bool,
    output: str | None,
    deep: bool,
) -> int:
    """Explain saved evidence again, or captures of tcpdump and Wireshark.

    An evidence file gives one report. Plain pcap and pcapng files given together are the capture points of one connection. Any of them may be
    compressed (gzip, zstd, xz, bzip2). - is standard input.
    """
    from netprobe.commands import replay as command

    return command.run(files=files, points=points, flow=flow, output=output, deep=deep, html=html, force=force)


@cli.command(short_help="List all flows of large captures, as a table or for programs.", epilog=FLOWS_EXAMPLES)
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path())
@click.option("--point", "points", multiple=True, metavar="NAME=FILE", help="A capture file, and where it was taken.")
@click.option(
    "--where",
    metavar="EXPR",
    help="Only flows for which this holds, in pandas' query language: \"proto == 'tcp' and server_port in [80, 443] and bytes > 1e6\".",
)
@click.option(
    "--match",
    metavar="FILTER",
    help="Only flows with a packet that this display filter of Wireshark takes: 'http.host == \"x\"'. By tshark, in a pass of its own.",
)
@click.option("--failed", is_flag=True, help="Only what was tried and did not succeed: refused, unanswered, an error.")
@click.option(
    "--sort",
    metavar="COLUMN[,-COLUMN]",
    help="By which columns; - before one for descending order. What is not known comes last.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    help="The first N lines of the table, rows of other formats; without --sort those with the most bytes.",
)
@click.option(
    "--show",
    type=click.IntRange(min=1),
    metavar="N",
    help="Decode the packets of one connection, by its number in the table.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "jsonl", "parquet", "arrow"]),
    help="What to print; with -o the name's ending says it as well.  [default: table]",
)
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
@click.option("-o", "output", type=click.Path(), metavar="FILE", help="Write to FILE, a new one, whole or not at all.")
@click.option("--force", is_flag=True, help="Let -o overwrite a file that exists.")
@click.option(
    "--state",
    metavar="FILE",
    help="An evidence file (explain --predict --save FILE) with the state of the hosts: it tells the rest of ways that packets show a part of.",
)
@click.option("--no-verdict", is_flag=True, help="Do not join the points and judge the connections: quicker.")
@click.option("--merge", is_flag=True, help="One flow for all packets of the same ends, as tshark's conversations are.")
@click.option(
    "--idle",
    type=float,
    metavar="S",
    help="Silence that ends a flow, in seconds.  [default: 300 for TCP, else 60]",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Have the workers of a Dask cluster read the files: tcp://HOST:PORT of its scheduler, or local:N processes. -o NAME/ writes a folder of Parquet files.",
)
@click.option(
    "--compile",
    "compile_",
    is_flag=True,
    help="First make the machine code that large captures are read with, once; FILE may be left out.",
)
def flows(*, as_json: bool, form: str | None, compile_: bool, no_verdict: bool, **asked: Any) -> int:
    """List the flows of captures: one line a connection, and for programs a row a flow and capture point.

    FILE is pcap, pcapng or an evidence file, compressed or not. - is standard input. `netprobe schema flows` has the columns, with units.
    """
    from netprobe.commands import flows as command

    if compile_:
        status = command.compile_now()
        if not (asked["files"] or asked["points"]):
            return status
    form = "json" if as_json else form
    return command.run(command.FlowsAsked(form=form, verdict=not no_verdict, **asked))


@cli.command(short_help="The causes that netprobe knows, each explained.")
@click.argument("code", required=False)
@json_option
def causes(code: str | None, as_json: bool) -> int:
    """List the causes that netprobe knows, or explain the one called CODE, with an example where the lab has recorded one."""
    from netprobe.commands import causes as command

    return command.run(code=code, as_json=as_json)


@cli.command(short_help="The JSON Schemas of what --json prints.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As without it: a schema is JSON already.")
def schema(name: str | None, as_json: bool) -> int:
    """Print the JSON Schema (2020-12) called NAME: report, error, flows, hosts, topology, ps or causes; without NAME all of them, by name."""
    from netprobe.commands import schema as command

    del as_json
    return command.run(name=name)


@cli.command(short_help="Which hosts there are, and what netprobe can do on each.")
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
def hosts(*, hosts: str | None, timeout: float, as_json: bool) -> int:
    """Look at every host of the inventory: can it be reached, as root, is its Docker Engine there, what does it lack?

    Nothing is changed or sniffed. A host is usable in part where some of its state cannot be read; explain works there, and
    says what it does not know. Exit code 0 if every host is usable (in part, too), 4 if one is not.
    """
    from netprobe.commands import hosts as command

    return command.run(hosts=hosts, timeout_s=timeout, as_json=as_json)


@cli.command(short_help="A picture of the network: hosts, bridges, interfaces, containers.", epilog=TOPOLOGY_EXAMPLES)
@network_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "svg", "mermaid", "json"]),
    help="What to print.  [default: as the name after -o ends, else tree]",
)
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
@click.option("-o", "output", type=click.Path(), metavar="FILE", help="Write to FILE, a new one, whole or not at all.")
@click.option("--force", is_flag=True, help="Let -o overwrite a file that exists.")
@click.option("--all", "whole", is_flag=True, help="Leave nothing out of large hosts.")
def topology(*, as_json: bool, form: str | None, hosts: str | None, timeout: float, **asked: Any) -> int:
    """Show hosts, network namespaces, bridges, interfaces, containers, published ports, and how the hosts are joined.

    The hosts of the inventory are asked as `netprobe hosts` asks them; nothing is sent or changed. With FILE (saved by explain --save, or
    any capture) that one is shown. What is not known is said; a host that cannot be reached is named.
    """
    from netprobe.commands import topology as command

    return command.run(hosts=hosts, timeout_s=timeout, form="json" if as_json else form, **asked)


@cli.command(short_help="Containers, their networks and ports, and who reaches whom.", epilog=PS_EXAMPLES)
@network_options
@click.option("--all", "whole", is_flag=True, help="List every container, and let more of them (40) ask each other.")
@json_option
def ps(
    *, file: str | None, only: tuple[str, ...], hosts: str | None, timeout: float, whole: bool, as_json: bool
) -> int:
    """List containers with their networks, addresses and published ports, and who reaches whom.

    Who reaches whom is predicted from the hosts' state (routes, rules, NAT, sockets), nothing is sent: each host and container asks each
    container for a TCP port that is served, or an echo. With FILE (saved by explain --save) that is shown.
    """
    from netprobe.commands import ps as command

    return command.run(file=file, only=only, hosts=hosts, timeout_s=timeout, as_json=as_json, whole=whole)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. No expected fault gets out of here as a traceback."""
    arguments = list(arguments)
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return guarded(lambda: _call(arguments), as_json=_wants_json(options))


def _wants_json(options: Sequence[str]) -> bool:
    """Whether stdout is one JSON value, also where the command line cannot be read."""
    return "--json" in options or "--format=json" in options or ("--format", "json") in pairwise(options)


def _call(arguments: list[str]) -> int:
    # Not cli.main(): that answers Ctrl-C and a closed pipe in its own way, with another exit code.
    try:
        with cli.make_context("netprobe", arguments) as context:
            status = cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return status if isinstance(status, int) else 0
