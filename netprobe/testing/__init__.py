"""For tests of other projects: saved captures replayed by pytest, and held against what should come of them.

The plugin (``netprobe.testing.plugin``) is found by pytest itself where netprobe is installed, and brings the fixture ``explain_capture``::

    def test_the_shop_is_reached(explain_capture):
        explain_capture("captures/shop.pcapng").assert_works(path="dnat")


    def test_the_firewall_is_named(explain_capture):
        explain_capture("captures/blocked.pcapng").assert_fails(cause="docker-user-drop")

:func:`assert_works` and :func:`assert_fails` take any :class:`~netprobe.Report`, such as that of :func:`netprobe.explain`. Nothing of netprobe beside
this is loaded before a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.testing.explained import ExplainCapture, Explained, assert_fails, assert_works

__all__ = ["ExplainCapture", "Explained", "assert_fails", "assert_works"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'netprobe.testing' has no attribute {name!r}")
        from netprobe.testing import explained

        return getattr(explained, name)
