"""What the intervention does to the features: where frames lie before and after it, by site and by lesion class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.artifacts.scores import POOLED_FRAMES
from mcdrl.base.seeds import generator, seed_for
from mcdrl.drawing.formatting import number
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table
from mcdrl.drawing.plots import Panel, scatter
from mcdrl.metrics.counts import Floats, Ints
from stages.report.results import Results
from stages.report.topic import Topic

NEIGHBOURS = 10
_COMPONENTS, _PERPLEXITY = 30, 30
_SIDES = ("before", "after")
_NO_LESION = "no lesion"


@dataclass(frozen=True)
class Cloud:
    """The features of some frames.

    Attributes:
        method: whose network it was.
        title: which frames and networks these are.
        one_network: whether all frames went through the same network.
        before: [n, D] at the input of the intervention, the mean over the regions.
        after: [n, D] at its output.
        sites: [n], of each frame.
        classes: [n], lesion class or "no lesion".
    """

    method: str
    title: str
    one_network: bool
    before: Floats
    after: Floats
    sites: list[str]
    classes: list[str]


def topic(results: Results) -> Topic:
    """Return the section; nothing where no method intervenes."""
    seed = results.params.seed
    found = clouds(results.inputs.pooled, results.inputs.cases, seed)
    values: dict[str, Any] = {
        "clouds": [(cloud, map_panels(cloud, maps(cloud, seed))) for cloud in found],
        "figures": neighbour_html(found),
        "neighbours": NEIGHBOURS,
        "random_dictionaries": random_dictionaries(results.study.methods, results.raw),
    }
    return Topic("features", "Features", values if found else None, {"clouds": values["clouds"][:1]})


def clouds(pooled: pd.DataFrame, cases: pd.DataFrame, seed: int) -> list[Cloud]:
    """Choose the frames whose features are drawn: for each method those of its first seed.

    Where the networks have looked at frames of several sites each, the first network's are taken; else those of all
    networks together, each with the site that it has not seen.

    Args:
        pooled: rows of `POOLED`.
        cases: rows of `CASES` of all sites.
        seed: of the draw where there are more than `POOLED_FRAMES` frames.
    """
    keys = ["case_id", "site", "lesion_class"]
    rows = pooled.merge(cases[keys], on="case_id").sort_values("case_id", kind="stable")
    return [_cloud(str(method), own, seed) for method, own in rows.groupby("method", sort=False)]


def maps(cloud: Cloud, seed: int) -> dict[str, Floats]:
    """Return the places of the frames in the plane by t-SNE, before and after the intervention: side -> [n, 2]."""
    return {side: _tsne(getattr(cloud, side), seed_for("report", seed, "t-SNE", cloud.method)) for side in _SIDES}


def map_panels(cloud: Cloud, places: dict[str, Floats]) -> list[Panel]:
    """Draw four pictures: before and after, by site and by class."""
    panels: list[Panel] = []
    for words, kinds in (("site", cloud.sites), ("lesion class", cloud.classes)):
        names = sorted(set(kinds), key=lambda name: (name == _NO_LESION, name))
        index = np.array([names.index(name) for name in kinds])
        legend = list(enumerate(names))
        panels += [Panel(f"{side}, by {words}", scatter(places[side], index, names), legend) for side in _SIDES]
    return panels


def neighbour_html(found: Sequence[Cloud]) -> HtmlTable:
    """Format how often a frame's nearest frames are of its own site, or class."""
    rows = [_neighbour_row(cloud, words, kinds) for cloud in found for words, kinds in
            (("site", cloud.sites), ("lesion class", cloud.classes))]  # fmt: skip
    return html_table(
        pd.DataFrame(rows),
        {
            "method": lambda r: r["method"],
            "told apart": lambda r: r["what"],
            "frames": lambda r: str(r["n"]),
            "before": lambda r: number(r["before"]),
            "after": lambda r: number(r["after"]),
            "by chance": lambda r: number(r["chance"]),
        },
    )


def own_kind(rows: Floats, kinds: Sequence[str]) -> float:
    """Return the mean share of a frame's `NEIGHBOURS` nearest others, by cosine, that are of its own kind.

    Args:
        rows: [n, D].
        kinds: [n].

    Returns:
        0..1; NaN where there is no other frame.
    """
    if len(rows) < 2:
        return float("nan")
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    near = np.argsort(-cosine, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(rows) - 1)]
    names = np.asarray(kinds)
    return float((names[near] == names[:, None]).mean())


def random_dictionaries(methods: Sequence[str], raw: Mapping[str, Any]) -> list[str]:
    """Return the methods of the study that intervene with random vectors in place of the texts."""
    variants = raw.get("variants") or {}
    return [name for name in methods if (variants.get(name, {}).get("params") or {}).get("dictionary") == "random"]


def _neighbour_row(cloud: Cloud, what: str, kinds: list[str]) -> Row:
    n = len(kinds)
    sizes = np.unique(kinds, return_counts=True)[1]
    return {
        "method": cloud.method, "what": what, "n": n, "before": own_kind(cloud.before, kinds),
        "after": own_kind(cloud.after, kinds), "chance": float((sizes * (sizes - 1)).sum() / max(n * (n - 1), 1)),
    }  # fmt: skip


def _cloud(method: str, rows: pd.DataFrame, seed: int) -> Cloud:
    first = rows[rows["seed"] == rows["seed"].min()]
    held_out = str(first["held_out"].iloc[0])
    one = first[first["held_out"] == held_out]
    one_network = one["site"].nunique() > 1 or first["held_out"].nunique() == 1
    title = (
        f"the network that has not seen {held_out}" if one_network else "each site in the network that has not seen it"
    )
    shown = _draw(one if one_network else first, seed)
    classes = [name if isinstance(name, str) else _NO_LESION for name in shown["lesion_class"]]
    before, after = (np.stack(list(shown[side])).astype(np.float64) for side in _SIDES)
    return Cloud(method, title, one_network, before, after, list(shown["site"]), classes)


def _draw(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    order: Ints = generator("report", seed, "features").permutation(len(rows))[:POOLED_FRAMES]
    return rows.iloc[np.sort(order)]


def _tsne(rows: Floats, seed: int) -> Floats:
    from sklearn.decomposition import PCA  # a second, which studies without an intervention are spared
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(rows) < 4:
        return np.column_stack([np.arange(len(rows)), np.zeros(len(rows))]).astype(np.float64)
    with threadpool_limits(1):  # sums in one order, so equal features give equal pictures
        reduced = PCA(min(_COMPONENTS, *rows.shape), svd_solver="full").fit_transform(rows)
        perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
        model = TSNE(perplexity=perplexity, init="pca", random_state=seed, max_iter=500, n_jobs=1)
        places: Floats = np.asarray(model.fit_transform(reduced), dtype=np.float64)
    return places
