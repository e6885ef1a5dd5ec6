"""The command that writes what was found out into a capture."""

from __future__ import annotations

import click

EXAMPLES = """\b
Examples:
  netprobe annotate run.pcapng -o told.pcapng
  netprobe annotate big.pcap -o told.pcapng
  tshark -r told.pcapng -N n -Y frame.comment
"""


@click.command(short_help="Write the story into a capture, for Wireshark to show.", epilog=EXAMPLES)
@click.argument("file", type=click.Path())
@click.option("-o", "output", type=click.Path(), metavar="FILE", help="Write to FILE, a new one, whole or not at all.")
@click.option("--force", is_flag=True, help="Let -o overwrite a file that exists.")
@click.option(
    "--flow",
    metavar="EXPR",
    help="The connection whose story is told, of a capture of several, as replay --flow takes it.  [default: all of them, in short]",
)
def annotate(*, file: str, output: str | None, force: bool, flow: str | None) -> int:
    """Copy a capture to a pcapng file that tells in Wireshark what netprobe found: comments on packets, interfaces and the file, names of containers.

    FILE is evidence or any capture, compressed or not. Its packets, their numbers and comments of others stay; netprobe's own comments, which begin
    with [netprobe], are replaced.
    """
    from netprobe.commands import annotate as command

    return command.run(file=file, output=output, force=force, flow=flow)
