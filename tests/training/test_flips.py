from mcdrl.training import flips


def test_flips_are_drawn_by_their_place_all_legal_ways_alike():
    one, again, other = (flips.drawn(3000, ["horizontal", "both"], "train", seed, 0) for seed in (1, 1, 2))
    assert one == again != other
    assert set(one) == {"", "horizontal", "both"}
    assert all(abs(one.count(way) - 1000) < 120 for way in set(one))  # four standard deviations


def test_nothing_is_mirrored_where_no_flip_is_cached():
    assert flips.drawn(3, [], "train") == ["", "", ""]
