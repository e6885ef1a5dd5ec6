"""Which public collections are compared, and the capture files of a folder."""

from __future__ import annotations

import contextlib
import gzip
import shlex
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).parents[1] / "collections.txt"
_MAGICS = frozenset(
    bytes.fromhex(each) for each in ["a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "a1b2cd34", "34cdb2a1", "0a0d0d0a"]
)
_GZIP = b"\x1f\x8b"
_ARCHIVES = {b"PK\3\4": "zip", b"BZh": "bzip2", b"\xfd7zX": "xz", b"7z\xbc\xaf": "7z", b"(\xb5/\xfd": "zstd"}
_NAMES = (".pcap", ".pcapng", ".cap", ".trace", ".dmp", ".dump", ".snoop", ".erf", ".ntar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One line of the list.

    Attributes:
        name: ``OWNER/NAME`` on GitHub.
        commit: what was compared.
        folder: where the captures are in it, ``.`` everywhere.
        license: of the repository, as SPDX has it, or what it says.
    """

    name: str
    commit: str
    folder: str
    license: str

    def at(self, root: Path) -> Path:
        """Where it is kept."""
        return root / self.name.replace("/", "+") / self.folder

    def commands(self, root: Path) -> str:
        """What gets it."""
        place = shlex.quote(str(root / self.name.replace("/", "+")))
        return (
            f"  git init --quiet {place}\n"
            f"  git -C {place} fetch --depth 1 https://github.com/{self.name} {self.commit}\n"
            f"  git -C {place} checkout FETCH_HEAD -- {self.folder}"
        )


def collections(text: str | None = None) -> list[Collection]:
    """Read the list: ``OWNER/NAME COMMIT FOLDER LICENSE``, a line each."""
    lines = (LIST.read_text() if text is None else text).splitlines()
    rows = [line.split(maxsplit=3) for line in lines if line.strip() and not line.startswith("#")]
    return [
        Collection(name=name, commit=commit, folder=folder, license=rights) for name, commit, folder, rights in rows
    ]


def captures_in(folder: Path) -> list[Path]:
    """Return the files that begin as pcap or pcapng does, plain or in gzip, whatever they are called, by name."""
    return [file for file in _files(folder) if _head(file) in _MAGICS]


def others_in(folder: Path) -> Counter[str]:
    """Count what may hold captures and is not compared, by what it is: nothing is left out silently."""
    counted: Counter[str] = Counter()
    for file in _files(folder):
        head = _head(file)
        if head in _MAGICS:
            continue
        archive = next((name for magic, name in _ARCHIVES.items() if head.startswith(magic)), None)
        if archive is not None or ".tar" in file.suffixes or file.suffix == ".tgz":
            counted[f"{archive or 'tar'} archives, not unpacked"] += 1
        elif file.suffix in _NAMES:
            counted["named as captures, and neither pcap nor pcapng"] += 1
    return counted


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and ".git" not in file.parts]


def _head(file: Path) -> bytes:
    """The first bytes, of what a gzip file holds."""
    with file.open("rb") as opened:
        head = opened.read(4)
    if head.startswith(_GZIP):
        with contextlib.suppress(OSError, EOFError, zlib.error), gzip.open(file) as unpacked:
            return unpacked.read(4)
    return head
