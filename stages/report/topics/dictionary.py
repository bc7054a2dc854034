"""The confounder dictionary: its prompts, and how alike they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from mcdrl.drawing.charts import matrix
from mcdrl.drawing.html_tables import HtmlTable, html_table
from mcdrl.metrics.counts import Floats
from stages.report.results import Results
from stages.report.topic import Topic


def topic(results: Results) -> Topic:
    """Return the section."""
    rows = results.inputs.dictionary
    return Topic("dictionary", "Confounders", {"prompts": dictionary_html(rows), "matrix": dictionary_matrix(rows)})


def dictionary_html(dictionary: pd.DataFrame) -> HtmlTable:
    """Format the confounders and their prompts."""
    return html_table(
        dictionary,
        {
            "confounder": lambda r: r["confounder"],
            "category": lambda r: r["category"],
            "prompt": lambda r: r["prompt"],
        },
    )


def dictionary_matrix(dictionary: pd.DataFrame) -> Markup:
    """Draw the cosines between the confounders' texts."""
    names = [str(name) for name in dictionary["confounder"]]
    return matrix(cosines(dictionary), names, f"Cosines between the {len(names)} prompts of the dictionary")


def cosines(dictionary: pd.DataFrame) -> Floats:
    """Return the cosines between the confounders' texts, [M, M]."""
    rows = np.stack([np.asarray(row, dtype=np.float64) for row in dictionary["embedding"]])
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    product: Floats = unit @ unit.T
    return product
