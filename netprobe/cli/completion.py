"""Completion in shells: click's own machinery, silent whatever happens, with what bash takes apart put together again.

A shell runs ``netprobe`` with ``_NETPROBE_COMPLETE`` set for every Tab: nothing heavy is imported, no other host is contacted.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from click.shell_completion import BashComplete, FishComplete, ZshComplete, split_arg_string

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem, ShellComplete

VARIABLE = "_NETPROBE_COMPLETE"
_BREAKS = ":@"  # of bash's COMP_WORDBREAKS: what a TARGET may hold. "=" click takes apart itself.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(BashComplete):
    """Bash takes words apart at colons and more; so it is given the line, and gets what stands behind the last of these."""

    source_template = _BASH

    def source(self) -> str:
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        if not words or (
            line[-1:].isspace() and not words[-1][-1:].isspace()
        ):  # within quotes a space is a part of the word
            return words, ""
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        _, typed = self.get_completion_args()
        typed = typed.partition("=")[2] if typed.startswith("--") and "=" in typed else typed
        cut = max(typed.rfind(each) for each in _BREAKS) + 1
        return f"{item.type},{item.value[cut:] if item.value.startswith(typed[:cut]) else item.value}"


class _Zsh(ZshComplete):
    """As click has it; what a program writes to stderr is no completion."""

    source_template = ZshComplete.source_template.replace(
        "_complete %(prog_name)s)", "_complete %(prog_name)s 2>/dev/null)"
    )


class _Fish(FishComplete):
    """As click has it; what a program writes to stderr is no completion."""

    source_template = FishComplete.source_template.replace(
        "(commandline -t) %(prog_name)s)", "(commandline -t) %(prog_name)s 2>/dev/null)"
    )


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def script(shell: str, cli: click.Command) -> str:
    """Return the script that a shell reads once; ``shell``: one of :data:`SHELLS`."""
    text = SHELLS[shell](cli, {}, "netprobe", VARIABLE).source().strip() + "\n"
    mark = f"# made by: netprobe completion {shell}\n"
    first, rest = text.split("\n", 1) if text.startswith("#compdef") else ("", text)
    return f"{first}\n{mark}{rest}" if first else mark + rest


def complete(instruction: str, cli: click.Command) -> int:
    """Print what may stand next (``instruction``: ``bash_complete`` …), and return 0. Nothing is said of what goes wrong."""
    shell = SHELLS.get(instruction.removesuffix("_complete"))
    with (
        contextlib.suppress(Exception),
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - pathlib takes longer
        contextlib.redirect_stderr(nowhere),
    ):
        text = shell(cli, {}, "netprobe", VARIABLE).complete() if shell is not None else ""
        sys.stdout.write(f"{text}\n" if text else "")
        sys.stdout.flush()
    return 0
