from __future__ import annotations

import ast

import pytest

from netprobe.errors import UsageFault
from netprobe.flowtable.fields import NAMES
from netprobe.flowtable.where.parse import MOST_CHARACTERS, parse

REFUSED = [
    ("server_prt == 80", "there is no column 'server_prt'", "did you mean server_port"),
    ("zzz == 80", "there is no column 'zzz'", "a text takes quotes, 'zzz'; there are: flow, connection"),
    (
        "srver == 80",
        "there is no column 'srver'",
        "did you mean server? If it is a text, it takes quotes: 'srver'",
    ),
    ("server_port = 80", "cannot read", "== compares; such as"),
    ("proto == 'a=b' && bytes > 1", "cannot read", "write and, or, not; such as"),
    ("!(bytes > 1)", "cannot read", "write and, or, not; such as"),
    ("client == 10.0.0.1", "cannot read", "an address or a time is a text"),
    ("client == fd00::1", "cannot read", "an address or a time is a text"),
    ("bytes > 1kB", "cannot read", "a number is plain"),
    ("", "cannot read", "a condition is missing"),
    ("bytes is None", "knows no `is`", "such as"),
    ("`server prt` == 80", "there is no column 'server prt'", "did you mean server_port"),
    ("client.startswith('10.')", "calls nothing", "such as"),
    ("__import__('os').system('id')", "calls nothing", "such as"),
    ("abs(bytes) > 1", "calls nothing", "such as"),
    ("client.str == 'x'", "has no attributes", "such as"),
    ("bytes[0] > 1", "has no [ ]", "such as"),
    ("bytes > @limit", "@ has no meaning here", "write the value"),
    ("f'{client}' == 'x'", "takes plain texts only", "such as"),
    ("client == b'x'", "takes columns, numbers, texts", "such as"),
    ("bytes > 1j", "takes columns, numbers, texts", "such as"),
    ("(lambda: 1)", "takes columns, numbers, texts", "such as"),
    ("[each for each in bytes]", "takes columns, numbers, texts", "such as"),
    ("bytes if packets else flow", "takes columns, numbers, texts", "such as"),
    ("(x := 1) > 0", "takes columns, numbers, texts", "such as"),
    ("bytes << 3 > 1", "takes columns, numbers, texts", "such as"),
    ("bytes ^ 1 > 1", "takes columns, numbers, texts", "such as"),
    ("flow in [packets]", "a list holds numbers and texts only", "such as"),
    ("flow in [[1]]", "a list holds numbers and texts only", "such as"),
    ("bytes >", "cannot read", "such as"),
    ("", "cannot read", "such as"),
    ("bytes > 1; flow", "cannot read", "such as"),
    ("bytes = 1", "cannot read", "such as"),
    ("'", "cannot read", "such as"),
    ("\0", "cannot read", "such as"),
    ("\x1b[31m", "cannot read", "such as"),
    ("bytes > " + "1+" * MOST_CHARACTERS + "1", "longer than", "shorter"),
    ("not " * 1000 + "guessed", "", ""),
    ("-" * 4000 + "1 > 0", "", ""),
    ("(" * 150 + "bytes" + ")" * 150 + "> " + "-" * 60 + "1", "nested more than", "fewer"),
    ("+".join("1" * 700) + "> bytes", "", ""),
]


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED)
def test_what_is_not_meant_is_one_clear_line(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageFault) as fault:
        parse(text, NAMES)
    assert fault.value.message.startswith("--where: ")
    assert message in fault.value.message
    assert hint in fault.value.hint


def test_signs_bind_as_words_do() -> None:
    assert ast.unparse(parse("bytes > 1 & packets > 2 | flow == 3", NAMES)) == "bytes > 1 and packets > 2 or flow == 3"


def test_signs_in_texts_are_text() -> None:
    assert (
        ast.unparse(parse("""point == 'a & b' & history != "x|@`y`" """, NAMES))
        == "point == 'a & b' and history != 'x|@`y`'"
    )


def test_a_name_in_backticks_is_the_name() -> None:
    assert ast.unparse(parse("`bytes` > 1", NAMES)) == "bytes > 1"
