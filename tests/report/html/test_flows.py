from __future__ import annotations

import re
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.evidence.model import CapturePoint
from netprobe.report.html import flows as module
from netprobe.report.html.flows import PageOfFlows, flows_page, to_be_told
from netprobe.tabulate import tabulate
from tests.flowtable.rows import several
from tests.report.html.browser import PHONE, Browser
from tests.report.html.flowpages import FLOWS, first_rows, flows_page_of, many, page_of_table
from tests.report.html.pages import CAPTURES
from tests.report.html.test_page import HOSTILE, few_opened, wait_for

if TYPE_CHECKING:
    from pathlib import Path

MS_SORT, MS_PAINT = 100, 1000
# until it is laid out and drawn
SORTED = """
const [place, done] = arguments;
document.querySelectorAll("#lines thead th button")[place].click();
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));
"""
PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.partition("<body>")[2]))


@pytest.fixture(scope="session")
def many_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many(tmp_path_factory.mktemp("many"))


@pytest.fixture(scope="session", params=FLOWS)
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.getbasetemp() / f"flows-{request.param}.html"
    file.write_text(flows_page_of(request.param))
    return file


def test_it_says_first_how_many_failed_and_why() -> None:
    said = text_of(flows_page_of("app-not-listening-via-proxy"))
    assert (
        said.index("2 of 2 connections failed")
        < said.index("refused (RST)")
        < said.index("What failed, packet by packet")
    )
    assert "all 1 work" not in said


def test_a_proxys_two_connections_have_one_ladder() -> None:
    page = flows_page_of("app-not-listening-via-proxy")
    assert re.findall(r'class="inside" id="(\w+)"', page) == ["l1"]
    assert page.count('<a href="#l1">') == 2
    assert "docker-proxy, which joins two connections" in page


def test_what_failed_is_told_some_of_each_kind_and_how_many_more_is_said(many_page: Path) -> None:
    page = many_page.read_text()
    assert page.count('<details class="story"') == module.MOST_LADDERS
    said = text_of(page)
    assert "135 of 5,000 connections failed" in said
    assert "nothing answered 20 of 68" in said
    assert "refused (RST) 20 of 67" in said
    assert "40 of 135 are told here" in said


def test_every_link_leads_to_something_on_the_page() -> None:
    for name in FLOWS:
        page = flows_page_of(name)
        assert set(re.findall(r'href="#([^"]*)"', page)) <= set(re.findall(r'\bid="([^"]*)"', page)), name


def test_it_says_what_was_chosen() -> None:
    file = str(CAPTURES / "app-not-listening-via-proxy.pcapng")
    table = tabulate([file], {})
    page = flows_page(
        table, first_rows(table)[:1], PageOfFlows(files=(file,), chosen=("where proto == 'tcp'",), ladders={})
    )
    assert "where proto == &#39;tcp&#39;" in page
    assert "1 of 2" in text_of(page)


def test_more_than_a_page_holds_are_left_out_and_what_failed_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(CAPTURES / "dns-client-asks.pcapng")
    table = tabulate([file], {})
    assert table.verdicts is not None
    every, failed = len(table.verdicts.failed), int(table.verdicts.failed.sum())
    monkeypatch.setattr(module, "MOST_LINES", failed)
    page = flows_page(table, first_rows(table), PageOfFlows(files=(file,), ladders={}))
    assert re.findall(r'<tr id="\w+" class="(\w+)"', page) == ["fails"] * failed
    assert f"{every - failed} others are left out" in page


def test_flows_that_nobody_judged_have_a_page_too() -> None:
    table = several(300)
    page = page_of_table(replace(table, connection=None))
    assert "300 flows" in text_of(page)
    assert "Protocols" in page
    assert "What failed" not in page


def test_no_flow_has_a_page() -> None:
    table = several(0)
    assert "no flow" in text_of(page_of_table(replace(table, connection=None)))
    assert len(to_be_told(table, np.zeros(0, np.int64))) == 0


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_what_others_chose_is_text_and_nothing_else(browser: Browser, tmp_path: Path, name: str) -> None:
    file = tmp_path / "page.html"
    points = tuple(CapturePoint(name=f"{name}/{each}", interface=name) for each in ("eth0", "eth1", "eth2"))
    table = replace(several(60, points=points), connection=None)
    asked = PageOfFlows(files=(name,), chosen=(f"where {name}",), ladders={}, untold=name)
    file.write_text(flows_page(table, first_rows(table), asked))
    browser.open(file, width=PHONE)
    assert browser.run("return document.title") != "ran"
    assert browser.run("return document.querySelectorAll('img, script, style').length") == 2
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]
    assert browser.overflow() <= 0
    assert not set(str(browser.run("return document.body.innerText"))) & set("\u202e\u2066\x1b\x9b")
    assert file.stat().st_size < 400_000


def test_a_browser_shows_it(browser: Browser, page_file: Path) -> None:
    """No complaint, nothing loaded, nothing moved, no serious fault, no scrolling sideways: on a desk, and dark on a phone."""
    browser.open(page_file)
    assert browser.shift() == 0
    few_opened(browser)
    assert browser.faults() == []
    assert browser.complaints() == []
    assert browser.requests() == [page_file.as_uri()]
    browser.open(page_file, scheme="dark", width=PHONE)
    assert browser.shift() == 0
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.overflow() <= 0
    few_opened(browser)
    assert browser.faults("color-contrast") == []


def sort(browser: Browser, place: int) -> float:
    """Press a column's head; how long that kept the page busy, in ms of the processor's time."""
    before = browser.busy_ms()
    browser.driver.execute_async_script(SORTED, place)
    return browser.busy_ms() - before


def test_five_thousand_are_painted_within_a_second(browser: Browser, many_page: Path) -> None:
    """On the clock, and therefore the best of several: other work on the machine counts as well."""
    times: list[float] = []
    while len(times) < 5 and min(times, default=MS_PAINT + 1) > MS_PAINT:
        browser.open(many_page)
        times.append(float(browser.run(PAINTED)))
    assert min(times) <= MS_PAINT
    assert browser.complaints() == []
    assert browser.overflow() <= 0


def test_five_thousand_are_sorted_at_once(browser: Browser, many_page: Path) -> None:
    browser.open(many_page)
    took = [sort(browser, place) for place in (8, 1, 7, 9, 10)]
    assert statistics.median(took) <= MS_SORT, took
    assert browser.run("return document.querySelectorAll('#lines th[aria-sort]').length") == 1
    first = "return document.querySelector('#lines tbody th').textContent"
    sort(browser, 0)
    assert browser.run(first) == "1"
    assert browser.run("return document.querySelector('#lines th').getAttribute('aria-sort')") == "ascending"
    sort(browser, 0)
    assert browser.run(first) == "5000"
    sort(browser, 5)
    assert browser.run("return document.querySelector('#lines tbody td.v').textContent") == "nothing answered"


def test_it_is_found_and_filtered_by_the_keyboard(browser: Browser, many_page: Path) -> None:
    browser.open(many_page)
    lines = "return document.querySelectorAll('#lines tbody tr').length"
    assert browser.run(lines) == module.AT_ONCE
    browser.driver.find_element("css selector", "#find").send_keys("refused")
    wait_for(browser, "return document.getElementById('more').textContent.includes('67 of 5,000')")
    assert browser.run(lines) == 67
    browser.driver.find_element("css selector", ".fates tbody tr:last-child button").send_keys("\ue007")
    wait_for(browser, "return document.getElementById('more').textContent.includes('4,865 of 5,000')")
    browser.driver.find_element("css selector", "#more button").send_keys("\ue007")
    assert browser.run(lines) == 2 * module.AT_ONCE


def test_a_failed_line_opens_its_ladder_and_leads_back(browser: Browser, many_page: Path) -> None:
    browser.open(many_page)
    browser.driver.find_element("css selector", "#lines td.v a").send_keys("\ue007")
    wait_for(browser, "return document.querySelector('details.story[open] :target') !== null")
    # a line that is not laid out is, once something leads to it
    browser.run("location.hash = '#c4999'")
    wait_for(browser, "return document.getElementById('c4999') !== null")
    assert browser.run("return document.querySelectorAll('#lines tbody tr').length") == module.AT_ONCE
    assert "Lines 4,901 to 5,000" in browser.run("return document.getElementById('more').textContent")


def test_all_lines_are_there_without_script(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of_table(replace(several(150), connection=None)))
    browser.open(file, script=False)
    assert browser.driver.find_element("css selector", "#lines tbody.rest tr:last-child").is_displayed()
    assert not browser.driver.find_element("css selector", "#find").is_displayed()
    assert not browser.driver.find_element("css selector", "#lines th button").is_enabled()
