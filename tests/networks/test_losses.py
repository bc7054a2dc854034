import math

import pytest
import torch
from torch.nn import functional as F

from mcdrl.networks import losses


def test_segmentation_by_hand():
    logits = torch.tensor([[[[0.0, 0.0]], [[0.0, math.log(3.0)]]]])  # probabilities of lesion: 1/2, 3/4
    mask = torch.tensor([[[0, 1]]])
    expected = (math.log(2) + math.log(4 / 3)) / 2
    assert losses.segmentation(logits, mask, dice_weight=0.0).item() == pytest.approx(expected)


def test_segmentation_equals_torch_s_cross_entropy_with_its_gradient():
    logits = torch.randn(3, 2, 5, 5, requires_grad=True)
    mask = torch.randint(0, 2, (3, 5, 5))
    ours, theirs = losses.segmentation(logits, mask, dice_weight=0.0), F.cross_entropy(logits, mask)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, logits)[0], torch.autograd.grad(theirs, logits)[0])


def test_soft_dice_by_hand():
    logits = torch.zeros(1, 2, 1, 4)  # probability 1/2 everywhere
    mask = torch.tensor([[[1, 1, 0, 0]]])
    assert losses.soft_dice(logits, mask).item() == pytest.approx(1 - (2 * 1 + 1) / (2 + 2 + 1))


def test_dice_is_added_with_its_weight():
    logits, mask = torch.randn(2, 2, 4, 4), torch.randint(0, 2, (2, 4, 4))
    plain = losses.segmentation(logits, mask, dice_weight=0.0)
    both = losses.segmentation(logits, mask, dice_weight=0.5)
    torch.testing.assert_close(both, plain + 0.5 * losses.soft_dice(logits, mask))


def _outlined(side=48, frames=2):
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(frames, side, side, generator=generator) > 0.7).long()
    mask[:, 10:30, 12:40] = 1
    return torch.randn(frames, 2, side, side, generator=generator), mask


def test_boundary_weights_by_hand():
    """Of a frame of 48 px the square is of five; around it counts what lies in the frame and was judged."""
    _, mask = _outlined()
    mask[0, :, 20:23] = 255
    found = losses.boundary_weights(mask, 5.0)
    for place in ((0, 0, 0), (0, 20, 19), (0, 20, 21), (1, 10, 12), (1, 47, 3), (1, 20, 25)):
        frame, y, x = place
        around = mask[frame, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        mean = (around == 1).sum() / (around <= 1).sum()
        expected = 1 + 5 * (mean - mask[place]).abs() if mask[place] <= 1 else torch.tensor(1.0)
        assert float(found[place]) == pytest.approx(float(expected), abs=1e-5), place
    assert float(found[1, 20, 25]) == 1.0  # deep inside


def test_boundary_weighted_terms_by_the_formula_at_the_paper_s_side():
    logits, mask = _outlined(352)
    truth = mask.float()
    around = F.avg_pool2d(truth[:, None], 31, 1, 15, count_include_pad=False)[:, 0]
    weight = 1 + 5 * (around - truth).abs()
    lesion = logits[:, 1] - logits[:, 0]
    each = F.binary_cross_entropy_with_logits(lesion, truth, reduction="none")
    entropy = ((weight * each).sum((1, 2)) / weight.sum((1, 2))).mean()
    p = lesion.sigmoid()
    overlap, whole = (weight * p * truth).sum((1, 2)), (weight * (p + truth)).sum((1, 2))
    dice = (1 - (2 * overlap + 1) / (whole + 1)).mean()
    found = losses.segmentation(logits, mask, dice_weight=0.5, boundary_weight=5.0)
    torch.testing.assert_close(found, entropy + 0.5 * dice, rtol=1e-4, atol=1e-5)
    assert abs(float(found) - float(losses.segmentation(logits, mask, dice_weight=0.5))) > 1e-3


def test_a_small_boundary_weight_is_next_to_none_and_what_nobody_judged_counts_zero():
    logits, mask = _outlined()
    mask[:, :9] = 255
    plain, next_to_none = (losses.segmentation(logits, mask, dice_weight=1.0, boundary_weight=b) for b in (0.0, 1e-6))
    torch.testing.assert_close(next_to_none, plain)
    other = logits.clone()
    other[:, 1, :9] += 3
    one, same = (losses.segmentation(given, mask, dice_weight=1.0, boundary_weight=5.0) for given in (logits, other))
    torch.testing.assert_close(one, same)
    blank = losses.segmentation(logits, torch.full_like(mask, 255), dice_weight=0.0, boundary_weight=5.0)
    assert float(blank) == 0.0


def test_causal_by_hand_counts_frames_without_a_class_as_zero():
    pooled = torch.tensor([[1.0, 2.0], [5.0, 5.0], [0.0, 0.0]])
    targets = torch.tensor([[0.0, 0.0], [0.0, 4.0]])
    lesion_class = torch.tensor([1, -1, 0])  # (1, -2) -> 5; none; 0
    assert losses.causal(pooled, targets, lesion_class).item() == pytest.approx(5 / 3)


def test_contrast_by_hand():
    image = torch.tensor([[2.0, 0.0], [0.0, 1.0]])  # its norm must not matter
    classes = torch.eye(2)
    value = losses.contrast(image, classes, torch.tensor([0, -1]), temperature=0.5)
    assert value.item() == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + 1)) / 2)


def test_cosines_to_the_texts_stay_in_float32():
    rng = torch.Generator().manual_seed(0)
    image, texts = torch.randn(8, 64, generator=rng), F.normalize(torch.randn(5, 64, generator=rng), dim=1)
    kind = torch.arange(8) % 5
    with torch.autocast("cpu", torch.bfloat16):
        found = losses.contrast(image, texts, kind, temperature=0.5)
    assert torch.equal(found, losses.contrast(image, texts, kind, temperature=0.5))


def test_terms_of_halves_average_to_the_term_of_the_whole():
    pooled, image = torch.randn(4, 3), torch.randn(4, 3)
    texts, kind = F.normalize(torch.randn(2, 3), dim=1), torch.tensor([0, -1, -1, -1])
    for term in (
        lambda part: losses.causal(pooled[part], texts, kind[part]),
        lambda part: losses.contrast(image[part], texts, kind[part], temperature=0.5),
    ):
        halves = (term(slice(0, 2)) + term(slice(2, 4))) / 2
        torch.testing.assert_close(term(slice(0, 4)), halves)


@pytest.mark.parametrize("dice_weight", [0.0, 0.5])
def test_ignored_pixels_have_no_part_in_the_loss_and_get_no_gradient(dice_weight):
    mask = torch.randint(0, 2, (3, 6, 6))
    ignored = torch.rand(3, 6, 6) < 0.3
    mask[ignored] = 255
    logits = torch.randn(3, 2, 6, 6)
    garbage = torch.where(ignored.unsqueeze(1), 40 * torch.randn(3, 2, 6, 6), logits)
    found = []
    for given in (logits, garbage):
        leaf = given.clone().requires_grad_()
        loss = losses.segmentation(leaf, mask, dice_weight=dice_weight)
        found.append((loss, *torch.autograd.grad(loss, leaf)))
    torch.testing.assert_close(found[0], found[1])
    gradient = found[0][1].abs().sum(1)
    assert not gradient[ignored].any()
    assert (gradient[~ignored] > 0).all()


def test_ignored_pixels_count_zero_in_the_mean_and_nothing_in_dice():
    logits = torch.randn(1, 2, 1, 4)
    mask = torch.tensor([[[1, 0, 255, 255]]])
    entropy = F.cross_entropy(logits, mask, ignore_index=255, reduction="sum") / 4
    torch.testing.assert_close(losses.segmentation(logits, mask, dice_weight=0.0), entropy)
    torch.testing.assert_close(losses.soft_dice(logits, mask), losses.soft_dice(logits[..., :2], mask[..., :2]))
