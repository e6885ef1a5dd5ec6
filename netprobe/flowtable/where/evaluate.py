"""A checked condition computed over whole columns. It means what ``DataFrame.query`` means on the table of :func:`netprobe.read_flows`.

So it is with what is not known, too. A whole number that is not there (pandas' NA) answers no comparison: not ``==``, not ``!=``, and ``not`` of it
neither; it is in no list. A duration, time or text that is not there (NaN) is equal to nothing: ``!=`` holds. ``== None`` asks for just that; it is the
one thing that pandas has not.
"""

from __future__ import annotations

import ast
import operator
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from netprobe.errors import UsageFault
from netprobe.flowtable.series import Addresses, Codes, Numbers, Seconds, ShortTexts, Times, Truths, known
from netprobe.flowtable.where.literals import address_of, time_of
from netprobe.flowtable.where.parse import HINT, parse
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Series

    Column = Callable[[str], Series]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Truth:
    """bool (n,): where it holds, and where that is known; what is not known holds nowhere."""

    holds: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Amount:
    """Numbers, float64 (n,), or one for all rows, NaN where there is none; and where they are known."""

    values: NDArray[np.float64]
    known: NDArray[np.bool_]


_Text: TypeAlias = Codes | ShortTexts | Addresses
_Literal: TypeAlias = str | list["str | float"] | None
_Value: TypeAlias = _Truth | _Amount | Times | _Text | _Literal
_ARITHMETIC = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_ORDER = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_YES = np.asarray(True)
_SIGN = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


def chosen(text: str, columns: Mapping[str, Callable[[], Series]], count: int) -> NDArray[np.bool_]:
    """Return bool (n,): the rows that a condition holds for.

    Args:
        text: the condition.
        columns: what makes each column; only those that it names are made.
        count: n.

    Raises:
        UsageFault: the text is no condition, or compares what cannot be compared.
    """
    tree = parse(text, columns)
    made: dict[str, Series] = {}

    def column(name: str) -> Series:
        if name not in made:
            made[name] = columns[name]()
        return made[name]

    with np.errstate(all="ignore"):
        value = _truth(_value(tree, column, count), tree)
    return value.holds & value.known


def _value(node: ast.expr, column: Column, count: int) -> _Value:
    match node:
        case ast.Constant(value=value):
            return _constant(value, count)
        case ast.Name(id=name):
            return _column(column(name))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_element(each) for each in elements]
        case ast.BoolOp(op=op, values=parts):
            truths = [_truth(_value(part, column, count), part) for part in parts]
            return reduce(_and if isinstance(op, ast.And) else _or, truths)
        case ast.UnaryOp(op=op, operand=operand):
            return _unary(op, _value(operand, column, count), operand)
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(node, _value(left, column, count), op, _value(right, column, count))
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_value(each, column, count) for each in (left, *others)]
            pairs = zip(values[:-1], ops, values[1:], strict=True)
            return reduce(_and, [_compared(node, one, op, other, count) for one, op, other in pairs])
    raise AssertionError(node)  # parse lets nothing else through


def _constant(value: object, count: int) -> _Value:
    if isinstance(value, bool):
        return _everywhere(value, count)
    if isinstance(value, int | float):
        return _Amount(values=np.asarray(_float(value)), known=_YES)
    return value if isinstance(value, str) else None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise UsageFault("--where: that number is too large", HINT) from None


def _element(node: ast.expr) -> str | float:
    """One of a list: a text or a number."""
    if isinstance(node, ast.UnaryOp):
        number = _element(node.operand)
        if isinstance(number, str):
            raise UsageFault("--where: a text has no sign", HINT)
        return -number if isinstance(node.op, ast.USub) else number
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return _float(value)
    raise UsageFault("--where: a list holds numbers and texts only", HINT)


def _column(series: Series) -> _Value:
    match series:
        case Numbers():
            return _Amount(values=np.where(series.values < 0, np.nan, series.values), known=known(series))
        case Seconds():
            return _Amount(values=np.where(series.ns < 0, np.nan, series.ns / 1e9), known=_YES)
        case Truths():
            return _Truth(holds=series.values, known=known(series))
        case _:
            return series


def _everywhere(value: bool, count: int) -> _Truth:
    return _Truth(holds=np.full(count, value), known=np.ones(count, np.bool_))


def _truth(value: _Value, node: ast.expr) -> _Truth:
    if isinstance(value, _Truth):
        return value
    raise UsageFault(f"--where: {_shown(node)} is no condition: compare it with something", HINT)


def _and(one: _Truth, other: _Truth) -> _Truth:
    no = (one.known & ~one.holds) | (other.known & ~other.holds)
    return _Truth(holds=one.holds & other.holds, known=no | (one.known & other.known))


def _or(one: _Truth, other: _Truth) -> _Truth:
    yes = (one.known & one.holds) | (other.known & other.holds)
    return _Truth(holds=yes, known=yes | (one.known & other.known))


def _unary(op: ast.unaryop, value: _Value, node: ast.expr) -> _Value:
    if isinstance(op, ast.Not | ast.Invert):
        truth = _truth(value, node)
        return _Truth(holds=~truth.holds, known=truth.known)
    if not isinstance(value, _Amount):
        raise UsageFault(f"--where: {_shown(node)} is no number", HINT)
    return _Amount(values=-value.values, known=value.known) if isinstance(op, ast.USub) else value


def _arithmetic(node: ast.expr, one: _Value, op: ast.operator, other: _Value) -> _Value:
    if isinstance(one, _Amount) and isinstance(other, _Amount):
        return _Amount(
            values=np.asarray(_ARITHMETIC[type(op)](one.values, other.values)), known=one.known & other.known
        )
    if isinstance(one, Times) and isinstance(other, Times) and isinstance(op, ast.Sub):
        apart = np.where((one.ns < 0) | (other.ns < 0), np.nan, (one.ns - other.ns) / 1e9)
        return _Amount(values=np.asarray(apart), known=_YES)
    raise UsageFault(f"--where: {_shown(node)}: only numbers can be calculated with", HINT)


def _compared(node: ast.expr, one: _Value, op: ast.cmpop, other: _Value, count: int) -> _Truth:
    """One comparison of a chain."""
    if (
        isinstance(one, list | str | type(None))
        and not isinstance(other, list | str | type(None))
        and not isinstance(op, ast.In | ast.NotIn)
    ):
        return _compared(node, other, _turned(op), one, count)
    if isinstance(op, ast.In | ast.NotIn):
        if not isinstance(other, list):
            raise UsageFault(f"--where: {_shown(node)}: `in` takes a list, such as [80, 443]", HINT)
        return _among(node, one, other, count, negated=isinstance(op, ast.NotIn))
    if isinstance(other, list):
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise _cannot(node, op)
        return _among(node, one, other, count, negated=isinstance(op, ast.NotEq))
    if other is None:
        return _absent(node, one, op, count)
    truth = _pair(node, one, op, other, count)
    return _Truth(holds=np.broadcast_to(truth.holds, count), known=np.broadcast_to(truth.known, count))


def _turned(op: ast.cmpop) -> ast.cmpop:
    """The same comparison from the other side."""
    turned = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}.get(type(op))
    return op if turned is None else turned()


def _pair(node: ast.expr, one: _Value, op: ast.cmpop, other: _Value, count: int) -> _Truth:
    compare = _ORDER[type(op)]
    equality = isinstance(op, ast.Eq | ast.NotEq)
    match one, other:
        case _Amount(), _Amount():
            return _Truth(holds=compare(one.values, other.values), known=one.known & other.known)
        case Times(), Times():
            return _where_there(compare(one.ns, other.ns), op, known(one) & known(other))
        case Times(), str():
            return _where_there(compare(one.ns, time_of(other)), op, known(one))
        case _Truth(), _Truth() if equality:
            return _Truth(holds=compare(one.holds, other.holds), known=one.known & other.known)
        case ((Codes() | ShortTexts() | Addresses()), str()) if equality:
            return _where_there(compare(_is(one, other), True), op, known(one))
        case ((Codes() | ShortTexts() | Addresses()), (Codes() | ShortTexts() | Addresses())) if equality:
            return _where_there(compare(_alike(one, other), True), op, known(one) & known(other))
        case str(), str() if equality:
            return _everywhere(compare(one, other), count)
    raise _cannot(node, op)


def _where_there(holds: NDArray[np.bool_], op: ast.cmpop, there: NDArray[np.bool_]) -> _Truth:
    """As NaN has it: what is not there is different from anything, and nothing else."""
    return _Truth(holds=holds | ~there if isinstance(op, ast.NotEq) else holds & there, known=_YES)


def _cannot(node: ast.expr, op: ast.cmpop) -> UsageFault:
    return UsageFault(
        f"--where: {_shown(node)}: {_SIGN[type(op)]} does not go between these two",
        "numbers are compared with numbers, texts with texts by == and !=, times with texts such as '2026-11-30 12:00'",
    )


def _absent(node: ast.expr, one: _Value, op: ast.cmpop, count: int) -> _Truth:
    """``== None`` and ``!= None``."""
    if not isinstance(op, ast.Eq | ast.NotEq) or isinstance(one, list | str | type(None)):
        raise _cannot(node, op)
    there = _known(one)
    return _Truth(
        holds=np.broadcast_to(~there if isinstance(op, ast.Eq) else there, count), known=np.ones(count, np.bool_)
    )


def _known(value: _Truth | _Amount | Times | _Text) -> NDArray[np.bool_]:
    if isinstance(value, _Truth):
        return value.known
    return value.known & ~np.isnan(value.values) if isinstance(value, _Amount) else known(value)


def _among(node: ast.expr, one: _Value, elements: Sequence[str | float], count: int, *, negated: bool) -> _Truth:
    """``in`` and ``not in`` a list, and ``==`` and ``!=`` with one, which mean the same in pandas."""
    texts = [each for each in elements if isinstance(each, str)]
    numbers = [each for each in elements if not isinstance(each, str)]
    match one:
        case _Amount() if not texts:
            found = np.isin(one.values, numbers)
        case Codes() | ShortTexts() | Addresses() if not numbers:
            found = reduce(operator.or_, (_is(one, each) for each in texts), np.zeros(count, np.bool_))
        case Times() if not numbers:
            found = np.isin(one.ns, [time_of(each) for each in texts])
        case _:
            raise _cannot(node, ast.NotIn() if negated else ast.In())
    return _Truth(holds=np.broadcast_to(~found if negated else found, count), known=np.ones(count, np.bool_))


def _is(series: _Text, text: str) -> NDArray[np.bool_]:
    match series:
        case Codes():
            return np.asarray(
                series.codes == series.names.index(text)
                if text in series.names
                else np.zeros(len(series.codes), np.bool_)
            )
        case ShortTexts():
            return np.asarray(series.values == text.encode("utf-8", "replace"))
        case Addresses():
            version, hi, lo = address_of(text)
            return np.asarray((series.version == version) & (series.hi == np.uint64(hi)) & (series.lo == np.uint64(lo)))


def _alike(one: _Text, other: _Text) -> NDArray[np.bool_]:
    """Where two columns of text say the same."""
    match one, other:
        case Addresses(), Addresses():
            return np.asarray((one.version == other.version) & (one.hi == other.hi) & (one.lo == other.lo))
        case Codes(), Codes():
            place = {name: index for index, name in enumerate(one.names)}
            into = np.array([*(place.get(name, -2) for name in other.names), -2], np.int64)
            return np.asarray(one.codes == into[other.codes])
        case ShortTexts(), ShortTexts():
            return np.asarray(one.values == other.values)
    return np.zeros(len(known(one)), np.bool_)


def _shown(node: ast.expr) -> str:
    return ast.unparse(node)[:80]
