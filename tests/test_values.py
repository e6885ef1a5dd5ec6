"""A class made by netprobe's ``dataclass`` behaves as one made by the standard library's."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any, ClassVar

import pytest

from netprobe import values


class Plain:
    """Fields of every kind."""

    kind: ClassVar[str] = "plain"
    name: str
    count: int = 3
    items: tuple[str, ...] = ()
    table: dict[str, int] = field(default_factory=dict)
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


Ours: Any = values.dataclass(frozen=True, slots=True, kw_only=True)(type("Plain", (), dict(vars(Plain))))
Theirs: Any = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(type("Plain", (), dict(vars(Plain))))


@values.dataclass(frozen=True, slots=True)
class Base:
    first: int
    second: int = 2


@values.dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    third: str

    def __post_init__(self) -> None:
        if not self.third:
            raise ValueError("third is empty")


@values.dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    pass


@values.dataclass(frozen=True, slots=True, kw_only=True)
class OwnWay:
    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnWay) and other.name.lower() == self.name.lower()

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "mine"


@values.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identical:
    name: str


GIVEN: list[dict[str, Any]] = [
    {"name": "a"},
    {"name": "a", "count": 0, "items": ("x",), "table": {"y": 1}, "note": "n", "secret": "s"},
    {"name": "b", "note": "another"},
]


@pytest.mark.parametrize("given", GIVEN)
def test_objects_are_as_the_standard_librarys(given: dict[str, Any]) -> None:
    ours, theirs = Ours(**given), Theirs(**given)
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert ours == Ours(**given)
    assert ours != theirs
    assert dataclasses.astuple(replace(ours, count=9)) == dataclasses.astuple(replace(theirs, count=9))
    assert copy.deepcopy(ours) == ours
    assert not hasattr(ours, "__dict__")


def test_a_field_that_does_not_count_is_not_compared() -> None:
    assert Ours(name="a", note="x") == Ours(name="a", note="y")
    assert Ours(name="a") != Ours(name="b")


def test_what_is_given_wrongly_is_a_type_error() -> None:
    for given in ({}, {"name": "a", "no": 1}):
        with pytest.raises(TypeError):
            Ours(**given)
    with pytest.raises(TypeError):
        Ours("a")


def test_defaults_are_made_anew_for_each_object() -> None:
    assert Ours(name="a").table is not Ours(name="a").table


def test_nothing_can_be_set_or_deleted() -> None:
    value = Base(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'first'"):
        value.first = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'other'"):
        value.other = 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'first'"):
        del value.first
    assert value == Base(1, 2)


def test_hashes_follow_equality() -> None:
    assert len({Base(1), Base(1, 2), Base(first=1, second=3)}) == 2
    assert {Empty(): 1}[Empty()] == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours(name="a"))  # it holds a dict, as theirs does
    with pytest.raises(TypeError, match="unhashable"):
        hash(Theirs(name="a"))


def test_a_derived_class_has_all_fields_and_its_own_check() -> None:
    value = Derived(1, third="x")
    assert repr(value) == "Derived(first=1, second=2, third='x')"
    assert value != Base(1)
    assert [each.name for each in fields(value)] == ["first", "second", "third"]
    with pytest.raises(ValueError, match="third is empty"):
        Derived(1, third="")


def test_what_a_class_defines_itself_stays() -> None:
    assert OwnWay(name="A") == OwnWay(name="a")
    assert hash(OwnWay(name="A")) == 7
    assert repr(OwnWay(name="A")) == "mine"


def test_without_eq_only_the_same_object_is_equal() -> None:
    one = Identical(name="a")
    assert one != Identical(name="a")
    assert len({one, Identical(name="a")}) == 2


def test_a_value_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Derived(1, third="x"))) == Derived(1, third="x")  # noqa: S301 - what it wrote itself


def test_one_that_may_change_is_the_standard_librarys() -> None:
    made: Any = values.dataclass(slots=True)(type("Changing", (), {"__annotations__": {"count": "int"}}))
    value = made(1)
    value.count = 2
    assert value == made(2)
