"""open_clip models from a stored configuration, without a hub."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from mcdrl.base.errors import InputError
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.clip.card import canonical

_LARGEST = {"layers": 512, "image_size": 4096, "context_length": 4096}  # far above any model's
_LARGEST_ELSE = 2**20  # of all other numbers; a vocabulary has 49,408 words
_COUNTER = "num_batches_tracked"  # of batch normalisation; plays no part in what a frozen model computes
_SHOWN = 3  # keys of each kind that don't fit


def skeleton(config: Mapping[str, Any]) -> Any:
    """Return the `open_clip.CLIP` of a model configuration, without memory for its weights.

    Raises:
        InputError: the configuration is of a kind that can't be read densely.
    """
    _check(config)
    try:
        with torch.device("meta"):
            model = open_clip.CLIP(**copy.deepcopy(dict(config)))
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"the backbone's configuration describes no model of open_clip's ({reason})") from None
    blocks = getattr(getattr(model.visual, "transformer", None), "resblocks", [])
    if any(not isinstance(block.attn, nn.MultiheadAttention) for block in blocks):
        raise InputError("the backbone's attention blocks are custom ones; use a model with plain attention")
    return model


def random_state(config: Mapping[str, Any], seed: int) -> dict[str, Tensor]:
    """Return freshly initialised weights that depend on configuration and seed alone."""
    _check(config)
    with torch_seeded(seed):
        state: dict[str, Tensor] = open_clip.CLIP(**copy.deepcopy(dict(config))).state_dict()
    return state


def filled(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Any:
    """Return the `open_clip.CLIP` of a configuration with the given weights, in evaluation mode.

    Raises:
        InputError: the weights are of another architecture.
    """
    model = skeleton(config)
    problems = mismatches(model, state)
    if problems:
        raise InputError(f"the backbone's weights don't fit its configuration: {problems}")
    model.load_state_dict(dict(state), assign=True)
    if model.attn_mask is not None:  # a buffer that no weights file carries
        length = model.context_length
        model.attn_mask = torch.full((length, length), float("-inf")).triu_(1)
    return model.eval()


def mismatches(model: Any, state: Mapping[str, Tensor]) -> str:
    """Return what of `state` doesn't fit the model: the first few keys of each kind; empty if all fits."""
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    missing = [key for key in expected if key not in found and not key.endswith(_COUNTER)]
    extra = [key for key in found if key not in expected]
    both = [key for key in expected if key in found and found[key] != expected[key]]
    differ = [f"{key} is {found[key]}, expected {expected[key]}" for key in both]
    parts = [("missing", missing), ("unexpected", extra), ("shapes", differ)]
    return "; ".join(f"{len(keys)} {kind}: {', '.join(keys[:_SHOWN])}" for kind, keys in parts if keys)


def fingerprint(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> str:
    """Return the hex SHA-256 of all tensors (names, shapes, float32 values) and the configuration."""
    digest = hashlib.sha256(canonical(config).encode())
    for name in sorted(state):
        if not name.endswith(_COUNTER):
            digest.update(f"{name}{tuple(state[name].shape)}".encode())
            digest.update(state[name].float().numpy().tobytes())
    return digest.hexdigest()


def _check(config: Mapping[str, Any]) -> None:
    if too_large := [f"{name} is {value!r}" for name, value in _numbers(config) if not _bounded(name, value)]:
        raise InputError(f"the backbone's configuration asks for more than any model has: {', '.join(too_large[:3])}")
    vision, text = (config.get(part, {}) for part in ("vision_cfg", "text_cfg"))
    for part, value in (("vision_cfg", vision), ("text_cfg", text)):
        if not isinstance(value, Mapping):
            raise InputError(f"the backbone's configuration describes no model of open_clip's ({part} is {value!r})")
    reasons = {
        "a timm image tower": "timm_model_name" in vision,
        "a Hugging Face text tower": "hf_model_name" in text or "hf_tokenizer_name" in text,
        "a custom text tower": bool(config.get("custom_text")),
        "a captioning part": "multimodal_cfg" in config,
        "an attentional pool": bool(vision.get("attentional_pool")),
        "no class token": vision.get("pool_type", "tok") != "tok",
    }
    found = [reason for reason, there in reasons.items() if there]
    if found:
        raise InputError(
            f"the backbone's open_clip model has {' and '.join(found)}; dense features are read from the CLIP models "
            "with open_clip's own ResNet or ViT, such as ViT-B-32-quickgelu"
        )


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, int | float]]:
    """Yield the numbers of a configuration, each with the key that it stands behind."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _numbers(part, str(key))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def _bounded(name: str, value: int | float) -> bool:
    return abs(value) <= _LARGEST.get(name, _LARGEST_ELSE)  # false of what is no number
