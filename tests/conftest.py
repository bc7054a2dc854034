"""Fixtures for all tests."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tensors of tests are small: threads would only wait for one another


@pytest.fixture(autouse=True)
def _quiet_libraries(monkeypatch):
    """No hub and no usage data, whatever a library would like to do."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
