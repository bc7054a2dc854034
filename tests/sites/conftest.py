"""Fixtures of the tests of sites."""

import pytest

from tests.factories import pass_gate
from tests.sites.site_folder import SiteFolder


@pytest.fixture
def folder(tmp_path) -> SiteFolder:
    return SiteFolder(tmp_path / "site")


@pytest.fixture
def passed():
    """Case -> what the gate of the last site let through."""
    return {}


@pytest.fixture
def through_gate(passed):
    """Send a site through the gate, and keep in `passed` what it lets through."""

    def run(*args, **options):
        result, found = pass_gate(*args, **options)
        passed.clear()
        passed.update(found)
        return result

    return run
