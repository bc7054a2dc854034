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
