from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.errors import UsageFault
from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.where.evaluate import chosen
from netprobe.report.flows.frame import frame
from tests.flowtable.rows import BEGUN_NS, every, several

TABLE = several(60)
FRAME = frame(TABLE, every(TABLE))


def rows(text: str) -> list[int]:
    columns = {field.name: partial(field.of, TABLE) for field in FIELDS}
    return np.flatnonzero(chosen(text, columns, len(TABLE))).tolist()


ATOMS = [
    "bytes > client_bytes * 2",
    "bytes == client_bytes + server_bytes",
    "client_packets < packets <= 2 * client_packets",
    "1 < flow < 50 != 7",
    "rtt < 0.001",
    "rtt == 0.000412345",
    "duration * 1000 >= 1",
    "duration // 1 == 12",
    "packets % 3 == 1",
    "client_packets ** 2 > server_packets ** 2 - 5",
    "-client_packets < -server_packets",
    "client_port == 80",
    "80 == client_port",
    "client_port != 80",
    "client_port in [80, 443]",
    "client_port not in (80, 443)",
    "server_port == [53, 9999]",
    "server_port != [53, 9999]",
    "vlan == 1",
    "vlan > 0",
    "proto == 'tcp'",
    "proto != 'tcp'",
    "proto in ['tcp', 'icmp']",
    "proto not in ['tcp', 'icmp']",
    "proto == ['udp']",
    "point == 'server2/eth0'",
    "'server2/eth0' == point",
    "point != 'nowhere'",
    "client == '10.0.0.3'",
    "client != 'fd00::a00:3'",
    "client == server",
    "client in ['10.0.0.1', '10.0.0.2', 'x']",
    "history == 'ShAd'",
    "guessed",
    "guessed == True",
    "first > '2023-11-14 22:20:00+00:00'",
    "first <= '2023-11-14T22:20:00.5+00:00'",
    "icmp_errors / 2 == 0.5",
]


@pytest.mark.parametrize("text", ATOMS)
def test_as_pandas_has_it(text: str) -> None:
    assert rows(text) == FRAME.query(text).index.tolist()


def test_each_tells_some_rows_from_others() -> None:
    dull = [text for text in ATOMS if not 0 < len(rows(text)) < len(TABLE)]
    assert dull == ["bytes == client_bytes + server_bytes", "point != 'nowhere'"]


CONDITION = st.recursive(
    st.sampled_from(ATOMS).map(lambda text: f"({text})"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "&", "|"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"(not {text})"),
        inner.map(lambda text: f"(~{text})"),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(CONDITION)
def test_put_together_as_pandas_does(text: str) -> None:
    assert rows(text) == FRAME.query(text).index.tolist()


def test_what_is_not_known_answers_nothing() -> None:
    without = rows("client_port == None")
    assert without
    assert set(without) == set(rows("proto == 'icmp'"))
    assert rows("client_port != None") == [each for each in range(len(TABLE)) if each not in without]
    for text in (
        "client_port == 80",
        "client_port != 80",
        "not client_port == 80",
        "~(client_port > 80)",
    ):
        assert not set(rows(text)) & set(without), text
    assert rows("client_port == 80 or flow > 0") == list(range(len(TABLE)))
    assert rows("client_port == 80 and flow < 0") == rows("not (client_port == 80 or flow > 0)") == []


def test_an_address_in_another_spelling_and_times_between() -> None:
    assert rows("client == 'FD00:0::A00:1'") == rows("client == 'fd00::a00:1'") != []
    assert rows("first - first == 0") == list(range(len(TABLE)))
    assert len(rows("first == '2023-11-14'")) == 0
    exact = np.datetime_as_string(np.datetime64(int(TABLE.rows["first_ns"][5]), "ns"))
    assert 5 in rows(f"first == '{exact}'")
    assert int(TABLE.rows["first_ns"][5]) > BEGUN_NS


@pytest.mark.parametrize(
    "text",
    [
        *("bytes", "'x'", "1", "[1]", "None", "bytes + 1", "first", "proto", "bytes and packets", "not bytes"),
        *(
            "proto > 'a'",
            "proto == 1",
            "proto in [1]",
            "bytes == 'x'",
            "bytes in ['x']",
            "bytes in 5",
            "bytes in proto",
        ),
        *("proto + 'x' == 'y'", "-proto == 'x'", "first == 1", "first + 1 > 2", "first > 'yesterday'", "guessed > 1"),
        *(
            "bytes in [1, 'x']",
            "flow < [1]",
            "None == None",
            "'a' == None",
            "flow > None",
            "bytes == -'x'",
            "flow in [-'x']",
        ),
        *("proto == guessed", f"bytes > {'9' * 400}"),
    ],
)
def test_what_cannot_be_compared_is_said(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^--where: "):
        rows(text)


@pytest.mark.parametrize(
    "text",
    [
        "bytes / 0 > 1",
        "bytes // 0 == 1",
        "bytes % 0 == 1",
        "9.0 ** 9 ** 9 > bytes",
        "flow > 1e308 * 10",
        "10 ** 400 > bytes",
    ],
)
def test_arithmetic_never_raises(text: str) -> None:
    assert isinstance(rows(text), list)


def test_no_rows() -> None:
    table = several(0)
    columns = {field.name: partial(field.of, table) for field in FIELDS}
    for text in ATOMS:
        assert len(chosen(text, columns, 0)) == 0
