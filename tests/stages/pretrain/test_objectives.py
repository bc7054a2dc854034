from collections import Counter

import numpy as np
import pytest
import torch

from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from stages.pretrain.objectives import OBJECTIVES, Step, concept_likeness, draw_reports, lost, true_of
from stages.pretrain.phrases import CONCEPTS, GLOBAL_CONCEPTS, TRAINED, Text, draw_caption, draw_twins


def presence(*rows):
    return torch.tensor([[float(name in row) for name in CONCEPTS] for row in rows])


def make_step(here, there=None, plain=True):
    """Frames whose vectors say what is there, and texts whose vectors say what they name."""
    said = []

    def encode(texts):
        said.extend(texts)
        vectors = torch.stack([presence(text.concepts)[0] for text in texts])
        return torch.nn.functional.normalize(torch.nn.functional.pad(vectors, (0, 108)), dim=1)

    vectors = [torch.nn.functional.pad(rows, (0, 108)) if rows is not None else None for rows in (here, there)]
    plain = torch.full((len(here),), plain)
    step = Step(
        vectors[0], torch.zeros(len(here), len(CONCEPTS)), here, plain, vectors[1], there, encode,
        np.random.default_rng(0), torch.empty(len(here), 128, 0), None,
    )  # fmt: skip
    return step, said


def likeness_of(one, other):
    return concept_likeness()[CONCEPTS.index(one), CONCEPTS.index(other)].item()


def test_likeness_is_the_cosine_of_word_counts_within_a_category():
    bright, dark = (Counter(" ".join(TRAINED[name]).replace("-", " ").split()) for name in ("bright", "dark"))
    by_hand = (
        sum(bright[word] * dark[word] for word in bright)
        / (sum(count**2 for count in bright.values()) * sum(count**2 for count in dark.values())) ** 0.5
    )
    assert likeness_of("bright", "dark") == pytest.approx(by_hand, abs=0.05)  # but for plurals
    assert 0.1 < by_hand < 1
    found = concept_likeness()
    assert torch.equal(found, found.T)
    torch.testing.assert_close(found.diagonal(), torch.ones(len(CONCEPTS)))
    assert likeness_of("polyp", "blood") == likeness_of("bright", "blood") == 0
    assert likeness_of("polyp", "lesion") > 0
    assert likeness_of("normal", "lesion") == 0  # "no lesion" denies it


def test_contrastive_adds_nothing():
    step, said = make_step(presence(["polyp", "blood"]))
    assert OBJECTIVES["contrastive"]()(step) == {}
    assert said == []


def test_captions_name_what_is_there():
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert draw_caption(rng, ["cyst", "lesion", "blood", "dark"]).concepts in [("cyst", "blood"), ("cyst", "dark")]
        assert draw_caption(rng, ["normal", "blood"]).concepts in [("normal",), ("blood",)]
        assert draw_caption(rng, ["cyst", "lesion", "clear"]).concepts in [("cyst",), ("lesion",), ("clear",)]


def test_twins_captions_differ_in_one_phrase():
    rng = np.random.default_rng(0)
    for present in (["cyst", "lesion", "blood"], ["normal", "blood"]):
        for _ in range(20):
            text, other = draw_twins(rng, present, "blood", "mucus")
            lesions = tuple(name for name in present if name in LESION_CLASSES)
            assert text.concepts == (*lesions, "blood")
            assert other.concepts == (*lesions, "mucus")
            pairs = [(a, b) for a in TRAINED["blood"] for b in TRAINED["mucus"]]
            assert any(text.prompt.replace(a, b) == other.prompt for a, b in pairs)


def test_jittered_views_have_no_caption():
    here, there = presence(["polyp", "blood"]), presence(["polyp", "mucus"])
    for name in ("non_contrastive", "triplet"):
        step, said = make_step(here, there, plain=False)
        assert OBJECTIVES[name]()(step) == {}
        assert said == []


def test_the_triplet_asks_for_the_confounder_in_which_twins_differ():
    here = presence(["polyp", "lesion", "blood", "dark"], ["normal", "clear"], ["normal", "near_view"])
    there = presence(["polyp", "lesion", "mucus", "dark"], ["normal", "uneven"], ["normal", "near_view", "mucus"])
    step, said = make_step(here, there)
    loss = OBJECTIVES["triplet"]()(step)["triplet"]
    assert [text.concepts for text in said] == [("polyp", "blood"), ("clear",), ("polyp", "mucus"), ("uneven",)]
    swapped, _ = make_step(there, here)  # frames that show what their captions deny
    wrong = OBJECTIVES["triplet"]()(Step(**{**vars(step), "image": swapped.image, "twin": swapped.twin}))["triplet"]
    assert wrong > loss + 1
    with pytest.raises(ValueError, match="twins"):
        OBJECTIVES["triplet"]()(make_step(here)[0])


def test_reports_name_a_class_or_none_and_a_confounder_or_none():
    reports = draw_reports(np.random.default_rng(0), 300)
    named = {concept for report in reports for concept in report.concepts}
    assert named == {*LESION_CLASSES, "normal", *GLOBAL_CONCEPTS}
    assert {len(report.concepts) for report in reports} == {1, 2}
    again, other = (draw_reports(np.random.default_rng(seed), 300) for seed in (0, 1))
    assert reports == again != other


def test_each_frame_tells_what_the_nearest_report_says_and_reports_are_not_taught():
    here = presence(["cyst", "blood"], ["polyp", "dark"])
    step, said = make_step(here)
    objective = OBJECTIVES["unpaired"]()
    torch.nn.init.eye_(objective.tells.weight)
    torch.nn.init.zeros_(objective.tells.bias)
    vectors = []

    def encode(texts):
        vectors.append(step.encode(texts).requires_grad_())
        return vectors[0]

    loss = objective(Step(**{**vars(step), "encode": encode}))["pairs"]
    assert any(text.concepts == ("cyst", "blood") for text in said)
    assert loss.item() == pytest.approx(0, abs=1e-5)
    shown = presence(["cyst", "blood", "mucus"], ["polyp", "dark"])
    between = make_step(shown)[0]
    further = objective(between)["pairs"]
    assert further.item() == pytest.approx((1 - (2 / 3) ** 0.5) / 2, abs=1e-5)  # a report names two of three
    further.backward()
    assert objective.tells.weight.grad.abs().sum() > 0
    assert vectors[0].grad is None


def test_the_transport_needs_both_views():
    with pytest.raises(ValueError, match="both views"):
        OBJECTIVES["transport"]()(make_step(presence(["polyp"]))[0])


def test_only_confounders_and_a_clear_view_are_exchanged():
    gone = lost(presence(["polyp", "clear"]), presence(["cyst", "blood"]))
    assert [name for name, there in zip(CONCEPTS, gone[0], strict=True) if there] == ["clear"]
    assert set(GLOBAL_CONCEPTS) == {*CONFOUNDERS, "clear"}


def test_a_text_is_true_of_a_frame_that_shows_all_it_names():
    texts = [Text("", ("polyp",)), Text("", ("polyp", "blood")), Text("", ("polyp", "mucus"))]
    assert true_of(presence(["polyp", "blood"]), texts).tolist() == [[True, True, False]]


@pytest.mark.parametrize("name", ["non_contrastive", "triplet", "graded"])
def test_right_frames_cost_less_after_some_steps(name):
    """The frames' vectors alone are free: each objective moves them."""
    torch.manual_seed(0)
    here = presence(["polyp", "lesion", "blood"], ["cyst", "lesion", "dark"], ["tumor", "lesion", "uneven"])
    there = presence(["polyp", "lesion", "mucus"], ["cyst", "lesion", "bright"], ["tumor", "lesion", "blur"])
    step, _ = make_step(here, there)
    free = torch.nn.Parameter(0.1 * torch.randn(3, 128))
    objective = OBJECTIVES[name]()
    optimizer = torch.optim.Adam([free, *objective.parameters()], lr=0.05)
    losses = []
    for _ in range(40):
        image = torch.nn.functional.normalize(free, dim=1)
        now = Step(**{**vars(step), "image": image, "logits": 8 * image[:, : len(CONCEPTS)]})
        (term,) = objective(now).values()
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        losses.append(term.item())
    assert losses[-1] < losses[0] - 0.2
