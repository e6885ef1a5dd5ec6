from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Evidence
from netprobe.model.details import Details
from netprobe.model.remedy import run
from netprobe.model.report import Finding, Report, Verdict, Where
from netprobe.pipeline import analyze_in_detail
from netprobe.report.html.page import page
from tests.craft import evidence, handshake
from tests.loading import load
from tests.report.examples import EVIL, FAILS, PROXIED, WORKS
from tests.report.html.browser import PHONE, Browser
from tests.report.html.pages import CAPTURES, KINDS, page_of, part_of

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 300_000
HOSTILE = (
    "</script><script>document.title='ran'</script>",
    '"><img src=x onerror="document.title=\'ran\'">',
    "' onmouseover='document.title=1' x='",
    "{{ 7 * 7 }}{% include 'page.js' %}",
    "\u202egnp.exe\u2066",
    EVIL,
    "<style>body{display:none}</style>",
    "x" * 4096,
)


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind, as a file."""
    file = tmp_path_factory.getbasetemp() / f"{request.param}.html"
    file.write_text(page_of(request.param))
    return file


def hostile(text: str) -> Report:
    """A report in which everything that others choose is that text."""
    finding = Finding(
        code=text,
        summary=text,
        where=Where(host=text, component=text, rule=text),
        evidence=(text, text),
        remedies=(run(text, "iptables", "-D", text, advice=text),),
    )
    hops = tuple(replace(hop, point=f"{text}/eth0") for hop in FAILS.hops)
    return replace(
        FAILS, target=text, source=text, dialled=text, why=text, cause=finding, findings=(finding,), hops=hops, way=text,
        assumptions=(text,), unknowns=(text,), last_seen=text, first_missing=text, after=(finding,), beside={text: text},
        timing_ms={text: 1.0},
    )  # fmt: skip


def test_the_verdict_and_why_come_first() -> None:
    text = page([(FAILS, Details())])
    assert text.index("fails, docker-user-drop") < text.index(FAILS.why) < text.index("Cause and remedy")
    assert "<title>demo:80 from server1: fails, docker-user-drop</title>" in text


@pytest.mark.parametrize("report", [WORKS, PROXIED, FAILS, replace(FAILS, verdict=Verdict.UNDETERMINED, cause=None)])
def test_all_that_the_report_says_is_there(report: Report) -> None:
    text = re.sub(r"<[^>]*>", "", page([(report, Details())]))
    said = [report.why, *report.unknowns, *report.assumptions, *(each.reason for each in report.alternatives_why)]
    said += [each.summary for each in report.findings]
    if report.cause is not None:
        said += [*report.cause.evidence, str(report.cause.where.rule), *report.cause.remedies[0].lines[:1]]
    missing = [each for each in said if each.replace("'", "&#39;").replace('"', "&#34;") not in text]
    assert not missing


def test_several_reports_stand_on_one_page_each_with_its_own_names() -> None:
    text = page([(WORKS, Details()), (FAILS, Details())], ["one.pcapng", "two.pcapng"])
    idents = re.findall(r'\bid="([^"]*)"', text)
    assert len(idents) == len(set(idents))
    assert "one.pcapng" in text
    assert 'href="#r2"' in text


def test_every_link_leads_to_something_on_the_page() -> None:
    for name in KINDS:
        text = page_of(name)
        assert set(re.findall(r'href="#([^"]*)"', text)) <= set(re.findall(r'\bid="([^"]*)"', text)), name


def test_nothing_on_a_page_leads_elsewhere() -> None:
    for name in KINDS:
        text = page_of(name)
        assert not re.search(
            r"""(?:src|action|srcset|data|poster)=|url\(|@import|https?://""", text.partition("<body>")[0]
        )
        assert all(each.startswith("#") for each in re.findall(r'href="([^"]*)"', text))


@pytest.mark.parametrize("name", KINDS)
def test_a_page_is_small(name: str) -> None:
    assert len(page_of(name).encode()) <= MOST_BYTES


def test_the_packets_are_shown_with_what_changed_and_where_they_ended() -> None:
    dnat = page_of("truth-http-lan-normal")
    assert "dst by DNAT (nat/DOCKER #" in dnat
    assert "ttl 64→63" in dnat
    assert "docker-proxy, which joins two connections" in page_of("truth-http-lan-dnat-deleted")
    assert '<span class="x">lost</span>' in page_of("docker-user-drop")
    assert "VLAN 1</span>" in page_of("macvlan-vlan")


def test_the_rule_that_decides_is_marked() -> None:
    for name in ("docker-user-drop", "traced-docker-user-drop"):
        marked = re.findall(r"deciding\">\s*<p>(.*?)</p>", page_of(name))
        assert marked, name
        assert all("filter/DOCKER-USER #1" in each for each in marked), name


def test_a_prediction_says_that_nothing_was_sent() -> None:
    ((_, saved),) = load([str(CAPTURES / "docker-user-drop.pcapng")], {})
    assert saved.probe is not None
    ahead = Evidence(probe=replace(saved.probe, predict=True), before=saved.before)
    report, details = analyze_in_detail(ahead)
    text = page([(report, details)])
    assert "a prediction: nothing was sent" in text
    assert "would fail, docker-user-drop" in text


def few_opened(browser: Browser) -> None:
    """Open all that can be, and leave of what is of one form (packets, rows, points of a list) a few: each takes a reader's checks as long as the first."""
    browser.run(
        "document.querySelectorAll('details.packet:nth-of-type(n+3), tbody tr:nth-child(n+7), li:nth-child(n+5), .layers section:nth-child(n+3)')"
        ".forEach(each => each.remove());"
        "document.querySelectorAll('details').forEach(each => each.open = true)"
    )


def test_a_desk_shows_it(browser: Browser, kind: Path) -> None:
    """Nothing to complain of, nothing loaded, nothing moved; and axe: contrast, names of what can be reached, headings, tables that say what is whose …"""
    browser.open(kind)
    assert browser.shift() == 0
    few_opened(browser)
    assert browser.faults() == []
    assert browser.complaints() == []
    assert browser.requests() == [kind.as_uri()]


def test_a_phone_shows_it_in_the_dark_without_scrolling_sideways(browser: Browser, kind: Path) -> None:
    browser.open(kind, scheme="dark", width=PHONE)
    assert browser.overflow() <= 0
    browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert browser.overflow() <= 0
    few_opened(browser)
    assert browser.faults("color-contrast") == []


def test_what_cannot_be_read_is_found(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        "<!doctype html><title>faint</title><main><p style='color: #ccc; background: #fff'>faint</p><img src='data:,'></main>"
    )
    browser.open(file)
    assert {rule for rule, _ in browser.faults()} >= {"color-contrast", "image-alt"}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_others_chose_is_text_and_nothing_else(browser: Browser, tmp_path: Path, text: str) -> None:
    file = tmp_path / "page.html"
    _, details = part_of("docker-user-drop")
    file.write_text(page([(hostile(text), details)]))
    browser.open(file, width=PHONE)
    assert browser.run("return document.title").startswith(text[:3] if text.isprintable() else "")
    assert browser.run("return document.title") != "ran"
    assert browser.run("return document.querySelectorAll('img, script, style').length") == 2
    assert browser.run("return getComputedStyle(document.body).display") != "none"
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]
    assert browser.overflow() <= 0
    shown = str(browser.run("return document.body.innerText"))
    assert not set(shown) & set("\u202e\u2066\x1b\x9b")


def test_it_says_everything_without_script(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of("docker-user-drop"))
    browser.open(file, script=False)
    assert "iptables -D DOCKER-USER" in browser.driver.find_element("css selector", ".remedy").text
    assert not browser.driver.find_element("css selector", "button.copy").is_displayed()


def test_the_remedy_is_copied_by_a_button(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of("docker-user-drop"))
    browser.open(file)
    button = browser.driver.find_element("css selector", "button.copy")
    button.click()
    wait_for(browser, "return document.querySelector('button.copy').textContent != 'Copy'")


def test_a_frame_of_the_ladder_opens_its_packet(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of("docker-user-drop"))
    browser.open(file)
    browser.driver.find_element("css selector", ".ladder a.f").send_keys("\ue007")  # Enter: by the keyboard alone
    wait_for(browser, "return document.querySelector('details.packet').open")
    assert "IPv4" in browser.driver.find_element("css selector", "details.packet").text


def test_captures_from_elsewhere_have_a_page_too(browser: Browser, tmp_path: Path) -> None:
    sent = [*handshake("eth0", "10.0.0.1:1000", "10.0.0.2:80", 0), *handshake("br0", "10.0.0.1:1000", "10.0.0.2:80", 3)]
    file = tmp_path / "page.html"
    file.write_text(page([analyze_in_detail(evidence(sent))]))
    browser.open(file, width=PHONE)
    few_opened(browser)
    assert browser.faults() == []
    assert browser.complaints() == []
    assert browser.overflow() <= 0


def test_what_moves_is_found(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    late = "requestAnimationFrame(() => requestAnimationFrame(() => { document.getElementById('a').style.height = '300px' }))"
    file.write_text(f"<!doctype html><title>moves</title><p id=a>above<p>below<script>{late}</script>")
    browser.open(file)
    assert browser.shift() > 0


def wait_for(browser: Browser, script: str) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser.driver, 60).until(lambda _: browser.run(script))
