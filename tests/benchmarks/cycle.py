"""Does a mask that finds its way back deserve more trust? python -m tests.benchmarks.cycle STUDY CELL...

After cycle-consistent verification (CCV, arXiv 2507.08357; abstract): roles are swapped, and from the frame's predicted
mask the known masks of other frames are to be predicted; how well that goes is the frame's confidence. CCV has a
network that learns from examples, here there is none, so it is done without training: the mean feature inside of the
predicted mask and that outside of it are prototypes, each place of a source frame is called by the nearer one, and the
Dice with that frame's own mask is the cycle score. Features are those of the trained network's trunk.

A cell is <method>/<held out>/<seed> of a finished study. Its frames with a lesion are looked at: of the held-out site,
and the validation frames of the sources, by which features are to be chosen; source frames of known masks are training
frames. Printed, as Markdown: for each score the area under risk and coverage (AURC, lower is better), the mean Dice of
the surest four fifths, and the difference of AURC from the confidence that there is, with a 95 % interval over groups.
`placebo` takes the mask of another frame. A frame in which nothing is found has the lowest score of all, whatever the
measure. --collect keeps the rows, and the same command shows the file: `... cycle FILE.parquet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from torch import Tensor
from torch.nn import functional as F

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.frames import FRAMES, lesion_of
from mcdrl.base.parallel import batches
from mcdrl.clip.encoder import unit
from mcdrl.metrics.bootstrap import interval
from mcdrl.metrics.calibration import confidence, spectrum
from mcdrl.metrics.counts import dice
from mcdrl.metrics.coverage import aurc, kept_dice
from mcdrl.model.ensemble import Member, load_ensemble
from mcdrl.model.native import native_counts
from mcdrl.model.network import batch_of_frames, encoded, reads_features
from mcdrl.model.probability import lesion
from mcdrl.study.paths import Cell, site_files
from stages.evaluate.scorer import natives
from stages.stress.run import pick
from tests.benchmarks._cells import uncopied

BATCH, BEST, KEPT, DRAWS, LEVEL = 8, 10, 0.8, 1000, 0.95
VALIDATION, CONTEXT = 12, 20  # frames of each source: that choose; of known masks
NOW, ORACLE, PLACEBO = "confidence", "(oracle)", ", placebo"
HELD_OUT = "held_out"
SPLITS = {"validation": "validation", HELD_OUT: "left out"}
_GEOMETRY = ["case_id", *(f"crop_{end}_px" for end in ("left", "top", "right", "bottom"))]
_CELL = ["network", "held_out", "seed"]
_NAMES = [*_CELL, "split", "case_id", "group_id", "dice", "called"]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Seen:
    """What a network makes of B frames.

    Attributes:
        rows: a row a frame: case_id, group_id, dice, called, confidence.
        masks: [B, S, S] bool, what it calls lesion.
        truth: [B, S, S] bool.
        grids: name of the features -> [B, C, h, w].
    """

    rows: pd.DataFrame
    masks: Tensor
    truth: Tensor
    grids: Mapping[str, Tensor]


def cycle_dice(grid: Tensor, mask: Tensor, others: Tensor, truth: Tensor) -> Tensor:
    """Return how well a mask predicts those of other frames, [K] Dice, over the places of the grid.

    Args:
        grid: [C, h, w], the frame's features.
        mask: [S, S] bool, what is called in it; somewhere it is.
        others: [K, C, h, w], of the frames whose masks are known.
        truth: [K, S, S] bool, these.
    """
    share = F.adaptive_avg_pool2d(torch.cat([mask[None], truth]).float(), (int(grid.shape[1]), int(grid.shape[2])))
    places, inside, known = unit(grid, 0), share[0], share[1:]
    sides = unit(torch.stack([(places * part).sum((1, 2)) for part in (inside, 1 - inside)]), 1)
    near = torch.einsum("kchw,pc->pkhw", unit(others, 1), sides)
    called = (near[0] > near[1]).float()
    return 2 * (called * known).sum((1, 2)) / (called + known).sum((1, 2))


def cell_rows(cell: Cell, artifacts: Path, frames: int) -> pd.DataFrame:
    """Return a row a frame of a cell's held-out site and of its sources' validation frames, with all scores."""
    member = load_ensemble([cell.model(artifacts)], None, "cpu").members[0]
    parts = list(_parts(member, artifacts, frames))
    context = _together([part for split, part in parts if split == "context"])
    scored = [part.rows.join(_scores(part, context)).assign(split=split) for split, part in parts if split in SPLITS]
    found = pd.concat(scored, ignore_index=True)
    found = found.assign(network=cell.variant, held_out=cell.held_out, seed=cell.seed)
    return found[[*_NAMES, *(name for name in found if name not in _NAMES)]]


def _parts(member: Member, artifacts: Path, frames: int) -> Iterator[tuple[str, Seen]]:
    """Yield what the network makes of the held-out site's frames, and of those of each source's two splits."""
    card = member.model.card
    for site in filter(None, [card.held_out, *card.sources]):
        files = site_files(artifacts, site)
        cases = CASES.read(files.cases).merge(GEOMETRY.read(files.geometry)[_GEOMETRY], on="case_id")
        cases = cases[cases["lesion_class"].notna()].set_index("case_id", drop=False)
        for split, ids in _chosen(cases, frames if site == card.held_out else None).items():
            ids = uncopied(ids, artifacts, card.held_out) if split == "validation" else ids
            seen = [_seen(member, files.frames, cases.loc[some]) for some in batches(ids, BATCH)]
            if seen:
                yield split, _together(seen)


def _chosen(cases: pd.DataFrame, frames: int | None) -> dict[str, list[str]]:
    """Return what a site's frames are for, so many of a held-out site; None: it is a source."""
    if frames is not None:
        return {HELD_OUT: pick(cases.index.tolist(), frames)}
    wanted = (("validation", "val", VALIDATION), ("context", "train", CONTEXT))
    return {split: pick(cases.index[cases["split"] == name].tolist(), count) for split, name, count in wanted}


def _seen(member: Member, path: Path, cases: pd.DataFrame) -> Seen:
    ids, model = cases["case_id"].tolist(), member.model
    with FRAMES.read(path) as frames, torch.inference_mode():
        images, truth = torch.from_numpy(frames.rows("image", ids)), lesion_of(frames.rows("mask", ids))
        features = encoded(member.encoder, images) if reads_features(model) else None
        output = model.method.single_pass(batch_of_frames(images, features, model))
        p = lesion(output).numpy()
        scores = dice(native_counts(p, natives(frames, cases, ids), 0.5))
    assert output.encoded is not None
    rows = pd.DataFrame(
        {
            "case_id": ids, "group_id": (cases["site"] + "/" + cases["group_id"]).tolist(), "dice": scores,
            "called": (p >= 0.5).any((1, 2)), NOW: confidence(spectrum(p), model.card.temperature),
        }
    )  # fmt: skip
    grids = {**output.encoded.maps, "dense": output.encoded.dense}
    finest = max(grids, key=lambda name: grids[name].shape[-1])  # as long as all others, and knows edges alone
    coarse = {name: grid.float() for name, grid in grids.items() if name != finest}
    return Seen(rows, torch.from_numpy(p >= 0.5), torch.from_numpy(truth), coarse)


def _together(parts: Sequence[Seen]) -> Seen:
    return Seen(
        pd.concat([part.rows for part in parts], ignore_index=True),
        torch.cat([part.masks for part in parts]),
        torch.cat([part.truth for part in parts]),
        {name: torch.cat([part.grids[name] for part in parts]) for name in parts[0].grids},
    )


def _scores(part: Seen, context: Seen) -> pd.DataFrame:
    """Return a column a cycle score: of features, over all frames or those it meets best, of another's mask."""
    found: dict[str, list[float]] = {}
    for name, grids in part.grids.items():
        for at, own in enumerate(grids):
            for what, mask in (("", part.masks[at]), (PLACEBO, part.masks[at - 1])):
                each = _dice_there(own, mask, context, name)
                found.setdefault(f"cycle {name}{what}", []).append(float(each.mean()))
                found.setdefault(f"cycle {name}, best {BEST}{what}", []).append(
                    float(each.sort().values[-BEST:].mean())
                )
    return pd.DataFrame(found, dtype=np.float32)


def _dice_there(grid: Tensor, mask: Tensor, context: Seen, name: str) -> Tensor:
    if not mask.any():
        return torch.zeros(len(context.rows))
    return cycle_dice(grid, mask, context.grids[name], context.truth)


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose columns from `NOW` on are the scores that are compared, in the table's order.

    A frame in which nothing is found has -1 in each; beside the scores stand the sum of the ranks that the confidence
    and the best cycle score give within a cell and split, and the order of the Dice itself. Of the placebos that of the
    best cycle score stays.
    """
    names = [str(name) for name in rows if name not in _NAMES]
    done = rows.copy()
    done[names] = rows[names].where(rows["called"], -1.0)
    cycles = sorted((name for name in names if name != NOW), key=lambda name: _mean(done, "validation", _aurc, name))
    both = done.groupby([*_CELL, "split"])[[NOW, cycles[0]]].rank().sum(axis=1)
    more = {f"{NOW} and {cycles[0]}": both, ORACLE: done["dice"]}
    shown = [name for name in cycles if not name.endswith(PLACEBO) or name == cycles[0] + PLACEBO]
    return done[[*_NAMES, NOW, *shown]].assign(**more)


def table(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of the table, Markdown: the confidence that there is, then cycle scores by validation frames."""
    figures = [f"{name}, {split}" for split in SPLITS.values() for name in ("AURC", "Dice of four fifths")]
    head = ["score", *figures, f"AURC less that of `{NOW}`, left out", "sites where it is lower"]
    yield from (_row(head), _row(["---"] * len(head)))
    compared = ranked(rows)
    for name in compared.columns[len(_NAMES) :]:
        means = [f"{_mean(compared, split, figure, name):.3f}" for split in SPLITS for figure in (_aurc, _kept)]
        yield _row([name, *means, *(["", ""] if name == NOW else _difference(compared, name))])


def _difference(rows: pd.DataFrame, name: str) -> list[str]:
    """Return the difference of AURC from that of the confidence, with its interval; at how many sites it is lower."""
    parts = _cells(rows, HELD_OUT)
    less = [_aurc(part, name) - _aurc(part, NOW) for part in parts]
    rng = np.random.default_rng(0)
    low, high = interval(np.mean([_draws(part, name, rng) for part in parts], axis=0), LEVEL)
    return [f"{np.mean(less):+.3f} ({low:+.3f} to {high:+.3f})", f"{sum(one < 0 for one in less)} of {len(less)}"]


def _draws(part: pd.DataFrame, name: str, rng: np.random.Generator) -> Floats:
    """Return the difference of AURC on bootstrap samples of a cell's groups, [DRAWS]."""
    frames = list(part.reset_index(drop=True).groupby("group_id").indices.values())
    ours, now, scores = (part[column].to_numpy() for column in (name, NOW, "dice"))
    samples = (rng.integers(len(frames), size=len(frames)) for _ in range(DRAWS))
    drawn = [np.concatenate([frames[group] for group in sample]) for sample in samples]
    return np.array([aurc(ours[at], scores[at]) - aurc(now[at], scores[at]) for at in drawn])


def _mean(rows: pd.DataFrame, split: str, figure: Callable[[pd.DataFrame, str], float], name: str) -> float:
    return float(np.mean([figure(part, name) for part in _cells(rows, split)]))


def _cells(rows: pd.DataFrame, split: str) -> list[pd.DataFrame]:
    return [part for _, part in rows[rows["split"] == split].groupby(_CELL)]


def _aurc(part: pd.DataFrame, name: str) -> float:
    return aurc(part[name].to_numpy(), part["dice"].to_numpy())


def _kept(part: pd.DataFrame, name: str) -> float:
    means = kept_dice(part[name].to_numpy(), part["dice"].to_numpy())
    return float(means[round(KEPT * len(means)) - 1])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(
    study: Annotated[Path, typer.Argument(help="A study's project with trained cells; or a collected FILE.parquet.")],
    cells: Annotated[list[str] | None, typer.Argument(help="<method>/<held out>/<seed>, some.")] = None,
    frames: Annotated[int, typer.Option(help="Of each held-out site, by the hash of their names.")] = 60,
    collect: Annotated[Path | None, typer.Option(help="Put all rows into this file.")] = None,
) -> None:
    """Print the table."""
    if cells:
        torch.set_num_threads(1)
        each = [Cell(method, site, int(seed)) for method, site, seed in (cell.split("/") for cell in cells)]
        rows = pd.concat([cell_rows(cell, study / "artifacts", frames) for cell in each], ignore_index=True)
    else:
        rows = pd.read_parquet(study)
    if collect is not None:
        rows.to_parquet(collect, index=False)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    typer.run(main)
