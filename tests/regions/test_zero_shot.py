"""MTRS by hand and by its invariants."""

import numpy as np
import pytest

from mcdrl.regions.zero_shot import feature_surgery, mine, places_kept, select


def features(seed=0, frames=3, height=5, width=7, wide=16):
    return np.random.default_rng(seed).normal(size=(frames, height, width, wide)).astype(np.float32)


def texts(seed=1, classes=4, wide=16):
    return np.random.default_rng(seed).normal(size=(classes, wide)).astype(np.float32)


def test_two_classes_by_hand():
    """Four places in two dimensions, the classes along the axes: cosines are the coordinates."""
    dense = np.array([[[[1, 0], [0.6, 0.8]], [[-1, 0], [0, -1]]]], np.float32)
    regions = mine(dense, np.eye(2, dtype=np.float32), alpha=0.5)
    assert np.allclose(regions.similarity, [[[1, 0.8], [0, 0]]], atol=1e-3)
    assert regions.best_class.tolist() == [[[0, 1], [1, 0]]]
    assert regions.selected.tolist() == [[[True, True], [False, False]]]
    assert (regions.similarity.dtype, regions.selected.dtype, regions.best_class.dtype) == (np.float16, bool, np.uint8)


def test_similarity_is_the_largest_cosine():
    dense, classes = features(), texts()
    regions = mine(dense, classes, 0.25)
    for frame, row, column in [(0, 0, 0), (1, 4, 6), (2, 3, 2)]:
        place = dense[frame, row, column]
        cosines = [np.dot(place, text) / np.linalg.norm(place) / np.linalg.norm(text) for text in classes]
        assert regions.similarity[frame, row, column] == pytest.approx(max(cosines), abs=1e-3)
        assert regions.best_class[frame, row, column] == np.argmax(cosines)


def test_length_counts_for_nothing():
    one, other = mine(features(), texts(), 0.3), mine(features() * 8, texts() * 0.25, 0.3)
    assert np.array_equal(one.similarity, other.similarity)
    assert np.array_equal(one.selected, other.selected)


def test_the_order_of_the_classes_moves_only_their_index():
    one, other = mine(features(), texts(), 0.3), mine(features(), texts()[::-1], 0.3)
    assert np.array_equal(one.similarity, other.similarity)
    assert np.array_equal(one.best_class, 3 - other.best_class)


def test_frames_do_not_see_each_other():
    whole = mine(features(), texts(), 0.3)
    single = mine(features()[1:2], texts(), 0.3)
    assert np.array_equal(whole.selected[1:2], single.selected)


@pytest.mark.parametrize(
    ("alpha", "kept"), [(0.25, 49), (1.0, 196), (0.001, 1), (0.5, 98), (0.1, 20), (1 / 196, 1), (3 / 196, 3)]
)
def test_n_of_a_grid_of_14(alpha, kept):
    assert places_kept(14, 14, alpha) == kept
    selected = select(np.random.default_rng(0).normal(size=(2, 14, 14)), alpha)
    assert selected.sum(axis=(1, 2)).tolist() == [kept, kept]


def test_every_kept_place_is_at_least_as_similar_as_every_other():
    regions = mine(features(frames=20), texts(), 0.3)
    for similarity, selected in zip(regions.similarity, regions.selected, strict=True):
        assert similarity[selected].min() >= similarity[~selected].max()


def test_of_equal_places_the_first_is_kept():
    selected = select(np.zeros((1, 2, 3), np.float16), 0.5)
    assert selected.tolist() == [[[True, True, True], [False, False, False]]]


def test_selection_follows_the_stored_similarity():
    """Whoever reads S^ from the file, with its 16 bits, selects the same places again."""
    regions = mine(features(frames=50, height=14, width=14), texts(), 0.25)
    assert np.array_equal(select(regions.similarity, 0.25), regions.selected)


def test_more_places_contain_fewer():
    small, large = mine(features(), texts(), 0.2), mine(features(), texts(), 0.6)
    assert not (small.selected & ~large.selected).any()


def test_a_zero_vector_is_similar_to_nothing():
    dense = features()
    dense[0, 0, 0] = 0
    regions = mine(dense, texts(), 0.25)
    assert regions.similarity[0, 0, 0] == 0
    assert np.isfinite(regions.similarity).all()


def test_the_background_is_subtracted_by_hand():
    dense = np.array([[[[1, 0], [0.6, 0.8]], [[-1, 0], [0, -1]]]], np.float32)
    regions = mine(dense, np.eye(2, dtype=np.float32), alpha=0.25, background=np.array([3, 0], np.float32))
    assert np.allclose(regions.similarity, [[[0, 0.2], [1, 0]]], atol=1e-3)
    assert regions.best_class.tolist() == [[[0, 1], [1, 0]]]
    assert regions.selected.tolist() == [[[False, False], [True, False]]]


def test_feature_surgery_by_hand():
    """A frame that is like the first class: weights 2 e^2 / (e^2 + 1) = 1.7616 and 2 / (e^2 + 1) = 0.2384."""
    dense = np.array([[[[1, 0], [0.6, 0.8]], [[-1, 0], [0, -1]]]], np.float32)
    regions = mine(dense, np.eye(2, dtype=np.float32), alpha=0.5, image=np.array([[5, 0]], np.float32))
    # weighed cosines (1.7616, 0), (1.0570, 0.1907), (-1.7616, 0), (0, -0.2384), less their mean
    assert np.allclose(regions.similarity, [[[0.8808, 0.4331], [0.8808, 0.1192]]], atol=1e-3)
    assert regions.best_class.tolist() == [[[0, 0], [1, 0]]]  # by cosines the second place is of the second class
    assert regions.selected.tolist() == [[[True, False], [True, False]]]


def test_the_background_is_one_more_text_of_feature_surgery_by_hand():
    dense = np.array([[[[1, 0], [0.6, 0.8]]]], np.float32)
    classes, background = np.array([[1, 0]], np.float32), np.array([0, 3], np.float32)
    regions = mine(dense, classes, alpha=0.5, background=background, image=np.array([[5, 0]], np.float32))
    assert np.allclose(regions.similarity, [[[0.8808, 0.4331]]], atol=1e-3)
    assert regions.best_class.tolist() == [[[0, 0]]]


def test_feature_surgery_is_the_published_sum_over_elements():
    places, words, image = features(), texts(), features(seed=2)[:, 0, 0]
    places, words, image = (part / np.linalg.norm(part, axis=-1, keepdims=True) for part in (places, words, image))
    found = feature_surgery(places, words, image)
    for frame, row, column in [(0, 0, 0), (1, 4, 6), (2, 3, 2)]:
        chance = np.array([np.exp(2 * (image[frame] * word).sum()) for word in words])
        chance = chance / chance.sum()
        products = np.stack([places[frame, row, column] * word for word in words])
        products = products * (chance / chance.mean())[:, None]
        redundant = products.sum(axis=0) / len(words)
        expected = [(product - redundant).sum() for product in products]
        assert np.allclose(found[frame, row, column], expected, atol=1e-5)


def test_what_all_texts_say_alike_goes():
    """Texts that differ by their parts along two axes alone, and a frame that is as like to both."""
    words = np.array([[0.9, 0.1, 0], [0.9, 0, 0.1]], np.float32)
    dense = np.array([[[[1, 0, 0], [0.5, 1, 0]]]], np.float32)
    even = np.array([[1, 0, 0]], np.float32)
    regions = mine(dense, words, alpha=0.5, image=even)
    assert regions.similarity[0, 0, 0] == pytest.approx(0, abs=1e-4)
    assert regions.selected.tolist() == [[[False, True]]]
    assert mine(dense, words, alpha=0.5).selected.tolist() == [[[True, False]]]  # by cosines
