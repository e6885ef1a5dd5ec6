"""What netprobe tells of itself: the options of ``netprobe causes`` and ``schema``."""

from __future__ import annotations

import click

from netprobe.cli.options import completed_by, json_option

COMPLETION_EXAMPLES = """\b
Examples:
  source <(netprobe completion bash)
  netprobe completion zsh > ~/.zfunc/_netprobe
  netprobe completion fish > ~/.config/fish/completions/netprobe.fish
"""


@click.command(short_help="The causes that netprobe knows, each explained.")
@click.argument("code", required=False, shell_complete=completed_by("cause_codes"))
@json_option
def causes(code: str | None, as_json: bool) -> int:
    """List the causes that netprobe knows, or explain the one called CODE, with an example where the lab has recorded one."""
    from netprobe.commands import causes as command

    return command.run(code=code, as_json=as_json)


@click.command(short_help="The JSON Schemas of what --json prints.")
@click.argument("name", required=False, shell_complete=completed_by("schemas"))
@click.option("--json", "as_json", is_flag=True, help="As without it: a schema is JSON already.")
def schema(name: str | None, as_json: bool) -> int:
    """Print the JSON Schema (2020-12) called NAME: report, error, flows, hosts, topology, ps, diff or causes; without NAME all of them, by name."""
    from netprobe.commands import schema as command

    del as_json
    return command.run(name=name)


@click.command(short_help="Completion for a shell.", epilog=COMPLETION_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script by which SHELL completes netprobe's command lines: commands, options, containers, services, hosts, ports, causes, files.

    `make install` puts it where the shell finds it. What it offers comes from this machine's engines and hosts file; no other host is asked.
    """
    from netprobe.cli.completion import script
    from netprobe.commands.outcome import put

    put(script(shell, context.find_root().command))
    return 0


@click.command(short_help="The manual page.")
@click.pass_context
def man(context: click.Context) -> int:
    """Print the manual page of netprobe, for man: `netprobe man | man -l -`. `make install` installs it."""
    from netprobe.cli.man import manual
    from netprobe.commands.outcome import put

    root = context.find_root().command
    put(manual(root) if isinstance(root, click.Group) else "")
    return 0
