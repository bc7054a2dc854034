"""The strata of what was observed, by hand."""

import torch

from mcdrl.methods.observed_backdoor.strata import Strata


def test_before_anything_is_seen_all_are_even():
    torch.testing.assert_close(Strata(4, 2).shares, torch.full((4,), 0.25))


def test_the_first_centres_lie_far_apart_and_become_means():
    strata = Strata(2, 1)
    strata.learn(torch.tensor([[0.0], [1.0], [10.0], [12.0]]))  # starts at 0 and 12
    torch.testing.assert_close(strata.centres, torch.tensor([[0.5], [11.0]]))
    torch.testing.assert_close(strata.shares, torch.tensor([0.5, 0.5]))
    strata.learn(torch.tensor([[2.0], [-1.0]]))
    torch.testing.assert_close(strata.centres, torch.tensor([[0.5], [11.0]]))  # mean of 0, 1, 2, -1
    torch.testing.assert_close(strata.shares, torch.tensor([2 / 3, 1 / 3]))
    strata.learn(torch.tensor([[14.0]]))
    torch.testing.assert_close(strata.centres, torch.tensor([[0.5], [12.0]]))


def test_fewer_frames_than_strata_leave_some_empty():
    strata = Strata(4, 1)
    strata.learn(torch.tensor([[1.0], [5.0]]))
    assert strata.shares.sort(descending=True).values.tolist() == [0.5, 0.5, 0.0, 0.0]


def test_it_finds_two_clusters_and_how_common_they_are():
    generator = torch.Generator().manual_seed(0)
    strata = Strata(2, 3)
    for _ in range(50):
        one, other = torch.randn(12, 3, generator=generator) + 6, torch.randn(4, 3, generator=generator) - 6
        strata.learn(torch.cat([one, other]))
    order = strata.centres[:, 0].argsort(descending=True)
    torch.testing.assert_close(strata.shares[order], torch.tensor([0.75, 0.25]), rtol=0, atol=1e-6)
    torch.testing.assert_close(strata.centres[order], torch.tensor([[6.0] * 3, [-6.0] * 3]), rtol=0, atol=0.2)


def test_strata_go_into_a_model_s_weights():
    strata = Strata(2, 1)
    strata.learn(torch.tensor([[0.0], [4.0]]))
    other = Strata(2, 1)
    other.load_state_dict(strata.state_dict())
    assert torch.equal(other.centres, strata.centres)
    assert torch.equal(other.shares, strata.shares)


def test_values_are_scaled_by_those_that_were_counted_in():
    generator = torch.Generator().manual_seed(0)
    strata, seen = Strata(4, 3), []
    torch.testing.assert_close(strata.scaled(torch.ones(1, 3)), torch.full((1, 3), 1e3))  # nothing was
    for size in (5, 16, 3):
        seen.append(torch.randn(size, 3, generator=generator) * torch.tensor([1e-2, 1, 50]) + torch.tensor([0.3, 0, 9]))
        strata.learn(seen[-1])
    scaled = strata.scaled(torch.cat(seen))
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(3), rtol=0, atol=1e-4)


def test_what_varies_little_in_its_own_unit_tells_strata_apart_as_well():
    """Two clusters of a quantity in hundredths, beside noise of another in tens: most strata are of one cluster."""
    generator = torch.Generator().manual_seed(0)
    strata, seen = Strata(8, 2), []
    for _ in range(20):
        side = (torch.rand(16, generator=generator) < 0.5).float()
        seen.append(torch.stack([0.02 * side, 10 * torch.randn(16, generator=generator)], 1))
        strata.learn(seen[-1])
    values = torch.cat(seen)
    own = torch.nn.functional.one_hot(strata.nearest(values), 8).float()
    share = (own.t() @ (values[:, 0] / 0.02)) / own.sum(0).clamp(min=1)  # of each stratum that is of the one cluster
    assert ((own @ share) * (1 - own @ share)).mean() < 0.05  # 0.25 where strata say nothing of it


def test_a_quantity_that_never_varies_is_no_nan():
    strata = Strata(2, 2)
    strata.learn(torch.tensor([[0.0, 1.0], [0.0, 3.0]]))
    assert strata.scaled(torch.tensor([[0.5, 2.0]])).isfinite().all()


def test_strata_are_learnt_in_float32():
    strata, other = Strata(4, 3), Strata(4, 3)
    for seed in range(5):
        observed = torch.randn(16, 3, generator=torch.Generator().manual_seed(seed)) * 0.01 + torch.tensor([5.5, 0, 1])
        strata.learn(observed)
        with torch.autocast("cpu", torch.bfloat16):
            other.learn(observed)
    assert torch.equal(other.centres, strata.centres)
