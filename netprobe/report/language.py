"""In which language fixed words are said: the labels of reports. Sentences about a connection (why, causes, evidence) are English in all of them.

The command that prints says by :func:`speaking` which catalogue counts; without that, and always in JSON, it is English. Catalogues are gettext's.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

ENGLISH = "en"


def _as_it_is(message: str) -> str:
    return message


_TRANSLATE: ContextVar[Callable[[str], str]] = ContextVar("translate", default=_as_it_is)
_LANGUAGE: ContextVar[str] = ContextVar("language", default=ENGLISH)


def _(message: str) -> str:
    """Return a fixed text in the language that is spoken."""
    return _TRANSLATE.get()(message)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a text that is translated later, where it is printed; return it as it is."""
    return message


def language() -> str:
    """Return the language's tag (BCP 47)."""
    return _LANGUAGE.get()


@contextmanager
def speaking(tag: str, translate: Callable[[str], str]) -> Iterator[None]:
    """Say what is printed meanwhile in another language.

    Args:
        tag: of the language: ``zh``.
        translate: a catalogue's ``gettext``: English in, that language out.
    """
    kept = _TRANSLATE.set(translate), _LANGUAGE.set(tag)
    try:
        yield
    finally:
        _TRANSLATE.reset(kept[0])
        _LANGUAGE.reset(kept[1])


def in_english() -> AbstractContextManager[None]:
    """Return what has everything said in English meanwhile: what is written into files, whoever reads them."""
    return speaking(ENGLISH, _as_it_is)
