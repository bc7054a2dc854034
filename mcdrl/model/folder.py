"""A trained model as a folder: model.safetensors and model.json, enough to segment frames that nobody has seen.

Beside them lie README.md, the card for people, and, where it is small, the backbone: see `bundle`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from safetensors.torch import save
from torch import Tensor

from mcdrl.base.errors import InputError, nearest
from mcdrl.base.files import atomic, read_json, sha256, write_json
from mcdrl.base.section import Section, sentences
from mcdrl.methods import build, check_mode, has_own_encoder, names, params_type
from mcdrl.model.header import Kind, kinds, misfits, read_header, read_tensors
from mcdrl.networks import factory
from mcdrl.networks.inputs import fine_to_coarse
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.trunk import EndToEnd, FromCache, Frozen, Pixels
from mcdrl.regions.tuned import Miner

WEIGHTS = "model.safetensors"
CARD = "model.json"
_SMALLEST_PX, _LARGEST_PX = 16, 4096
_MOST_NAMES = 4096  # of classes, confounders, sites
_COARSEST = 1e4  # a temperature beyond leaves no probability but one half, one below its inverse none but 0 and 1
_LIGHT = ("frozen", "adapter")  # modes that need nothing of the encoder
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Number = Annotated[int, Field(ge=0)]
_Channels = Annotated[int, Field(gt=0, le=2**16)]
_Side = Annotated[int, Field(gt=0, le=_LARGEST_PX)]
_Names = Annotated[list[str], Field(min_length=1, max_length=_MOST_NAMES)]


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
        hidden: channels inside.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    channels: dict[str, _Channels] = Field(min_length=1, max_length=64)
    grid: list[_Side] = Field(min_length=2, max_length=2)
    hidden: Annotated[int, Field(gt=0, le=2**12)]

    def build(self, alpha: float) -> Miner:
        """Return a miner that has no values yet."""
        height, width = self.grid
        channels = {tap: self.channels[tap] for tap in fine_to_coarse(self.channels)}
        return Miner(channels, (height, width), alpha, hidden=self.hidden)


class ModelCard(BaseModel):
    """model.json: what a model is, how it came about and how good it was on the validation frames.

    Attributes:
        variant: the name that the study calls it by.
        method: a file's name in mcdrl/methods.
        held_out: the site that played no part in it.
        seed: of everything drawn.
        sources: the sites that it was trained on.
        backbone: the backbone's name.
        pretrained: where the backbone's weights come from, "none" if they are random; as its card says.
        fingerprint: of the encoder whose features it takes.
        dense_mode: of that encoder.
        mode: frozen, adapter, suffix, partial or finetune.
        size_px: side of the frames, px; a multiple of 4, since the head works at a quarter of it.
        lesion_classes: in the order of the class axis.
        confounders: in the order of the confounder axis.
        alpha: share of the grid that is mined.
        spec: the numbers that its network is built from.
        params: the method's own numbers, as its `Params` has them.
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
    size_px: int = Field(ge=_SMALLEST_PX, le=_LARGEST_PX, multiple_of=4)
    lesion_classes: _Names
    confounders: _Names
    alpha: float = Field(gt=0, le=1)
    spec: Spec
    params: dict[str, Any]
    n_weights: _Number
    n_trained: _Number
    best_epoch: _Number
    val_dice: float = Field(ge=0, le=1)
    temperature: float = Field(ge=1 / _COARSEST, le=_COARSEST)
    flag_below: float = Field(ge=0, le=1)
    crop: Literal["none", "black_border", "mixed"] = "none"
    class_prompts: list[str] = []
    confounder_prompts: list[str] = []
    background_prompt: str | None = None
    usual: Usual | None = None
    parameters: dict[str, Any] = {}
    mined_by: MinedBy | None = None
    provenance: str = ""
    leaked_frames: _Number = 0
    weights_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @field_validator("method")
    @classmethod
    def _method(cls, value: str) -> str:
        if value not in names():
            raise ValueError(f"there is no method '{value}'; {nearest(value, names())}")
        return value

    @model_validator(mode="after")
    def _params(self) -> Self:
        """Check the method's own numbers: their bounds keep a stranger's card from asking for a huge network."""
        kind = params_type(self.method)
        try:
            kind.model_validate(self.params)
        except ValidationError as error:
            raise ValueError("; ".join(sentences(error, "params.", kind))) from None
        return self

    @property
    def method_params(self) -> Section:
        """The method's own numbers, typed."""
        return params_type(self.method).model_validate(self.params)

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
        channels = value.get("map_channels")  # JSON keeps no order
        if not isinstance(channels, dict):
            raise ValueError(f"map_channels is {channels!r}, expected taps with their channels")
        return {**value, "map_channels": {tap: channels[tap] for tap in fine_to_coarse(channels)}}


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


def assemble(
    method: str, mode: str, spec: Spec, params: Section, backbone: Path, dense_mode: str, texts: Texts
) -> Method:
    """Build a method on the trunk of a training mode.

    Args:
        method: a file's name in mcdrl/methods.
        mode: as that of `make_trunk`.
        spec: likewise.
        params: the method's own numbers.
        backbone: likewise.
        dense_mode: likewise.
        texts: the prompts.

    Raises:
        InputError: the method doesn't go with that mode.
        ValueError: its numbers don't go with the network's.
    """
    check_mode(method, mode)
    trunk = Pixels() if has_own_encoder(method) else make_trunk(mode, spec, backbone, dense_mode)
    return channels_last(build(method, spec, params, trunk, texts))


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
        return factory.adapter(spec)
    if mode == "suffix":
        from mcdrl.clip.load import load_encoder  # seconds of imports that the other modes do without

        return FromCache(load_encoder(backbone, dense_mode).upper_blocks())
    if mode in ("partial", "finetune"):
        from mcdrl.clip.load import load_encoder

        encoder = load_encoder(backbone, dense_mode)
        lower = encoder.lower_blocks()
        return EndToEnd(lower.frozen() if mode == "partial" else lower, encoder.upper_blocks(), size_px=encoder.size_px)
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
        found = f", got {problem['input']!r:.60}" if isinstance(problem["input"], int | float | str) else ""
        raise InputError(
            f"{folder / CARD}: {place}{problem['msg']}{found}; copy the folder again, or run `dvc repro train`"
        ) from None


def load_model(folder: Path, backbone: Path) -> LoadedModel:
    """Load a trained model, on the CPU.

    Args:
        folder: holds model.safetensors and model.json.
        backbone: folder of the backbone; read in modes `suffix`, `partial` and `finetune` only, for its architecture.

    Raises:
        InputError: a file is missing, damaged, or doesn't fit the other.
    """
    card, path = read_card(folder), folder / WEIGHTS
    header = read_header(path)
    _check_hash(path, card)
    try:
        _check_header(header, _text_kinds(header, card), "texts.")
        texts = Texts(**_read(path, "texts."))
        _check_network(header, card, texts)
        method = assemble(card.method, card.mode, card.spec, card.method_params, backbone, card.dense_mode, texts)
        method.load_state_dict(_read(path, "method."))
        miner = card.mined_by.build(card.alpha).eval().requires_grad_(False) if card.mined_by else None
        if miner is not None:
            miner.load_state_dict(_read(path, "miner."))
    except (KeyError, RuntimeError, TypeError, ValueError, ArithmeticError, AssertionError) as error:
        raise InputError(f"{path} doesn't fit {CARD} ({error}); run `dvc repro train`") from None
    return LoadedModel(method.eval(), card, texts, miner)


def _check_hash(path: Path, card: ModelCard) -> None:
    """Raise InputError where the weights aren't those that were saved."""
    found = sha256(path) if card.weights_sha256 else ""
    if found != card.weights_sha256:
        raise InputError(
            f"{path} is damaged or of another model: its SHA-256 is {found[:12]}, {CARD} says "
            f"{card.weights_sha256[:12]}; copy the folder again, or run `dvc repro train`"
        )


def _read(path: Path, prefix: str) -> dict[str, Tensor]:
    """Return tensors that are numbers throughout, by their names behind the prefix."""
    tensors = read_tensors(path, prefix)
    for name, value in tensors.items():
        if bool(value.isnan().any()):
            raise InputError(f"{path}: {prefix}{name} holds values that are no numbers; run `dvc repro train`")
    return tensors


def _text_kinds(header: Mapping[str, Kind], card: ModelCard) -> dict[str, Kind]:
    """Return what the texts of as many classes and confounders as the card names take in a file of weights.

    Raises:
        ValueError: the file has them for another number.
    """
    classes, confounders, width = len(card.lesion_classes), len(card.confounders), card.spec.width
    stored = header.get("texts.class_confounders", ((classes, confounders), ""))[0][:2]
    if stored != (classes, confounders):
        named = f"for {classes} and {confounders} names"
        raise ValueError(f"{' classes and '.join(map(str, stored))} confounders {named}")
    shapes: dict[str, tuple[int, ...]] = {
        "classes": (classes, width), "confounders": (confounders, width),
        "class_confounders": (classes, confounders, width), "prior": (confounders,), "background": (width,),
    }  # fmt: skip
    if "texts.background" not in header:
        del shapes["background"]
    seen = {"texts.seen": ((classes,), "BOOL")} if "texts.seen" in header else {}
    return {f"texts.{name}": (shape, "F32") for name, shape in shapes.items()} | seen


def _check_network(header: Mapping[str, Kind], card: ModelCard, texts: Texts) -> None:
    """Compare the weights with the network that the card describes, which is built without memory for it.

    What is the encoder's own is left to the loading: it is built from the backbone's folder, not from the card.

    Raises:
        ValueError: they differ.
    """
    with torch.device("meta"):
        trunk = make_trunk(card.mode, card.spec, Path(), card.dense_mode) if card.mode in _LIGHT else Frozen()
        expected = kinds(build(card.method, card.spec, card.method_params, trunk, texts).state_dict(), "method.")
        miner = card.mined_by.build(card.alpha).state_dict() if card.mined_by else {}
    if card.mode not in _LIGHT and not has_own_encoder(card.method):
        header = {name: kind for name, kind in header.items() if not name.startswith("method.trunk.")}
    _check_header(header, expected, "method.")
    _check_header(header, kinds(miner, "miner."), "miner.")


def _check_header(header: Mapping[str, Kind], expected: Mapping[str, Kind], prefix: str) -> None:
    differ = misfits({name: kind for name, kind in header.items() if name.startswith(prefix)}, expected)
    if differ:
        raise ValueError(differ)


def channels_last(method: Method) -> Method:
    """Lay the convolutions' weights out channels last, in place, as the stored maps are; 1.7 times faster."""
    return method.to(memory_format=torch.channels_last)


def probability(method: Method, batch: Batch) -> Tensor:
    """Return the probability of lesion, [B, S, S] float32 in 0..1, with the intervention on and without gradients."""
    with torch.inference_mode():
        return lesion(method(batch, intervene=True))


def single_pass_probability(method: Method, batch: Batch) -> Tensor:
    """Return what `probability` does, from one pass where a method makes several."""
    with torch.inference_mode():
        return lesion(method.single_pass(batch))


def lesion(output: Output) -> Tensor:
    """Return the probability of lesion that a method's output stands for, [B, S, S] float32 in 0..1."""
    return output.logits.float().softmax(1)[:, 1]
