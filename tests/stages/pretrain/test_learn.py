from dataclasses import replace

import numpy as np
import pytest
import torch

from mcdrl.clip.encoder import unit
from mcdrl.clip.lite import new_joint, new_tower
from mcdrl.clip.lite_trunk import LITE0
from mcdrl.clip.tower import encode_prompts
from mcdrl.clip.words import Vocabulary
from mcdrl.renderer.names import LESION_CLASSES
from stages.pretrain.corpus import Corpus
from stages.pretrain.learn import (
    Learner,
    Scales,
    draw_texts,
    fit_scale,
    frame_loss,
    learn,
    losses,
    phrase_loss,
    place_losses,
    pooled,
)
from stages.pretrain.objectives import OBJECTIVES
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS, TRAINED, Text, canonical, sentences

K = len(LESION_CLASSES)
VOCABULARY, DESCRIBING = (Vocabulary.of(sentences(described=described)) for described in (False, True))


def words_of(objective):
    return DESCRIBING if OBJECTIVES[objective].described else VOCABULARY


def make_learner(objective="contrastive"):
    torch.manual_seed(0)
    words = words_of(objective)
    return Learner(new_joint(), new_tower(words), Scales(), words, OBJECTIVES[objective]())


@pytest.fixture
def learner():
    return make_learner()


def learned(corpus, *, epochs, seed=0, objective="contrastive"):
    return learn(corpus, words_of(objective), LITE0, epochs=epochs, seed=seed, objective=objective)


def toy_steps(corpus, objective, wanted):
    """The terms of each of some steps that make what is wanted of them small."""
    learner = make_learner(objective)
    fit_scale(learner.joint, corpus.hypercolumns)
    parts = [learner.joint, learner.tower, learner.scales, learner.objective]
    optimizer = torch.optim.AdamW([one for part in parts for one in part.parameters()], lr=2e-3)
    steps = []
    for _ in range(12):
        found = losses(learner, corpus, torch.arange(16), np.random.default_rng(0))
        optimizer.zero_grad()
        wanted(found).backward()
        optimizer.step()
        steps.append({name: float(term.detach()) for name, term in found.items()})
    return steps


def test_the_scale_is_the_corpus_own(learner, corpus):
    fit_scale(learner.joint, corpus.hypercolumns)
    values = corpus.hypercolumns.float().transpose(0, 1).flatten(1)
    torch.testing.assert_close(learner.joint.mean, values.mean(1), atol=1e-4, rtol=0)
    torch.testing.assert_close(learner.joint.std, values.std(1) + 1e-3, atol=1e-3, rtol=0)


def test_right_places_cost_little_and_wrong_ones_much():
    share = torch.zeros(1, len(DENSE_CONCEPTS), 2)
    share[0, [1, K], 0] = 1  # the first place is a tumor
    share[0, K + 1, 1] = 1  # the second is normal
    right = (share * 2 - 1) * 8
    wrong = -right
    for name, value in place_losses(right, share).items():
        assert value < 0.05
        assert place_losses(wrong, share)[name] > 1


def test_a_class_text_is_not_pushed_away_from_lesions_of_another_class():
    share = torch.zeros(1, len(DENSE_CONCEPTS), 1)
    share[0, [1, K], 0] = 1
    logits = torch.zeros(1, len(DENSE_CONCEPTS), 1, requires_grad=True)
    place_losses(logits, share)["places"].backward()
    assert logits.grad[0, 0, 0] == 0  # of polyp, on a tumor
    assert logits.grad[0, 1, 0] < 0
    assert logits.grad[0, K + 1, 0] > 0


def test_a_frame_is_what_its_strongest_places_say_and_normal_what_its_weakest_do():
    logits = torch.arange(20.0).expand(2, len(DENSE_CONCEPTS), -1)
    assert pooled(logits)[..., 0].tolist() == [[16.5] * (K + 1) + [2.5]] * 2


def test_without_masks_a_frame_is_known_by_what_it_shows(corpus):
    """Right and wrong texts of whole frames; where in them the lesion is makes no difference."""
    rows, rng = torch.arange(8), np.random.default_rng
    learner = make_learner()
    told, shifted = (replace(corpus, share=share) for share in (None, corpus.share.flip(3)))
    torch.manual_seed(1)
    found = losses(learner, told, rows, rng(0))
    assert set(found) == {"places", "best_class", "kind", "frame", "pairs", "phrases"}
    torch.manual_seed(1)
    others = losses(learner, replace(told, presence=corpus.presence.roll(1, 0)), rows, rng(0))
    assert all(found[name] != others[name] for name in ("places", "kind", "frame"))
    torch.manual_seed(1)
    marked = losses(learner, corpus, rows, rng(0))
    torch.manual_seed(1)
    assert losses(learner, shifted, rows, rng(0))["places"] != marked["places"]
    assert all(found[name] == marked[name] for name in ("frame", "pairs", "phrases"))


def test_confounders_of_jittered_views_do_not_count():
    presence = torch.zeros(2, len(CONCEPTS))
    logits = torch.zeros(2, len(CONCEPTS), requires_grad=True)
    frame_loss(logits, presence, torch.tensor([True, False])).backward()
    assert (logits.grad[0, len(DENSE_CONCEPTS) :] > 0).all()
    assert (logits.grad[1, len(DENSE_CONCEPTS) :] == 0).all()
    assert (logits.grad[:, : len(DENSE_CONCEPTS)] > 0).all()
    assert frame_loss(logits, presence, torch.tensor([False, False])).isfinite()


def test_phrase_loss_by_hand_for_orthogonal_concepts():
    texts = [Text("", (concept,)) for concept in CONCEPTS] + [Text("", ("polyp", "blood"))]
    anchors = torch.eye(len(CONCEPTS), 32)
    pair = unit(anchors[CONCEPTS.index("polyp")] + anchors[CONCEPTS.index("blood")], 0)
    loss = phrase_loss(torch.cat([anchors, pair[None]]), texts, temperature=1.0)
    by_hand = np.log(np.e + len(CONCEPTS) - 1) - 1
    assert loss.item() == pytest.approx(by_hand, abs=1e-5)


def test_texts_of_a_step_start_with_the_canonical_ones():
    texts = draw_texts(np.random.default_rng(0))
    assert [text.prompt for text in texts[: len(CONCEPTS)]] == [canonical(concept) for concept in CONCEPTS]
    assert {text.concepts[0] for text in texts[len(CONCEPTS) :] if len(text.concepts) == 1} == set(CONCEPTS)
    assert any(len(text.concepts) == 2 for text in texts)


def test_the_default_s_terms_are_those_that_the_shipped_towers_were_made_by(corpus):
    found = losses(make_learner(), corpus, torch.arange(8), np.random.default_rng(0))
    assert {name: term.item() for name, term in found.items()} == pytest.approx(
        {
            "places": 1.28057,
            "best_class": 1.70877,
            "kind": 4.39,
            "frame": 0.51636,
            "pairs": 0.38333,
            "phrases": 2.29652,
        },
        rel=1e-3,
    )


@pytest.mark.parametrize("objective", ["contrastive", "described"])
def test_words_of_descriptions_are_learned_where_classes_are_described(corpus, objective):
    torch.manual_seed(0)
    learner = Learner(new_joint(), new_tower(DESCRIBING), Scales(), DESCRIBING, OBJECTIVES[objective]())
    sum(losses(learner, corpus, torch.arange(8), np.random.default_rng(0)).values()).backward()
    further = [DESCRIBING.numbers(word)[0] for word in set(DESCRIBING.words) - set(VOCABULARY.words)]
    told = learner.tower.embedding.weight.grad[further].abs().sum(1) > 0
    assert told.sum() > 10 if objective == "described" else not told.any()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_trained_parameter_gets_a_finite_gradient(corpus, objective):
    learner = make_learner(objective)
    terms = losses(learner, corpus, torch.arange(8), np.random.default_rng(0))
    further = {objective} & {"non_contrastive", "triplet", "transport"}
    assert set(terms) == {"places", "best_class", "kind", "frame", "pairs", "phrases"} | further
    sum(terms.values()).backward()
    for part in (learner.joint, learner.tower, learner.scales, learner.objective):
        for name, parameter in part.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.slow
def test_a_toy_corpus_is_learned_and_equal_seeds_give_equal_weights(corpus):
    joint, tower = learned(corpus, epochs=25)
    texts = encode_prompts(tower, VOCABULARY, [canonical(concept) for concept in DENSE_CONCEPTS])
    with torch.no_grad():
        dense, _ = joint(corpus.hypercolumns.float())
    best = torch.einsum("bdhw,kd->bkhw", dense, texts)[:, :K].amax(1)
    assert best[:, :, :7].mean() > best[:, :, 7:].mean() + 0.3
    short = [learned(corpus, epochs=1, seed=seed)[0].state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(short[0][name], short[1][name]) for name in short[0])
    assert not torch.equal(short[0]["layers.0.weight"], short[2]["layers.0.weight"])


@pytest.mark.slow
def test_places_are_found_without_masks(corpus):
    """Of frames of which a third show no lesion: the others show theirs on the left."""
    columns, presence = corpus.hypercolumns.clone(), corpus.presence.clone()
    columns[::3, :K] = columns[::3, K : 2 * K]
    presence[::3, : len(DENSE_CONCEPTS)] = 0
    presence[::3, K + 1] = 1
    joint, tower = learned(Corpus(columns, columns, None, presence), epochs=60)
    texts = encode_prompts(tower, VOCABULARY, [canonical(concept) for concept in DENSE_CONCEPTS])
    with torch.no_grad():
        dense, _ = joint(columns[presence[:, K] > 0].float())
    best = torch.einsum("bdhw,kd->bkhw", dense, texts)[:, :K].amax(1)
    assert best[:, :, :7].mean() > best[:, :, 7:].mean() + 0.2


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_learns_a_toy_corpus(corpus, objective):
    steps = toy_steps(corpus, objective, lambda found: sum(found.values()))
    assert sum(steps[-1].values()) < 0.8 * sum(steps[0].values())


@pytest.mark.parametrize(
    ("objective", "own"), [("described", "phrases"), ("transport", "transport"), ("unpaired", "pairs")]
)
def test_an_objective_s_own_term_can_be_learned_by_itself(corpus, objective, own):
    steps = toy_steps(corpus, objective, lambda found: found[own])
    assert steps[-1][own] < 0.9 * steps[0][own]


def test_learning_leaves_the_global_generator_alone(corpus):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    learned(corpus, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_gives_weights_of_its_own_and_the_same_each_time(corpus, objective):
    weights = [learned(corpus, epochs=1, objective=name)[0].layers[0].weight for name in (objective, objective)]
    assert torch.equal(*weights)
    others = [learned(corpus, epochs=1, objective=name)[0].layers[0].weight for name in OBJECTIVES if name != objective]
    assert not any(torch.equal(weights[0], other) for other in others)


def test_the_transport_looks_at_the_other_view_too(corpus):
    """Of one learner and step, the loss is another if the jittered views show something else."""
    rows, learner = torch.arange(8), make_learner("transport")
    noise = torch.randn(corpus.jittered.shape, generator=torch.Generator().manual_seed(0)).half()
    found = []
    for seen in (corpus, replace(corpus, jittered=noise)):
        torch.manual_seed(1)
        learner.joint.eval()
        found.append(losses(learner, seen, rows, np.random.default_rng(0))["transport"].item())
    assert found[1] > found[0] + 0.05


def test_descriptions_stand_for_half_of_the_class_names_and_never_for_the_canonical_ones():
    texts = draw_texts(np.random.default_rng(0), 0.5)
    named = [any(phrase in text.prompt for phrase in TRAINED[text.concepts[0]]) for text in texts]
    assert all(named[: len(CONCEPTS)])
    classes = [there for text, there in zip(texts, named, strict=True) if text.concepts[0] in LESION_CLASSES][K:]
    assert 0.3 < np.mean(classes) < 0.7
    others = [there for text, there in zip(texts, named, strict=True) if text.concepts[0] not in LESION_CLASSES]
    assert all(others)


def test_the_term_about_frames_is_the_graded_one_where_texts_are_true_by_degrees(corpus):
    found = [
        losses(make_learner(name), corpus, torch.arange(8), np.random.default_rng(0))
        for name in ("contrastive", "graded")
    ]
    assert found[0]["frame"] != found[1]["frame"]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0] if name != "frame")
