"""From phrases to sentences, and from sentences to the three tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from mcdrl.artifacts.dictionary import BACKGROUND
from mcdrl.base.errors import InputError
from mcdrl.study.sections.build_confounders import Params

if TYPE_CHECKING:
    from mcdrl.clip.encoder import Encoder


def class_rows(params: Params, lesion_classes: Sequence[str]) -> pd.DataFrame:
    """Return `lesion_class, prompt`, a row a class in the order given, and last the background where it has a phrase.

    Raises:
        InputError: the classes with a phrase aren't the lesion classes, or one has the background's name.
    """
    phrases = _phrases(params.class_phrases, lesion_classes)
    if BACKGROUND in phrases:
        raise InputError(f"a lesion class is called '{BACKGROUND}', which stands for what is no lesion; rename it")
    if params.background is not None:
        phrases[BACKGROUND] = params.background
    prompts = [fill(params.class_template, {"class": phrase}) for phrase in phrases.values()]
    return pd.DataFrame({"lesion_class": list(phrases), "prompt": prompts})


def confounder_rows(params: Params) -> pd.DataFrame:
    """Return `confounder, category, prompt`, a row a phrase in the order of params.yaml."""
    named = [(phrase, category) for category, phrases in params.confounders.items() for phrase in phrases]
    rows = pd.DataFrame(named, columns=["confounder", "category"])
    rows["prompt"] = [fill(params.confounder_template, {"domain": phrase}) for phrase, _ in named]
    return rows


def pair_rows(params: Params, lesion_classes: Sequence[str]) -> pd.DataFrame:
    """Return `lesion_class, confounder, prompt`, a row a class and confounder, the confounder changing faster.

    Raises:
        InputError: as `class_rows`.
    """
    phrases = _phrases(params.class_phrases, lesion_classes)
    domains = [phrase for group in params.confounders.values() for phrase in group]
    rows = [
        (name, domain, fill(params.class_confounder_template, {"class": phrase, "domain": domain}))
        for name, phrase in phrases.items()
        for domain in domains
    ]
    return pd.DataFrame(rows, columns=["lesion_class", "confounder", "prompt"])


def embedded(rows: pd.DataFrame, encoder: Encoder) -> pd.DataFrame:
    """Return the rows with `embedding`, float32 [D] of unit norm, of each row's prompt."""
    vectors = encoder.encode_text(list(rows["prompt"])).float().cpu().numpy()
    return rows.assign(embedding=list(vectors))


def fill(template: str, words: Mapping[str, str]) -> str:
    """Return the template with each `{place}` replaced by its words."""
    for place, phrase in words.items():
        template = template.replace(f"{{{place}}}", phrase)
    return template


def _phrases(phrases: Mapping[str, str], lesion_classes: Sequence[str]) -> dict[str, str]:
    missing = [name for name in lesion_classes if name not in phrases]
    extra = [name for name in phrases if name not in lesion_classes]
    if missing or extra:
        raise InputError(
            "build_confounders.class_phrases must have exactly the lesion_classes as keys; "
            f"missing: {', '.join(missing) or 'none'}; unexpected: {', '.join(extra) or 'none'}"
        )
    return {name: phrases[name] for name in lesion_classes}
