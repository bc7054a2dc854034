import numpy as np

from mcdrl.model.native import Native, native_counts


def test_the_probability_is_enlarged_before_the_threshold():
    probability = np.float32([[[0.0, 1.0], [0.0, 1.0]]])
    truth = np.zeros((4, 4), bool)
    truth[:, 1:] = True
    native = [Native(truth, (0, 0, 4, 4))]
    at = {threshold: native_counts(probability, native, threshold) for threshold in (0.2, 0.5, 0.8)}
    # a row of the enlarged probability is 0, 0.25, 0.75, 1
    assert [int(counts.tp[0]) for counts in at.values()] == [12, 8, 4]
    assert [int(counts.fn[0]) for counts in at.values()] == [0, 4, 8]


def test_a_view_in_its_own_shape_has_the_pixels_of_the_working_size():
    truth = np.zeros((1, 1), bool)
    assert Native(truth, (40, 0, 1120, 1080)).unsquashed(224) == (224, 224)
    assert Native(truth, (0, 0, 1920, 1080)).unsquashed(224) == (299, 168)
    assert Native(truth, (10, 20, 11, 1020)).unsquashed(4) == (1, 126)
