"""The `train` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mcdrl.base.section import BatchSize, Epochs, Most, Section, Share, SizePx, Weight, distinct
from mcdrl.study.modes import ENCODER_MODES, PIXEL_MODES

Sampling = Literal["shuffled", "class_balanced", "size_balanced"]
Unlabelled = Literal["none", "patches", "copies"]
Rate = Annotated[float, Field(gt=0), Most(1, "each step would be larger than the weights themselves")]
_LEAST = {
    "lr": (1e-12, "no weight would move"),
    "lr_encoder": (1e-12, "no weight would move"),
    "clip_norm": (1e-6, "no weight would move"),
}
Decay = Annotated[float, Field(ge=0), Most(1000, "the weights would vanish")]
Change = Annotated[float, Field(ge=0, lt=1)]
Zooms = Annotated[list[Annotated[float, Field(gt=0), Most(10, "nothing but the middle of the frame would be seen")]],
                  Field(min_length=2, max_length=2)]  # fmt: skip


class AugmentParams(Section):
    """How far frames vary at random that a network sees as pixels; all of it our choice.

    Attributes:
        view_share: of the frames that are seen from elsewhere, 0..1.
        zoom: least and largest, above 0, drawn with even chances on a scale of logarithms; above 1: nearer.
        turn: at most, to either side, radians.
        shift: at most, of what is in the middle, in half sides of the frame.
        stretch: at most, of y against x, as a logarithm.
        colour_share: of the frames whose colours change, 0..1.
        brightness: change at most, as a share of what is there.
        contrast: likewise.
        saturation: likewise.
        hue: change at most, in turns of the colour circle.
        site_colours_share: of the frames that take the colours of a frame of another site, 0..1.
        healthy_zoom: least and largest of healthy views and their companions, see `healthy_share`; drawn as `zoom`.
    """

    view_share: Share
    zoom: Zooms
    turn: Annotated[float, Field(ge=0), Most(3.15, "more than half a turn to either side is a turn to the other")]
    shift: Share
    stretch: Annotated[float, Field(ge=0), Most(2, "frames would be seven times as high as wide")]
    colour_share: Share
    brightness: Change
    contrast: Change
    saturation: Change
    hue: Annotated[float, Field(ge=0, le=0.5)]
    site_colours_share: Share
    healthy_zoom: Zooms

    @field_validator("zoom", "healthy_zoom")
    @classmethod
    def _rises(cls, zoom: list[float]) -> list[float]:
        if zoom[0] > zoom[1]:
            raise ValueError(f"{zoom} falls; write the least zoom first")
        return zoom


class MinerParams(Section):
    """How the network of `mining: source_tuned` is made and fitted; all of it our choice.

    Attributes:
        steps: of the optimiser.
        batch_size: frames a step.
        lr: learning rate.
        weight_decay: of all its weights.
        hidden: channels inside.
        dropout: share of them dropped while it is fitted.
        statistics: batches whose places give mean and standard deviation of the maps' channels.
        finest: maps with more places a grid place, along a side, aren't looked at: they cost much and say little.
        group_folds: into how many parts the frames are cut where lesions are at one source site alone.
    """

    steps: Annotated[int, Field(ge=1), Most(1_000_000, "the fit would take days")]
    batch_size: BatchSize
    lr: Rate
    weight_decay: Decay
    hidden: Annotated[int, Field(ge=1), Most(4096, "its weights would outnumber the head's")]
    dropout: float = Field(ge=0, lt=1)
    statistics: Annotated[int, Field(ge=1), Most(100_000, "more move no digit")]
    finest: Annotated[int, Field(ge=1), Most(64, "no map is as fine")]
    group_folds: Annotated[int, Field(ge=2), Most(100, "each fold costs a network")]


class PatchParams(Section):
    """How patches are held against whole frames, see `unlabelled`; after arXiv 2202.04074.

    Attributes:
        across: patches a side that a frame is cut into; five in the paper, our choice for smaller frames.
        contrast_epochs: first epochs, in which features are contrasted; in those after them answers have to agree. A
            hundred in the paper, whose trainings are longer.
        temperature: of the contrast, the paper's.
        weight: of the term, 0 and more; our choice.
    """

    across: Annotated[int, Field(ge=2), Most(16, "a patch would be no larger than a place of the grid")]
    contrast_epochs: Annotated[int, Field(ge=0), Most(100_000, "no training has more epochs")]
    temperature: Annotated[float, Field(gt=0), Most(100, "all places would be alike")]
    weight: Weight


class SwadParams(Section):
    """How a valley is found, see `average`; after arXiv 2102.08604.

    Attributes:
        checks: of the validation frames an epoch, at most one a step; our choice, the paper has one in 50 to 500 steps.
        start_patience: checks of which the first has to be the lowest for the valley to begin with it; the paper's.
        end_patience: checks in a row above the level with which the valley ends before them; the paper's.
        tolerance: the level over the mean of the checks that began the valley, 1 and more; the paper's for most of its
            data.
    """

    checks: Annotated[int, Field(ge=1), Most(1000, "each costs a pass over the validation frames")]
    start_patience: Annotated[int, Field(ge=1), Most(1000, "no training has as many checks")]
    end_patience: Annotated[int, Field(ge=1), Most(1000, "no training has as many checks")]
    tolerance: Annotated[float, Field(ge=1), Most(1000, "no valley would end")]


class Params(Section):
    """How a network is trained.

    Attributes:
        mode: what of the encoder is trained: nothing (frozen), a small residual adapter, its last blocks from cached
            maps on (suffix), or with varied frames in the loop its last blocks (partial) or all of it (finetune).
        epochs: passes over the source frames.
        intervene_from: first epoch, from 0, with the intervention on; below `epochs`. Methods that intervene choose
            their epoch from here on.
        causal_rise: epochs, or parts of one, from `intervene_from` on, in which L_causal rises in a line to its weight;
            0: it has it at once. Of methods that intervene; our choice.
        batch_size: frames a step, over all devices together.
        lr: highest learning rate of everything new.
        lr_encoder: highest learning rate of the encoder's own blocks, in modes suffix, partial and finetune.
        head_first: epochs, or parts of one, at the start in which the encoder's own blocks rest and all that is new
            learns, below `epochs`; all of it learns in those behind them, as in a training of its own: rates rise and
            fall in both. So a new head doesn't bend pretrained features (LP-FT, arXiv 2202.10054). What rests are
            weights; batch normalisation that follows the batches goes on doing so. In modes suffix, partial and
            finetune; 0: nothing rests, else it does for one step at least. How long is our choice.
        warmup: share of all steps in which the rates rise from 0; they fall to 0 along a cosine after that.
        weight_decay: of matrices and kernels; none on norms and biases.
        average: whose weights the model has: the best epoch's (none), or the mean of those after every step of the
            valley of 1 - Dice of the validation frames (swad; arXiv 2102.08604), from the first plateau to where it
            rises for good; where there is no valley, the best epoch's. Steps of `head_first`, and of methods that
            intervene those before `intervene_from`, belong to no valley. Normalisation that follows the batches takes
            the statistics of an epoch's frames anew.
        swad: how the valley is found.
        clip_norm: largest norm of a step's gradient.
        flips: whether frames are mirrored at random, in the ways that `encode.flips` says; views of the family
            viewpoint are mirrored besides.
        sampling: which frames an epoch has: each once (shuffled), or lesion classes with even chances
            (class_balanced), so that how common a class is at a site can't be learned, or four sizes of lesion with
            even chances (size_balanced), so that rare sizes are seen as often as common ones: equal steps of the
            logarithm of the share of the frame that is lesion. Frames that show no lesion keep their share. Our choice.
        labelled_share: of the source sites' frames, whole groups of each site and split, drawn by the seed, whose masks
            and classes may be used, 0..1. Of the others those of the split "train" are unlabelled, those of the split
            "val" play no part. What `epochs` counts are passes over the labelled frames.
        unlabelled: what is asked of frames without their masks, in modes partial and finetune: nothing (none), that
            their patches, passed alone, agree with the whole (patches), or its placebo, the same of as many labelled
            frames in their place (copies). As many in a step as labelled ones.
        patches: how patches are compared with the whole.
        views: what of the frames varies at random in modes partial and finetune: viewpoint (distance, turn, place,
            stretch, mirrored or not), colour (brightness, contrast, saturation, hue), site_colours (mean and spread of
            Lab's channels become those of a frame of another source site in the batch; SANet, arXiv 2108.00882).
        augment: how far frames vary in these.
        lift_dark: whether frames whose bright end lies below that of nearly all training frames are multiplied up to
            there, fourfold at most, before the network sees them, in modes partial and finetune, at training and ever
            after. Our choice.
        further_sizes_px: sides to which the frames of a step are enlarged or reduced from the working size, with masks
            and all, in modes partial and finetune; the working size and these have even chances, drawn by the seed.
            Validation stays at the working size. For backbones that take frames of any size, as lite0 does; empty: the
            working size alone. Our choice.
        checkpointing: whether activations of the backbone's blocks are computed again for the gradient instead of kept;
            less memory, more time, the same numbers. U-Nets keep theirs.
        compile: whether torch.compile translates the network for the machine first: a minute or more, then quicker
            steps on a GPU; numbers differ by rounding and by what dropout draws, and it needs a C++ compiler.
        precision: 32-true (without TF32), bf16-mixed, or auto: bf16-mixed on CUDA, else 32-true.
        mining: what selects the target regions: similarity to the class texts (zero_shot), or a small network fitted
            on the masks of the fold's source sites (source_tuned; each source site's own frames are mined by one that
            was fitted on the others); for methods that look at regions.
        miner: how that network is fitted.
        phrases: how many phrases of the dictionary are used, the same for every seed; None: all.
        head_width: channels of the pyramid head.
        dropout: share of channels dropped in head and blocks; U-Nets have no such.
        input_dropout: share of channels dropped from what the head takes: maps, tokens and frame, in U-Nets what the
            decoder takes; whole channels, so that no answer hangs on few of them. After DropGen (arXiv 2604.02564),
            which drops image and feature channels alike; our choice for maps at several sizes.
        bottleneck: in mode adapter, the joint width over the adapter's inner width.
        dice_weight: weight of a soft Dice term beside the pixel cross-entropy; the paper has none.
        boundary_weight: how much more pixels at outlines weigh in both terms of the loss: 1 + it * |mean of the mask
            around a pixel - the mask|, as in PraNet (arXiv 2006.11392), which has 5. 0: all weigh the same.
        presence_weight: weight of the cross-entropy of a head that says whether a frame has a lesion at all, by the
            masks' own labels; its probability is the frame's score then, by which a model says "no lesion". 0: there is
            no such head, and the score comes from the map. Our choice.
        hard_negative_weight: weight of the cross-entropy of the likeliest percent of the pixels of frames without a
            lesion; our choice.
        healthy_share: of the frames, in modes partial and finetune, how many with a lesion are seen from so near that
            it isn't in view, at most; each goes with another that is seen just as near with its lesion, so that
            nearness tells nothing. Pairs without such views stay as they are. 0..0.5; our choice.
        erased_share: of the frames, in modes partial and finetune, how many have their lesion covered by tissue of
            their own at most; each goes with another that keeps its lesion and has such a patch beside it, so that
            seams tell nothing. Pairs without room stay as they are: on real frames a sixth is what can be had. 0..0.5;
            our choice.
        flag_share: of the validation frames that the model is to flag as not to be trusted.
        keep_share: of the validation frames in which a lesion is found, where the operating point must leave it; it is
            the one with the fewest false positives among those that do.
    """

    mode: Literal["frozen", "adapter", "suffix", "partial", "finetune"]
    epochs: Epochs
    intervene_from: Annotated[int, Field(ge=0), Most(100_000, "no training has more epochs")]
    causal_rise: Annotated[float, Field(ge=0), Most(100_000, "no training has more epochs")]
    batch_size: BatchSize
    lr: Rate
    lr_encoder: Rate
    head_first: Annotated[float, Field(ge=0), Most(100_000, "no training has more epochs")]
    warmup: float = Field(ge=0, lt=1)
    weight_decay: Decay
    average: Literal["none", "swad"]
    swad: SwadParams
    clip_norm: Annotated[float, Field(gt=0), Most(1e9, "no gradient would ever be clipped")]
    flips: bool
    sampling: Sampling
    labelled_share: float = Field(gt=0, le=1)
    unlabelled: Unlabelled
    patches: PatchParams
    views: list[Literal["viewpoint", "colour", "site_colours"]]
    augment: AugmentParams
    lift_dark: bool
    further_sizes_px: list[SizePx] = Field(max_length=8)
    checkpointing: bool
    compile: bool
    precision: Literal["auto", "32-true", "bf16-mixed"]
    mining: Literal["zero_shot", "source_tuned"]
    miner: MinerParams
    phrases: Annotated[int, Field(ge=1), Most(10_000, "no dictionary has as many; null: all")] | None
    head_width: Annotated[int, Field(ge=16, multiple_of=16), Most(4096, "the head's maps would fit into no memory")]
    dropout: float = Field(ge=0, lt=1)
    input_dropout: float = Field(ge=0, lt=1)
    bottleneck: Annotated[int, Field(ge=1), Most(65536, "no joint space is as wide")]
    dice_weight: Weight
    boundary_weight: Annotated[float, Field(ge=0), Most(1000, "nothing but outlines would be learned")]
    presence_weight: Weight
    hard_negative_weight: Weight
    healthy_share: float = Field(ge=0, le=0.5)
    erased_share: float = Field(ge=0, le=0.5)
    flag_share: float = Field(ge=0, lt=1)
    keep_share: float = Field(gt=0, le=1)

    _once = field_validator("views", "further_sizes_px")(distinct)

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

    @model_validator(mode="after")
    def _has_blocks_to_rest(self) -> Params:
        if self.head_first >= self.epochs:
            raise ValueError(f"head_first {self.head_first:g} is not below epochs {self.epochs}: all blocks would rest")
        if self.head_first and self.mode not in ENCODER_MODES:
            raise ValueError(
                f"head_first {self.head_first:g} lets the encoder's own blocks rest, of which mode {self.mode} trains "
                f"none: write 0, or mode {' or '.join(ENCODER_MODES)}"
            )
        return self

    @model_validator(mode="after")
    def _sees_pixels(self) -> Params:
        needs = [
            (f"healthy_share {self.healthy_share:g}", self.healthy_share > 0, "0"),
            (f"erased_share {self.erased_share:g}", self.erased_share > 0, "0"),
            (f"unlabelled {self.unlabelled}", self.unlabelled != "none", "none"),
            ("lift_dark true", self.lift_dark, "false"),
            (f"further_sizes_px {self.further_sizes_px}", bool(self.further_sizes_px), "[]"),
        ]
        given = [(told, off) for told, on, off in needs if on]
        if given and self.mode not in PIXEL_MODES:
            told, off = given[0]
            raise ValueError(
                f"{told} takes the pixels in the loop, which mode {self.mode} hasn't: "
                f"write {off}, or mode {' or '.join(PIXEL_MODES)}; or leave it to variants of these modes, under their "
                "own `train`"
            )
        return self

    @model_validator(mode="after")
    def _has_unlabelled_frames(self) -> Params:
        if self.unlabelled == "patches" and self.labelled_share == 1:
            raise ValueError(
                "unlabelled patches takes frames without labels, but labelled_share is 1: "
                "write a smaller share, or copies, which takes labelled frames"
            )
        return self

    @model_validator(mode="after")
    def _patches_agree(self) -> Params:
        first = self.patches.contrast_epochs
        if self.unlabelled != "none" and first >= self.epochs:
            raise ValueError(
                f"patches.contrast_epochs {first} is not below epochs {self.epochs}: "
                "patches would never be asked to agree with the whole"
            )
        return self
