from __future__ import annotations

from functools import partial

import pytest

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.where.never import never
from tests.flowtable.rows import several

TABLE = several(40)
COLUMNS = {field.name: partial(field.of, TABLE) for field in FIELDS}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("proto == 'TCP'", ["no flow has proto 'TCP': there is 'tcp'"]),
        ("'TCP' == proto and bytes > 1", ["no flow has proto 'TCP': there is 'tcp'"]),
        ("proto in ['tcp', 'http']", ["no flow has proto 'http': there is 'icmp', 'tcp', 'udp'"]),
        ("client == '10.0.0.0/8'", ["'10.0.0.0/8' is no address, and client is one"]),
        ("verdict == 'fails'", ["no flow has a verdict"]),
        ("proto == 'udp' and client == '10.0.0.1' and bytes == 0 and first > '2026-11-30'", []),
        ("proto != 'TCP'", []),
        ("history == 'x' and point == client", []),
    ],
)
def test_texts_that_no_row_has(text: str, lines: list[str]) -> None:
    assert never(text, COLUMNS) == lines
