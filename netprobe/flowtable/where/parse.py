"""The text of a condition to a tree that holds nothing but columns, literals and the operators of pandas' query language.

``&`` and ``|`` bind as ``and`` and ``or`` do, as in pandas (``pandas.core.computation.expr._replace_booleans``), which is why they are turned into
those before Python's own parser reads the text.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_CHARACTERS = 4096
MOST_NODES = 1000
MOST_DEEP = 40
HINT = "such as: proto == 'tcp' and server_port in [80, 443] and bytes > 1e6 (columns: netprobe schema flows)"
_PIECE = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|`(?P<name>[^`]*)`|(?P<sign>[&|])|(?P<local>@)""", re.DOTALL
)
_WORD = {"&": " and ", "|": " or "}
_MEANT = (ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.List, ast.Tuple, ast.Name, ast.Constant)
_OPERATORS = (
    *(ast.And, ast.Or, ast.Not, ast.Invert, ast.USub, ast.UAdd),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
)


def parse(text: str, columns: Collection[str]) -> ast.expr:
    """Return the condition as a tree.

    Args:
        text: what the user wrote.
        columns: the names that it may use.

    Raises:
        UsageFault: it is no condition, too large, or uses what is not meant here: a call, an attribute, ``@``, a column that there is not.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageFault(
            f"--where: longer than {MOST_CHARACTERS} characters", "write a shorter one, or query with pandas"
        )
    try:
        tree = ast.parse(_PIECE.sub(lambda piece: _python(piece, columns), text).strip(), mode="eval").body
    except SyntaxError as error:
        raise UsageFault(f"--where: cannot read {text!r}: {error.msg}", _meant(text)) from None
    except (ValueError, RecursionError, MemoryError):  # a NUL; nested beyond what Python's parser takes
        raise UsageFault("--where: cannot read it", HINT) from None
    _check(tree, columns, deep=0)
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise UsageFault(f"--where: more than {MOST_NODES} parts", "write a shorter one, or query with pandas")
    return tree


def unknown(option: str, name: str, columns: Collection[str]) -> UsageFault:
    """Return what to say of a column that there is not: the nearest one, or all."""
    near = did_you_mean(name, columns, most=2)
    hint = near or f"there are: {', '.join(columns)}"
    if option == "--where":
        hint = (
            f"{hint} If it is a text, it takes quotes: '{name}'" if near else f"a text takes quotes, '{name}'; {hint}"
        )
    return UsageFault(f"{option}: there is no column {name!r}", hint)


def _meant(text: str) -> str:
    """What to say of a condition that Python's parser does not take: the slip, where it is one that people make."""
    bare = _PIECE.sub(lambda piece: piece["sign"] or " ", text)  # without its texts
    slips = (
        (not text.strip(), "a condition is missing"),
        ("&&" in bare or "||" in bare or re.search(r"!(?!=)", bare), "write and, or, not"),
        (re.search(r"(?<![=!<>])=(?!=)", bare), "== compares"),
        (
            re.search(r"\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f]*:", bare),
            "an address or a time is a text and takes quotes: client == '10.0.0.1'",
        ),
        (re.search(r"\d[a-zA-Z]", bare), "a number is plain, in bytes or seconds: 1500, 1e6, 0.25"),
    )
    return next((f"{hint}; {HINT}" for slip, hint in slips if slip), HINT)


def _python(piece: re.Match[str], columns: Collection[str]) -> str:
    """Return what stands for a piece of the text: quoted text as it is, a name in backticks without them, a sign as the word."""
    if piece["local"]:
        raise UsageFault(
            "--where: @ has no meaning here: there are no variables, only columns", "write the value itself"
        )
    if piece["name"] is not None:
        if piece["name"] not in columns:
            raise unknown("--where", piece["name"], columns)
        return f" {piece['name']} "
    return piece["text"] or _WORD[piece["sign"]]


def _check(node: ast.expr, columns: Collection[str], deep: int) -> None:
    """Refuse whatever is not meant here.

    Raises:
        UsageFault: as :func:`parse` says.
    """
    if deep > MOST_DEEP:
        raise UsageFault(f"--where: nested more than {MOST_DEEP} deep", "write it with fewer brackets")
    if not isinstance(node, _MEANT) or (isinstance(node, ast.Constant) and not _is_literal(node.value)):
        raise _refused(node)
    if isinstance(node, ast.Name) and node.id not in columns:
        raise unknown("--where", node.id, columns)
    if isinstance(node, ast.List | ast.Tuple) and not all(isinstance(_bare(each), ast.Constant) for each in node.elts):
        raise UsageFault("--where: a list holds numbers and texts only", HINT)
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            _check(part, columns, deep + 1)
        elif not isinstance(part, (*_OPERATORS, ast.expr_context)):
            raise _refused(node)


def _is_literal(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _bare(node: ast.expr) -> ast.expr:
    """Return what a sign stands before."""
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd) else node


def _refused(node: ast.expr) -> UsageFault:
    """Return what to say of a part that has no meaning here."""
    what = {
        ast.Call: "calls nothing: no functions, no methods",
        ast.Attribute: "has no attributes: a column is one word",
        ast.Subscript: "has no [ ] behind a name",
        ast.JoinedStr: "takes plain texts only",
        ast.Compare: "knows no `is`: == None asks for what is not there",
    }.get(type(node), "takes columns, numbers, texts, lists, comparisons, and, or, not and arithmetic")
    return UsageFault(f"--where: {what}: {ast.unparse(node)[:80]!r}", HINT)
