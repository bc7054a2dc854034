"""The `train` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mcdrl.base.section import BatchSize, Epochs, Most, distinct
from mcdrl.study.params import Section

Sampling = Literal["shuffled", "class_balanced"]
Rate = Annotated[float, Field(gt=0), Most(1, "each step would be larger than the weights themselves")]
_LEAST = {
    "lr": (1e-12, "no weight would move"),
    "lr_encoder": (1e-12, "no weight would move"),
    "clip_norm": (1e-6, "no weight would move"),
    "temperature": (0.001, "the softmax would be a step without a slope"),
}
Weight = Annotated[float, Field(ge=0), Most(1000, "nothing but this term would be trained")]


class Params(Section):
    """How a network is trained.

    Attributes:
        mode: what of the encoder is trained: nothing (frozen), a small residual adapter, its last blocks from cached
            maps on (suffix), or with varied frames in the loop its last blocks (partial) or all of it (finetune).
        epochs: passes over the source frames.
        intervene_from: first epoch, from 0, with the intervention on; below `epochs`. Methods that intervene choose
            their epoch from here on.
        batch_size: frames a step, over all devices together.
        lr: highest learning rate of everything new.
        lr_encoder: highest learning rate of the encoder's own blocks, in modes suffix, partial and finetune.
        warmup: share of all steps in which the rates rise from 0; they fall to 0 along a cosine after that.
        weight_decay: of matrices and kernels; none on norms and biases.
        clip_norm: largest norm of a step's gradient.
        flips: whether frames are mirrored at random, in the ways that `encode.flips` says; views of the family
            viewpoint are mirrored besides.
        sampling: which frames an epoch has: each once (shuffled), or lesion classes with even chances
            (class_balanced), so that how common a class is at a site can't be learned.
        views: what of the frames varies at random in modes partial and finetune: viewpoint (distance, turn, place,
            stretch, mirrored or not), colour (brightness, contrast, saturation, hue).
        sum_over: the views that viewpoint, mcdrl_viewpoint and unet_viewpoint sum over at prediction beside the frame
            as it is: mirror (three mirrored ones), distance (near, far).
        checkpointing: whether the encoder's activations are computed again for the gradient instead of kept; less
            memory, more time, the same numbers.
        precision: 32-true, bf16-mixed, or auto: bf16-mixed on CUDA, else 32-true.
        depth: intervention blocks.
        heads: attention heads of a block; must divide the joint width.
        residual: whether blocks add to the rows; false is the letter of the paper.
        dictionary: what the intervention attends to; random, shuffled and zero are controls that go without L_causal,
            whose targets are texts.
        mining: what selects the target regions: similarity to the class texts (zero_shot), or a small network fitted
            on the masks of the fold's source sites (source_tuned; each source site's own frames are mined by one that
            was fitted on the others); for methods that look at regions.
        phrases: how many phrases of the dictionary are used, the same for every seed; None: all.
        regions: what becomes of places that weren't mined: they stay (keep) or are blanked (zero); no_cdrl always
            blanks them.
        head_width: channels of the pyramid head.
        dropout: share of channels dropped in head and blocks.
        dice_weight: weight of a soft Dice term beside the pixel cross-entropy; the paper has none.
        lambda_causal: weight of L_causal.
        lambda_contrast: weight of L_contrast.
        temperature: of the softmax in L_contrast.
        lambda_adversarial: weight of the confounding branch's loss in the min-max game of causalclipseg.
        prior: P(z) of mcdrl_backdoor: uniform, or source: how much the source sites' training frames look like each z;
            z is drawn independently of the frame either way, so the sum over it adjusts for nothing.
        flag_share: of the validation frames that the model is to flag as not to be trusted.
    """

    mode: Literal["frozen", "adapter", "suffix", "partial", "finetune"] = "frozen"
    epochs: Epochs = 12
    intervene_from: Annotated[int, Most(100_000, "no training has more epochs")] = Field(default=2, ge=0)
    batch_size: BatchSize = 16
    lr: Rate = 0.005
    lr_encoder: Rate = 0.0003
    warmup: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: Annotated[float, Most(1000, "the weights would vanish")] = Field(default=0.01, ge=0)
    clip_norm: Annotated[float, Most(1e9, "no gradient would ever be clipped")] = Field(default=1.0, gt=0)
    flips: bool = True
    sampling: Sampling = "shuffled"
    views: list[Literal["viewpoint", "colour"]] = Field(default=["viewpoint", "colour"])
    sum_over: list[Literal["mirror", "distance"]] = Field(default=["mirror", "distance"])
    checkpointing: bool = False
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    depth: Annotated[int, Most(64, "more blocks fit into no memory")] = Field(default=3, ge=1)
    heads: Annotated[int, Most(256, "a head would be left with a few channels")] = Field(default=8, ge=1)
    residual: bool = True
    dictionary: Literal["text", "random", "shuffled", "zero", "learned"] = "text"
    mining: Literal["zero_shot", "source_tuned"] = "zero_shot"
    phrases: Annotated[int, Field(ge=1), Most(10_000, "no dictionary has as many; null: all")] | None = None
    regions: Literal["keep", "zero"] = "keep"
    head_width: Annotated[int, Most(4096, "the head's maps would fit into no memory")] = Field(
        default=64, ge=16, multiple_of=16
    )
    dropout: float = Field(default=0.1, ge=0, lt=1)
    dice_weight: Weight = 1.0
    lambda_causal: Weight = 0.5
    lambda_contrast: Weight = 0.1
    temperature: Annotated[float, Most(1000, "all classes would weigh the same")] = Field(default=0.5, gt=0)
    lambda_adversarial: Weight = 0.5
    prior: Literal["uniform", "source"] = "uniform"
    flag_share: float = Field(default=0.1, ge=0, lt=1)

    _once = field_validator("views", "sum_over")(distinct)

    @field_validator(*_LEAST)
    @classmethod
    def _large_enough(cls, value: float, info: ValidationInfo) -> float:
        least, why = _LEAST[str(info.field_name)]
        if value < least:
            raise ValueError(f"should be {least:g} at least: {why}")
        return value

    @model_validator(mode="after")
    def _intervenes(self) -> Params:
        if self.intervene_from >= self.epochs:
            raise ValueError(
                f"intervene_from {self.intervene_from} is not below epochs {self.epochs}: "
                "the intervention would never be on"
            )
        return self
