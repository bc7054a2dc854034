"""A small study with every artifact that the report reads, written through the contracts."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.artifacts.audit import PAIRS, PROFILE
from mcdrl.artifacts.cases import QUARANTINE, STRENGTHS
from mcdrl.artifacts.dictionary import DICTIONARY
from mcdrl.artifacts.regions import QUALITY, REGIONS
from mcdrl.artifacts.scores import (
    ALARMS,
    AS_TRAINED,
    ATTENTION,
    CALIBRATION,
    EVALUATED,
    EXCHANGED_Z,
    EXCHANGES,
    FINDINGS,
    GRID_ZERO,
    MINING,
    POOLED,
    PREDICTIONS,
    RELIABILITY,
    SCORES,
    TOKENS_ZERO,
    TRUST,
)
from mcdrl.artifacts.stress import STRESS
from mcdrl.confounders.registry import UNTOUCHED, phrases
from mcdrl.methods import names
from mcdrl.metrics.calibration import spectrum
from mcdrl.metrics.operating_point import OperatingPoint, frame_scores
from mcdrl.model.detections import Detections
from mcdrl.model.native import Native
from mcdrl.model.score import matches, score
from mcdrl.study.params import Study
from mcdrl.study.paths import Cell
from stages.evaluate.cell import named
from stages.report.inputs import read_inputs
from stages.report.results import Results
from tests import factories
from tests.factories import disc, make_cases, section_params
from tests.projects import make_study

CLASSES = ["polyp", "tumor"]
SIDE = 32
PROVENANCE = {"device": "cpu", "precision": "float32"}
RAW = {"seeds": [0], "sites": {"A": {"card": "folder", "root": "/home/somebody/secret/A"}}}  # of params.yaml


def study_of(sites=("A", "B"), methods=("baseline", "mcdrl"), seeds=(0,), held_out=None) -> Study:
    return make_study(
        sites,
        "data/phantom",
        held_out=list(held_out or sites),
        lesion_classes=CLASSES,
        methods=list(methods),
        seeds=list(seeds),
    )


def frames_of(site: str, count: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Frames and masks of a site; every fourth frame has no lesion."""
    rng = np.random.default_rng(sum(map(ord, site)))
    images, masks = [], []
    for k in range(count):
        y, x = rng.uniform(0.3, 0.7, 2) * side
        mask = disc(side, side, y, x, rng.uniform(0.1, 0.25) * side) if k % 4 else np.zeros((side, side), bool)
        shade = np.linspace(60, 180, side)[None, :, None] * np.array([1.0, 0.6, 0.5])
        image = np.repeat(shade, side, axis=0) + 50 * mask[..., None]
        images.append(np.clip(image, 0, 255).astype(np.uint8))
        masks.append(mask)
    return np.array(images), np.array(masks)


def write_site(
    root: Path, site: str, images: np.ndarray, masks: np.ndarray, grid: int = 8, classes: list[str] = CLASSES
) -> pd.DataFrame:
    n, side = len(images), images.shape[1]
    ids = [f"{site}/{k:03d}" for k in range(n)]
    cases = make_cases(
        ids, group_id=[f"g{k // 3}" for k in range(n)], width_px=side, height_px=side,
        lesion_class=[classes[k % 2] if m.any() else None for k, m in enumerate(masks)],
        lesion_area_px=masks.sum(axis=(1, 2)),
    )  # fmt: skip
    folder = root / "ingest" / site
    factories.write_site(folder, cases, images, masks, [b"x"] * n)
    refused = [(f"{name}.jpg", f"no mask: expected masks/{name}.*") for name in "bc" if site == "B"]
    QUARANTINE.write(pd.DataFrame(refused, columns=["file", "reason"]).astype("str"), folder / "quarantine.parquet")
    step = side // grid
    pooled = masks.reshape(n, grid, step, grid, step).mean(axis=(2, 4))
    noise = np.random.default_rng(7).normal(0, 0.15, pooled.shape)
    similarity = (0.2 + 0.3 * pooled + noise).astype(np.float16)
    cut = np.quantile(similarity.reshape(n, -1), 0.75, axis=1)[:, None, None]
    attributes = {
        "site": site, "fingerprint": "f" * 64, "dense_mode": "plain", "alpha": "0.25", "text_similarity": "cosine",
        **PROVENANCE,
    }  # fmt: skip
    with REGIONS.write(root / "mine_regions" / "regions" / f"{site}.h5", ids, attributes) as store:
        best = np.zeros(similarity.shape, np.uint8)
        store.append(similarity=similarity, selected=similarity > cut, best_class=best)
    return cases


def profile_of(cases: pd.DataFrame) -> pd.DataFrame:
    """Looks that differ by site; the first frame of a site is black, so it has none."""
    n, shift = len(cases), ord(cases["site"].iloc[0][0]) % 7
    rows = cases[["case_id", "site", "width_px", "height_px"]].assign(
        lesion_share=cases["lesion_area_px"] / (cases["width_px"] * cases["height_px"])
    )
    shares = ["border_share", "panel_share", "overlay_share", "marker_share"]
    looks = ["brightness", "contrast", "sharpness", "glare_share", "saturation", "hue_deg", "red_share", "blue_share"]
    for place, name in enumerate(shares + looks):
        rows[name] = np.linspace(0.1, 0.2, n) + 0.05 * shift + 0.01 * place
    rows.loc[rows.index[0], looks] = np.nan
    kinds = {name: "float32" for name in ["lesion_share", *shares, *looks]}
    return rows[PROFILE.schema.names].astype(kinds)


def write_audit(root: Path, sites: list[pd.DataFrame], pairs: tuple = ()) -> None:
    """Write audit.parquet with pairs (case_a, case_b, kind, accepted), and profile.parquet."""
    rows = [
        {
            "case_a": a, "case_b": b, "site_a": a.split("/")[0], "site_b": b.split("/")[0], "kind": kind,
            "symmetry": "flip_left_right" if kind == "near" and accepted else "identity",
            "distance_bits": 3, "correlation": 0.98, "same_group": False,
            "across": "across_sites" if a.split("/")[0] != b.split("/")[0] else "across_groups",
            "across_split": False, "accepted": accepted,
        }
        for a, b, kind, accepted in pairs
    ]  # fmt: skip
    PAIRS.write(pd.DataFrame(rows, columns=PAIRS.schema.names), root / "audit" / "audit.parquet")
    profile = pd.concat([profile_of(cases) for cases in sites], ignore_index=True)
    PROFILE.write(profile, root / "audit" / "profile.parquet")


def predict_fake(masks: np.ndarray, method: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, len(method)])
    good = 0.8 if method == "mcdrl" else 0.7
    out = []
    for mask in masks:
        shift = rng.integers(-3, 4, 2) * mask.shape[0] // 48
        moved = np.roll(mask, shift, axis=(0, 1)).astype(float)
        if rng.uniform() > good:
            moved *= rng.uniform(0, 1)
        if not mask.any() and rng.uniform() < 0.3:
            moved = disc(*mask.shape, *rng.uniform(0, mask.shape[0], 2), mask.shape[0] * 0.1).astype(float)
        out.append(np.rint(moved * 230).astype(np.uint8))
    return np.array(out)


def write_cell(root: Path, study: Study, cell, cases: pd.DataFrame, masks: np.ndarray, pretrained: str) -> pd.DataFrame:
    method, site, seed = cell
    ids = list(cases["case_id"])
    probability = predict_fake(masks, method, seed)
    attributes = {"method": method, "held_out": site, "seed": str(seed), "threshold": "0.5", "tolerance_px": "2",
                  "sizes_px": "224 320"}  # fmt: skip
    with PREDICTIONS.write(root / "evaluate" / "predictions" / method / site / f"{seed}.h5", ids, attributes) as store:
        store.append(probability=probability)
    folder = root / "train" / method / site / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    meta = {
        "variant": method,
        "method": method if method in names() else "mcdrl",
        "held_out": site,
        "seed": seed,
        "sources": [s for s in study.sites if s != site],
        "backbone": "lite0",
        "pretrained": pretrained,
        "fingerprint": "f" * 64,
        "dense_mode": "plain",
        "mode": "frozen",
        "size_px": 224,
        "lesion_classes": CLASSES,
        "confounders": NAMES,
        "alpha": 0.25,
        "spec": {},
        "params": {},
        "n_weights": 1,
        "n_trained": 1,
        "best_epoch": 3,
        "val_dice": 0.61,
        "temperature": 1.5,
        "flag_below": 0.6,
        "view": "auto",
    }
    (folder / "model.json").write_text(json.dumps(meta))
    epochs = np.arange(6)
    history = pd.DataFrame({"epoch": epochs, "segmentation": 0.7 * 0.8**epochs})
    if method != "baseline":
        history["causal"] = 0.3 * 0.9**epochs
    history["val_dice"] = 0.6 - 0.4 * 0.6**epochs + 0.02 * seed + 0.01 * len(method)
    history.to_csv(folder / "history.csv", index=False)
    named = pd.DataFrame({"method": method, "held_out": site, "seed": seed}, index=range(len(ids)))
    keys = cases[["case_id", "group_id", "lesion_class"]].reset_index(drop=True)
    natives = [Native(mask, (0, 0, mask.shape[1], mask.shape[0])) for mask in masks]
    rows = pd.concat([named, keys, score(probability / np.float32(255), natives, 0.5, 2)], axis=1)
    return rows.assign(leaked_frames=0)


NAMES = phrases()
INTERVENING = ("mcdrl", "no_mtrs")


def write_trust(root: Path, scores: pd.DataFrame) -> None:
    """Confidence that follows Dice closely, probabilities that claim too much, and temperatures that repair them."""
    folder, keys = root / "evaluate", ["method", "held_out", "seed"]
    noise = np.random.default_rng(1).normal(0, 0.02, len(scores))
    confidence = np.clip(scores["dice"].fillna(0.9).to_numpy() * 0.8 + 0.1 + noise, 0, 1)
    trust = scores[[*keys, "case_id"]].assign(confidence=confidence, flagged=confidence < 0.5, leaked_frames=0)
    TRUST.write(trust, folder / "trust.parquet")
    cells = scores.groupby(keys, as_index=False, sort=False).agg(n_frames=("case_id", "size"))
    CALIBRATION.write(
        cells.assign(
            temperature=1.5,
            ece_before=0.08,
            ece_after=0.02,
            ece_called_before=0.2,
            ece_called_after=0.17,
            leaked_frames=0,
        )[CALIBRATION.schema.names],
        folder / "calibration.parquet",
    )
    rows = []
    for calibrated, gap in ((False, 0.2), (True, 0.02)):
        bins = np.arange(10)
        middle = (bins + 0.5) / 10
        one = pd.DataFrame({"calibrated": calibrated, "bin": bins, "n_px": 100 * (bins[::-1] + 1)})
        one = one.assign(mean_probability=middle, lesion_share=np.clip(middle - gap * middle, 0, 1))
        rows.append(cells[keys].merge(one, how="cross"))
    RELIABILITY.write(pd.concat(rows).assign(leaked_frames=0)[RELIABILITY.schema.names], folder / "reliability.parquet")


def write_detections(root: Path, study: Study, sites: dict) -> None:
    """What is found in the fake predictions, at an operating point that leaves some of it."""
    findings, alarms = [], []
    for cell in map(Cell._make, product(study.methods, study.held_out, study.seeds)):
        cases, masks = sites[cell.held_out]
        probability = predict_fake(masks, cell.variant, cell.seed) / np.float32(255)
        natives = [Native(mask, (0, 0, mask.shape[1], mask.shape[0])) for mask in masks]
        found = Detections(OperatingPoint(0.7, 0.005))
        views, scores = [native.view_px for native in natives], frame_scores(spectrum(probability))
        found.add(list(cases["case_id"]), matches(probability, natives, 0.5), views, scores)
        findings.append(named(cell, found.findings(), 0))
        alarms.append(named(cell, found.alarms(), 0))
    FINDINGS.write(pd.concat(findings), root / "evaluate" / "findings.parquet")
    ALARMS.write(pd.concat(alarms), root / "evaluate" / "alarms.parquet")


def write_intervention(root: Path, scores: pd.DataFrame, names=NAMES) -> None:
    """Attention that follows the strengths for even confounders alone, and features that move by site."""
    own = scores[scores["method"].isin(INTERVENING)]
    keys = ["method", "held_out", "seed", "case_id"]
    rng = np.random.default_rng(2)
    if own.empty:
        return
    strengths = strengths_of(sorted(scores["case_id"].unique()), names)
    rows = own[keys].merge(strengths, on="case_id")
    even = rows["confounder"].map({name: k % 2 == 0 for k, name in enumerate(names)})
    raw = 1 + 3 * rows["strength"] * even + rng.uniform(0, 0.5, len(rows))
    rows["weight"] = raw / raw.groupby([rows[key] for key in keys]).transform("sum")
    rows["weight"] = rows["weight"].astype("float32")
    ATTENTION.write(
        rows[[*keys, "confounder", "weight"]].assign(leaked_frames=0), root / "evaluate" / "attention.parquet"
    )
    shift = own["held_out"].map({site: k for k, site in enumerate(dict.fromkeys(own["held_out"]))}).to_numpy()
    before = (rng.normal(0, 1, (len(own), 8)) + 4 * shift[:, None]).astype(np.float32)
    after = (before - 3 * shift[:, None]).astype(np.float32)
    pooled = own[keys].assign(before=list(before), after=list(after), leaked_frames=0)
    POOLED.write(pooled, root / "evaluate" / "pooled.parquet")


def write_exchanges(root: Path, scores: pd.DataFrame) -> None:
    """A dictionary that moves Dice by a thousandth, and tokens that are worth half of it."""
    own = scores[scores["method"].isin(INTERVENING) & scores["dice"].notna()]
    changed = dict.fromkeys((AS_TRAINED, *EXCHANGED_Z), 1.0) | {"z_random": 0.999, TOKENS_ZERO: 0.5, GRID_ZERO: 0.4}
    parts = [own.assign(exchange=name, dice=own["dice"] * share, entropy=0.99) for name, share in changed.items()]
    EXCHANGES.write(pd.concat(parts)[EXCHANGES.schema.names], root / "evaluate" / "exchanges.parquet")


def strengths_of(case_ids: list[str], names=NAMES) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = pd.DataFrame([(case, name) for case in case_ids for name in names], columns=["case_id", "confounder"])
    there = rng.uniform(size=len(rows)) < 0.3
    return rows.assign(strength=np.where(there, rng.uniform(0.3, 1, len(rows)), 0.0).astype(np.float32))


def write_stress(root: Path, scores: pd.DataFrame, names=NAMES) -> None:
    """Dice that falls in proportion to the strength, half as fast for methods that intervene."""
    keys = ["method", "held_out", "seed", "case_id", "group_id"]
    own = scores[[*keys, "dice", "tp", "fp", "fn", "tn", "leaked_frames"]]
    rows = own.merge(pd.DataFrame({"confounder": names}), how="cross")
    rows = rows.merge(pd.DataFrame({"strength": [0.25, 0.5, 1.0]}), how="cross")
    slope = np.where(rows["method"].isin(INTERVENING), 0.2, 0.4)
    rows["dice"] = rows["dice"] * (1 - slope * rows["strength"])
    both = pd.concat([own.assign(confounder=UNTOUCHED, strength=0.0), rows], ignore_index=True)
    STRESS.write(both[STRESS.schema.names], root / "stress" / "cases.parquet")


def write_empty(root: Path) -> None:
    """All tables that the pipeline always writes beside the scores, without a row."""
    tables = {root / "evaluate" / f"{name}.parquet": table for name, table in EVALUATED.items() if name != "cases"}
    for path, table in {**tables, root / "stress" / "cases.parquet": STRESS}.items():
        table.write(table.schema.empty_table().to_pandas(), path)


def write_mining(root, scores):
    """The first method mined by the texts, every other by a network, better from method to method."""
    cells = scores[["method", "held_out", "seed"]].drop_duplicates().reset_index(drop=True)
    rank = pd.factorize(cells["method"])[0]
    rows = cells.assign(
        mining=["source_tuned" if place else "zero_shot" for place in rank], recall=0.7 + 0.1 * rank,
        recall_random=0.25, auroc=0.8, auroc_inverted=0.2, n_frames=5, leaked_frames=0,
    )  # fmt: skip
    MINING.write(rows, root / "evaluate" / "mining.parquet")


def build(
    root: Path,
    study: Study,
    count: int = 12,
    source=frames_of,
    pretrained: str = "imagenet",
    pairs: tuple = (),
    full: bool = True,
    classes: list[str] = CLASSES,
) -> Path:
    sites = {}
    for site in study.sites:
        images, masks = source(site, count)
        sites[site] = (write_site(root, site, images, masks, classes=classes), masks)
    write_audit(root, [cases for cases, _ in sites.values()], pairs)
    rows = [
        write_cell(root, study, (method, site, seed), *sites[site], pretrained=pretrained)
        for method in study.methods
        for site in study.held_out
        for seed in study.seeds
    ]
    scores = pd.concat(rows, ignore_index=True)
    SCORES.write(scores, root / "evaluate" / "cases.parquet")
    write_empty(root)
    if full:
        write_trust(root, scores)
        write_detections(root, study, sites)
        write_intervention(root, scores)
        write_exchanges(root, scores)
        write_stress(root, scores)
        for site, (cases, _) in sites.items():
            STRENGTHS.write(strengths_of(list(cases["case_id"])), root / "ingest" / site / "strengths.parquet")
    names = NAMES
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(len(names), 16)) + 1.0
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    dictionary = pd.DataFrame({"confounder": names, "category": "x", "prompt": names, "embedding": list(vectors)})
    DICTIONARY.write(dictionary, root / "build_confounders" / "dictionary.parquet", {"fingerprint": "f" * 64})
    quality = pd.DataFrame(
        [
            {
                "site": site,
                "alpha": 0.25,
                "recall": 0.5 + 0.05 * k,
                "recall_random": 0.25,
                "auroc": 0.7 + 0.03 * k,
                "auroc_inverted": 0.3 - 0.03 * k,
                "n_frames": count,
            }
            for k, site in enumerate(study.sites)
        ]
    )
    QUALITY.write(quality, root / "mine_regions" / "quality.parquet")
    if full:
        write_mining(root, scores)
    return root


def results_of(study: Study, artifacts: Path, raw=RAW, **params) -> Results:
    """What the topics take, of a study that `build` has written; few draws and examples unless told otherwise."""
    section = section_params("report", **{"bootstrap": 100, "examples": 1, **params})
    return Results(read_inputs(study, artifacts), section, artifacts, raw)
