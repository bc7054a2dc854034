"""artifacts/mine_regions: target regions a site (MTRS) and how good they are."""

from __future__ import annotations

import pyarrow as pa

from mcdrl.artifacts.features import PROVENANCE
from mcdrl.artifacts.store_contract import Field
from mcdrl.artifacts.stores import Store
from mcdrl.artifacts.tables import Table, column

REGIONS = Store(
    "regions/4",
    {
        "similarity": Field(
            "float16", "HW"
        ),  # S^, the largest cosine over the classes, less the background's if there is one, or by feature surgery
        "selected": Field("bool", "HW"),  # the top alpha*H*W places of S^
        "best_class": Field("uint8", "HW"),  # argmax over the classes, index into lesion_classes
        "flipped/*": Field("float16", "HW", optional=True),  # S^ of the mirrored frames, such as horizontal.similarity
        "flipped_selected/*": Field("bool", "HW", optional=True),  # and their places, such as horizontal.selected
    },
    # but for alpha and text_similarity, `mine_regions.similarity`, the features'
    attributes=("site", "fingerprint", "dense_mode", "alpha", "text_similarity", *PROVENANCE),
)

QUALITY = Table(
    "quality/1",
    pa.schema(
        [
            column("site", pa.string()),
            column("alpha", pa.float64()),
            column("recall", pa.float64(), nullable=True),  # share of lesion area inside the selected places
            column("recall_random", pa.float64(), nullable=True),  # the same for places drawn at random
            column("auroc", pa.float64(), nullable=True),  # S^ as a score of lesion places, mean over frames
            column("auroc_inverted", pa.float64(), nullable=True),  # the same for -S^
            column("n_frames", pa.int64()),  # frames with a lesion
        ]
    ),
    key=("site",),
)
