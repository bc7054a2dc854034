import math

import pytest
import torch

from mcdrl.clip.tower import TextTower, encode_prompts, pad, positions
from mcdrl.clip.words import Vocabulary


@pytest.fixture
def vocabulary():
    return Vocabulary.of(["a red polyp with blood in an image"])


@pytest.fixture
def tower(vocabulary):
    torch.manual_seed(0)
    return TextTower(words=len(vocabulary), width=16, joint=8).eval()


def test_positions_are_sines_and_cosines():
    table = positions(3, 4)
    slow = 2 / 1000**0.5
    expected = [math.sin(2), math.cos(2), math.sin(slow), math.cos(slow)]
    torch.testing.assert_close(table[2], torch.tensor(expected))


def test_padding_marks_what_is_real():
    numbers, real = pad([[3], [1, 2]])
    assert numbers.tolist() == [[3, 0], [1, 2]]
    assert real.tolist() == [[True, False], [True, True]]


def test_padding_changes_no_vector(tower):
    rows = [[1, 2], [3, 4, 5, 6], [0]]
    with torch.no_grad():
        together = tower(*pad(rows))
        alone = torch.cat([tower(*pad([row])) for row in rows])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_prompts_have_unit_norm_and_depend_on_nothing_but_themselves(tower, vocabulary):
    prompts = ["a red polyp", "blood", "a polyp with blood in an image"]
    vectors = encode_prompts(tower, vocabulary, prompts)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    assert torch.equal(encode_prompts(tower, vocabulary, prompts[::-1]), vectors.flip(0))


def test_word_order_matters_and_letter_case_does_not(tower, vocabulary):
    first, second, third = encode_prompts(tower, vocabulary, ["red blood", "blood red", "RED Blood!"])
    assert not torch.allclose(first, second)
    assert torch.equal(first, third)


def test_no_prompts_give_no_rows(tower, vocabulary):
    assert encode_prompts(tower, vocabulary, []).shape == (0, 8)


def test_a_prompt_may_be_long(tower, vocabulary):
    assert torch.isfinite(encode_prompts(tower, vocabulary, ["red polyp " * 200])).all()
