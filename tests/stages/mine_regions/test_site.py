"""The stage from its inputs to its artifacts."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.dictionary import CLASSES
from mcdrl.artifacts.features import FEATURES
from mcdrl.artifacts.regions import QUALITY, REGIONS
from mcdrl.base.errors import InputError
from mcdrl.regions.quality import quality_table
from mcdrl.regions.zero_shot import mine
from stages.mine_regions.site import mine_site, summary
from tests.factories import section_params

WIDE, GRID = 8, 4
PROVENANCE = {"device": "cpu", "precision": "float32"}
NAMES = ["polyp", "cyst"]


def mine_it(folder, alpha=0.25, names=NAMES, out="regions.h5", similarity="cosine"):
    params = section_params("mine_regions", alpha=alpha, similarity=similarity)
    files = folder / "A.h5", folder / "classes.parquet", folder / "frames.h5"
    return mine_site("A", *files, names, params, folder / out)


def test_regions_and_quality_of_a_site(inputs):
    folder = inputs()
    row = mine_it(folder, alpha=0.125)
    assert row == {
        "site": "A", "alpha": 0.125, "recall": 1.0, "recall_random": 0.125, "auroc": 1.0, "auroc_inverted": 0.0,
        "n_frames": 69,
    }  # fmt: skip
    with REGIONS.read(folder / "regions.h5") as regions:
        assert len(regions) == 70
        assert regions.attributes == {
            "site": "A",
            "fingerprint": "f" * 64,
            "dense_mode": "plain",
            "alpha": "0.125",
            "text_similarity": "cosine",
            **PROVENANCE,
        }
        selected = regions.rows("selected", ["A/000", "A/068"])
        assert selected[:, 0, :2].all()
        assert selected.sum() == 4
        assert regions.rows("best_class", ["A/000"])[0, 0, :2].tolist() == [0, 0]


def test_feature_surgery_weighs_the_texts_by_each_frames_own_vector(inputs):
    folder = inputs()
    mine_it(folder, similarity="feature_surgery")
    texts = np.stack(CLASSES.read(folder / "classes.parquet").set_index("lesion_class")["embedding"].loc[NAMES])
    cases = ["A/000", "A/069"]
    with REGIONS.read(folder / "regions.h5") as regions, FEATURES.read(folder / "A.h5") as features:
        assert regions.attributes["text_similarity"] == "feature_surgery"
        for flip in ("", "flipped/both."):
            dense, image = (features.rows(f"{flip}{name}", cases) for name in ("dense", "image"))
            found = regions.rows(f"{flip}similarity", cases)
            assert np.array_equal(found, mine(dense, texts, 0.25, image=image).similarity)
            assert not np.array_equal(found, mine(dense, texts, 0.25).similarity)


def test_mirrored_features_have_regions_of_their_own(inputs):
    folder = inputs()
    mine_it(folder, alpha=0.125)
    with REGIONS.read(folder / "regions.h5") as regions:
        cases = ["A/000", "A/068"]
        mirrored = regions.rows("flipped_selected/both.selected", cases)
        assert mirrored[:, -1, -2:].all()
        assert mirrored.sum() == 4
        straight = regions.rows("similarity", cases)
        assert np.array_equal(regions.rows("flipped/both.similarity", cases), straight[:, ::-1, ::-1])


def test_a_hand_counted_recall(inputs):
    """One of two equal lesion places is kept: half of the area."""
    row = mine_it(inputs(), alpha=1 / 16)
    assert (row["recall"], row["recall_random"]) == (0.5, 1 / 16)


def test_all_places_kept_is_a_recall_of_one(inputs):
    row = mine_it(inputs(), alpha=1)
    assert (row["recall"], row["recall_random"]) == (1, 1)


def test_the_classes_are_joined_by_name(inputs):
    folder = inputs()
    mine_it(folder, names=["polyp", "cyst"], out="one.h5")
    mine_it(folder, names=["cyst", "polyp"], out="two.h5")
    with REGIONS.read(folder / "one.h5") as one, REGIONS.read(folder / "two.h5") as two:
        assert np.array_equal(one.rows("similarity", one.case_ids), two.rows("similarity", one.case_ids))
        assert np.array_equal(one.rows("best_class", one.case_ids), 1 - two.rows("best_class", one.case_ids))


def test_a_site_without_lesions_has_no_quality(inputs, tmp_path):
    row = mine_it(inputs(lesion=False))
    QUALITY.write(quality_table(row), tmp_path / "q.parquet")
    read = QUALITY.read(tmp_path / "q.parquet").iloc[0]
    assert read[["recall", "recall_random", "auroc", "auroc_inverted"]].isna().all()
    assert (read["n_frames"], read["alpha"]) == (0, 0.25)
    assert summary(row) == "A: regions mined; no frame has a lesion, so their quality is unknown"


def test_the_result_in_one_line(inputs):
    assert summary(mine_it(inputs(), alpha=0.125)) == (
        "A: recall 1.000 at alpha 0.125 (random 0.125), AUROC 1.000 (inverted 0.000), 69 frames with a lesion"
    )


def test_another_backbone_s_features_are_refused(inputs):
    with pytest.raises(InputError, match=r"A\.h5 was made by the backbone eeeeeeeeeeee, .*classes\.parquet by ffff"):
        mine_it(inputs(fingerprint="e" * 64))


def test_other_frames_features_are_refused(inputs):
    with pytest.raises(InputError, match=r"A\.h5 and .*frames\.h5 hold different frames"):
        mine_it(inputs(frames=2, features_of=["A/000", "A/other"]))


def test_features_of_another_width_are_refused(inputs):
    with pytest.raises(InputError, match=r"features of width 12, .* texts of width 8"):
        mine_it(inputs(wide=12))


def test_a_missing_class_is_named(inputs):
    with pytest.raises(InputError, match=r"no class 'polyps' \(did you mean 'polyp'\? legal: cyst, polyp\)"):
        mine_it(inputs(), names=["polyps"])


def test_values_that_are_not_finite_are_refused(inputs):
    folder = inputs(frames=2)
    attributes = {"site": "A", "backbone": "b", "fingerprint": "f" * 64, "dense_mode": "plain", **PROVENANCE}
    attributes["taps"] = "{}"
    attributes["prefix_tap"] = ""
    with FEATURES.write(folder / "A.h5", ["A/000", "A/001"], attributes) as store:
        bad = np.full((2, GRID, GRID, WIDE), np.nan, np.float16)
        store.append(dense=bad, image=bad[:, 0, 0], prefix=bad, maps__s4=bad)
    with pytest.raises(InputError, match="not finite"):
        mine_it(folder)
    assert not (folder / "regions.h5").exists()


def test_equal_inputs_give_equal_bytes(inputs):
    folder = inputs()
    mine_it(folder, out="one.h5")
    mine_it(folder, out="two.h5")
    assert (folder / "one.h5").read_bytes() == (folder / "two.h5").read_bytes()


@pytest.mark.parametrize("alpha", [0, -0.1, 1.01, "0.25"])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValueError, match="alpha"):
        section_params("mine_regions", alpha=alpha)


def test_the_stage_needs_no_torch():
    code = "import sys, stages.mine_regions.__main__; print({'torch', 'sklearn', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_background_s_text_is_subtracted(inputs):
    """With the polyp's own text as background nothing is left of it, and the lesion is lost."""
    folder = inputs()
    path = folder / "classes.parquet"
    rows = CLASSES.read(path)
    polyp = rows[rows["lesion_class"] == "polyp"].assign(lesion_class="background", prompt="no lesion")
    CLASSES.write(pd.concat([rows, polyp], ignore_index=True), path, CLASSES.read_metadata(path))
    row = mine_it(folder, alpha=0.125, names=["polyp"])
    assert row["auroc"] == pytest.approx(0.5)
    with REGIONS.read(folder / "regions.h5") as regions:
        assert np.allclose(regions.rows("similarity", ["A/000"]), 0, atol=1e-3)
