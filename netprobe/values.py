"""``dataclass`` as the standard library has it, for values that never change, at a fifth of its cost when a class is defined.

:mod:`dataclasses` compiles six functions for each class, one by one: 0.7 ms a class, and most of a short run is the import of classes. Here
the standard library still finds the fields and makes the slots; of the functions only ``__init__`` depends on them enough to be compiled,
and that waits until the first object is made. The others are closures over the fields' names. To type checkers it is the standard library's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass

Value = TypeVar("Value")

__all__ = ["dataclass"]

if not TYPE_CHECKING:

    def dataclass(*, frozen=False, slots=False, kw_only=False, eq=True):
        """Return a decorator for a class: :func:`dataclasses.dataclass` with these options, for a frozen one made here."""
        if not frozen:
            return dataclasses.dataclass(slots=slots, kw_only=kw_only, eq=eq)
        return lambda cls: _frozen(cls, slots=slots, kw_only=kw_only, eq=eq)


def _frozen(cls: type[Value], *, slots: bool, kw_only: bool, eq: bool) -> type[Value]:
    cls.__doc__ = (
        cls.__doc__ or cls.__name__
    )  # else the standard library writes the signature there, which takes as long as all else
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
    own = vars(made)
    functions = {"__init__": _later_init(made), "__repr__": _repr, **_refusals(made)}
    functions |= _comparisons(made) if eq else {}
    functions |= {"__getstate__": _getstate, "__setstate__": _setstate} if slots else {}
    for name, function in functions.items():
        if own.get(name) is None:
            setattr(made, name, function)
    return made


def _later_init(cls: type[Any]) -> Callable[..., None]:
    """Return an ``__init__`` that puts the real one in its place when it is first called."""

    def __init__(self: object, *given: object, **named: object) -> None:  # noqa: N807 - becomes a method
        cls.__init__ = _init_of(cls)
        cls.__init__(self, *given, **named)

    return __init__


def _init_of(cls: type[Any]) -> Callable[..., None]:
    """Compile what sets every field, as :mod:`dataclasses` does. The text has names alone: values are its variables."""
    known: dict[str, object] = {"_set": object.__setattr__, "_missing": MISSING}
    positional, named, body = ["self"], ["*"], []
    for each in fields(cls):
        default, factory = f"_default_{each.name}", f"_factory_{each.name}"
        known |= {default: each.default, factory: each.default_factory}
        value, parameter = each.name, each.name
        if each.default is not MISSING:
            parameter += f"={default}"
        elif each.default_factory is not MISSING:
            parameter += "=_missing"
            value = f"{factory}() if {each.name} is _missing else {each.name}"
        if each.init:
            (named if each.kw_only else positional).append(parameter)
            body.append(f"_set(self, {each.name!r}, {value})")
        elif each.default_factory is not MISSING:
            body.append(f"_set(self, {each.name!r}, {factory}())")
    body += ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    parameters = ", ".join([*positional, *(named if len(named) > 1 else ())])
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), known)  # noqa: S102 - names of fields, which are identifiers
    init: Callable[..., None] = known["__init__"]  # type: ignore[assignment]
    return init


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refusals(cls: type[Any]) -> dict[str, Callable[..., Any]]:
    """What refuses to set or delete a field."""
    names = frozenset(each.name for each in fields(cls))

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807 - becomes a method
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: object, name: str) -> None:  # noqa: N807 - becomes a method
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _comparisons(cls: type[Any]) -> dict[str, Callable[..., Any]]:
    """Equal and hashed by all fields that count, as a tuple of them would be."""
    compared = [each for each in fields(cls) if each.compare]
    key, hashed = (
        _tuple_of([each.name for each in compared]),
        _tuple_of([e.name for e in compared if e.hash is not False]),
    )

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - becomes a method
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807 - becomes a method
        return hash(hashed(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _tuple_of(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _getstate(self: Any) -> list[object]:
    return [getattr(self, each.name) for each in fields(self)]


def _setstate(self: Any, state: list[object]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
