"""Which format the flows are written in: ``--format``, else as the name behind ``-o`` ends."""

from __future__ import annotations

import stat
import sys
from importlib.util import find_spec
from pathlib import Path

from netprobe.commands.ending import FORMATS
from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.report.flows.outputs import ENDINGS, OUTPUTS, TABLE, ending_of

PARQUET = "parquet"
_TAKEN = {
    **dict.fromkeys(("xlsx", "xls", "ods"), "spreadsheets open .csv"),
    **dict.fromkeys(
        ("gz", "zst", "xz", "bz2", "zip"), "nothing is compressed but .parquet: pipe it, --format csv | gzip"
    ),
    **dict.fromkeys(("pcap", "pcapng", "cap"), "flows are no packets: editcap and tshark cut captures"),
    **dict.fromkeys(("db", "sqlite", "duckdb"), "DuckDB reads .parquet and .csv as they are"),
    **dict.fromkeys(("html", "htm"), "--html FILE writes a page"),
}
"""Of endings that promise a format that nobody writes here: what to do instead."""


def format_of(form: str | None, output: str | None) -> str:
    """Return the format, once it is known that it can be written.

    Args:
        form: ``--format``, None: not given.
        output: ``-o``, None: stdout. One that ends with / is a folder, of Parquet files.

    Raises:
        UsageFault: the name tells no format, or another one; or it is nothing for a terminal.
        EnvironmentFault: its package is not installed.
    """
    if output is not None and output.endswith("/"):
        form = _of_folder(form, output)
    elif output is not None:
        form = _of_file(form, output)
    form = form or TABLE
    if form == TABLE:
        return form
    chosen = OUTPUTS[form]
    if chosen.binary and output is None and sys.stdout.isatty():
        raise UsageFault(f"--format {form} is nothing for a terminal", f"write it to a file: -o flows.{form}")
    if chosen.package and find_spec(chosen.package) is None:
        raise EnvironmentFault(f"--format {form}: {chosen.package} is not installed", f"pip install {chosen.package}")
    return form


def _of_folder(form: str | None, output: str) -> str:
    if form not in (None, PARQUET):
        raise UsageFault(f"-o {output}: a folder is written as Parquet", "--format parquet, or the name of a file")
    return PARQUET


def _of_file(form: str | None, output: str) -> str:
    ending = ending_of(output)
    told = ENDINGS.get(ending)
    if form is None:
        if told is None and not _is_stream(output):
            raise UsageFault(f"-o {output}: {_unknown(ending)}", _hint(ending))
        return told or TABLE
    if ending == "txt" and not (form in OUTPUTS and OUTPUTS[form].binary):
        return form
    if told not in (None, form) or (told is None and ending in FORMATS):
        raise UsageFault(f"-o {output}: .{ending} is not what --format {form} writes", _hint(ending, form))
    return form


def _is_stream(output: str) -> bool:
    """Whether it is there and no plain file: a pipe, a device."""
    try:
        return not stat.S_ISREG(Path(output).stat().st_mode)
    except (OSError, ValueError):
        return False


def _unknown(ending: str) -> str:
    return f"flows are not written as .{ending}" if ending else "the name does not tell in which format"


def _hint(ending: str, form: str = "") -> str:
    """What to do instead."""
    if _TAKEN.get(ending):
        return _TAKEN[ending]
    if form:
        return f"give it the ending of that, -o flows.{next(each for each, of in ENDINGS.items() if of == form)}, or leave out --format"
    return f"--format says it, or the name's ending: {', '.join(f'.{each}' for each in ENDINGS)}"
