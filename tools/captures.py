"""`make captures`: record every experiment again, in a lab of its own, so that nobody's containers are in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click

from netprobe.errors import NetprobeError
from netprobe_lab.layout import OVERRIDE, this_lab
from netprobe_lab.lifecycle import down, up
from netprobe_lab.record import names_typed


def main() -> int:
    """Bring a lab up, record what the command line names (everything by default), take the lab down."""
    names = names_typed(__doc__)
    lab = replace(this_lab(), id=f"{this_lab().id[:11]}c")
    try:
        up(lab, lambda _: None)
        try:
            return subprocess.run(
                [sys.executable, "-m", "netprobe_lab.record", *names],
                check=False, env=dict(os.environ, **{OVERRIDE: lab.id}), cwd=Path(__file__).resolve().parents[1],
            ).returncode  # fmt: skip
        finally:
            down(lab, lambda _: None)
    except NetprobeError as fault:
        click.echo(f"captures: {fault.message} ({fault.hint})", err=True)
        return fault.exit_code


if __name__ == "__main__":
    sys.exit(main())
