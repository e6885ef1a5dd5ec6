"""The command that writes what was found out into a capture."""

from __future__ import annotations

import click

EXAMPLES = """\b
Examples:
  netprobe annotate run.pcapng -o told.pcapng
  netprobe annotate --point server2/eth0=big.pcap -o told.pcapng
  netprobe annotate run.pcapng -o - | wireshark -k -i -
  netprobe annotate run.pcapng --split points/
  netprobe annotate --profile ~/.config/wireshark/profiles/netprobe
  wireshark -C netprobe told.pcapng
"""


@click.command(short_help="Write the story into a capture, for Wireshark to show.", epilog=EXAMPLES)
@click.argument("file", required=False, type=click.Path(readable=False))
@click.option(
    "-o",
    "output",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write to FILE, a new one, whole or not at all; - is stdout.",
)
@click.option("--force", is_flag=True, help="Let -o overwrite a file that exists.")
@click.option("--point", "points", multiple=True, metavar="NAME=FILE", help="A capture file, and where it was taken.")
@click.option(
    "--flow",
    metavar="EXPR",
    help="The connection whose story is told, of a capture of several, as replay --flow takes it.  [default: all of them, in short]",
)
@click.option(
    "--split",
    type=click.Path(readable=False),
    metavar="DIR",
    help="Write a file for each capture point to DIR, a new folder: a packet that several points saw is no retransmission there.",
)
@click.option(
    "--profile",
    type=click.Path(readable=False),
    metavar="DIR",
    help="Write columns, colours and settings for Wireshark to DIR, a new folder among its profiles; FILE may be left out.",
)
def annotate(
    *,
    file: str | None,
    output: str | None,
    force: bool,
    points: tuple[str, ...],
    flow: str | None,
    split: str | None,
    profile: str | None,
) -> int:
    """Copy a capture to a pcapng file that tells in Wireshark what netprobe found: comments on packets, interfaces and the file, names of containers.

    FILE is evidence or any capture, compressed or not. Its packets, their numbers and comments of others stay; netprobe's own comments, which begin
    with [netprobe], are replaced.
    """
    from netprobe.commands import annotate as command

    return command.run(file=file, output=output, force=force, flow=flow, split=split, profile=profile, points=points)
