"""open_clip models from a configuration: which are supported, what doesn't fit, what a fingerprint depends on."""

import open_clip
import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.clip.build import filled, fingerprint, mismatches, random_state, skeleton


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_filled_skeleton_is_the_model(clip_model, clip_config, kind):
    model = clip_model(kind)
    again = filled(clip_config(kind), model.state_dict())
    side = 32 if kind == "vit" else 64
    image, text = torch.rand(2, 3, side, side), open_clip.tokenize(["a polyp", "mucus and blood"])
    assert torch.equal(again.encode_image(image), model.encode_image(image))
    assert torch.equal(again.encode_text(text), model.encode_text(text))


def test_random_weights_depend_on_the_seed_alone(clip_config):
    torch.manual_seed(1)
    first, state = random_state(clip_config("vit"), 5), torch.random.get_rng_state()
    torch.manual_seed(2)
    second, other = random_state(clip_config("vit"), 5), random_state(clip_config("vit"), 6)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["visual.proj"], other["visual.proj"])
    torch.manual_seed(1)
    assert torch.equal(state, torch.random.get_rng_state()), "the caller's generator was touched"


def test_mismatches_name_the_first_keys_of_each_kind(clip_model, clip_config):
    state = clip_model("vit").state_dict()
    state["visual.proj"] = state["visual.proj"][:5]
    del state["ln_final.weight"], state["ln_final.bias"]
    state["head.weight"] = torch.zeros(1)
    found = mismatches(skeleton(clip_config("vit")), state)
    for part in (
        "2 missing: ln_final.weight, ln_final.bias",
        "1 unexpected: head.weight",
        "is (5, 24), expected (64, 24)",
    ):
        assert part in found


def test_missing_batch_counters_do_not_matter(clip_model, clip_config):
    state = {key: value for key, value in clip_model("resnet").state_dict().items() if "num_batches" not in key}
    model = filled(clip_config("resnet"), state)
    pixels = torch.rand(1, 3, 64, 64)
    assert torch.equal(model.encode_image(pixels), clip_model("resnet").encode_image(pixels))


def test_weights_of_another_architecture_are_refused(clip_model, clip_config):
    with pytest.raises(InputError, match="don't fit"):
        filled(clip_config("resnet"), clip_model("vit").state_dict())


def test_fingerprint_feels_every_tensor_and_the_configuration(clip_model):
    state = clip_model("resnet").state_dict()
    print_ = fingerprint(state, {"a": 1})
    assert print_ == fingerprint(dict(reversed(state.items())), {"a": 1})
    assert print_ != fingerprint(state, {"a": 2})
    counter = "visual.bn1.num_batches_tracked"
    assert print_ == fingerprint(state | {counter: state[counter] + 1}, {"a": 1})
    for key in ("visual.bn1.running_mean", "token_embedding.weight", "logit_scale"):
        changed = state[key].clone()
        changed.view(-1)[-1] += 1e-3
        assert print_ != fingerprint(state | {key: changed}, {"a": 1}), key


@pytest.mark.parametrize(
    ("part", "change", "word"),
    [
        ("vision_cfg", {"timm_model_name": "resnet18"}, "timm image tower"),
        ("vision_cfg", {"attentional_pool": True}, "attentional pool"),
        ("vision_cfg", {"pool_type": "avg"}, "class token"),
        ("vision_cfg", {"block_type": "custom"}, "custom"),
        ("text_cfg", {"hf_model_name": "bert"}, "Hugging Face text tower"),
    ],
)
def test_models_that_cannot_be_read_densely_are_refused(clip_config, part, change, word):
    config = clip_config("vit")
    config[part].update(change)
    with pytest.raises(InputError, match=word):
        skeleton(config)


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("vision_cfg", "layers", 10**7, "more than any model has: layers is 10000000"),
        ("vision_cfg", "image_size", 10**6, "image_size is 1000000"),
        ("text_cfg", "context_length", 10**6, "context_length is 1000000"),
        ("text_cfg", "vocab_size", float("inf"), "vocab_size is inf"),
        ("text_cfg", "heads", 3, "describes no model"),
        ("vision_cfg", "layers", "many", "describes no model"),
        ("vision_cfg", "odd", 1, "describes no model"),
    ],
)
def test_a_configuration_that_no_model_has_is_refused_in_a_sentence(clip_config, part, key, value, said):
    config = clip_config("vit")
    config[part][key] = value
    with pytest.raises(InputError, match=said):
        skeleton(config)


@pytest.mark.parametrize(
    "changes", [{"vision_cfg": None}, {"vision_cfg": []}, {"text_cfg": 3},
                {"vision_cfg": {"image_size": 16, "layers": [3, 4], "width": 32}}],
)  # fmt: skip
def test_a_configuration_of_another_kind_is_refused(clip_config, changes):
    with pytest.raises(InputError, match="describes no model of open_clip's"):
        skeleton({**clip_config("vit"), **changes})
