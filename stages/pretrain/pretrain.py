"""The whole of the pretraining: frames, training, quality, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mcdrl.base.files import atomic_folder, write_json
from mcdrl.base.seeds import generator, seed_for
from mcdrl.clip.lite import save_trained
from mcdrl.clip.lite_trunk import Architecture, Trunk, imagenet_weights
from mcdrl.clip.words import Vocabulary
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
    seen, unseen = _corpora(params, kind, workers)
    vocabulary = Vocabulary.of(sentences())
    joint, tower = learn(seen, vocabulary, kind, epochs=params.epochs, seed=params.seed, objective=params.objective)
    if params.distillation.epochs:
        joint = distil(joint, seen, params.distillation, params.seed)
    figures = quality(joint, tower, vocabulary, unseen)
    with atomic_folder(out) as folder:
        save_trained(joint, tower, vocabulary, folder)
        write_json(figures, folder / "quality.json")
    return figures


def _corpora(params: Params, kind: Architecture, workers: int) -> tuple[Corpus, Corpus]:
    trunk = Trunk.load(imagenet_weights(kind), kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for("pretrain", "jitter", params.seed))
        seeds = frame_seeds("train", params.seed, params.frames)
        boxes = draw_boxes(generator("pretrain", "crops", params.seed), params.frames)
        seen = collect(seeds, trunk, jitter, workers, boxes=boxes if params.distillation.epochs else None)
    if OBJECTIVES[params.objective].needs_twins:
        twins = collect(seeds, trunk, None, workers, sample=sample_twin)
        seen = replace(seen, twins=Twins(twins.hypercolumns, twins.presence))
    unseen = collect(frame_seeds("check", params.seed, params.check_frames), trunk, None, workers)
    return seen, unseen
