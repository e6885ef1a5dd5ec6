"""Nothing that evidence may hold makes analysis crash: packets and state are untrusted input."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe.errors import NetprobeError
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe.report.text import render
from netprobe.state.issues import Issues
from netprobe.state.parsed import _Recent
from tests.forward.test_walk import changed
from tests.spread import spread

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import CommandOutput, HostState

CAPTURES = Path(__file__).parents[1] / "captures"
SAMPLE = (
    "demo-http",
    "docker-user-drop",
    "truth-udp-same-bridge-normal",
    "name-unknown",
    "app-bound-loopback",
    "masquerade",
)
ROUNDS = 60


def load(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def broken(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut out, or doubled."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        if not out:
            break
        at = chance.randrange(len(out))
        what = chance.randrange(4)
        if what == 0:
            out[at] = chance.randrange(256)
        elif what == 1:
            del out[at : at + chance.randint(1, 40)]
        elif what == 2:
            out[at:at] = out[at : at + chance.randint(1, 40)]
        else:
            out[at : at + 4] = chance.randbytes(4)
    return bytes(out)


@pytest.mark.parametrize("name", spread(SAMPLE, 2))
def test_mutated_packets(name: str) -> None:
    whole, chance = load(name), random.Random(name)
    for _ in range(ROUNDS):
        data = bytearray(whole.packets.data)
        for row in range(len(whole.packets)):
            start, length = int(whole.packets.offset[row]), int(whole.packets.caplen[row])
            for _ in range(chance.randrange(3)):
                data[start + chance.randrange(length)] = chance.randrange(256)
        to_json(analyze(replace(whole, packets=replace(whole.packets, data=bytes(data)))))


@pytest.mark.parametrize("name", spread(SAMPLE, 2))
def test_mutated_state(name: str) -> None:
    whole, chance = load(name), random.Random(name)
    for _ in range(ROUNDS):
        to_json(analyze(replace(whole, before=damaged(whole.before, chance), after=damaged(whole.after, chance))))


@pytest.mark.parametrize("name", spread(SAMPLE, 2))
def test_mutated_files(name: str) -> None:
    data, chance = (CAPTURES / f"{name}.pcapng").read_bytes(), random.Random(name)
    for _ in range(ROUNDS):
        try:
            to_json(analyze(read(broken(data, chance))))
        except NetprobeError as fault:
            assert fault.message


def damaged(states: tuple[HostState, ...], chance: random.Random) -> tuple[HostState, ...]:
    return tuple(
        replace(state, outputs={key: damage(output, chance) for key, output in state.outputs.items()})
        for state in states
    )


def damage(output: CommandOutput, chance: random.Random) -> CommandOutput:
    if chance.random() < 0.5:
        return output
    text = broken(output.stdout.encode(), chance).decode(errors="replace")
    return replace(output, stdout=text)


def test_one_capture_under_two_names_is_refused() -> None:
    from netprobe.evidence.stream.whole import read_many
    from tests.test_replay import pcap

    whole = load("demo")
    busy = next(index for index in range(len(whole.points)) if (whole.packets.point == index).any())
    data = pcap(whole, busy)
    with pytest.raises(NetprobeError, match="one and the same capture"):
        read_many([("a.pcap", data), ("b.pcap", data)], {})


@pytest.mark.parametrize(("name", "fixed"), [("demo", ()), ("docker-user-drop", ("iptables",)), ("name-unknown", ())])
def test_no_text_is_parsed_twice(name: str, fixed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many causes ask: a big host's rules take a good part of a second. What is the same after the probe is not parsed again."""
    parsed: list[str] = []

    class Counted(Issues):
        def __init__(self, key: str) -> None:
            parsed.append(key)
            super().__init__(key)

    monkeypatch.setattr("netprobe.state.parsed.Issues", Counted)
    monkeypatch.setattr("netprobe.state.parsed._RECENT", _Recent())  # other tests read this capture, too
    evidence = load(name)
    analyze(evidence)
    moments = [*evidence.before, *evidence.after]
    for key in set(parsed):
        texts = {(state.host, state.outputs[key]) for state in moments if key in state.outputs}
        assert parsed.count(key) <= len(texts) + fixed.count(key), key  # what the remedy changes is a text of its own
    assert "iptables" in parsed or name == "name-unknown"


LABEL = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["shop", "web", "", "\x1b[2J", "\ud800", "../..", "a" * 300]
)


@settings(max_examples=40)
@given(LABEL, LABEL)
@example("\x1b]0;pwned\x07", "\u202eweb\n")
def test_compose_labels_of_any_bytes_reach_no_terminal(project: str, service: str) -> None:
    evidence = read((CAPTURES / "compose-service.pcapng").read_bytes())
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}

    def edit(text: str) -> str:
        containers = json.loads(text)
        for each in containers:
            each["Config"]["Labels"] = labels
        return json.dumps([*containers, {"Name": project, "Id": service}])

    report = analyze(changed(evidence, "server2", "containers", edit))
    text = render(report)
    assert text.replace("\n", "").isprintable()
    assert text.encode()
