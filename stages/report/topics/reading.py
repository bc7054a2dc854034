"""How to read the page: what its words and figures mean, and what they cannot say."""

from __future__ import annotations

from mcdrl.metrics.intervals import LEAST_GROUPS, MANY_GROUPS
from mcdrl.metrics.registry import FRAME_METRICS
from stages.report.results import Results
from stages.report.topic import Topic


def topic(_results: Results) -> Topic:
    """Return the section."""
    values = {"metrics": list(FRAME_METRICS.values()), "least_groups": LEAST_GROUPS, "many_groups": MANY_GROUPS}
    return Topic("reading", "How to read it", values)
