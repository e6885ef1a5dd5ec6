"""``netprobe causes``: the catalogue, and one cause explained with an example from its capture."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.errors import EXIT_WORKS, UsageFault, did_you_mean

if TYPE_CHECKING:
    from netprobe.causes.explanation import Explanation
    from netprobe.report.contract import CauseJson


def run(*, code: str | None, as_json: bool) -> int:
    """Print the catalogue, or one cause of it, and return 0.

    Raises:
        UsageFault: there is no such code.
    """
    from netprobe.causes.catalogue import CAUSES, TRAFFIC
    from netprobe.causes.explanation import explanation_of

    every = sorted((explanation_of(cause) for cause in (*CAUSES, *TRAFFIC)), key=lambda words: words.code)
    chosen = every if code is None else [words for words in every if words.code == code]
    if not chosen:
        raise UsageFault(
            f"there is no cause {code!r}",
            did_you_mean(code or "", [words.code for words in every], most=5) or "netprobe causes lists them",
        )
    if as_json:
        from netprobe.report.json import dumps

        values = [_json(words) for words in chosen]
        put(dumps(values if code is None else values[0]) + "\n")
        return EXIT_WORKS
    from netprobe.report.catalogue import lay_out_all, lay_out_one
    from netprobe.report.text import printed

    let_stdout_take_anything()
    first = chosen[0]
    texts = [(words.code, words.summary, words.note) for words in chosen]
    document = (
        lay_out_all(texts) if code is None else lay_out_one(first.code, first.sections, examples().get(first.code))
    )
    put(printed(document, columns=terminal_columns(), colour=wants_colour()))
    return EXIT_WORKS


def examples() -> dict[str, dict[str, str]]:
    """Return for each code an example: the ``capture``'s name, its ``title``, and the ``text`` that its report says about the cause."""
    loaded: dict[str, dict[str, str]] = json.loads((resources.files("netprobe.causes") / "examples.json").read_text())
    return loaded


def _json(words: Explanation) -> CauseJson:
    said = dict(words.sections)
    return {
        "code": words.code,
        "note": words.note,
        "summary": words.summary,
        "what_it_is": said.get("What it is", ""),
        "why_it_happens": said.get("Why it happens", ""),
        "evidence": said.get("Evidence", ""),
        "remedy": said.get("Remedy", ""),
        "source": said.get("Source", ""),
    }
