"""The frames that a small CLIP is pretrained on: rendered once, seen once by the locked image tower."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from mcdrl.base.runtime import progress
from mcdrl.base.seeds import seed_for
from mcdrl.renderer.corpus import sample_corpus_frame
from mcdrl.renderer.frame import Frame
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES

if TYPE_CHECKING:
    from torch import Tensor

    from mcdrl.clip.lite_trunk import LiteTrunk

Array = np.ndarray[Any, np.dtype[Any]]
_PLACE_PX, _PLACES = 16, 14
_BOX_PLACES = (5, 9)  # along a side, of the regions that are cropped
_FRAMES_AT_ONCE = 32


@dataclass(frozen=True)
class Crops:
    """A region of each frame, cut out and enlarged to a frame.

    Attributes:
        hypercolumns: [N, 472, 14, 14] float16, as those of `Corpus`.
        boxes: [N, 4] long, in places: first row, first column, rows, columns.
    """

    hypercolumns: Tensor
    boxes: Tensor


@dataclass(frozen=True)
class Twins:
    """The frames' negative twins, see `stages.pretrain.twins`.

    Attributes:
        hypercolumns, presence: as those of `Corpus`.
    """

    hypercolumns: Tensor
    presence: Tensor


@dataclass(frozen=True)
class Corpus:
    """N frames as the image tower sees them, and the truth about them.

    Attributes:
        hypercolumns: [N, C, 14, 14] float16, those of `mcdrl.clip.lite_joint` of the frames.
        jittered: the same of each frame after a random change of colours and sharpness; None where not asked for.
        share: [N, 7, 14, 14] float32 in 0..1, how much of a place each of `DENSE_CONCEPTS` covers; None: nobody marked
            lesions.
        presence: [N, 20] float32, 0 or 1, whether each of `CONCEPTS` is in the frame; "normal": no lesion is.
        crops: for distillation; None where not asked for.
        twins: for the objective triplet; None where not asked for.
    """

    hypercolumns: Tensor
    jittered: Tensor | None
    share: Tensor | None
    presence: Tensor
    crops: Crops | None = None
    twins: Twins | None = None


def truth(frame: Frame) -> tuple[Array, Array]:
    """Return what a rendered frame shows: a row of `Corpus.share` and one of `Corpus.presence`."""
    side = frame.mask.shape[0] // _PLACE_PX
    covered = frame.mask.reshape(side, _PLACE_PX, side, _PLACE_PX).mean((1, 3), dtype=np.float32)
    kind = [float(frame.lesion_class == name) for name in LESION_CLASSES]
    share = np.stack([*(covered * value for value in kind), covered, 1 - covered])
    lesion = float(frame.mask.any())
    confounders = [float(frame.strengths[name] > 0) for name in CONFOUNDERS]
    presence = [*(value * lesion for value in kind), lesion, 1 - lesion, *confounders, float(not any(confounders))]
    return share, np.array(presence, np.float32)


def frame_seeds(purpose: str, seed: int, count: int) -> list[int]:
    """Return the seeds of `count` frames; another purpose or seed gives other frames."""
    return [seed_for("pretrain", purpose, seed, number) for number in range(count)]


def draw_boxes(rng: np.random.Generator, count: int) -> Array:
    """Draw a region a frame, [count, 4] int64 as in `Crops`: a third to two thirds of the grid's side, anywhere."""
    sides = rng.integers(*_BOX_PLACES, size=(count, 2), endpoint=True)
    starts = rng.integers(0, _PLACES - sides, endpoint=True)
    return np.concatenate([starts, sides], axis=1)


def collect(
    seeds: Sequence[int], trunk: LiteTrunk, jitter: Callable[[Tensor], Tensor] | None, workers: int,
    *, boxes: Array | None = None, sample: Callable[[int], Frame] | None = None,
) -> Corpus:  # fmt: skip
    """Render the frames of the given seeds and encode them.

    Args:
        seeds: one a frame.
        trunk: the locked image tower.
        jitter: frames [B, 3, 224, 224] in 0..1 to changed ones; None: no jittered view is made.
        workers: processes that render; 1: this one.
        boxes: [N, 4], a region of each frame to crop, as `draw_boxes` gives them; None: no crop is made.
        sample: seed -> frame; None: the corpus frames themselves.
    """
    import torch

    columns, jittered, crops = [], [], []
    truths: list[tuple[Array, Array]] = []
    with _renderer(workers, sample or sample_corpus_frame) as render:
        frames = progress(render(seeds), "rendering and encoding", len(seeds))
        for batch in _batches(frames):
            images = torch.from_numpy(np.stack([frame.image for frame in batch])).permute(0, 3, 1, 2) / 255
            columns.append(_encode(trunk, images))
            if jitter is not None:
                jittered.append(_encode(trunk, jitter(images)))
            if boxes is not None:
                crops.append(_encode(trunk, _cropped(images, boxes[len(truths) :])))
            truths += [truth(frame) for frame in batch]
    share, presence = (torch.from_numpy(np.stack(rows)) for rows in zip(*truths, strict=True))
    return Corpus(
        torch.cat(columns), torch.cat(jittered) if jittered else None, share, presence,
        Crops(torch.cat(crops), torch.from_numpy(boxes)) if boxes is not None else None,
    )  # fmt: skip


def _cropped(images: Tensor, boxes: Array) -> Tensor:
    """Cut a region out of each frame, [B, 3, S, S] in 0..1, and enlarge it to a frame."""
    import torch

    from mcdrl.clip.encoding import squashed

    parts = [
        squashed(image[None, :, top : top + height, left : left + width], image.shape[-1])
        for image, (top, left, height, width) in zip(images, boxes[: len(images)] * _PLACE_PX, strict=True)
    ]
    return torch.cat(parts)


def _encode(trunk: LiteTrunk, images: Tensor) -> Tensor:
    import torch

    from mcdrl.clip.lite_joint import hypercolumns

    with torch.no_grad():
        return hypercolumns(trunk(images)).half()


def _batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == _FRAMES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _renderer(workers: int, sample: Callable[[int], Frame]) -> Iterator[Any]:
    if workers <= 1:
        yield lambda seeds: map(sample, seeds)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield lambda seeds: pool.map(sample, seeds, chunksize=8)
