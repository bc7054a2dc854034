"""What no reader may miss: drawn frames, random or unchecked weights, frames that were seen in training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from mcdrl.drawing.page import Notice
from mcdrl.study.params import Study
from mcdrl.study.paths import LITE_TOWERS, RENDERED
from stages.report.inputs import Inputs

_ALIGNED = (
    "The text tower of {} was aligned on frames of the same renderer, with their lesion masks: where its texts find "
    "lesions on drawn frames, they were taught to, which says nothing about texts at real sites."
)


def flags(inputs: Inputs) -> list[str]:
    """Return what stands beside every table and every picture of all figures."""
    found = {
        "RANDOM WEIGHTS: a dry run, not a result.": inputs.random_weights,
        "UNCHECKED WEIGHTS: they come from a file that is not known by its hash; what is in it nobody can say.": (
            inputs.unchecked_weights
        ),
        leak_words(inputs.leaked): bool(inputs.leaked),
    }
    return [words for words, holds in found.items() if holds]


def notices(inputs: Inputs, report: str = "") -> list[Notice]:
    """Return what stands above all sections.

    Args:
        inputs: of the study.
        report: file of the page that has the leak audit; empty: this one.
    """
    found = _drawn_frames(inputs.study)
    if inputs.random_weights:
        words = (
            "The encoder was never pretrained. The pipeline ran, but no figure on this page says anything about a "
            "method."
        )
        found.append(Notice("Random weights", words, alarm=True))
    if inputs.leaked:
        text = Markup(
            "{} params.yaml lets it through (audit.accepted); these sites were not unseen. See "
            '<a href="{}#leakage">the leak audit</a>.'
        )
        found.append(Notice("Accepted leak", text.format(leak_words(inputs.leaked), report), alarm=True))
    return found


def leak_words(leaked: Mapping[str, int]) -> str:
    """Return the sentence that goes with every result; empty where nothing leaks.

    Args:
        leaked: held-out sites -> how many of their frames the training has seen.
    """
    if not leaked:
        return ""
    parts = ", ".join(f"{count} of {site}" for site, count in leaked.items())
    return f"ACCEPTED LEAK: frames of a held-out site were seen in training ({parts})."


def aligned(study: Study) -> str:
    """Return what the texts of a backbone of the family lite were taught; empty for any other."""
    return _ALIGNED.format(study.backbone) if study.backbone in LITE_TOWERS else ""


def drawn(study: Study) -> list[str]:
    """Return the sites whose frames are rendered."""
    return [name for name, site in study.sites.items() if Path(site.root).is_relative_to(RENDERED)]


def _drawn_frames(study: Study) -> list[Notice]:
    sites = drawn(study)
    if not sites:
        return []
    whose = "These figures show" if len(sites) == len(study.sites) else "Their figures show"
    words = (
        f"Site{'s' if len(sites) > 1 else ''} {', '.join(sites)}: rendered, not photographed. {whose} whether a method "
        "copes with confounders of known strength, and nothing about patients."
    )
    return [Notice("Drawn frames", " ".join(filter(None, (words, aligned(study)))), alarm=False)]
