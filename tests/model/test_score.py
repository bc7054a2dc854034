import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.scores import SCORES
from mcdrl.model.native import Native, native_counts
from mcdrl.model.score import score, to_bytes


def same(truth):
    """Frames whose own size is the working size."""
    return [Native(mask, (0, 0, *mask.shape[::-1])) for mask in truth]


def test_scores_by_hand():
    truth = np.zeros((3, 4, 4), bool)
    truth[0, 1, 1] = truth[0, 1, 2] = truth[1, 0, 0] = True
    probability = np.zeros((3, 4, 4), np.float32)
    probability[0, 1, 1] = probability[0, 2, 1] = probability[2, 3, 3] = 0.9
    rows = score(probability, same(truth), 0.5, 0)
    assert rows[["tp", "fp", "fn", "tn"]].to_numpy().tolist() == [[1, 1, 1, 13], [0, 0, 1, 15], [0, 1, 0, 15]]
    assert rows["dice"].tolist()[:2] == [0.5, 0.0]
    assert rows["iou"].tolist()[:2] == [pytest.approx(1 / 3), 0.0]
    assert rows["accuracy"].tolist() == [14 / 16, 15 / 16, 15 / 16]
    assert rows["nsd"].tolist()[:2] == [0.5, 0.0]
    assert rows["hd95_px"][0] == pytest.approx(0.95)  # 95th percentile of 0 and 1
    assert np.isnan(rows["hd95_px"][1])  # a lesion and nothing predicted: infinite, so undefined
    assert rows.loc[2, ["dice", "iou", "nsd", "hd95_px"]].isna().all()  # no lesion


def test_frames_of_different_sizes_and_crops_in_one_batch():
    probability = np.ones((2, 2, 2), np.float32)
    wide, tall = np.ones((3, 8), bool), np.zeros((9, 5), bool)
    counts = native_counts(probability, [Native(wide, (1, 0, 7, 3)), Native(tall, (0, 2, 5, 6))], 0.5)
    assert counts.tp.tolist() == [18, 0]
    assert counts.fn.tolist() == [6, 0]  # the columns left and right of the crop
    assert counts.fp.tolist() == [0, 20]
    assert counts.tn.tolist() == [0, 25]


def test_a_lesion_that_vanishes_at_working_size_counts_in_pixels_and_has_no_outline():
    native = np.zeros((8, 8), bool)
    native[0, 0] = True
    rows = score(np.zeros((1, 4, 4), np.float32), [Native(native, (0, 0, 8, 8))], 0.5, 2)
    assert rows.loc[0, ["dice", "iou", "fn"]].tolist() == [0, 0, 1]
    assert rows.loc[0, ["nsd", "hd95_px"]].isna().all()


def disc(size, centre, radius_px):
    """A frame [H, W] with a disc."""
    (width, height), (x, y) = size, centre
    rows, columns = np.ogrid[:height, :width]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius_px**2


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1280, 1024)])
def test_an_error_counts_the_same_whichever_way_it_points(size):
    """Discs that are called some px aside and some px below; the view is squashed to a square, and has a border."""
    (width, height), off_px = size, 24
    crop_px = (30, 0, width, height)
    centres = [(width / 2 + dx, height / 2 + dy) for dx, dy in ((0, 0), (7, 3), (-5, 11), (13, -8))]
    means = []
    for shift in (np.array([off_px, 0]), np.array([0, off_px])):
        called = [Image.fromarray(disc(size, centre + shift, 150).astype(np.float32)) for centre in centres]
        squashed = np.stack([np.asarray(one.resize((224, 224), Image.Resampling.BOX, crop_px)) for one in called])
        native = [Native(disc(size, centre, 150), crop_px) for centre in centres]
        means.append(score(squashed, native, 0.5, 2)[["nsd", "hd95_px"]].mean().to_numpy())
    np.testing.assert_allclose(*means, rtol=0.06)
    in_px = off_px * 224 / np.sqrt((width - 30) * height)  # of a view of this shape with as many pixels as the square
    assert means[0][1] == pytest.approx(in_px, abs=0.6)


def test_columns_are_those_of_the_contract():
    truth = np.zeros((1, 4, 4), bool)
    rows = score(np.zeros((1, 4, 4), np.float32), same(truth), 0.5, 2)
    keys = ["method", "held_out", "seed", "case_id", "group_id", "lesion_class"]
    assert [*keys, *rows.columns, "leaked_frames"] == SCORES.schema.names


def test_half_is_lesion_at_a_threshold_of_half():
    probability = np.float32([[[0.49, 0.5], [0.51, 0.0]]])
    counts = native_counts(probability, same(np.ones((1, 2, 2), bool)), 0.5)
    assert counts.tp.tolist() == [2]


def test_probabilities_outside_their_range_are_cut():
    assert to_bytes(np.array([-0.1, 0.0, 1.0, 1.2])).tolist() == [0, 0, 255, 255]


def test_a_higher_threshold_never_finds_more():
    probability = np.random.default_rng(0).random((1, 9, 9)).astype(np.float32)
    native = [Native(np.ones((20, 31), bool), (2, 1, 29, 20))]
    areas = [int(native_counts(probability, native, threshold).tp[0]) for threshold in (0.2, 0.4, 0.6, 0.8)]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > areas[-1]


@pytest.mark.parametrize("lesion", [True, False])
def test_pixels_that_nobody_judged_are_in_no_score(lesion):
    """A lesion of 4 x 4 with a rim that nobody judged, and a corner; what is said there changes nothing."""
    truth, judged = np.zeros((1, 12, 12), bool), np.ones((1, 12, 12), bool)
    judged[0, 3:9, 3:9] = judged[0, :2, :2] = False
    judged[0, 4:8, 4:8] = True
    truth[0, 4:8, 4:8] = lesion
    said = np.random.default_rng(0).random((1, 12, 12)).astype(np.float32)
    native = [Native(truth[0], (0, 0, 12, 12), judged[0])]
    rows = [score(np.where(judged, said, np.float32(value)), native, 0.5, 1) for value in (0.0, 0.5, 1.0)]
    for other in rows[1:]:
        assert rows[0].equals(other)
    assert rows[0][["tp", "fp", "fn", "tn"]].to_numpy().sum() == judged.sum()
    whole = score(said, same(truth), 0.5, 1)
    assert not whole.equals(rows[0])


def test_a_prediction_that_fills_the_rim_that_nobody_judged_has_the_right_outline():
    truth, judged = np.zeros((1, 12, 12), bool), np.ones((1, 12, 12), bool)
    judged[0, 3:9, 3:9] = False
    truth[0, 4:8, 4:8] = judged[0, 4:8, 4:8] = True
    said = np.zeros((1, 12, 12), np.float32)
    said[0, 3:9, 3:9] = 0.9
    rows = score(said, [Native(truth[0], (0, 0, 12, 12), judged[0])], 0.5, 0)
    assert rows.loc[0, ["dice", "accuracy", "nsd", "hd95_px"]].tolist() == [1, 1, 1, 0]
