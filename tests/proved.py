"""Which experiments have been proved live as they stand: tests/proved.json, written by `make test-all`.

An experiment is held by three hashes: of its declaration, of its capture, and of the files of the causes that it is about. Where one of them is
another, its live run may come out otherwise, and `make test` repeats it. What netprobe makes of a saved capture is replayed on every run anyway.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.causes.catalogue import CAUSES
from netprobe_lab.experiments import EXPERIMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netprobe_lab.experiments.model import Experiment

FILE = Path(__file__).parent / "proved.json"
CAPTURES = Path(__file__).parents[1] / "captures"
SAMPLE = 24  # so many of the changed ones are run by `make test`: about a minute

Hashes = dict[str, str]

# What the machine's own engine can make; what needs one of sid's is tested by `make test-engines`.
LIVE = tuple(each for each in EXPERIMENTS if each.engine in {"", "20"})


def hashes(experiment: Experiment) -> Hashes:
    """Return what an experiment's live run rests on: ``declaration``, ``capture``, ``causes``."""
    capture = CAPTURES / f"{experiment.name}.pcapng"
    return {
        "declaration": _hash([repr(_declared(experiment)).encode()]),
        "capture": _hash([capture.read_bytes()] if capture.is_file() else []),
        "causes": _hash(file.read_bytes() for file in _cause_files(experiment)),
    }


def differing(experiments: Iterable[Experiment], proved: Mapping[str, Hashes]) -> list[Experiment]:
    """Return the experiments that were not proved, or are not any more what was."""
    return [each for each in experiments if proved.get(each.name) != hashes(each)]


def sample(experiments: Iterable[Experiment], most: int = SAMPLE) -> list[Experiment]:
    """Return at most so many of the experiments: always the same ones, from everywhere in the list."""
    every = list(experiments)
    kept = {each.name for each in sorted(every, key=lambda each: _hash([each.name.encode()]))[:most]}
    return [each for each in every if each.name in kept]


def one_of(count: int, names: Iterable[str]) -> frozenset[str]:
    """Return one of so many of the names: always the same ones, whatever others there are; one of 15 is among one of 5."""
    return frozenset(name for name in names if int(_hash([name.encode()]), 16) % count == 0)


def load(file: Path = FILE) -> dict[str, Hashes]:
    """Return what was proved, by experiment; nothing where there is no such file."""
    if not file.is_file():
        return {}
    loaded: dict[str, Hashes] = json.loads(file.read_text())
    return loaded


def note(passed: Iterable[Experiment], failed: Iterable[str], known: Iterable[str], file: Path = FILE) -> None:
    """Write what a run proved; what it disproved, and what is no experiment any more, goes."""
    gone = set(failed)
    kept = {name: value for name, value in load(file).items() if name in set(known) - gone}
    kept |= {each.name: hashes(each) for each in passed if each.name not in gone}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(kept[name])}" for name in sorted(kept))
    file.write_text("{\n" + lines + "\n}\n")


def _declared(value: object) -> object:
    """Return a declaration without what it leaves at its default: a new field of the model changes nothing."""
    if isinstance(value, tuple):
        return tuple(_declared(each) for each in value)
    if not is_dataclass(value):
        return value
    said = {each.name: (getattr(value, each.name), each.default) for each in fields(value)}
    return type(value).__name__, {name: _declared(own) for name, (own, default) in said.items() if own != default}


def _cause_files(experiment: Experiment) -> list[Path]:
    expected = experiment.expected
    codes = {expected.cause, *expected.findings, *experiment.near_miss}
    return sorted({Path(inspect.getfile(type(cause))) for cause in CAUSES if cause.code in codes})


def _hash(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:12]
