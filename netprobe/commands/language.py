"""``--lang``: the language of a report's fixed words, for as long as one command runs. Its catalogues are gettext's (``locale/``), made by ``make translations``."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.report.language import ENGLISH, speaking

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES = (ENGLISH, "zh")
"""Tags (BCP 47) of what there is."""
_PACKAGE = Path(__file__).parents[1]


@contextmanager
def in_language(tag: str, *packages: Path) -> Iterator[None]:
    """Print in one of :data:`LANGUAGES`.

    Args:
        tag: which.
        packages: folders of further packages whose own texts are printed, each with a catalogue called after it.
    """
    if tag == ENGLISH:
        yield
        return
    from gettext import translation

    first, *others = [translation(each.name, str(each / "locale"), [tag]) for each in (_PACKAGE, *packages)]
    for each in others:
        first.add_fallback(each)
    with speaking(tag, first.gettext):
        yield
