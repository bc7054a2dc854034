"""A trained model as a folder: model.safetensors and model.json, enough to segment frames that nobody has seen.

Beside them lie README.md, the card for people, and, where it is small, the backbone: see `bundle`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from stages.core.base.errors import InputError, nearest
from stages.core.base.files import atomic, read_json, sha256, write_json
from stages.core.base.params import method_files
from stages.core.methods import build, check_mode, has_own_encoder
from stages.core.networks import parts
from stages.core.networks.data import fine_to_coarse
from stages.core.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from stages.core.networks.miner import Miner
from stages.core.networks.trunk import Frozen, Pixels, Trained, Whole

WEIGHTS = "model.safetensors"
CARD = "model.json"
_LARGEST_PX = 4096
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(gt=0)]


class Usual(BaseModel):
    """How much the training frames look like each confounder.

    Attributes:
        mean: [M], mean cosine of the frames' image feature with the confounder's prompt.
        std: [M], standard deviation of that, above 0.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    mean: list[_Finite]
    std: list[_Positive]


class MinedBy(BaseModel):
    """What a miner looks at.

    Attributes:
        channels: of the maps, by tap.
        grid: H and W of the dense map.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    channels: dict[str, _Count]
    grid: list[_Count] = Field(min_length=2, max_length=2)

    def build(self, alpha: float) -> Miner:
        """Return a miner that has no values yet."""
        height, width = self.grid
        return Miner({tap: self.channels[tap] for tap in fine_to_coarse(self.channels)}, (height, width), alpha)


class ModelCard(BaseModel):
    """model.json: what a model is, how it came about and how good it was on the validation frames.

    Attributes:
        variant: the name that the study calls it by.
        method: a file's name in stages/core/methods.
        held_out: the site that played no part in it.
        seed: of everything drawn.
        sources: the sites that it was trained on.
        backbone: the backbone's name.
        pretrained: where the backbone's weights come from, "none" if they are random; as its card says.
        fingerprint: of the encoder whose features it takes.
        dense_mode: of that encoder.
        mode: frozen, adapter, suffix, partial or finetune.
        size_px: side of the frames, px.
        lesion_classes: in the order of the class axis.
        confounders: in the order of the confounder axis.
        alpha: share of the grid that is mined.
        spec: the numbers that it is built from.
        n_weights: how many numbers the network has, without what of the encoder is cached before it.
        n_trained: how many of them were trained.
        best_epoch: the epoch, from 0, whose weights these are.
        val_dice: mean Dice over the validation frames with a lesion at that epoch, of frames as they are, without a sum
            over views.
        temperature: by which the log-odds of lesion are divided to be calibrated, fitted on the validation frames.
        flag_below: confidence, 0..1, below which a frame is flagged: a stated share of the validation frames are.
        crop: what is cut off a frame before it is squashed to `size_px`: none or black_border, as at the source sites;
            mixed, where those differ.
        class_prompts: the text of each lesion class.
        confounder_prompts: the text of each confounder.
        background_prompt: the text whose similarity is subtracted in region mining; None: the classes alone mine.
        usual: how the training frames of the source sites score for each confounder; None: unknown.
        parameters: of the training, resolved.
        mined_by: the network that selects the target regions; None: similarity to the class texts does.
        provenance: device and precision that the training's features were made with, such as "cpu, float32"; empty:
            nobody has noted it. New frames may be segmented on any device.
        leaked_frames: how many of the held-out site's frames a source site has, too, so that they were trained on;
            params.yaml accepts them.
        weights_sha256: of model.safetensors, hex; `save_model` fills it in; empty: nobody has noted it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    variant: str
    method: str
    held_out: str
    seed: int
    sources: list[str]
    backbone: str
    pretrained: str
    fingerprint: str
    dense_mode: str
    mode: Literal["frozen", "adapter", "suffix", "partial", "finetune"]
    size_px: int = Field(gt=0, le=_LARGEST_PX)
    lesion_classes: list[str]
    confounders: list[str]
    alpha: float = Field(gt=0, le=1)
    spec: Spec
    n_weights: int
    n_trained: int
    best_epoch: int
    val_dice: float = Field(ge=0, le=1)
    temperature: _Positive
    flag_below: float = Field(ge=0, le=1)
    crop: Literal["none", "black_border", "mixed"] = "none"
    class_prompts: list[str] = []
    confounder_prompts: list[str] = []
    background_prompt: str | None = None
    usual: Usual | None = None
    parameters: dict[str, bool | int | float | str | list[str] | None] = {}
    mined_by: MinedBy | None = None
    provenance: str = ""
    leaked_frames: int = Field(default=0, ge=0)
    weights_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @field_validator("method")
    @classmethod
    def _method(cls, value: str) -> str:
        if value not in method_files():
            raise ValueError(f"there is no method '{value}'; {nearest(value, method_files())}")
        return value

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        count = len(self.confounders)
        given = {"confounder_prompts": len(self.confounder_prompts)} if self.confounder_prompts else {}
        if self.usual is not None:
            given |= {"usual.mean": len(self.usual.mean), "usual.std": len(self.usual.std)}
        for name, found in given.items():
            if found != count:
                raise ValueError(f"{name} has {found} values for {count} confounders")
        return self

    @field_validator("spec", mode="before")
    @classmethod
    def _spec(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        expected = Spec.__dataclass_fields__
        needed = {name for name, field in expected.items() if field.default is MISSING}
        if not needed <= set(value) <= set(expected):
            raise ValueError(f"has keys {sorted(value)}, expected {sorted(expected)}")
        channels = value["map_channels"]  # JSON keeps no order
        if not isinstance(channels, dict):
            raise ValueError(f"map_channels is {channels!r}, expected taps with their channels")
        return Spec(**{**value, "map_channels": {tap: channels[tap] for tap in fine_to_coarse(channels)}})


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to predict.

    Attributes:
        method: in evaluation mode.
        card: what it is.
        texts: the prompts that it was trained with; `texts.classes` is what regions are mined by without a miner.
        miner: selects the target regions by the frozen encoder's maps; None: none was fitted.
    """

    method: Method
    card: ModelCard
    texts: Texts
    miner: Miner | None = None

    def to(self, device: torch.device) -> None:
        """Move all that it computes with."""
        self.method.to(device)
        if self.miner is not None:
            self.miner.to(device)


def assemble(method: str, mode: str, spec: Spec, backbone: Path, dense_mode: str, texts: Texts) -> Method:
    """Build a method on the trunk of a training mode.

    Args:
        method: a file's name in stages/core/methods.
        mode: as that of `make_trunk`.
        spec: likewise.
        backbone: likewise.
        dense_mode: likewise.
        texts: the prompts.

    Raises:
        InputError: the method doesn't go with that mode.
    """
    check_mode(method, mode)
    trunk = Pixels() if has_own_encoder(method) else make_trunk(mode, spec, backbone, dense_mode)
    return channels_last(build(method, spec, trunk, texts))


def make_trunk(mode: str, spec: Spec, backbone: Path, dense_mode: str) -> Trunk:
    """Return the trunk of a training mode.

    Args:
        mode: frozen, adapter, suffix, partial or finetune.
        spec: the numbers.
        backbone: folder of the backbone, of which `suffix` and `partial` train the last blocks and `finetune` all; the
            other modes don't read it.
        dense_mode: how the encoder makes its map dense.
    """
    if mode == "frozen":
        return Frozen()
    if mode == "adapter":
        return parts.adapter(spec)
    if mode == "suffix":
        from stages.core.clip.load import load_encoder  # seconds of imports that the other modes do without

        return Trained(load_encoder(backbone, dense_mode).suffix())
    if mode in ("partial", "finetune"):
        from stages.core.clip.load import load_encoder

        encoder = load_encoder(backbone, dense_mode)
        front = encoder.front()
        return Whole(front.frozen() if mode == "partial" else front, encoder.suffix(), size_px=encoder.size_px)
    raise ValueError(f"unknown mode '{mode}'")


def save_model(
    folder: Path, weights: Mapping[str, Tensor], texts: Texts, card: ModelCard, miner: Miner | None = None
) -> None:
    """Write model.safetensors (the method's state, the texts, the miner) and model.json into an existing or new folder.

    Args:
        folder: where to.
        weights: a method's `state_dict`.
        texts: the prompts that it was trained with.
        card: what it is.
        miner: what selects its regions; None: the class texts do.
    """
    tensors = {f"method.{name}": value for name, value in weights.items()}
    tensors |= {f"texts.{name}": value for name, value in vars(texts).items() if value is not None}
    tensors |= {f"miner.{name}": value for name, value in (miner.state_dict() if miner else {}).items()}
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    with atomic(folder / WEIGHTS) as partial:
        partial.write_bytes(content)
    stamped = card.model_copy(update={"weights_sha256": hashlib.sha256(content).hexdigest()})
    write_json({**stamped.model_dump(exclude={"spec"}), "spec": asdict(card.spec)}, folder / CARD)


def read_card(folder: Path) -> ModelCard:
    """Read model.json.

    Raises:
        InputError: it is missing or isn't a model's card.
    """
    value = read_json(folder / CARD)
    try:
        return ModelCard.model_validate(value)
    except ValidationError as error:
        problem = error.errors()[0]
        place = "".join(f"{part}: " for part in [".".join(map(str, problem["loc"]))] if part)
        raise InputError(f"{folder / CARD}: {place}{problem['msg']}; run `dvc repro train`") from None


def load_model(folder: Path, backbone: Path) -> LoadedModel:
    """Load a trained model, on the CPU.

    Args:
        folder: holds model.safetensors and model.json.
        backbone: folder of the backbone; read in modes `suffix`, `partial` and `finetune` only, for its architecture.

    Raises:
        InputError: a file is missing, damaged, or doesn't fit the other.
    """
    card = read_card(folder)
    tensors = _tensors(folder / WEIGHTS)
    _check_weights(tensors, card, folder)
    try:
        texts = _texts(tensors, card)
        method = assemble(card.method, card.mode, card.spec, backbone, card.dense_mode, texts)
        method.load_state_dict(_below("method.", tensors))
        miner = card.mined_by.build(card.alpha).eval().requires_grad_(False) if card.mined_by else None
        if miner is not None:
            miner.load_state_dict(_below("miner.", tensors))
    except (KeyError, RuntimeError, TypeError, ValueError, ArithmeticError, AssertionError) as error:
        raise InputError(f"{folder / WEIGHTS} doesn't fit {CARD} ({error}); run `dvc repro train`") from None
    return LoadedModel(method.eval(), card, texts, miner)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} can't be read ({error}); run `dvc repro train`") from None


def _check_weights(tensors: Mapping[str, Tensor], card: ModelCard, folder: Path) -> None:
    """Raise InputError where the weights aren't those that were saved, or aren't numbers."""
    if card.weights_sha256:
        found = sha256(folder / WEIGHTS)
        if found != card.weights_sha256:
            raise InputError(
                f"{folder / WEIGHTS} is damaged or of another model: its SHA-256 is {found[:12]}, {CARD} says "
                f"{card.weights_sha256[:12]}; copy the folder again, or run `dvc repro train`"
            )
    for name, value in tensors.items():
        if bool(value.isnan().any()):
            raise InputError(f"{folder / WEIGHTS}: {name} holds values that are no numbers; run `dvc repro train`")


def _texts(tensors: Mapping[str, Tensor], card: ModelCard) -> Texts:
    texts = Texts(**_below("texts.", tensors))
    stored, named = texts.class_confounders.shape[:2], (len(card.lesion_classes), len(card.confounders))
    if stored != named:
        raise ValueError(f"{stored[0]} classes and {stored[1]} confounders for {named[0]} and {named[1]} names")
    return texts


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def channels_last(method: Method) -> Method:
    """Lay the convolutions' weights out channels last, in place, as the stored maps are; 1.7 times faster."""
    return method.to(memory_format=torch.channels_last)


def probability(method: Method, batch: Batch) -> Tensor:
    """Return the probability of lesion, [B, S, S] float32 in 0..1, with the intervention on and without gradients."""
    with torch.inference_mode():
        return lesion(method(batch, intervene=True))


def plain_probability(method: Method, batch: Batch) -> Tensor:
    """Return what `probability` does, from one pass where a method makes several."""
    with torch.inference_mode():
        return lesion(method.plain(batch))


def lesion(output: Output) -> Tensor:
    """Return the probability of lesion that a method's output stands for, [B, S, S] float32 in 0..1."""
    return output.logits.float().softmax(1)[:, 1]
