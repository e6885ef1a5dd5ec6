"""What netprobe tells of itself: the options of ``netprobe causes`` and ``schema``."""

from __future__ import annotations

import click

from netprobe.cli.options import json_option


@click.command(short_help="The causes that netprobe knows, each explained.")
@click.argument("code", required=False)
@json_option
def causes(code: str | None, as_json: bool) -> int:
    """List the causes that netprobe knows, or explain the one called CODE, with an example where the lab has recorded one."""
    from netprobe.commands import causes as command

    return command.run(code=code, as_json=as_json)


@click.command(short_help="The JSON Schemas of what --json prints.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As without it: a schema is JSON already.")
def schema(name: str | None, as_json: bool) -> int:
    """Print the JSON Schema (2020-12) called NAME: report, error, flows, hosts, topology, ps, diff or causes; without NAME all of them, by name."""
    from netprobe.commands import schema as command

    del as_json
    return command.run(name=name)
