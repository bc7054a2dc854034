"""Weights beside the cards are a dependency by what they hold, with the real DVC."""

import os
import re

import pytest

from tests.pipeline.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_file_of_weights_beside_the_cards_runs_backbone_anew_once_it_holds_something_else(tmp_path):
    repository = Repository(tmp_path / "copy")
    place = repository.folder / "data/backbones/mine.pt"

    def ran():
        return set(re.findall(r"Running stage '([^']+)'", repository.dvc("repro", "backbone").stdout))

    place.write_bytes(b"weights")
    assert ran() == {"plan", "backbone"}
    os.utime(place)
    assert ran() == set()
    place.write_bytes(b"trained")
    assert ran() == {"backbone"}
    assert ran() == set()
