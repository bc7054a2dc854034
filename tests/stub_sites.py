"""Small sites as stage one would leave them: a bright square is the lesion, and features are plain poolings."""

import json

import h5py
import numpy as np
import pandas as pd
import torch
from torch import nn

from mcdrl.artifacts.audit import PAIRS
from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.dictionary import CLASS_CONFOUNDERS, CLASSES, DICTIONARY
from mcdrl.artifacts.features import FEATURES, taps_attribute
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.plan import Views, write_plan
from mcdrl.artifacts.regions import REGIONS
from mcdrl.clip.encoder import Encoded, LowerBlocks, UpperBlocks, unit
from mcdrl.networks.interface import Batch
from mcdrl.study.paths import plan_files, site_files
from tests import factories
from tests.factories import make_cases, png

SIDE, GRID, WIDTH, KEPT = 32, 4, 16, 4
LESIONS = ["polyp", "tumor"]
CONFOUNDERS = ["blur", "blood", "dark"]
FINGERPRINT = "f" * 64
PROVENANCE = {"device": "cpu", "precision": "float32"}
CHANNELS = {"s4": 6, "s8": 8}


class StubUpperBlocks(UpperBlocks):
    """One convolution from the prefix to everything."""

    def __init__(self, channels=CHANNELS["s8"]):
        super().__init__()
        self.made = ("s8",)
        with torch.random.fork_rng():
            torch.manual_seed(5)
            self.conv = nn.Conv2d(channels, WIDTH, 1)

    def forward(self, prefix, maps):
        grid = self.conv(prefix)
        return Encoded(unit(grid, 1), unit(grid.mean((2, 3)), 1), {**maps, "s8": grid[:, : CHANNELS["s8"]]}, prefix)


class StubLowerBlocks(LowerBlocks):
    """Poolings of the frame, each mixed by a convolution; starts as what `features` says."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.mix = nn.ModuleDict({tap: nn.Conv2d(3, CHANNELS[tap], 1, bias=False) for tap in CHANNELS})
        for tap, convolution in self.mix.items():
            convolution.weight.data = torch.randn(3, CHANNELS[tap], generator=generator).t()[:, :, None, None]

    def forward(self, frames):
        pooled = {tap: nn.functional.avg_pool2d(frames, SIDE // size) for tap, size in (("s4", 8), ("s8", GRID))}
        maps = {tap: convolution(pooled[tap]).relu() for tap, convolution in self.mix.items()}
        return maps["s8"], maps


class StubEncoder:
    """Offers its two parts and nothing else."""

    size_px, resizes = SIDE, True

    def lower_blocks(self):
        return StubLowerBlocks()

    def upper_blocks(self):
        return StubUpperBlocks()


def features(frames):
    """Return dense, image, maps and prefix of frames [B, 3, S, S]: each place sees its own pixels alone."""
    generator = torch.Generator().manual_seed(3)
    pooled = {tap: nn.functional.avg_pool2d(frames, SIDE // size) for tap, size in (("s4", 8), ("s8", GRID))}
    mixed = {
        tap: torch.einsum("bchw,cd->bdhw", grid, torch.randn(3, CHANNELS[tap], generator=generator)).relu()
        for tap, grid in pooled.items()
    }
    projection = torch.randn(CHANNELS["s8"], WIDTH, generator=generator)
    dense = unit(torch.einsum("bchw,cd->bdhw", mixed["s8"], projection), 1)
    return Encoded(dense, unit(dense.mean((2, 3)), 1), mixed, mixed["s8"])


def draw(site, count, seed=0):
    """Return frames [B, S, S, 3] uint8, masks [B, S, S] uint8 and lesion classes; every fourth frame has none."""
    random = np.random.default_rng([seed, *site.encode()])
    images = random.integers(40, 110, (count, SIDE, SIDE, 3)).astype(np.uint8)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    classes = [None if frame % 4 == 3 else LESIONS[frame % 2] for frame in range(count)]
    for frame, kind in enumerate(classes):
        if kind:
            y, x = random.integers(0, SIDE - 12, 2)
            masks[frame, y : y + 12, x : x + 12] = 1
            images[frame, y : y + 12, x : x + 12] += 100
    return images, masks, classes


def write_site(artifacts, site, count=16, fingerprint=FINGERPRINT, provenance=PROVENANCE):
    """Write a site's cases, frames, features and regions; every fifth frame is for validation."""
    images, masks, classes = draw(site, count)
    cases = [f"{site}/{frame:03d}" for frame in range(count)]
    splits = ["val" if _in_validation(case) else "train" for case in cases]
    rows = make_cases(
        cases, lesion_class=classes, split=splits, width_px=SIDE, height_px=SIDE, lesion_area_px=masks.sum((1, 2))
    )
    labels = [mask * (LESIONS.index(kind) + 1 if kind else 0) for mask, kind in zip(masks, classes, strict=True)]
    factories.write_site(artifacts / "ingest" / site, rows, images, np.stack(labels), map(png, masks))
    write_features(artifacts, site, cases, images, fingerprint, provenance)


def mined_by_feature_surgery(artifacts, site):
    """Say of a site's regions that they were mined so."""
    with h5py.File(site_files(artifacts, site).regions, "r+") as store:
        store.attrs["text_similarity"] = "feature_surgery"


def empty_masks(artifacts, site, split):
    """Take the lesions of a split out of a site's masks, and leave everything else."""
    files = site_files(artifacts, site)
    cases = CASES.read(files.cases)
    ids = cases["case_id"].tolist()
    with FRAMES.read(files.frames) as store:
        images, masks, native = store.rows("image", ids), store.rows("mask", ids), store.blobs("native_mask", ids)
    masks[(cases["split"] == split).to_numpy()] = 0
    factories.write_frames(files.folder, ids, images, masks, native)


def write_features(artifacts, site, cases, images, fingerprint=FINGERPRINT, provenance=PROVENANCE, cached=True):
    """Write what an encoder would say of frames [B, S, S, 3] uint8, and the places that mining would keep.

    `cached`: also what only methods that train on features read.
    """
    frames = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    said = features(frames)
    names = {"site": site, "fingerprint": fingerprint, "dense_mode": "plain", **provenance}
    maps = {tap: _last(grid) for tap, grid in said.maps.items()}
    taps = taps_attribute({tap: grid.shape[1:] for tap, grid in maps.items()})
    stamps = {**names, "backbone": "stub", "taps": taps, "prefix_tap": "s8"}
    with FEATURES.write(artifacts / "encode" / f"{site}.h5", cases, stamps) as store:
        store.append(dense=_last(said.dense), image=said.image_embedding.half().numpy())
        if cached:
            store.append(**{f"maps__{tap}": grid for tap, grid in maps.items()})
            store.append(**_mirrored(frames))
    bright = nn.functional.avg_pool2d(frames.mean(1, keepdim=True), SIDE // GRID)[:, 0]
    kept = torch.zeros(len(cases), GRID**2, dtype=torch.bool)
    kept.scatter_(1, bright.flatten(1).topk(KEPT).indices, True)
    kept = kept.view(-1, GRID, GRID)
    regions = artifacts / "mine_regions" / "regions" / f"{site}.h5"
    with REGIONS.write(regions, cases, {**names, "alpha": "0.25", "text_similarity": "cosine"}) as store:
        store.append(
            similarity=bright.half().numpy(), selected=kept.numpy(),
            best_class=np.zeros((len(cases), GRID, GRID), np.uint8),
        )  # fmt: skip
        if cached:
            store.append(**{
            "flipped__horizontal.similarity": bright.flip(-1).half().numpy(),
            "flipped_selected__horizontal.selected": kept.flip(-1).numpy(),
        })  # fmt: skip


def _mirrored(frames):
    said = features(frames.flip(-1))
    maps = {f"maps.{tap}": _last(grid) for tap, grid in said.maps.items()}
    rows = {"dense": _last(said.dense), "image": said.image_embedding.half().numpy()}
    return {f"flipped__horizontal.{name}": value for name, value in {**rows, **maps}.items()}


def write_texts(folder, fingerprint=FINGERPRINT):
    """Write the three tables of prompts."""
    random = np.random.default_rng(9)
    pairs = [(kind, confounder) for kind in LESIONS for confounder in CONFOUNDERS]
    written = {"fingerprint": fingerprint}
    DICTIONARY.write(_texts(random, confounder=CONFOUNDERS, category=["x"] * 3), folder / "dictionary.parquet", written)
    CLASSES.write(_texts(random, lesion_class=LESIONS), folder / "classes.parquet", written)
    CLASS_CONFOUNDERS.write(
        _texts(random, lesion_class=[kind for kind, _ in pairs], confounder=[name for _, name in pairs]),
        folder / "class_confounders.parquet",
        written,
    )


def _in_validation(case_id):
    return int(case_id.split("/")[1]) % 5 == 1


def write_pairs(artifacts, *rows):
    """Write audit.parquet with pairs of equal frames, each (case_a, case_b, accepted)."""
    named = [
        {
            "case_a": a, "case_b": b, "site_a": a.split("/")[0], "site_b": b.split("/")[0], "kind": "identical",
            "symmetry": "identity", "distance_bits": 0, "correlation": 1.0, "same_group": False,
            "across": "across_sites",
            "across_split": _in_validation(a) != _in_validation(b), "accepted": accepted,
        }
        for a, b, accepted in rows
    ]  # fmt: skip
    PAIRS.write(pd.DataFrame(named, columns=PAIRS.schema.names), artifacts / "audit" / "audit.parquet")


def write_study(artifacts, sites=("A", "B", "C"), count=16):
    """Write all that training needs."""
    write_pairs(artifacts)
    write_plan(Views(view=dict.fromkeys(sites, "auto")), plan_files(artifacts).views)
    for site in sites:
        write_site(artifacts, site, count)
    write_texts(artifacts / "build_confounders")
    card = {
        "name": "stub", "title": "stub", "family": "lite", "model": "stub", "pretrained": "embedded",
        "source_sha256": None, "dense": "plain", "licence": "CC0-1.0", "notice": "none", "config": {},
        "fingerprint": FINGERPRINT,
    }  # fmt: skip
    (artifacts / "backbone").mkdir(parents=True, exist_ok=True)
    (artifacts / "backbone" / "card.json").write_text(json.dumps(card))


def _texts(random, **columns):
    count = len(next(iter(columns.values())))
    vectors = random.normal(size=(count, WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pd.DataFrame({**columns, "prompt": [f"prompt {row}" for row in range(count)], "embedding": list(vectors)})


def _last(grid):
    return grid.permute(0, 2, 3, 1).half().numpy()


def batch(frames=6):
    """Return frames of site A without cached features; the mined places are those with most lesion."""
    images, masks, _ = draw("A", frames)
    frame = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mask = torch.from_numpy(masks).long()
    similarity = torch.nn.functional.avg_pool2d(mask.float().unsqueeze(1), 8)[:, 0]
    kept = torch.zeros(frames, 16, dtype=torch.bool).scatter(1, similarity.flatten(1).topk(4).indices, True)
    empty = frame.new_zeros(frames, 0)
    encoded = Encoded(frame.new_zeros(frames, 0, 0, 0), empty, {}, empty)
    places = kept.view(frames, 4, 4)
    return Batch(frame, encoded, similarity, places, KEPT, mask, torch.zeros(frames, dtype=torch.long))
