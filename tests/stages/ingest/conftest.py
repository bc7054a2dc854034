"""Fixtures of the stage's tests."""

from tests.sites.conftest import folder  # noqa: F401
