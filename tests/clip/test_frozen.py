"""What holds for every open_clip encoder: norms, batches, frozen weights, text, the suffix's parity and gradients."""

import pytest
import torch

from mcdrl.clip.dense import RESNET_MODES, VIT_MODES

EACH = [("vit", mode) for mode in VIT_MODES] + [("resnet", mode) for mode in RESNET_MODES]
PROMPTS = ["A polyp in an endoscopic image", "mucus", "a glioblastoma, whatever that is"]


@pytest.mark.parametrize(("kind", "mode"), EACH)
def test_unit_norm_everywhere(clip_encoder, frames, kind, mode):
    encoder = clip_encoder(kind, mode)
    encoded = encoder.encode(frames(encoder))
    for vectors in (encoded.dense, encoded.image_embedding):
        assert vectors.shape[1] == encoder.width
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones_like(vectors.norm(dim=1)))


@pytest.mark.parametrize(("kind", "mode"), EACH)
def test_a_frame_does_not_feel_its_neighbours(clip_encoder, frames, kind, mode):
    encoder = clip_encoder(kind, mode)
    x = frames(encoder)
    together, alone = encoder.encode(x), encoder.encode(x[1:2])
    for whole, single in [
        (together.dense, alone.dense),
        (together.image_embedding, alone.image_embedding),
        (together.prefix, alone.prefix),
    ]:
        torch.testing.assert_close(whole[1:2], single, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("kind", "mode"), EACH)
@pytest.mark.parametrize("stored", [torch.float32, torch.float16])
def test_an_untouched_suffix_reproduces_the_encoder(clip_encoder, frames, kind, mode, stored):
    encoder = clip_encoder(kind, mode)
    encoded = encoder.encode(frames(encoder))
    maps = {tap: value.to(stored).float() for tap, value in encoded.maps.items()}
    again = encoder.upper_blocks()(encoded.prefix.to(stored).float(), maps)
    atol = 1e-5 if stored == torch.float32 else 5e-3
    torch.testing.assert_close(again.dense, encoded.dense, atol=atol, rtol=atol)
    torch.testing.assert_close(again.image_embedding, encoded.image_embedding, atol=atol, rtol=atol)
    assert list(again.maps) == list(encoded.maps)
    for tap, value in encoded.maps.items():
        torch.testing.assert_close(again.maps[tap], value, atol=4 * atol, rtol=4 * atol)


@pytest.mark.parametrize(("kind", "mode"), EACH)
def test_gradients_reach_the_suffix_and_nothing_else(clip_encoder, frames, kind, mode):
    encoder = clip_encoder(kind, mode)
    encoded, suffix = encoder.encode(frames(encoder)), encoder.upper_blocks()
    again = suffix(encoded.prefix, encoded.maps)
    towards = torch.linspace(-1, 1, encoder.width)
    maps = sum(value.square().mean() for value in again.maps.values())
    ((again.image_embedding @ towards).sum() + torch.einsum("bdhw,d->b", again.dense, towards).sum() + maps).backward()
    for name, parameter in suffix.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if not name.endswith("k_proj.bias"):  # softmax doesn't feel what is added to all scores of a query
            assert parameter.grad.abs().max() > 0, name
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in encoder.parameters())


@pytest.mark.parametrize(("kind", "mode"), EACH)
def test_an_untouched_front_and_suffix_together_reproduce_the_encoder(clip_encoder, frames, kind, mode):
    encoder = clip_encoder(kind, mode)
    x = frames(encoder)
    encoded, whole = encoder.encode(x), encoder.upper_blocks()(*encoder.lower_blocks()(x))
    torch.testing.assert_close(whole.dense, encoded.dense, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(whole.image_embedding, encoded.image_embedding, atol=1e-5, rtol=1e-4)
    assert list(whole.maps) == list(encoded.maps)
    for tap, value in encoded.maps.items():
        torch.testing.assert_close(whole.maps[tap], value, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_gradients_reach_the_front_and_the_encoder_stays(clip_encoder, frames, kind):
    encoder = clip_encoder(kind)
    front, suffix = encoder.lower_blocks(), encoder.upper_blocks()
    again = suffix(*front(frames(encoder)))
    towards = torch.linspace(-1, 1, encoder.width)
    ((again.image_embedding @ towards).sum() + torch.einsum("bdhw,d->b", again.dense, towards).sum()).backward()
    for name, parameter in front.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in encoder.parameters())
    own = {id(parameter) for parameter in encoder.parameters()}
    assert not own & {id(parameter) for part in (front, suffix) for parameter in part.parameters()}


def test_training_the_suffix_leaves_the_encoder(clip_encoder, frames):
    encoder = clip_encoder("vit")
    x = frames(encoder)
    before, suffix = encoder.encode(x), encoder.upper_blocks()
    with torch.no_grad():
        for parameter in suffix.parameters():
            parameter.add_(1)
    assert torch.equal(encoder.encode(x).dense, before.dense)
    assert not torch.equal(suffix(before.prefix, before.maps).dense, before.dense)


def test_earlier_maps_are_handed_through_and_later_ones_replaced(clip_encoder, frames):
    encoder = clip_encoder("vit", suffix_from="b2")
    encoded = encoder.encode(frames(encoder))
    marked = {tap: torch.full_like(value, 9.0) for tap, value in encoded.maps.items()}
    again = encoder.upper_blocks()(encoded.prefix, marked).maps
    assert [tap for tap in again if torch.equal(again[tap], marked[tap])] == ["b1", "b2"]


def test_the_encoder_stays_in_evaluation_mode(clip_encoder):
    encoder = clip_encoder("resnet").train()
    assert not any(module.training for module in encoder.modules())


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_works_under_autocast(clip_encoder, frames, kind):
    encoder = clip_encoder(kind, "maskclip")
    x = frames(encoder)
    exact = encoder.encode(x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder.encode(x)
        encoder.upper_blocks()(rough.prefix, rough.maps).dense.sum().backward()
    assert (exact.dense * rough.dense).sum(1).min() > 0.99


def test_naclip_works_under_autocast(clip_encoder, frames):
    encoder = clip_encoder("vit", "naclip")
    x = frames(encoder)
    exact = encoder.encode(x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder.encode(x)
    assert (exact.dense * rough.dense).sum(1).min() > 0.99


def test_text_is_open_clips_own(clip_encoder, clip_model):
    encoder = clip_encoder("vit")
    tokens = encoder.tokenizer(PROMPTS)
    expected = clip_model("vit").encode_text(tokens, normalize=True)
    torch.testing.assert_close(encoder.encode_text(PROMPTS), expected, atol=1e-5, rtol=1e-4)
    assert encoder.encode_text([]).shape == (0, encoder.width)
    assert encoder.unknown_words(PROMPTS) == []


def test_a_prompt_whose_end_is_not_read_is_named(clip_encoder):
    encoder = clip_encoder("vit")
    fits = "a " * (encoder.model.context_length - 2)
    assert encoder.too_long(["blood", fits, fits + "polyp"]) == [fits + "polyp"]
    ends = encoder.encode_text([fits + "polyp", fits + "blood"])
    torch.testing.assert_close(ends[0], ends[1])
    assert not torch.equal(*encoder.encode_text([fits[2:] + "polyp", fits[2:] + "blood"]))


def test_many_prompts_are_encoded_as_one_by_one(clip_encoder):
    encoder = clip_encoder("vit")
    prompts = [f"frame number {number}" for number in range(70)]
    found = encoder.encode_text(prompts)
    torch.testing.assert_close(found[65:66], encoder.encode_text([prompts[65]]), atol=1e-5, rtol=1e-4)


def test_frames_of_another_size_are_refused(clip_encoder):
    with pytest.raises(ValueError, match=r"\(B, 3, 32, 32\)"):
        clip_encoder("vit").encode(torch.zeros(1, 3, 64, 64))
