from dataclasses import replace
from typing import get_args

import pytest
import torch

from mcdrl.clip.lite_trunk import LITE0
from mcdrl.renderer.ranges import STYLES
from mcdrl.study.sections.pretrain import Params
from stages.pretrain import pretrain as module
from stages.pretrain.objectives import OBJECTIVES
from stages.pretrain.pretrain import align, frames_to_check, frames_to_learn
from tests.factories import section_params


def params(**changes):
    return section_params("pretrain", **{"frames": 16, "check_frames": 8, "epochs": 1, **changes})


def weights(corpus, **changes):
    return align(params(**changes), LITE0, corpus)[0].layers[0].weight


def test_each_objective_and_each_kind_of_styles_has_a_name_in_params():
    assert set(get_args(Params.model_fields["objective"].annotation)) == set(OBJECTIVES)
    assert set(get_args(Params.model_fields["styles"].annotation)) == set(STYLES)


def test_where_lesions_are_is_not_looked_at_without_masks(corpus):
    poisoned = replace(corpus, share=torch.full_like(corpus.share, torch.nan))
    assert torch.equal(weights(corpus, lesion_masks=False), weights(poisoned, lesion_masks=False))
    assert weights(poisoned).isnan().any()
    assert not torch.equal(weights(corpus), weights(corpus, lesion_masks=False))


def test_words_that_describe_are_known_to_the_tower_that_reads_them(corpus):
    plain, described = (align(params(objective=name), LITE0, corpus)[2] for name in ("contrastive", "described"))
    assert {"knob", "purple"} <= set(described.words) - set(plain.words)


@pytest.fixture
def asked(monkeypatch, corpus):
    """What is rendered: seed and styles of the first frame, by frames and twins."""
    found = []

    def collect(seeds, trunk, jitter, workers, *, boxes=None, sample=None):
        found.append((jitter is not None, sample and (sample.func.__name__, sample.keywords["styles"])))
        return replace(corpus, twins=None)

    monkeypatch.setattr(module, "collect", collect)
    return found


@pytest.mark.parametrize("styles", STYLES)
def test_frames_and_twins_are_of_the_styles_asked_for_and_the_check_of_all(asked, styles):
    assert frames_to_learn(params(styles=styles), None, 1).twins is None
    assert frames_to_learn(params(styles=styles, objective="triplet"), None, 1).twins is not None
    frames_to_check(params(styles=styles), None, 1)
    frames = (True, ("sample_corpus_frame", styles))
    assert asked == [frames, frames, (False, ("sample_twin", styles)), (False, None)]
