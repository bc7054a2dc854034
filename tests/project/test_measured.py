"""README's comparisons come out again from the tables in docs/measured, by the command that stands beside them."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
_SPEC = importlib.util.spec_from_file_location("pairs_benchmark", ROOT / "tests" / "benchmarks" / "pairs.py")
pairs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pairs)

THREE_SEEDS = {
    "mcdrl": "`mcdrl`",
    "no_mtrs": "`no_mtrs`",
    "no_cdrl": "`no_cdrl`",
    "mcdrl_literal": "`mcdrl_literal` (the letter of the paper)",
    "mcdrl_random": "`mcdrl_random` (a dictionary of random vectors)",
    "balanced": "`balanced` (no texts; classes drawn with even chances)",
    "mcdrl_balanced": "`mcdrl_balanced`",
    "counterfactual": "`counterfactual`",
    "nullspace": "`nullspace`",
    "mcdrl_alpha0.1": "`mcdrl`, alpha 0.1",
    "mcdrl_random_alpha0.1": "`mcdrl_random`, alpha 0.1",
    "phrases15": "15 phrases",
}
ONE_TRAINING = {
    "mcdrl_viewpoint": "partial", "mixstyle": "suffix", "mcdrl": "partial", "fourier": "partial",
    "viewpoint": "partial", "causalclipseg": "partial", "clipseg": "partial", "unet_viewpoint": "finetune",
    "unet": "finetune",
}  # fmt: skip


@pytest.fixture(scope="module")
def measured():
    return {path.stem: pd.read_parquet(path) for path in (ROOT / "docs" / "measured").glob("*.parquet")}


def row(name):
    (found,) = [line for line in README.splitlines() if line.startswith(f"| {name} | ")]
    return found


def over_frames(found):
    return f"{found.difference:+.3f} ({found.low:.3f} to {found.high:.3f})"


@pytest.mark.parametrize(("method", "name"), THREE_SEEDS.items())
def test_three_seeds_on_the_phantom(measured, method, name):
    found = pairs.compared(measured["studies_phantom"], method, "baseline")["mean"]
    assert found.n_seeds == 3
    expected = f"| {over_frames(found)} | {found.seed_low:.3f} to {found.seed_high:.3f} |"
    assert row(f"{name} | 3").endswith(expected)


@pytest.mark.parametrize(("method", "mode"), ONE_TRAINING.items())
def test_one_training_each_at_real_sites(measured, method, mode):
    rows = measured["rivals_real"]
    found = pairs.compared(rows[rows["seed"] == 0], f"{method}_6min", "partial_6min")["mean"]
    assert found.n_seeds == 1
    assert row(f"`{method}` | `{mode}`").endswith(f"| {over_frames(found)} |")


def test_viewpoint_at_real_sites(measured):
    found = pairs.compared(measured["rivals_real"], "viewpoint_6min", "partial_6min")
    names = ["CVC-ClinicDB", "Kvasir-SEG", "PolypGen C1", "PolypGen C2", "PolypGen C3", "**mean**"]
    for name, one in zip(names, found.values(), strict=True):
        assert f"| {over_frames(one)} | {one.seed_low:.3f} to {one.seed_high:.3f} |" in README, name
    assert found["mean"].sure(found["mean"].p_both)


def test_methods_without_a_common_seed_are_not_compared(measured):
    rows = measured["studies_phantom"]
    apart = pd.concat(
        [rows[(rows["method"] == name) & (rows["seed"] == k)] for k, name in enumerate(("mcdrl", "no_mtrs"))]
    )
    assert pairs.compared(apart, "mcdrl", "no_mtrs") == {}
