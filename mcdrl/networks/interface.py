"""What goes into a method and what comes out of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import ConfigDict, Field, with_config
from torch import Tensor, nn

from mcdrl.artifacts.features import map_names
from mcdrl.artifacts.frames import IGNORED
from mcdrl.clip.encoder import Encoded

# Bounds are far above what anyone trains: they keep a stranger's model.json from asking for more than a machine has.
_Side = Annotated[int, Field(ge=1, le=2**16, strict=True)]
_Share = Annotated[float, Field(ge=0, lt=1, strict=True)]
_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


@dataclass(frozen=True)
class Batch:
    """B frames with all that is cached of them.

    Attributes:
        frame: [B, 3, S, S] float in 0..1, at working size.
        encoded: the frozen encoder's features of the frames; all empty where no trunk needs them.
        similarity: [B, H, W] float, S^ of MTRS.
        selected: [B, H, W] bool, the mined places, N in every frame.
        kept: N, which nobody should have to ask the device for.
        mask: [B, S, S] long, 0 background, 1 lesion, 255 ignored (nobody judged it); zeros at prediction.
        lesion_class: [B] long, index into the lesion classes; -1: no lesion, or unknown.
        site: [B] long, number of the site that a frame comes from; None where that doesn't matter, as at prediction.
        held: [B, 254] bool, whether the mask has lesion of each class; None: no masks were read.
        encoder_px: side at which an encoder in the loop is to see the frames; None: its own.
    """

    frame: Tensor
    encoded: Encoded
    similarity: Tensor
    selected: Tensor
    kept: int
    mask: Tensor
    lesion_class: Tensor
    site: Tensor | None = None
    held: Tensor | None = None
    encoder_px: int | None = None

    @property
    def lesion(self) -> Tensor:
        """Where the lesion is, [B, S, S] bool."""
        return self.mask == 1

    def classes(self, count: int) -> Tensor:
        """Return which of the first `count` lesion classes each frame has, [B, count] bool."""
        numbers = torch.arange(count, device=self.lesion_class.device)
        own = self.lesion_class[:, None] == numbers
        return own if self.held is None else own | self.held[:, :count]

    @property
    def vanished(self) -> Tensor:
        """Whether each frame has a lesion of which no pixel was in its mask, [B] bool; false where none was read."""
        if self.held is None:
            return torch.zeros_like(self.lesion_class, dtype=torch.bool)
        return (self.lesion_class >= 0) & ~self.held.any(1)

    @property
    def judged(self) -> Tensor:
        """Where the mask says lesion or background, [B, S, S] bool; elsewhere nothing counts."""
        return self.mask != IGNORED


@dataclass(frozen=True)
class Output:
    """What a method says of B frames; one whose loss acts on more than this has a subclass of its own.

    Attributes:
        logits: [B, 2, S, S] float, background and lesion.
        causal: [B, D] float, Pool(F_ca); None where the method has no (active) intervention.
        image_embedding: [B, D] float of unit norm, the trained image feature that L_contrast acts on; None without one.
        encoded: what the trunk, or an encoder of the method's own, made of the frames; what a presence head judges by.
        absent: [B] bool, whether the frame has a lesion, but was asked for a class that it doesn't have, so that the
            right answer is empty; None where nothing was asked.
    """

    logits: Tensor
    causal: Tensor | None = None
    image_embedding: Tensor | None = None
    encoded: Encoded | None = None
    absent: Tensor | None = None


@dataclass(frozen=True)
class Texts:
    """The cached prompts in joint space.

    Attributes:
        classes: [K, D] float32, unit norm.
        confounders: [M, D] float32, unit norm: the dictionary Z.
        class_confounders: [K, M, D] float32, unit norm: t_(k,m).
        prior: [M] float32, P(z), sums to one.
        background: [D] float32, unit norm: subtracted in region mining; None: nothing is.
        seen: [K] bool, at least one: whether a training frame has a lesion of that class; None: nobody has noted it.
    """

    classes: Tensor
    confounders: Tensor
    class_confounders: Tensor
    prior: Tensor
    background: Tensor | None = None
    seen: Tensor | None = None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Spec:
    """The numbers that every network is built from; what only some methods have is in their own `Params`.

    Stored beside the weights, and checked where a model's card is read.

    Attributes:
        width: D, joint width.
        map_channels: tap -> channels, from fine to coarse.
        head_width: channels of the pyramid head.
        dropout: share of channels dropped in the head and the blocks.
        bottleneck: of an adapter: its inner width is D over this.
        dice_weight: weight of a soft Dice term beside the pixel cross-entropy; the paper has none.
        seed: of everything drawn while building, such as a random dictionary.
        presence: whether a head beside the method's own says if a frame has a lesion at all.
        input_dropout: share of channels dropped from what the head takes.
        boundary_weight: how much more pixels at outlines weigh in L_seg.
        dark_below: as that of `Method`.
    """

    width: _Side
    map_channels: Annotated[Mapping[str, _Side], Field(min_length=1, max_length=64)]
    head_width: Annotated[int, Field(ge=16, le=2**12, multiple_of=16, strict=True)]
    dropout: _Share
    bottleneck: _Side
    dice_weight: _Weight
    seed: Annotated[int, Field(strict=True)]
    presence: Annotated[bool, Field(strict=True)] = False
    input_dropout: _Share = 0.0
    boundary_weight: _Weight = 0.0
    dark_below: _Share = 0.0


class Trunk(nn.Module, ABC):
    """From a batch to the features that the method sees: frozen, adapter, suffix, partial or finetune.

    Attributes:
        trains_image: whether the image feature has weights that L_contrast can train.
        needs_features: whether cached features are used; without them the frame itself is, and may be varied.
        resizes: whether frames of all sides in `mcdrl.clip.encoder.SIDES_PX` serve.
    """

    trains_image: bool = False
    needs_features: bool = True
    resizes: bool = False

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Return features of the layout of `batch.encoded`, trainable where the mode says so."""

    def cached(self, taps: Sequence[str]) -> list[str]:
        """Return what of the cached features is used, so that readers leave the rest on disk.

        Args:
            taps: of all maps.

        Returns:
            Names of datasets of `mcdrl.artifacts.features.FEATURES`; none where the frame itself is used.
        """
        return ["dense", "image", *map_names(taps)] if self.needs_features else []

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that come pretrained and are trained at the encoder's own rate."""
        return []


class Method(nn.Module, ABC):
    """A segmentation method.

    Attributes:
        trunk: what stands between the cached features and the method.
        intervenes: whether `intervene` switches anything, so that only epochs with it on show the method.
        uses_regions: whether it looks at `Batch.selected`, so that it matters how regions are mined.
        sums_views: whether `forward` makes several passes at prediction, the first of them over the frame as it is.
        causal_share: of the weight of L_causal, 0..1; training lets it rise.
        presence: says of a frame whether it has a lesion, see `mcdrl.networks.presence`; None: nobody asks.
        dark_below: bright end, 0..1, to which darker frames are lifted before it sees them, by whoever makes its
            batches of pixels; see `mcdrl.networks.exposure`. 0: frames are shown as they are.
    """

    trunk: Trunk
    presence: nn.Module | None
    intervenes: bool = False
    uses_regions: bool = False
    sums_views: bool = False
    causal_share: float = 1.0
    dark_below: float = 0.0

    def __init__(self) -> None:
        """Start without a presence head; see `mcdrl.networks.factory.with_presence`."""
        super().__init__()
        self.presence = None

    @abstractmethod
    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; `intervene=False` before the schedule switches the intervention on."""

    def single_pass(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch in one pass, where `forward` takes several at prediction; what epochs are chosen by."""
        output: Output = self(batch, intervene=intervene)
        return output

    @property
    def borrows(self) -> str:
        """What it takes of another site's frame in the batch at training, such as "the amplitudes"; empty: nothing."""
        return ""

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that come pretrained and are trained at the encoder's own rate."""
        return self.trunk.encoder_parameters()

    def feature_channels(self, spec: Spec) -> Mapping[str, int]:
        """Return tap -> channels of the maps in `Output.encoded`: the trunk's, unless it has an encoder of its own."""
        return spec.map_channels

    @abstractmethod
    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted terms of the loss by name, each a scalar; their sum is trained."""
