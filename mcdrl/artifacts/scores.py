"""artifacts/evaluate: how good the predictions at the held-out site are, how far to trust them, what made them.

Every table is also written in parts, one a (method, held-out site, seed), which `collect` puts together.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from mcdrl.artifacts.store_contract import Field
from mcdrl.artifacts.stores import Store
from mcdrl.artifacts.tables import Table, column
from mcdrl.metrics.registry import FRAME_METRICS

CELL = ("method", "held_out", "seed")  # what a part is of; each table begins with it
_CELL = [column("method", pa.string()), column("held_out", pa.string()), column("seed", pa.int64())]
LEAKED = column("leaked_frames", pa.int64())  # of the held-out site, at a source site, too: an accepted leak
_CASE = column("case_id", pa.string())
_VECTOR = pa.list_(pa.float32())

SCORES = Table(
    "scores/3",
    pa.schema(
        [
            *_CELL,
            _CASE,
            column("group_id", pa.string()),
            column("lesion_class", pa.string(), nullable=True),  # null: no lesion in the frame, at its own size
            # at the frame's own size, of the mask that the probability gives once it is enlarged
            column("tp", pa.int64()),
            column("fp", pa.int64()),
            column("fn", pa.int64()),
            column("tn", pa.int64()),
            # null: undefined, as each metric says; those of masks are of working size, unsquashed, where pixels compare
            *[column(one.name, pa.float64(), nullable=one.nullable) for one in FRAME_METRICS.values()],
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id"),
)

CALIBRATION = Table(
    "calibration/3",
    pa.schema(
        [
            *_CELL,
            column("temperature", pa.float64()),  # from validation frames of the source sites
            column("ece_before", pa.float64()),  # expected calibration error over the pixels at working size, 0..1
            column("ece_after", pa.float64()),  # the same of the calibrated probabilities
            column("ece_called_before", pa.float64(), nullable=True),  # over pixels called lesion alone; null: none is
            column("ece_called_after", pa.float64(), nullable=True),  # the same of the calibrated probabilities
            column("n_frames", pa.int64()),  # all frames of the held-out site
            LEAKED,
        ]
    ),
    key=CELL,
)

RELIABILITY = Table(
    "reliability/2",
    pa.schema(
        [
            *_CELL,
            column("calibrated", pa.bool_()),
            column("bin", pa.int64()),  # from 0; equal widths of the probability of lesion
            column("n_px", pa.int64()),
            column("mean_probability", pa.float64(), nullable=True),  # null: no pixel in the bin
            column("lesion_share", pa.float64(), nullable=True),
            LEAKED,
        ]
    ),
    key=(*CELL, "calibrated", "bin"),
)

TRUST = Table(
    "trust/2",
    pa.schema(
        [
            *_CELL,
            _CASE,
            column("confidence", pa.float64()),  # 0..1: mean calibrated probability of lesion inside the mask
            column("flagged", pa.bool_()),  # below the confidence that a stated share of source validation frames miss
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id"),
)

FINDINGS = Table(
    "findings/1",
    pa.schema(
        [
            *_CELL,
            _CASE,
            column("kind", pa.string()),  # "lesion", or "false": a component of the mask that hits no lesion
            column("number", pa.int64()),  # from 0, of its kind in the frame
            column("area_share", pa.float64()),  # at the frame's own size, of the area of the view
            # mean probability inside the component; of a lesion the highest of those that hit it, null: none does
            column("score", pa.float64(), nullable=True),
            column("best_iou", pa.float64()),  # of the component and the lesion that overlap best; 0: none does
            column("kept", pa.bool_()),  # left at the operating point; of a lesion: a component that hits it
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id", "kind", "number"),
)

ALARMS = Table(
    "alarms/1",
    pa.schema(
        [
            *_CELL,
            _CASE,
            # 0..1, what a presence head says, else the mean of the highest percent of the judged pixels' probabilities
            column("frame_score", pa.float64()),
            column("alarm", pa.bool_()),  # whether the operating point leaves any of the mask; false: "no lesion"
            column("kept_px", pa.int64()),  # what it leaves, at the frame's own size, where somebody judged
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id"),
)

ATTENTION = Table(
    "attention/2",
    pa.schema(
        [
            *_CELL,  # of methods that intervene
            _CASE,
            column("confounder", pa.string()),
            column("weight", pa.float32()),  # mean over heads, blocks and regions; a frame's weights sum to one
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id", "confounder"),
)

POOLED_FRAMES = 600  # of a held-out site at most, and in a picture of the report: t-SNE takes about a second for these
POOLED = Table(
    "pooled/2",
    pa.schema(
        [
            *_CELL,  # of methods that intervene
            _CASE,  # some frames of the held-out site, up to 600, and some of each source site
            column("before", _VECTOR),  # Pool(F), mean over the target regions, width D
            column("after", _VECTOR),  # Pool(F_ca)
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id"),
)

AS_TRAINED = "none"  # nothing is exchanged
EXCHANGED_Z = ("z_random", "z_zero", "z_shuffled")  # the dictionary, for others of `mcdrl.networks.dictionary`
TOKENS_ZERO = "tokens_zero"  # what the intervention returns, for zeros; places that weren't mined keep their features
GRID_ZERO = "grid_zero"  # all places of the grid that the head gets, for zeros; maps and frame stay

EXCHANGES = Table(
    "exchanges/2",
    pa.schema(
        [
            *_CELL,  # of methods that intervene
            _CASE,  # some frames of the held-out site, with a lesion; methods that sum over views make their first pass
            column("group_id", pa.string()),
            # at test alone: none, z_random, z_zero, z_shuffled, tokens_zero, grid_zero
            column("exchange", pa.string()),
            column("dice", pa.float64(), nullable=True),
            # of the attention, over that of equal weights, mean over heads, blocks and regions; null: not over all of Z
            column("entropy", pa.float64(), nullable=True),
            LEAKED,
        ]
    ),
    key=(*CELL, "case_id", "exchange"),
)

MINING = Table(
    "mining/2",
    pa.schema(
        [
            *_CELL,
            column("mining", pa.string()),  # zero_shot or source_tuned
            column("recall", pa.float64(), nullable=True),  # share of lesion area inside the selected places
            column("recall_random", pa.float64(), nullable=True),  # the same for places drawn at random
            column("auroc", pa.float64(), nullable=True),  # what they were selected by as a score of lesion places
            column("auroc_inverted", pa.float64(), nullable=True),  # the same for its negative
            column("n_frames", pa.int64()),  # frames with a lesion
            LEAKED,
        ]
    ),
    key=CELL,
)

EVALUATED: Mapping[str, Table] = {  # name of the file -> table, of all that is written in parts
    "cases": SCORES, "calibration": CALIBRATION, "reliability": RELIABILITY, "trust": TRUST, "attention": ATTENTION,
    "pooled": POOLED, "mining": MINING, "findings": FINDINGS, "alarms": ALARMS, "exchanges": EXCHANGES,
}  # fmt: skip

PREDICTIONS = Store(
    "predictions/2",
    {"probability": Field("uint8", "YX", compress=True)},  # of lesion, 0..255 for 0..1, at working size; uncalibrated
    # the last three: how the scores were made; of the sizes the first is the working size
    attributes=("method", "held_out", "seed", "threshold", "tolerance_px", "sizes_px"),
)


def own_columns(table: Table) -> list[str]:
    """Return a table's columns without those that say whose they are: the cell's, and `leaked_frames`."""
    return [name for name in table.schema.names if name not in (*CELL, LEAKED.name)]
