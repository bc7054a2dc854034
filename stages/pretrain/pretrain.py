"""The whole of the pretraining: frames, training, quality, files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mcdrl.base.files import atomic_folder, write_json
from mcdrl.base.seeds import generator, seed_for
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.clip.lite import save_trained
from mcdrl.clip.lite_joint import Joint
from mcdrl.clip.lite_trunk import Architecture, LiteTrunk, imagenet_weights
from mcdrl.clip.tower import TextTower
from mcdrl.clip.words import Vocabulary
from mcdrl.renderer.corpus import sample_corpus_frame
from mcdrl.study.sections.pretrain import Params
from stages.pretrain.check import quality
from stages.pretrain.corpus import Corpus, Twins, collect, draw_boxes, frame_seeds
from stages.pretrain.distil import distil
from stages.pretrain.jitter import jitter
from stages.pretrain.learn import learn
from stages.pretrain.objectives import OBJECTIVES
from stages.pretrain.phrases import sentences
from stages.pretrain.twins import sample_twin


def pretrain(params: Params, kind: Architecture, out: Path, workers: int) -> dict[str, Any]:
    """Write tower.safetensors, words.json and quality.json to the folder `out` and return the quality.

    Args:
        params: the section of params.yaml.
        kind: whose image tower is looked through.
        out: replaced once all of it is complete.
        workers: processes that render.

    Raises:
        InputError: the package with the ImageNet weights isn't installed.
    """
    trunk = LiteTrunk.load(imagenet_weights(kind), kind)
    aligned = align(params, kind, frames_to_learn(params, trunk, workers))
    figures = quality(*aligned, frames_to_check(params, trunk, workers))
    with atomic_folder(out) as folder:
        save_trained(*aligned, folder)
        write_json(figures, folder / "quality.json")
    return figures


def align(params: Params, kind: Architecture, corpus: Corpus) -> tuple[Joint, TextTower, Vocabulary]:
    """Train projection and text tower on rendered frames, in evaluation mode, with the words that the tower knows.

    Args:
        params: the section of params.yaml.
        kind: whose image tower looked at the frames.
        corpus: what `frames_to_learn` gives; its masks are not looked at where lesions' places aren't to be told.
    """
    told = corpus if params.lesion_masks else replace(corpus, share=None)
    vocabulary = Vocabulary.of(sentences(described=OBJECTIVES[params.objective].described > 0))
    joint, tower = learn(told, vocabulary, kind, epochs=params.epochs, seed=params.seed, objective=params.objective)
    if params.distillation.epochs:
        joint = distil(joint, told, params.distillation, params.seed)
    return joint, tower, vocabulary


def frames_to_learn(params: Params, trunk: LiteTrunk, workers: int) -> Corpus:
    """Render what is trained on, with jittered views, and with twins and crops where params ask for them."""
    seeds, styles = frame_seeds("train", params.seed, params.frames), params.styles
    boxes = draw_boxes(generator("pretrain", "crops", params.seed), params.frames)
    with torch_seeded(seed_for("pretrain", "jitter", params.seed)):
        seen = collect(
            seeds, trunk, jitter, workers,
            boxes=boxes if params.distillation.epochs else None, sample=partial(sample_corpus_frame, styles=styles),
        )  # fmt: skip
    if not OBJECTIVES[params.objective].needs_twins:
        return seen
    twins = collect(seeds, trunk, None, workers, sample=partial(sample_twin, styles=styles))
    return replace(seen, twins=Twins(twins.hypercolumns, twins.presence))


def frames_to_check(params: Params, trunk: LiteTrunk, workers: int) -> Corpus:
    """Render what quality is measured on: of all styles, whatever was trained on, so that figures compare."""
    return collect(frame_seeds("check", params.seed, params.check_frames), trunk, None, workers)
