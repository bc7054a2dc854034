"""Scores of texts that a frame refines, and the loss on them, against their formulas written out."""

from dataclasses import replace

import pytest
import torch

from mcdrl.clip.encoder import unit
from mcdrl.methods.denseclip.scores import ContextDecoder, score_entropy, scores
from tests import stub_sites


def _drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_score_is_the_cosine_of_a_place_and_the_frame_s_own_text():
    dense, texts = unit(_drawn(2, 8, 3, 4), 1), 5 * _drawn(2, 3, 8, seed=1)
    found = scores(dense, texts)
    assert found.shape == (2, 3, 3, 4)
    expected = torch.nn.functional.cosine_similarity(dense[1, :, 2, 3], texts[1, 2], dim=0)
    torch.testing.assert_close(found[1, 2, 2, 3], expected)


def test_the_context_depends_on_frame_and_text_and_on_no_other_frame():
    torch.manual_seed(0)
    decoder = ContextDecoder(8, 16, depth=2, heads=4, dropout=0.0)
    texts, whole, dense = _drawn(2, 3, 8), _drawn(2, 8, seed=1), _drawn(2, 8, 3, 3, seed=2)
    found = decoder(texts, whole, dense)
    assert found.shape == texts.shape
    torch.testing.assert_close(decoder(texts[:1], whole[:1], dense[:1]), found[:1])
    for changed in ((texts, whole.flip(0), dense), (texts, whole, dense.flip(0)), (texts.flip(0), whole, dense)):
        assert not torch.allclose(decoder(*changed), found, atol=1e-3)
    turned = decoder(texts, whole, dense.flip(2))  # a set of places has no order
    torch.testing.assert_close(turned, found)


def test_a_layer_is_that_of_the_public_code():
    """What is normalised attends to the texts, then to the frame, which is not normalised again; then GELU between."""
    torch.manual_seed(0)
    decoder = ContextDecoder(8, 16, depth=1, heads=4, dropout=0.0).double()
    texts, whole, dense = _drawn(2, 3, 8).double(), _drawn(2, 8, seed=1).double(), _drawn(2, 8, 3, 3, seed=2).double()
    layer = decoder.layers[0]
    seen = decoder.of_frame(torch.cat([whole[:, None], dense.flatten(2).mT], 1))
    x = decoder.of_text(texts)
    x = x + layer.self_attn(*3 * [layer.norm1(x)], need_weights=False)[0]
    x = x + layer.multihead_attn(layer.norm2(x), seen, seen, need_weights=False)[0]
    x = x + layer.linear2(torch.nn.functional.gelu(layer.linear1(layer.norm3(x))))
    torch.testing.assert_close(decoder(texts, whole, dense), decoder.out(x))


@pytest.mark.parametrize(("lesion_class", "held", "counts"), [
    (1, None, [1]), (-1, None, [0, 1, 2]), (1, [False, True, True], [1, 2]), (-1, [True, False, False], [0]),
])  # fmt: skip
def test_a_pixel_s_loss_is_minus_the_logarithm_of_what_the_mask_allows(lesion_class, held, counts):
    batch = stub_sites.batch(1)
    mask = torch.zeros_like(batch.mask)
    mask[0, 0, 0], mask[0, 0, 1] = 1, 255
    held = None if held is None else torch.tensor([held])
    batch = replace(batch, mask=mask, lesion_class=torch.tensor([lesion_class]), held=held)
    found = _drawn(1, 4, *mask.shape[1:])
    shares = found.softmax(1)[0]
    losses = -shares[0].log()
    losses[0, 0] = -shares[[1 + number for number in counts], 0, 0].sum().log()
    losses[0, 1] = 0
    torch.testing.assert_close(score_entropy(found, batch), losses.mean())
    assert score_entropy(found, batch) > 0
