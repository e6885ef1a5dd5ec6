"""A report in a notebook's cell: the same words as in a terminal, escaped, with no script and no link."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import netprobe
from netprobe.report.document import Document, Entries, Entry, Paragraph, Row, Span, Style, Table, line
from netprobe.report.html.fragment import fragment
from netprobe.report.text import lay_out, render
from tests.mutilation import CAPTURES


class Words(HTMLParser):
    """The texts and the elements of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.used: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.used.add(tag)
        assert {name for name, _ in attrs} <= {"class", "style", "colspan", "scope"}
        self.text += "" if tag == "span" else " "
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += "" if tag == "span" else " "

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["demo", "docker-user-drop", "truth-tcp-own-normal", "ct-count-uncounted"])
def test_it_says_what_the_text_says(name: str) -> None:
    report = netprobe.replay(CAPTURES / f"{name}.pcapng")
    found = Words()
    shown = report._repr_html_()  # as Jupyter asks for it
    assert shown == fragment(lay_out(report))
    found.feed(shown)
    assert found.open == []
    assert found.used <= {"div", "span", "table", "thead", "tbody", "tr", "th", "td", "br"}
    assert sorted(found.text.split()) == sorted(render(report).split())


def test_nothing_in_it_is_markup_of_others() -> None:
    evil = "</td><script>alert(1)</script>\u202e&amp;\x1b[31m"
    document = Document(
        sections=(
            (Paragraph(content=line(Span(evil, Style.BAD), evil)),),
            (Entries(entries=(Entry(label=evil, lines=(line(evil), line(evil))),)),),
            (Table(head=(evil, "b"), rows=(Row(cells=((line(evil),), (line("1"),))),), right=frozenset({1})),),
        )
    )
    made = fragment(document)
    assert "<script" not in made
    assert "\x1b" not in made
    assert "\u202e" not in made
    assert made.count("&lt;script&gt;") == 6 + 1  # a bad span and a plain one, a label, two lines, a heading, a cell
    assert not re.search(r"(src|href|on\w+)=", made)
