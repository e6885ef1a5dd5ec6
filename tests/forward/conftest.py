"""The recorded hosts of tests/state, for walks through them."""

from tests.state.conftest import evidence, issues, lab, sample, server2, world  # noqa: F401 - fixtures
