"""One browser for all tests of a session that want one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.report.html.browser import Browser, missing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if absent := missing():
        pytest.skip(f"no browser: {absent} is not installed (make setup-browser)")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
