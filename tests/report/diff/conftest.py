"""The browser of the pages' tests."""

from tests.report.html.conftest import browser

__all__ = ["browser"]
