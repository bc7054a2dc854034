"""Fixtures for all tests."""

import pytest


@pytest.fixture(autouse=True)
def _quiet_libraries(monkeypatch):
    """No hub and no usage data, whatever a library would like to do."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
