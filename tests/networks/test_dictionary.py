import pytest
import torch

from mcdrl.networks.dictionary import Dictionary, variant

Z = torch.nn.functional.normalize(torch.randn(9, 32, generator=torch.Generator().manual_seed(0)), dim=1)


def test_text_is_the_text():
    assert torch.equal(variant(Z, "text", 0), Z)


def test_random_has_unit_norm_and_depends_on_the_seed_alone():
    drawn = variant(Z, "random", 0)
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(len(Z)))
    assert torch.equal(drawn, variant(Z + 1, "random", 0))
    assert not torch.equal(drawn, variant(Z, "random", 1))


def test_shuffled_keeps_all_mutual_angles_but_not_the_vectors():
    shuffled = variant(Z, "shuffled", 0)
    torch.testing.assert_close(shuffled @ shuffled.t(), Z @ Z.t())
    assert (shuffled * Z).sum(1).abs().mean() < 0.3


def test_zero_says_nothing():
    assert not variant(Z, "zero", 0).any()


def test_only_the_learned_dictionary_is_trained_and_it_starts_from_the_text():
    learned = Dictionary(Z, kind="learned", seed=0)
    assert [name for name, _ in learned.named_parameters()] == ["z"]
    assert torch.equal(learned(), Z)
    assert not list(Dictionary(Z, kind="text", seed=0).parameters())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown dictionary"):
        variant(Z, "texts", 0)
