"""artifacts/stress: counts and Dice of held-out frames under confounders of known strength."""

from __future__ import annotations

import pyarrow as pa

from mcdrl.artifacts.tables import Table, column

STRESS = Table(
    "stress/2",
    pa.schema(
        [
            column("method", pa.string()),
            column("held_out", pa.string()),
            column("seed", pa.int64()),
            column("confounder", pa.string()),  # a phrase of mcdrl.confounders.registry; UNTOUCHED at strength 0
            column("strength", pa.float64()),  # above 0 up to 1; 0: the frame as it is
            column("case_id", pa.string()),
            column("group_id", pa.string()),
            column("dice", pa.float64(), nullable=True),  # at working size, a screen at its own; null: no lesion left
            column("tp", pa.int64()),
            column("fp", pa.int64()),
            column("fn", pa.int64()),
            column("tn", pa.int64()),
            column("leaked_frames", pa.int64()),  # as in the tables of evaluate
        ]
    ),
    key=("method", "held_out", "seed", "confounder", "strength", "case_id"),
)
