"""``--lang``: fixed words in Chinese; what is said of the connection, JSON, and all that comes after stay English."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.cli import run
from netprobe.cli.options import lang_option
from netprobe.commands.language import LANGUAGES, in_language
from netprobe.report.language import _, language

if TYPE_CHECKING:
    import pytest

CAPTURES = Path(__file__).parents[2] / "captures"
FILE = str(CAPTURES / "docker-user-drop.pcapng")
PROXIED = str(CAPTURES / "truth-http-loopback-normal.pcapng")


def test_labels_are_chinese_and_sentences_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", FILE, "--lang", "zh"]) == 1
    said = capsys.readouterr().out
    for words in ("从 server1 访问 demo:80", "失败，docker-user-drop", "从未到达此处", "证据", "修复方法", "（5 次）"):
        assert words in said
    assert "The SYN reached server2/eth0 (5 times) and never server2/docker0" in said
    assert "-A DOCKER-USER -s 192.168.3.0/24 -j DROP" in said
    for words in ("never arrived", "evidence", "dialled", "changed here", "took"):
        assert words not in said


def test_paths_and_changes_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", PROXIED, "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "成功，路径：docker-proxy；响应码 200" in said
    assert "docker-proxy 另建一条连接" in said


def test_english_is_the_default_also_after_a_run_in_another_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "zh_CN.UTF-8")
    run(["replay", FILE])
    before = capsys.readouterr().out
    assert "fails, docker-user-drop" in before
    run(["replay", FILE, "--lang", "zh"])
    assert run(["replay", "--lang", "zh"]) == 2
    capsys.readouterr()
    run(["replay", FILE, "--lang", "en"])
    assert capsys.readouterr().out == before
    assert language() == "en"


def test_json_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    run(["replay", FILE, "--json"])
    english = capsys.readouterr().out
    run(["replay", FILE, "--json", "--lang", "zh"])
    assert json.loads(capsys.readouterr().out) == json.loads(english)


def test_the_page_says_which_language_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["replay", PROXIED, "--lang", "zh", "--html", str(tmp_path / "zh.html")])
    capsys.readouterr()
    page = (tmp_path / "zh.html").read_text()
    assert '<html lang="zh-CN">' in page
    for words in ("逐个报文", "预测与实测对照", "进出 docker-proxy，由它衔接两条连接", "跳到结论"):
        assert words in page
    for words in ("Packet by packet", ">agree<", "Skip to", "not observable here", ">Copy<"):
        assert words not in page


def test_another_language_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", FILE, "--lang", "fr"]) == 2
    assert "'fr' is not one of 'en', 'zh'" in capsys.readouterr().err


def test_the_option_has_what_there_is() -> None:
    def command() -> None:
        """Do nothing."""

    (option,) = vars(lang_option()(command))["__click_params__"]
    assert tuple(option.type.choices) == LANGUAGES


def test_a_language_ends_with_its_block() -> None:
    with in_language("zh"):
        assert _("works") == "成功"
        assert _("no such text") == "no such text"
    assert _("works") == "works"
