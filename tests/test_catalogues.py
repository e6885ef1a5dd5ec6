"""The catalogues of other languages: complete, nothing guessed, placeholders kept, and compiled from what is written."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("babel", reason="babel (a development dependency) reads the catalogues")

import catalogues
from babel.messages.mofile import read_mo

PACKAGES = pytest.mark.parametrize("package", catalogues.PACKAGES)


def messages(package: str) -> list[Any]:
    return [each for each in catalogues.kept(package) if each.id]


@PACKAGES
def test_every_text_that_is_marked_is_translated_and_none_is_left_over(package: str) -> None:
    marked = {each.id for each in catalogues.extracted(package) if each.id}
    assert len(marked) > 100
    assert {each.id for each in messages(package)} == marked, "make translations"
    assert not list(catalogues.missing(catalogues.kept(package)))


@PACKAGES
def test_placeholders_are_those_of_the_text(package: str) -> None:
    for each in messages(package):
        assert sorted(re.findall(r"\{[^}]*\}", each.string)) == sorted(re.findall(r"\{[^}]*\}", each.id)), each.id


@PACKAGES
def test_it_is_chinese_except_for_names_of_things(package: str) -> None:
    names = {"docker-proxy", "DNAT", "macvlan", "{}, {}", "the {}"}
    for each in messages(package):
        assert each.id in names or re.search(r"[一-鿿（：，]", each.string), each.id
        assert not re.search(r"[一-鿿][,;:]|[,;:][一-鿿]", each.string), each.string


@PACKAGES
def test_what_is_installed_is_compiled_from_it(package: str) -> None:
    with catalogues.sources(package).with_suffix(".mo").open("rb") as file:
        installed = read_mo(file)
    assert {each.id: each.string for each in installed if each.id} == {
        each.id: each.string for each in messages(package)
    }, "make translations"


def test_a_missing_or_guessed_translation_is_found() -> None:
    found = catalogues.kept("netprobe")
    found.add("new", "")
    found.add("guessed", "猜", flags=["fuzzy"])
    assert list(catalogues.missing(found)) == ["new", "guessed"]
