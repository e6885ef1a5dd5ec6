"""What the name of an output promises by its ending: one that names another format than what is written there is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.report.flows.outputs import ending_of

if TYPE_CHECKING:
    from collections.abc import Collection

CAPTURE = ("pcapng", "ntar")
PAGE = ("html", "htm")
PACKED = frozenset({"gz", "bz2", "xz", "zst", "zstd", "lz4", "zip", "tar", "tgz", "7z"})
_TEXTS = ("txt", "log", "md", "rst", "html", "htm", "xml", "json", "jsonl", "ndjson", "yaml", "yml", "toml", "tex", "mmd", "mermaid", "dot")  # fmt: skip
_TABLES = ("csv", "tsv", "xlsx", "xls", "ods", "parquet", "arrow", "arrows", "feather", "orc", "avro", "db", "sqlite", "duckdb")  # fmt: skip
_PICTURES = ("svg", "png", "jpg", "jpeg", "gif", "webp", "bmp", "tiff", "pdf", "ps", "eps")
_OTHERS = ("doc", "docx", "odt", "pcap", "pcapng", "ntar", "cap", "snoop", "erf")
FORMATS = frozenset({*PACKED, *_TEXTS, *_TABLES, *_PICTURES, *_OTHERS})
"""Endings that name a format. Others (``.old``, ``.2026-11-30``, ``.server2``) are a part of a name."""


def refuse_ending(option: str, path: str | None, written: Collection[str], what: str, hint: str = "") -> None:
    """Raise a UsageFault where a file's name promises another format.

    Args:
        option: by which it was asked for.
        path: its name; None: none was asked for.
        written: the endings of what is written, the usual one first.
        what: that, as the subject of a sentence: ``a page is``.
        hint: what to do; else to give it the usual ending.
    """
    ending = "" if path is None else ending_of(path)
    if ending not in FORMATS or ending in written:
        return
    instead = hint or f"give it the ending .{next(iter(written))}"
    if ending in PACKED:
        instead = f"give it the ending .{next(iter(written))}, and pack it afterwards"
    raise UsageFault(f"{option} {path}: {what} not written as .{ending}", instead)


def refuse_file_name(option: str, path: str | None) -> None:
    """Raise a UsageFault where a folder is to be written, and its name is a file's (a folder can have it with a / behind it)."""
    if path is not None and ending_of(path) in FORMATS and not path.endswith("/"):
        raise UsageFault(f"{option} {path}: a folder is written there, and that is the name of a file", f"{path}/ is a folder's")  # fmt: skip
