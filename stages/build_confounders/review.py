"""What a person should see of the texts: near neighbours and words that the text tower doesn't know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from mcdrl.base.output import cell

if TYPE_CHECKING:
    from mcdrl.clip.encoder import Encoder

TOO_CLOSE = 0.98  # cosine from which two texts say the same to the model


def neighbours(names: Sequence[str], rows: pd.DataFrame) -> pd.DataFrame:
    """Return `phrase, nearest, cosine`: for each text the nearest other one; no rows for a single text.

    Args:
        names: what each row is called.
        rows: with `embedding`, unit norm.
    """
    vectors = np.stack(list(rows["embedding"]))
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = cosines.argmax(1) if len(names) > 1 else []
    found = [(names[row], names[other], float(cosines[row, other])) for row, other in enumerate(nearest)]
    return pd.DataFrame(found, columns=["phrase", "nearest", "cosine"])


def warnings(encoder: Encoder, prompts: Sequence[str], near: pd.DataFrame) -> list[str]:
    """Return a sentence for each prompt that the text tower doesn't know or read to its end, each pair too close."""
    strange = [(prompt, encoder.unknown_words([prompt])) for prompt in prompts]
    lines = [
        f"'{prompt}' has words that the text tower has never seen: {', '.join(words)}; they count as unknown"
        for prompt, words in strange
        if words
    ]
    lines += [
        f"'{prompt}' is longer than the text tower reads: its end counts for nothing; shorten it"
        for prompt in encoder.too_long(prompts)
    ]
    lines += [
        f"'{first}' and '{second}' say the same to this backbone (cosine {cosine:.3f}); reword or drop one"
        for (first, second), cosine in sorted(_close_pairs(near).items())
    ]
    return lines


def _close_pairs(near: pd.DataFrame) -> dict[tuple[str, str], float]:
    named = zip(near["phrase"].astype(str), near["nearest"].astype(str), near["cosine"], strict=True)
    return {(min(a, b), max(a, b)): float(cosine) for a, b, cosine in named if cosine > TOO_CLOSE}


def show(near: pd.DataFrame, lines: Sequence[str], console: Console) -> None:
    """Print the table of neighbours and the warnings."""
    table = Table("phrase", "nearest other", "cosine")
    for phrase, nearest, cosine in zip(near["phrase"], near["nearest"], near["cosine"], strict=True):
        table.add_row(cell(phrase), cell(nearest), f"{cosine:.3f}")
    console.print(table)
    for line in lines:
        console.print(cell(f"warning: {line}", "yellow"))
