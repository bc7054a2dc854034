import hashlib

import numpy as np

from mcdrl.renderer.corpus import random_style, sample_corpus_frame


def test_whole_ranges_give_the_styles_that_the_shipped_towers_were_aligned_on():
    drawn = [random_style(np.random.default_rng(seed)) for seed in range(50)]
    assert hashlib.sha256(repr(drawn).encode()).hexdigest().startswith("6e93aa3a2c2029f7adc59c0d4a618c31")


def test_a_frame_apart_has_another_style_and_is_the_same_each_time():
    wide, apart, again = (sample_corpus_frame(3, 64, styles=styles) for styles in ("wide", "apart", "apart"))
    assert np.array_equal(apart.image, again.image)
    assert not np.array_equal(apart.image, wide.image)
    assert np.array_equal(wide.image, sample_corpus_frame(3, 64).image)
