from __future__ import annotations

from netprobe.report.document import Divider, Document, Entries, Entry, Paragraph, Row, Table, line
from netprobe.report.plain import to_plain


def test_sections_blocks_and_columns() -> None:
    document = Document(
        sections=(
            (Paragraph(content=line("head")),),
            (),
            (
                Entries(
                    entries=(
                        Entry(label="a", lines=(line("one"), line("two"))),
                        Entry(label="long", lines=(line("x"),)),
                    )
                ),
                Table(
                    head=("name", "n"),
                    rows=(
                        Row(cells=((line("网络"), line("second")), (line("7"),))),
                        Divider(content=line("between")),
                        Row(cells=((line("b"),), (line("123"),))),
                    ),
                    right=frozenset({1}),
                ),
            ),
        )
    )
    assert to_plain(document).splitlines() == [
        "head",
        "",
        "  a     one",
        "        two",
        "  long  x",
        "  name      n",
        "  网络      7",
        "  second",
        "  between",
        "  b       123",
    ]
