"""Causal devices go the whole way: trained, judged, stressed, asked, exported."""

import pandas as pd
import pytest

from tests.pipeline.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

DEVICES = [
    "causalclipseg", "denseclip", "front_door", "gaussian_backdoor", "observed_backdoor", "pseudo_intervention",
    "scale_aware",
]  # fmt: skip


def devices(params):
    params["held_out"], params["methods"] = ["A"], DEVICES
    params["train"].update(mode="partial", views=[])


def test_devices_go_the_whole_way(tmp_path):
    repository = Repository(tmp_path / "study")
    repository.edit(devices)
    repository.repro()
    for table in ("evaluate", "stress"):
        rows = pd.read_parquet(repository.folder / "artifacts" / table / "cases.parquet")
        assert set(rows["method"]) == set(DEVICES)
    for method in DEVICES:
        model = f"artifacts/train/{method}/A/0"
        repository.mcdrl("predict", "data/phantom/A/images", "--model", model, "--out", f"predicted/{method}")
        assert len(list((repository.folder / "predicted" / method).rglob("*.png"))) == 12
        repository.mcdrl("export", model, "--out", f"exported/{method}")
        assert (repository.folder / "exported" / method / "network.onnx").is_file()
