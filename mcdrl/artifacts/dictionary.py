"""artifacts/build_confounders: the texts in joint space. `embedding` is float32 of unit norm, width D.

The classes have a row `background` after the lesion classes where `build_confounders.background` is set.
"""

from __future__ import annotations

import pyarrow as pa

from mcdrl.artifacts.tables import Table, column

BACKGROUND = "background"  # key of that row; no lesion class can have this name

_TEXT = [column("prompt", pa.string()), column("embedding", pa.list_(pa.float32()))]

DICTIONARY = Table(
    "dictionary/1",
    pa.schema([column("confounder", pa.string()), column("category", pa.string()), *_TEXT]),
    key=("confounder",),
    metadata=("fingerprint",),
)

CLASSES = Table(
    "classes/1",
    pa.schema([column("lesion_class", pa.string()), *_TEXT]),
    key=("lesion_class",),
    metadata=("fingerprint",),
)

CLASS_CONFOUNDERS = Table(
    "class_confounders/1",
    pa.schema([column("lesion_class", pa.string()), column("confounder", pa.string()), *_TEXT]),
    key=("lesion_class", "confounder"),
    metadata=("fingerprint",),
)
