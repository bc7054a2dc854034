"""A trained model is led towards a new site by frames alone, without any mask of theirs.

Batch statistics (AdaBN, Li et al., 2018): normalisation takes its means and variances from the new site. Self-training:
what the model itself is sure of serves as the mask, and it goes on learning as from labels (`mcdrl.training.adapt`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcdrl.artifacts.frames import IGNORED
from mcdrl.base.errors import InputError
from mcdrl.base.parallel import batches
from mcdrl.metrics.calibration import calibrated, confidence, spectrum
from mcdrl.model.ensemble import Ensemble, Member
from mcdrl.model.probability import single_pass_probability
from mcdrl.training.adapt import LabelledFrames, State, answers
from mcdrl.training.batch_statistics import batch_norms, taking_statistics
from mcdrl.training.checkpoint import snapshot

SURE = 0.9  # calibrated probability from which a pixel is taken for what it seems
_AT_ONCE = 16


def adapt_statistics(member: Member, frames: LabelledFrames) -> State:
    """Give a model's batch normalisation the statistics of frames, in place; masks aren't looked at.

    Args:
        member: the model, in evaluation mode.
        frames: of the new site.

    Returns:
        Its state, on the CPU.

    Raises:
        InputError: nothing in it is normalised over a batch.
    """
    method = member.model.method
    norms = batch_norms(method)
    if not norms:
        raise InputError(
            f"{member.model.card.variant} has no batch normalisation that could take a site's statistics; "
            "--learn labels or self-training go with it"
        )
    ensemble = Ensemble([member], random_weights=False)
    with taking_statistics(norms):
        for places in batches(range(len(frames)), _AT_ONCE):
            for model, batch in ensemble.batches(frames.images[places]):
                single_pass_probability(model.method, batch)
    return snapshot(method)


def pseudo_labelled(member: Member, frames: LabelledFrames) -> LabelledFrames:
    """Return frames with what a model itself says of them as their masks; their own aren't looked at.

    Frames that it would flag are left out; of the others' pixels those count that it is sure of, see `SURE`. Where it
    has a presence head, frames in which it may have found a lesion without being sure of a pixel of it are left out,
    too: what is left of their masks would say that there is none.

    Args:
        member: the model, in evaluation mode.
        frames: of the new site.

    Raises:
        InputError: it tells several lesion classes apart, flags all frames, or has a presence head and is sure of none.
    """
    card = member.model.card
    if len(card.lesion_classes) > 1:
        raise InputError(f"{card.variant} is for {len(card.lesion_classes)} lesion classes; self-training takes one")
    found = np.stack([one.probability for one in answers([member], frames)])
    p = calibrated(found, card.temperature)
    masks = np.select([p >= SURE, p <= 1 - SURE], [1, 0], IGNORED).astype(np.uint8)
    sure, doubtful = ((masks == value).any(axis=(1, 2)) for value in (1, IGNORED))
    kept = confidence(spectrum(found), card.temperature) >= card.flag_below
    if not kept.any():
        raise InputError(f"{card.variant} flags every frame of the site, so there is nothing to train itself on")
    if card.spec.presence:
        kept &= sure | ~doubtful
    if not kept.any():
        raise InputError(f"{card.variant} is sure of no frame of the site, so its presence head can't train itself")
    lesion_class = np.where(sure, 0, -1)
    return replace(frames, masks=masks, lesion_class=lesion_class).take(kept)
