"""Tests that press Ctrl-C: they and what they start heed it, even where the tests themselves run in the background."""

import signal

import pytest


@pytest.fixture(autouse=True)
def _heeds_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
