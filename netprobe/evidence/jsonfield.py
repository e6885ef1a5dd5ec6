"""JSON read field by field. Reading trusts nothing: a wrong type anywhere is a :class:`Mismatch`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum


Json = dict[str, object]
T = TypeVar("T")
E = TypeVar("E", bound="StrEnum")


class Mismatch(ValueError):
    """The JSON is not of the form that netprobe writes."""


def dump(value: object) -> bytes:
    """Compact JSON, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def load(text: bytes) -> object:
    """Parse JSON, strictly: no NaN, nothing too deep, no lone surrogates.

    Raises:
        Mismatch: it is not JSON, or not of a kind that may be trusted.
    """
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Mismatch(str(error)) from error


def _no_constant(name: str) -> NoReturn:
    raise Mismatch(name)


def as_object(value: object) -> Json:
    """A JSON object. Raises Mismatch."""
    if not isinstance(value, dict):
        raise Mismatch(f"not an object: {type(value).__name__}")
    return value


def as_list(value: object) -> list[object]:
    """A JSON array. Raises Mismatch."""
    if not isinstance(value, list):
        raise Mismatch(f"not a list: {type(value).__name__}")
    return value


def as_text(value: object) -> str:
    """A string that can be encoded (lone surrogates become U+FFFD). Raises Mismatch."""
    if not isinstance(value, str):
        raise Mismatch(f"not a string: {type(value).__name__}")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_int(value: object) -> int:
    """An integer of 64 bits. Raises Mismatch."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise Mismatch(f"not a 64-bit integer: {type(value).__name__}")
    return value


def as_port(value: object) -> int:
    """A port number, or an ICMP identifier in its place. Raises Mismatch."""
    number = as_int(value)
    if not 0 <= number <= 0xFFFF:
        raise Mismatch(f"not a port: {number}")
    return number


def as_bool(value: object) -> bool:
    """A truth value. Raises Mismatch."""
    if not isinstance(value, bool):
        raise Mismatch(f"not true or false: {value!r:.60}")
    return value


def as_float(value: object) -> float:
    """A number. Raises Mismatch."""
    if isinstance(value, float) and value == value and abs(value) < float("inf"):  # noqa: PLR0124 - NaN is not itself
        return value
    return float(as_int(value))


def texts(value: object) -> tuple[str, ...]:
    """An array of strings. Raises Mismatch."""
    return tuple(as_text(item) for item in as_list(value))


def required(obj: Json, key: str, read: Callable[[object], T]) -> T:
    """What `read` makes of a field that has to be there. Raises Mismatch."""
    if key not in obj:
        raise Mismatch(f"no {key}")
    return read(obj[key])


def optional(obj: Json, key: str, read: Callable[[object], T]) -> T | None:
    """What `read` makes of a field, None where it is null or not there. Raises Mismatch."""
    value = obj.get(key)
    return None if value is None else read(value)


def default(obj: Json, key: str, read: Callable[[object], T], default: T) -> T:
    """What `read` makes of a field; what is given where it is not there: a file of an older version. Raises Mismatch."""
    return read(obj[key]) if key in obj else default


def member(kind: type[E]) -> Callable[[object], E]:
    """The reader of an enum's values; it raises Mismatch."""

    def read(value: object) -> E:
        try:
            return kind(as_text(value))
        except ValueError as error:
            raise Mismatch(str(error)) from error

    return read
