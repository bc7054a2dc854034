"""One cell of the study and the files that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mcdrl.artifacts.cases import CASES, GEOMETRY


@dataclass(frozen=True)
class Cell:
    """A method, the site that it was kept from, and the seed, with the files that belong to them below `artifacts`."""

    method: str
    held_out: str
    seed: int
    artifacts: Path

    @property
    def model(self) -> Path:
        """Return the trained model's folder."""
        return self.artifacts / "train" / self.method / self.held_out / str(self.seed)

    @property
    def ingested(self) -> Path:
        """Return the folder with the held-out site's frames, masks and cases."""
        return self.artifacts / "ingest" / self.held_out

    @property
    def predictions(self) -> Path:
        """Return where the probabilities go."""
        return self.artifacts / "evaluate" / "predictions" / self.method / self.held_out / f"{self.seed}.h5"

    @property
    def parts(self) -> Path:
        """Return the folder of the tables' parts."""
        return self.artifacts / "evaluate" / "parts" / self.method / self.held_out / str(self.seed)

    def read_cases(self) -> pd.DataFrame:
        """Return the held-out site's frames, as in `CASES`, with the columns of `GEOMETRY` beside them."""
        cases = CASES.read(self.ingested / "cases.parquet")
        return cases.merge(GEOMETRY.read(self.ingested / "geometry.parquet"), on="case_id", validate="1:1")

    def named(self, rows: pd.DataFrame, leaked_frames: int) -> pd.DataFrame:
        """Return rows with the cell's name in front and, at the end, how many frames of its site were trained on."""
        names = pd.DataFrame({"method": self.method, "held_out": self.held_out, "seed": self.seed}, index=rows.index)
        return names.join(rows).assign(leaked_frames=leaked_frames)
