"""The tour, live: every claim is judged as declared, the page is written, and nothing stays behind, also after Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.engine import engine_version
from netprobe_lab.layout import SERVER2, SERVERS
from netprobe_lab.steps import present
from netprobe_lab.tour.command import judged, other_than_declared
from netprobe_lab.tour.model import TESTED_ENGINES, Seen, TourPart
from netprobe_lab.tour.tutorial import TUTORIAL, claims

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe_lab.layout import Lab

_LIMIT_S = 600  # on a machine that runs the whole suite beside it


def nothing_left(lab: Lab) -> bool:
    return all(present(lab, server) == ([], []) for server in SERVERS)


def known_engine(lab: Lab) -> str:
    version = engine_version(lab, SERVER2) or ""
    if version.partition(".")[0] not in TESTED_ENGINES:
        pytest.skip(f"no rulings are declared for Docker Engine {version}")
    return version


def test_chapters_are_judged_as_declared(clean_lab: Lab) -> None:
    """The first chapter without what only prepares others, and the last: what has no twin among the experiments."""
    names, link = TUTORIAL[0], TUTORIAL[2]
    seen = Seen()
    parts = (TourPart(title=names.title, steps=names.steps[:4]), link)
    rulings = [each for _, found in judged(clean_lab, seen, parts=parts) for each in found]
    assert not other_than_declared(rulings, known_engine(clean_lab))
    assert len(rulings) == 9
    assert {hop.packet.vlan for hop in seen.reports["mac2-forth"].hops if hop.packet is not None} >= {None, 1}
    assert nothing_left(clean_lab)


@pytest.mark.whole
def test_the_whole_tour(clean_lab: Lab, tmp_path: Path) -> None:
    known_engine(clean_lab)
    argv = [sys.executable, "-m", "netprobe", "lab", "tour", "--lang", "zh"]
    argv += ["--html", str(tmp_path / "tour.html"), "--save", str(tmp_path / "evidence")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("判定  ") >= len(list(claims()))
    page = (tmp_path / "tour.html").read_text()
    assert "全部论断" in page
    assert page.count('class="claim ') == len(list(claims()))
    assert len(list((tmp_path / "evidence").glob("*.pcapng"))) == page.count('<details class="finding"')
    assert nothing_left(clean_lab)


def test_ctrl_c_leaves_a_clean_lab(clean_lab: Lab) -> None:
    argv = [sys.executable, "-m", "netprobe", "lab", "tour"]
    tour = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert tour.stdout is not None
    for line in tour.stdout:  # the first step is done, and its containers are there
        if "docker rm --force asker" in line:
            break
    assert not nothing_left(clean_lab)
    tour.send_signal(signal.SIGINT)
    _, complaint = tour.communicate(timeout=_LIMIT_S)
    assert tour.returncode == 130
    assert complaint.endswith("netprobe: interrupted\n")
    assert nothing_left(clean_lab)


def test_a_folder_that_is_there_is_refused_before_anything_is_removed(clean_lab: Lab, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "netprobe", "lab", "tour", "--save", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert done.returncode == 2
    assert "exists" in done.stderr
    assert "removing" not in done.stderr
