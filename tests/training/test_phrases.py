import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.networks.interface import Texts
from mcdrl.training.phrases import drawn_phrases, with_phrases


def test_fewer_phrases_are_among_more():
    three, six = drawn_phrases(10, 3), drawn_phrases(10, 6)
    assert len(set(three)) == 3
    assert set(three) < set(six)
    assert six == sorted(six) == drawn_phrases(10, 6)
    assert six != list(range(6))
    assert drawn_phrases(10, None) == drawn_phrases(10, 10) == list(range(10))


def test_more_than_there_are_is_refused():
    with pytest.raises(InputError, match=r"train\.phrases is 11, but the dictionary has 10"):
        drawn_phrases(10, 11)


def test_everything_about_the_other_phrases_is_gone():
    texts = Texts(torch.rand(2, 4), torch.rand(3, 4), torch.rand(2, 3, 4), torch.tensor([0.5, 0.3, 0.2]))
    found = with_phrases(texts, [0, 2])
    assert torch.equal(found.classes, texts.classes)
    assert torch.equal(found.confounders, texts.confounders[[0, 2]])
    assert torch.equal(found.class_confounders, texts.class_confounders[:, [0, 2]])
    torch.testing.assert_close(found.prior, torch.tensor([5 / 7, 2 / 7]))
