"""How a host is reached: an argv prefix, and nothing else."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Sequence

NETNS_ETC = Path("/etc/netns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A way to run a command on a host.

    Attributes:
        prefix: argv put before the command.
        python: the host's Python interpreter (3.7 or later).
        netns: the network namespace file that is entered, None for a whole machine.
        same_machine: whether the command's files and processes are this machine's.
    """

    prefix: tuple[str, ...] = ()
    python: str = "python3"
    netns: Path | None = None
    same_machine: bool = True

    def argv(self, command: Sequence[str], become: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the whole argv for `command`, with `become` (such as ``sudo -n``) before it."""
        return (*become, *self.prefix, *command)

    def lookup_files(self) -> dict[str, str]:
        """Return the paths of the host's own hosts file and resolv.conf.

        A ``netns:`` reach does not enter a mount namespace, so these follow iproute2's convention: ``/etc/netns/NAME/FILE``
        where that exists, else the machine's (ip-netns(8)).
        """
        files = {"hosts-file": "hosts", "resolv-conf": "resolv.conf"}
        own = {} if self.netns is None else {key: NETNS_ETC / self.netns.name / name for key, name in files.items()}
        return {
            key: str(own[key]) if key in own and own[key].exists() else f"/etc/{name}" for key, name in files.items()
        }


def parse(host: str, text: str) -> Reach:
    """Parse an inventory's ``reach``: ``local`` or ``netns:PATH``.

    Raises:
        UsageFault: it is neither.
    """
    if text == "local":
        return Reach(python=sys.executable)
    scheme, _, rest = text.partition(":")
    if scheme == "netns" and rest.startswith("/"):
        return Reach(prefix=("nsenter", f"--net={rest}", "--"), python=sys.executable, netns=Path(rest))
    if scheme == "ssh":
        raise UsageFault(
            f"host {host}: hosts reached over ssh are not supported yet",
            'use reach = "local" or "netns:PATH", or run netprobe on that host',
        )
    raise UsageFault(f"host {host}: reach = {text!r} is not understood", 'use "local" or "netns:/var/run/netns/NAME"')


def become_argv(host: str, text: str) -> tuple[str, ...]:
    """Split an inventory's ``become`` into argv, without any shell.

    Raises:
        UsageFault: its quotes do not match.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageFault(
            f"host {host}: become = {text!r}: {error}".rstrip("."), 'for example become = "sudo -n"'
        ) from None
