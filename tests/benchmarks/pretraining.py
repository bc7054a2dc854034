"""What lite0's pretrainings are worth: python -m tests.benchmarks.pretraining OUT

Run in a project whose sites are ingested, drawn or real ones. Aligns lite0's text tower by each objective, and the
default's also apart from the phantom sites' styles and without lesion masks, none of them distilled, each with the
frames and epochs of params.yaml; what objectives have in common is rendered once. OUT is a parquet of a row a training,
place and figure: of drawn frames that no training saw what quality.json has, of each site how its regions are mined.
`tests.benchmarks.pretraining_table` shows it. With 3000 frames it takes some forty minutes of one core, half of them to
render, and twenty more for each further seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from torch import Tensor

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, judged_of, lesion_of
from mcdrl.base.parallel import batches
from mcdrl.clip.encoding import to_frames
from mcdrl.clip.lite_joint import Joint, hypercolumns
from mcdrl.clip.lite_trunk import LITE0, SIZE_PX, LiteTrunk, imagenet_weights
from mcdrl.clip.tower import TextTower, encode_prompts
from mcdrl.clip.words import Vocabulary
from mcdrl.regions.quality import Quality, mean
from mcdrl.regions.zero_shot import mine
from mcdrl.renderer.names import LESION_CLASSES
from mcdrl.study.params import Study, load
from mcdrl.study.paths import ARTIFACTS, site_files
from mcdrl.study.sections.pretrain import Params
from stages.pretrain.check import quality
from stages.pretrain.corpus import Corpus
from stages.pretrain.objectives import OBJECTIVES
from stages.pretrain.phrases import canonical
from stages.pretrain.pretrain import align, frames_to_check, frames_to_learn
from stages.stress.run import pick

LITE0_S: Mapping[str, Any] = MappingProxyType({"objective": "contrastive", "styles": "wide", "lesion_masks": True})
PRETRAININGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {name: {**LITE0_S, "objective": name} for name in OBJECTIVES}
    | {
        "contrastive_apart": {**LITE0_S, "styles": "apart"},
        "contrastive_no_masks": {**LITE0_S, "lesion_masks": False},
        "contrastive_apart_no_masks": {**LITE0_S, "styles": "apart", "lesion_masks": False},
    }
)
CHECK, DRAWN, REAL = "check frames", "drawn sites", "real sites"
ALPHA = 0.25
KEY = ["pretraining", "seed", "kind", "place", "figure"]
_BATCH = 32
Array = np.ndarray[Any, np.dtype[Any]]
Aligned = tuple[Joint, TextTower, Vocabulary]


@dataclass(frozen=True)
class Site:
    """Some frames of a site that show a lesion.

    Attributes:
        kind: `DRAWN` or `REAL`.
        hypercolumns: [N, C, 14, 14] float16.
        labels: [N, S, S] uint8, as stored.
    """

    kind: str
    hypercolumns: Tensor
    labels: Array


def main(
    out: Annotated[Path, typer.Argument(help="Parquet; rows of other trainings that it holds stay.")],
    only: Annotated[list[str] | None, typer.Option(help="A pretraining; may be given again. Default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each, on the same frames.")] = 1,
    frames: Annotated[int, typer.Option(help="Of each site, by the hash of their names.")] = 100,
    workers: Annotated[int, typer.Option(help="Processes that render.")] = 1,
) -> None:
    """Render, train and measure, training by training."""
    unknown = set(only or []) - set(PRETRAININGS)
    if unknown:
        raise typer.BadParameter(f"no pretraining is called {sorted(unknown)}; legal: {', '.join(PRETRAININGS)}")
    study, params = load("pretrain", Params)
    check_kept(out, params)
    trunk = LiteTrunk.load(imagenet_weights(LITE0), LITE0)
    sites = {name: look_at(study, name, trunk, frames) for name in study.sites}
    checked = frames_to_check(params, trunk, workers)
    for own, name, corpus in trainings(params, only or list(PRETRAININGS), seeds, trunk, workers):
        found = pd.DataFrame(figures(align(own, LITE0, corpus), checked, sites))
        part = found.assign(pretraining=name, seed=own.seed, frames=own.frames, epochs=own.epochs)
        everything = pd.concat(([pd.read_parquet(out)] if out.is_file() else []) + [part])
        kept = everything.drop_duplicates(KEY, keep="last")
        kept.sort_values(KEY, ignore_index=True).to_parquet(out)
        print(f"{name}, seed {own.seed}: {found.groupby(['kind', 'figure'])['value'].mean().round(3).to_dict()}")


def check_kept(out: Path, params: Params) -> None:
    """Check that what a file holds was trained on as many frames, as long.

    Raises:
        BadParameter: it wasn't, so that a table of both would lay to an objective what frames and epochs do.
    """
    own = (params.frames, params.epochs)
    kept = pd.read_parquet(out, columns=["frames", "epochs"]).drop_duplicates() if out.is_file() else pd.DataFrame()
    for frames, epochs in kept.itertuples(index=False):
        if (frames, epochs) != own:
            raise typer.BadParameter(
                f"{out} holds trainings on {frames} frames with {epochs} epochs, but params.yaml has pretrain.frames "
                f"{own[0]} and pretrain.epochs {own[1]}: name another file"
            )


def look_at(study: Study, name: str, trunk: LiteTrunk, frames: int) -> Site:
    """Return frames of an ingested site as the image tower sees them."""
    files = site_files(ARTIFACTS, name)
    cases = CASES.read(files.cases)
    ids = pick(list(cases.loc[cases["lesion_area_px"] > 0, "case_id"]), frames)
    with FRAMES.read(files.frames) as reader:
        labels = reader.rows("mask", ids)
        columns = [_columns(trunk, reader.rows("image", some)) for some in batches(ids, _BATCH)]
    return Site(DRAWN if study.sites[name].card == "phantom" else REAL, torch.cat(columns), labels)


def trainings(
    params: Params, names: Sequence[str], seeds: int, trunk: LiteTrunk, workers: int
) -> Iterator[tuple[Params, str, Corpus]]:
    """Yield the section, name and frames of each training, those of the same styles one after the other."""
    distillation = params.distillation.model_copy(update={"epochs": 0})
    own = {name: params.model_copy(update={**PRETRAININGS[name], "distillation": distillation}) for name in names}
    for styles in sorted({one.styles for one in own.values()}):
        some = {name: one for name, one in own.items() if one.styles == styles}
        corpus = frames_to_learn(max(some.values(), key=_needs_twins), trunk, workers)
        for name, one in some.items():
            told = corpus if _needs_twins(one) else replace(corpus, twins=None)
            for seed in range(params.seed, params.seed + seeds):
                yield one.model_copy(update={"seed": seed}), name, told


def figures(aligned: Aligned, checked: Corpus, sites: Mapping[str, Site]) -> Iterator[dict[str, object]]:
    """Yield kind, place, figure and value: of the check frames all that the table shows, of sites how well is mined."""
    found = quality(*aligned, checked)
    confounders = [value for value in found["confounder_auroc"].values() if value is not None]
    told = {
        "recall": found["recall"][f"{ALPHA:.2f}"], "auroc": found["place_auroc"],
        "classes": mean([value for value in found["class_auroc"].values() if value is not None]),
        "confounders": mean(confounders), "worst": min(confounders, default=None),
        "phrasings": found["phrases"]["held_out_accuracy"],
    }  # fmt: skip
    yield from ({"kind": CHECK, "place": CHECK, "figure": name, "value": value} for name, value in told.items())
    for name, site in sites.items():
        row = mined(aligned, site)
        yield from ({"kind": site.kind, "place": name, "figure": one, "value": row[one]} for one in ("recall", "auroc"))


def mined(aligned: Aligned, site: Site) -> dict[str, Any]:
    """Return how well a site's regions are mined by the texts of all lesion classes."""
    joint, tower, vocabulary = aligned
    texts = encode_prompts(tower, vocabulary, [canonical(name) for name in LESION_CLASSES]).numpy()
    found = Quality()
    for rows in batches(range(len(site.labels)), _BATCH):
        with torch.inference_mode():
            dense = joint(site.hypercolumns[rows].float())[0].permute(0, 2, 3, 1).numpy()
        regions, labels = mine(dense, texts, ALPHA), site.labels[list(rows)]
        found.add(regions.similarity, regions.selected, lesion_of(labels), judged_of(labels))
    return found.row()


def _needs_twins(params: Params) -> bool:
    return OBJECTIVES[params.objective].needs_twins


def _columns(trunk: LiteTrunk, images: Array) -> Tensor:
    with torch.inference_mode():
        return hypercolumns(trunk(to_frames(images, SIZE_PX, torch.device("cpu")))).half()


if __name__ == "__main__":
    typer.run(main)
