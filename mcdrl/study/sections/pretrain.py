"""The section `pretrain` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mcdrl.base.section import Epochs, Most, Section, Seed, Weight

Frames = Annotated[int, Field(ge=8), Most(1_000_000, "more than any memory holds")]


class Distillation(Section):
    """How the aligned projection is taught content and context (DeCLIP, arXiv 2505.04410).

    Attributes:
        epochs: passes over the frames; 0: it isn't.
        content_weight: of 1 - cos between a region's features and those of its crop.
        context_weight: of the distance between what places are alike and what the image tower's maps are.
    """

    epochs: Annotated[int, Field(ge=0), Most(100_000, "a training would not end")]
    content_weight: Weight
    context_weight: Weight


class Params(Section):
    """How the small CLIPs are pretrained.

    Attributes:
        frames: rendered frames to train on.
        check_frames: further frames, never trained on, for quality.json.
        epochs: passes over the frames.
        objective: what aligns whole frames with texts: the terms that data/lite0 was made by (contrastive); beside them
            clusters without negative texts (non_contrastive; nCLIP, arXiv 2210.09304), negative twins of frames and
            texts (triplet; TripletCLIP, arXiv 2411.02545), or optimal transport between two views' maps (transport;
            OTCXR, arXiv 2404.11868); texts that are true by degrees (graded; MedFILIP, arXiv 2501.10775); texts of
            which half describe what a class looks like (described; arXiv 2404.13043); or the nearest of texts that
            belong to no frame (unpaired; CLIP-IT, arXiv 2504.16181).
        styles: of the frames to train on: any (wide), or without the part of a range that the phantom's sites have,
            wherever that leaves some (apart), which says what figures on these rest on.
        lesion_masks: whether places are aligned by the lesions' masks, or whole frames alone by what they show.
        distillation: of the projection, behind the alignment.
        seed: of everything that is drawn.
    """

    frames: Frames
    check_frames: Frames
    epochs: Epochs
    objective: Literal["contrastive", "non_contrastive", "triplet", "graded", "described", "transport", "unpaired"]
    styles: Literal["wide", "apart"]
    lesion_masks: bool
    distillation: Distillation
    seed: Seed
