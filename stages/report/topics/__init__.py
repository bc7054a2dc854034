"""The topics of the report, in the order of the page.

A topic is a file here with a function `topic`, its section in `templates` under the same name, and a line below. What
only says how much a topic shows, or how a picture is drawn, is a constant of its file and no parameter.
"""

from __future__ import annotations

from collections.abc import Callable

from stages.report.results import Results
from stages.report.topic import Topic
from stages.report.topics import (
    attention,
    comparisons,
    data,
    detection,
    dictionary,
    exchanges,
    features,
    gallery,
    leakage,
    lesions,
    mining,
    negatives,
    profiles,
    provenance,
    reading,
    sites,
    stress,
    training,
    trust,
)

TOPICS: tuple[Callable[[Results], Topic], ...] = (
    sites.topic,
    comparisons.topic,
    lesions.topic,
    negatives.topic,
    detection.topic,
    gallery.topic,
    stress.topic,
    trust.topic,
    exchanges.topic,
    attention.topic,
    features.topic,
    mining.topic,
    dictionary.topic,
    training.topic,
    profiles.topic,
    leakage.topic,
    data.topic,
    provenance.topic,
    reading.topic,
)
