"""The mediator and the front-door attention, against their formulas written out."""

import pytest
import torch

from mcdrl.clip.encoder import unit
from mcdrl.methods.front_door.mediator import CausalAttention, FrontDoorAttention, Mediator


def _rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _mediator(kind="attended", tokens=2):
    torch.manual_seed(0)
    return Mediator(8, heads=2, tokens=tokens, kind=kind, seed=3)


def _attended(attention, query, rows):
    """AF of a multi-head attention by hand."""
    of, width = attention.of, query.shape[-1]
    weights, biases = of.in_proj_weight.split(width), of.in_proj_bias.split(width)
    q, k, v = (given @ w.T + b for given, w, b in zip((query, *rows), weights, biases, strict=True))
    size = width // of.num_heads
    heads = [slice(head * size, (head + 1) * size) for head in range(of.num_heads)]
    mixed = [(q[..., at] @ k[..., at].mT / size**0.5).softmax(-1) @ v[..., at] for at in heads]
    return of.out_proj(torch.cat(mixed, -1))


def test_the_adjustment_is_x_and_what_x_finds_in_the_mediator_that_the_mediator_found_in_x():
    torch.manual_seed(1)
    adjust = FrontDoorAttention(4, 8, heads=2)
    x, mediator = _rows(3, 4, 5, 6), _rows(3, 7, 8, seed=1)
    rows, tokens = adjust.norm_x(x.flatten(2).mT), adjust.mediator(adjust.norm_mediator(mediator))
    v = _attended(adjust.collect, tokens, (rows, rows))
    expected = x + _attended(adjust.spread, rows, (tokens, v)).mT.reshape(x.shape)
    torch.testing.assert_close(adjust(x, mediator), expected)
    assert (expected - x).abs().mean() > 0.01


def test_causal_attention_takes_the_complement_off():
    torch.manual_seed(1)
    causal, rows = CausalAttention(8, heads=2), _rows(1, 5, 8)
    query, key, value = causal.query(rows)[0], causal.key(rows)[0], causal.value(rows)[0]
    mixed = []
    for at in (slice(0, 4), slice(4, 8)):
        scores = query[:, at] @ key[:, at].T / 2
        mixed.append(scores.softmax(1) @ value[:, at] - (-scores).softmax(1) @ value[:, at])
    torch.testing.assert_close(causal(rows, rows)[0], causal.project(torch.cat(mixed, 1)))


def test_each_head_chooses_the_places_that_all_attend_to_most():
    mediator, rows = _mediator(), _rows(2, 9, 8)
    found = mediator.places(rows)
    assert found.shape == (2, 4)
    attended = mediator.causal.scores(rows, rows).softmax(-1).sum(2)
    for frame in range(2):
        for head in range(2):
            best = attended[frame, head].argsort(descending=True)[:2]
            assert found[frame, 2 * head : 2 * head + 2].tolist() == best.tolist()


def test_a_grid_of_fewer_places_gives_them_all():
    assert sorted(_mediator(tokens=50).places(_rows(1, 4, 8))[0].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_random_places_are_drawn_in_training_and_stay_ever_after():
    mediator, rows = _mediator("random"), _rows(2, 36, 8)
    torch.manual_seed(0)
    drawn = [mediator.train().places(rows) for _ in range(2)]
    assert not torch.equal(*drawn)
    assert not torch.equal(drawn[0][0], drawn[0][1])
    kept = [mediator.eval().places(rows) for _ in range(2)]
    assert torch.equal(*kept)
    assert torch.equal(kept[0][0], kept[0][1])


@pytest.mark.parametrize(("kind", "heeds"), [("attended", True), ("random", True), ("noise", False)])
def test_noise_holds_nothing_of_the_frame(kind, heeds):
    mediator = _mediator(kind).eval()
    one, other = (unit(_rows(1, 8, 4, 4, seed=seed), 1) for seed in (0, 1))
    assert torch.equal(mediator(one), mediator(other)) != heeds


@pytest.mark.parametrize("side", [4, 7])
def test_there_are_as_many_tokens_whatever_the_grid(side):
    assert _mediator()(unit(_rows(3, 8, side, side), 1)).shape == (3, 4, 8)
