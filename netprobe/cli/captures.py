"""What reads captures: the options of ``netprobe replay`` and ``netprobe flows``."""

from __future__ import annotations

from typing import Any

import click

from netprobe.cli.options import (
    continued_by,
    deep_option,
    html_option,
    json_option,
    lang_option,
    output_options,
    quiet_option,
    verbose_option,
)

REPLAY_EXAMPLES = """\b
Examples:
  netprobe replay run.pcapng
  netprobe replay --point server2/eth0=a.pcap --point server2/docker0=b.pcap
  ssh HOST tcpdump -U -w - port 80 | netprobe replay -
  netprobe replay a.pcap --flow '192.168.3.201:41290>192.168.3.202:80/tcp'
"""
DIFF_EXAMPLES = """\b
Examples:
  netprobe diff yesterday.pcapng today.pcapng
  netprobe diff yesterday.pcapng today.pcapng --html difference.html
  netprobe explain web:80 --against yesterday.pcapng
\b
Exit codes:
  0   the same: one journey, and one end
  1   they differ
  2   two different questions, or a file that is none of netprobe's
  3   no difference was seen, and not all of it could be
"""
FLOWS_EXAMPLES = """\b
Examples:
  netprobe flows big.pcap --top 20
  netprobe flows eth0.pcap docker0.pcap --where "server_port == 443 and client_retransmits > 10"
  netprobe flows ring.pcap* --sort -duration --format csv > flows.csv
  netprobe flows big.pcap.zst -o flows.parquet
  netprobe flows big.pcap --html flows.html
"""


@click.command(short_help="Explain saved evidence, or captures of tcpdump and Wireshark.", epilog=REPLAY_EXAMPLES)
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(readable=False))
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
@lang_option()
@quiet_option
@verbose_option
def replay(
    *,
    files: tuple[str, ...],
    points: tuple[str, ...],
    flow: str | None,
    html: str | None,
    force: bool,
    output: str | None,
    deep: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Explain saved evidence again, or captures of tcpdump and Wireshark.

    An evidence file gives one report. Plain pcap and pcapng files given together are the capture points of one connection. Any of them may be
    compressed (gzip, zstd, xz, bzip2). - is standard input.
    """
    from netprobe.commands import replay as command

    return command.run(
        files=files,
        points=points,
        flow=flow,
        output=output,
        deep=deep,
        html=html,
        force=force,
        quiet=quiet,
        verbose=verbose,
    )


@click.command(short_help="What differs between a run that worked and one that did not.", epilog=DIFF_EXAMPLES)
@click.argument("good", type=click.Path(readable=False))
@click.argument("bad", type=click.Path(readable=False))
@click.option("--flow", metavar="EXPR", help="Which connection, of captures from elsewhere: as of replay.")
@click.option("--all", "whole", is_flag=True, help="Show every difference of state, also what does not bear on it.")
@json_option
@html_option
@click.option("--force", is_flag=True, help="Let --html overwrite a file that exists.")
def diff(*, good: str, bad: str, flow: str | None, whole: bool, as_json: bool, html: str | None, force: bool) -> int:
    """Compare two saved runs of one question: where their journeys part first, and what of the hosts' state differs that bears on it.

    GOOD and BAD are files that --save wrote (or captures, of which packets alone are compared). What each run names anew (ids, veths, counters,
    times, addresses that Docker chose) is no difference. Either may be the one that fails.
    """
    from netprobe.commands import diff as command

    return command.run(good=good, bad=bad, flow=flow, whole=whole, as_json=as_json, html=html, force=force)


@click.command(short_help="List all flows of large captures, as a table or for programs.", epilog=FLOWS_EXAMPLES)
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(readable=False))
@click.option("--point", "points", multiple=True, metavar="NAME=FILE", help="A capture file, and where it was taken.")
@click.option(
    "--where",
    metavar="EXPR",
    shell_complete=continued_by("conditions"),
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
    shell_complete=continued_by("orders"),
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
@click.option(
    "-o",
    "output",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write to FILE, a new one, whole or not at all; - is stdout.",
)
@click.option(
    "--html",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write the flows to FILE, a new one, as a page for browsers that needs nothing else; each failed one with its packets; -: to stdout, in place of the table.",
)
@click.option("--force", is_flag=True, help="Let -o and --html overwrite a file that exists.")
@click.option(
    "--state",
    type=click.Path(readable=False),
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
    from netprobe.commands.flowsasked import FlowsAsked

    return command.run(FlowsAsked(form=form, verdict=not no_verdict, **asked))
