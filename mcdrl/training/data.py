"""The frames of the source sites, batch by batch, in an order that the seed and the epoch fix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pandas as pd

from mcdrl.base.errors import InputError
from mcdrl.base.seeds import generator


@dataclass(frozen=True)
class Frames:
    """Which frames of the source sites are trained on and which choose the epoch.

    Attributes:
        train: labelled cases of the split "train".
        val: labelled cases of the split "val".
        class_index: case -> index of its lesion class, -1: no lesion, or not labelled.
        site_index: case -> number of its site.
        group: case -> "<site>/<group id>".
        unlabelled: cases of the split "train" whose masks and classes nobody looks at.
        lesion_share: training case with a lesion -> share of the frame that is lesion; empty where nobody asked.
    """

    train: list[str]
    val: list[str]
    class_index: dict[str, int]
    site_index: dict[str, int]
    group: dict[str, str] = field(default_factory=dict)
    unlabelled: list[str] = field(default_factory=list)
    lesion_share: dict[str, float] = field(default_factory=dict)


def split(
    cases: pd.DataFrame, straddling: Collection[str] = (), labelled: Collection[str] | None = None
) -> Frames:  # fmt: skip
    """Divide the source frames by their split.

    Args:
        cases: as `mcdrl.networks.inputs.read_cases` gives them.
        straddling: frames with a copy on the other side; of those the training keeps its own, validation does not.
        labelled: frames whose masks and classes may be used; None: all.

    Raises:
        InputError: one of the two parts has no frame with a lesion.
    """
    copied = (cases["split"] == "val") & cases["case_id"].isin(straddling)
    known = pd.Series(True, cases.index) if labelled is None else cases["case_id"].isin(labelled)
    parts = {name: cases[(cases["split"] == name) & known & ~copied] for name in ("train", "val")}
    for name, rows in parts.items():
        if not (rows["class_index"] >= 0).any():
            sites = ", ".join(sorted(set(cases["site"]))) or "none"
            copies = f", {copied.sum()} copies of training frames left out" if name == "val" and copied.any() else ""
            raise InputError(
                f"no {'' if known.all() else 'labelled '}frame with a lesion in split '{name}' of the source sites "
                f"({sites}{copies}); add frames with lesions, or change ingest.val_share"
                f"{'' if known.all() else ' or train.labelled_share'} in params.yaml"
            )
    classes = cases["class_index"].where(known, -1)
    index = {str(case): int(kind) for case, kind in zip(cases["case_id"], classes, strict=True)}
    train, val = ([str(case) for case in parts[name]["case_id"]] for name in ("train", "val"))
    numbers = dict(zip(index, pd.factorize(cases["site"], sort=True)[0].tolist(), strict=True))
    group = dict(zip(index, cases["site"] + "/" + cases["group_id"], strict=True))
    unlabelled = cases[(cases["split"] == "train") & ~known]["case_id"].astype(str).tolist()
    return Frames(train, val, index, numbers, group, unlabelled)


def epoch_batches(cases: Sequence[str], batch_size: int, *, seed: int, epoch: int) -> list[list[str]]:
    """Return an epoch's batches: all of equal size, the rest of the shuffled frames waits for another epoch.

    Args:
        cases: the frames.
        batch_size: frames a batch; fewer where there are fewer frames in all.
        seed: of the training.
        epoch: from 0.
    """
    order = [cases[index] for index in generator("train", seed, "order", epoch).permutation(len(cases))]
    size = min(batch_size, len(order))
    return [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
