"""`make translations`: the catalogues of other languages (gettext), after texts were added or changed.

It extracts what `_(…)` and `N_(…)` mark in the code and the templates, brings each .po up to date (what is new there has no translation yet: write it, and
run this again), and compiles the .mo, which are kept in the repository, so that installing takes no tool for it. Babel does all of it.
"""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGES = ("netprobe", "netprobe_lab")
LANGUAGE = "zh"
_KEYWORDS = {"_": None, "N_": None}
_METHODS = [("**.py", "python"), ("**.j2", "jinja2.ext:babel_extract")]
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
_OPTIONS = {"**.j2": {"trimmed": "true", "silent": "false"}}


def sources(package: str) -> Path:
    """Return where a package's catalogue is written."""
    return ROOT / package / "locale" / LANGUAGE / "LC_MESSAGES" / f"{package}.po"


def extracted(package: str) -> Catalog:
    """Return all that a package has marked, without translations."""
    found = Catalog(project=package, charset="utf-8", fuzzy=False)
    folder = ROOT / package
    for file, _line, message, _comments, context in extract_from_dir(str(folder), _METHODS, _OPTIONS, _KEYWORDS):
        found.add(message, locations=[(f"{package}/{file}", 0)], context=context)
    return found


def kept(package: str) -> Catalog:
    """Return the catalogue as it is written; an empty one where there is none."""
    file = sources(package)
    if not file.is_file():
        return Catalog(locale=LANGUAGE, project=package, charset="utf-8", fuzzy=False)
    with file.open("rb") as stream:
        return read_po(stream, locale=LANGUAGE)


def compiled(catalogue: Catalog) -> bytes:
    """Return the .mo of a catalogue."""
    out = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = _ALWAYS
    write_mo(out, catalogue)
    return out.getvalue()


def missing(catalogue: Catalog) -> Iterator[str]:
    """Return what has no translation, or one that is only guessed."""
    messages: list[Any] = [each for each in catalogue if each.id]
    return (str(each.id) for each in messages if not each.string or each.fuzzy)


def brought_up_to_date(package: str) -> Catalog:
    """Write a package's .po and .mo; return the catalogue."""
    catalogue = kept(package)
    catalogue.update(extracted(package), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    file = sources(package)
    file.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    catalogue.header_comment = f"# {package} in Chinese. Written by `make translations`; the translations are people's."
    write_po(out, catalogue, width=0, sort_output=True, no_location=True)
    file.write_bytes(_without_placeholders(out.getvalue()))
    file.with_suffix(".mo").write_bytes(compiled(kept(package)))
    return catalogue


def _without_placeholders(text: bytes) -> bytes:
    """The header with what means anything alone: dates differ from run to run, and nobody fills the rest in."""
    kept = (b'"Language:', b'"Content-', b'"MIME-', b'"Plural-')
    return b"\n".join(
        each for each in text.split(b"\n") if not re.match(rb'"[A-Z][A-Za-z-]+: ', each) or each.startswith(kept)
    )


def main() -> int:
    """Bring all catalogues up to date; return 1 where a translation is missing."""
    left = [(package, text) for package in PACKAGES for text in missing(brought_up_to_date(package))]
    for package, text in left:
        print(f"{package}: no translation of {text!r}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
