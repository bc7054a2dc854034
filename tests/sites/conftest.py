"""Fixtures of the ingest tests."""

import pytest

from tests.sites.site_folder import SiteFolder


@pytest.fixture
def folder(tmp_path) -> SiteFolder:
    return SiteFolder(tmp_path / "site")
