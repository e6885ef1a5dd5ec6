"""Names of outputs that promise another format than what is written are refused, before anything is written or anybody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run
from netprobe.commands.ending import refuse_ending, refuse_file_name
from netprobe.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = str(Path(__file__).parents[2] / "captures" / "demo.pcapng")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topology", FILE, "-o", "t.png"], "-o t.png: a topology is not written as .png"),
        (
            ["topology", FILE, "-o", "t.svg", "--format", "mermaid"],
            "what --format mermaid prints is not written as .svg",
        ),
        (["topology", FILE, "-o", "t.json", "--format", "tree"], "what --format tree prints is not written as .json"),
        (["annotate", FILE, "-o", "x.pcap"], "-o x.pcap: an annotated capture is not written as .pcap"),
        (["annotate", FILE, "-o", "x.PCAPNG.gz"], "give it the ending .pcapng, and pack it afterwards"),
        (["annotate", FILE, "--split", "x.pcapng"], "--split x.pcapng: a folder is written there"),
        (["annotate", "--profile", "x.zip"], "--profile x.zip: a folder is written there"),
        (
            ["replay", FILE, "--html", "x.pdf"],
            "--html x.pdf: a page is not written as .pdf\n  give it the ending .html",
        ),
        (["diff", FILE, FILE, "--html", "x.json"], "--html x.json: a page is not written as .json"),
        (["flows", FILE, "--html", "x.csv"], "--html x.csv: a page is not written as .csv"),
        (["flows", FILE, "-o", "x.png", "--format", "csv"], ".png is not what --format csv writes"),
        (["explain", "demo:80", "--save", "x.pcap"], "--save x.pcap: evidence is not written as .pcap"),
        (["explain", "demo:80", "--save", "x.json"], "--save x.json: evidence is not written as .json"),
        (["explain", "demo:80", "--html", "x.png"], "--html x.png: a page is not written as .png"),
        (["explain", "demo:80", "--against", FILE, "--html", "x.png"], "--html x.png: a page is not written as .png"),
        (["lab", "tour", "--html", "x.pdf"], "--html x.pdf: a page is not written as .pdf"),
        (["annotate", FILE, "-o", "x.pcap", "--force"], "-o x.pcap: an annotated capture is not written as .pcap"),
        (["lab", "tour", "--save", "x.pcapng"], "--save x.pcapng: a folder is written there"),
    ],
)
def test_another_format_is_refused(
    words: Sequence[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out.HTM", "out.html", "out.2026-11-30", "out.server2", ".png", None])
def test_what_names_no_other_format_is_a_name(name: str | None) -> None:
    refuse_ending("--html", name, ("html", "htm"), "a page is")


def test_a_folder_with_a_files_name_is_asked_for_by_a_slash() -> None:
    refuse_file_name("--split", "x.pcapng/")
    with pytest.raises(UsageFault, match="the name of a file"):
        refuse_file_name("--split", "x.pcapng")


@pytest.mark.parametrize(("name", "begins"), [("net.mmd", "flowchart"), ("net.txt", "server1"), ("net", "server1")])
def test_a_topology_is_written_as_its_name_says(name: str, begins: str, tmp_path: Path) -> None:
    assert run(["topology", FILE, "-o", str(tmp_path / name)]) == 0
    assert begins in (tmp_path / name).read_text()
