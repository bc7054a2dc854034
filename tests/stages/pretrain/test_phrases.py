import numpy as np
import pytest

from mcdrl.clip.words import Vocabulary, split
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from stages.pretrain.phrases import (
    CONCEPTS,
    DENSE_TEMPLATES,
    GLOBAL_TEMPLATES,
    HELD_OUT,
    LOOKS,
    MODIFIERS,
    PAIR_TEMPLATES,
    TRAINED,
    canonical,
    describe,
    draw,
    draw_pair,
    sentences,
)


def as_words(phrase):
    return tuple(split(phrase))


def test_every_concept_has_phrasings_to_train_on_and_to_hold_out():
    assert set(TRAINED) == set(HELD_OUT) == set(CONCEPTS)
    assert {*LESION_CLASSES, *CONFOUNDERS} < set(CONCEPTS)


def test_no_phrasing_stands_for_two_concepts_or_on_both_sides():
    trained = {as_words(phrase): concept for concept, phrases in TRAINED.items() for phrase in phrases}
    for concept, phrases in TRAINED.items():
        assert {trained[as_words(phrase)] for phrase in phrases} == {concept}
    assert not {as_words(phrase) for phrases in HELD_OUT.values() for phrase in phrases} & set(trained)


def test_a_description_is_of_one_class_alone_and_names_none():
    rng = np.random.default_rng(0)
    drawn = {name: {describe(rng, name) for _ in range(100)} for name in LOOKS}
    assert set(drawn) == set(LESION_CLASSES)
    for name, some in drawn.items():
        assert len(some) > 40
        assert not any(some & others for other, others in drawn.items() if other != name)
        assert {len(phrase.split()) > 1 for phrase in some} == {True}
    said = {word for parts in LOOKS.values() for choices in parts for part in choices for word in split(part)}
    elsewhere = {word for phrases in TRAINED.values() for phrase in phrases for word in split(phrase)}
    nothing = {word for phrase in MODIFIERS for word in split(phrase)}
    everywhere = {"at", "by", "its", "of", "on", "one", "that", "the", "up", "which"}
    assert said & (elsewhere | nothing) <= {*everywhere, "bubble"}  # a cyst's own


def test_names_are_drawn_as_ever_where_nothing_is_described():
    rng = np.random.default_rng(4)
    assert [draw(rng, "polyp").prompt, draw_pair(rng, "cyst", "blood").prompt] == [
        "one polypoid growth", "a photo of a cystic lesion with blood clot",
    ]  # fmt: skip


def test_words_of_descriptions_are_known_where_they_are_asked_for():
    plain, more = Vocabulary.of(sentences()), Vocabulary.of(sentences(described=True))
    rng = np.random.default_rng(0)
    drawn = [draw(rng, name, 1.0).prompt for name in LESION_CLASSES for _ in range(30)]
    assert more.unknown(drawn) == []
    assert len(plain.unknown(drawn)) > 20


def test_held_out_phrasings_use_known_words_only():
    vocabulary = Vocabulary.of(sentences())
    assert vocabulary.unknown(phrase for phrases in HELD_OUT.values() for phrase in phrases) == []


def test_the_sentences_cover_the_words_of_all_that_is_drawn():
    vocabulary = Vocabulary.of(sentences())
    rng = np.random.default_rng(0)
    texts = [draw(rng, concept) for concept in CONCEPTS for _ in range(20)]
    texts += [draw_pair(rng, "cyst", "blood") for _ in range(20)]
    assert vocabulary.unknown(text.prompt for text in texts) == []


def test_canonical_sentences_are_the_papers():
    assert canonical("polyp") == "A polyp in an endoscopic image"
    assert canonical("narrow_band_imaging") == "An endoscopy image with narrow-band imaging"
    assert canonical("blood", "gore") == "An endoscopy image with gore"


def test_drawn_sentences_name_their_concepts():
    rng = np.random.default_rng(1)
    for _ in range(50):
        text = draw_pair(rng, "nodule", "mucus")
        assert text.concepts == ("nodule", "mucus")
        for concept in text.concepts:
            assert any(phrase in text.prompt for phrase in TRAINED[concept])


def test_drawing_is_a_function_of_the_generator():
    first, second = (draw(np.random.default_rng(4), "polyp") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("templates", "places"), [(DENSE_TEMPLATES, 1), (GLOBAL_TEMPLATES, 1), (PAIR_TEMPLATES, 2)])
def test_templates_have_their_places(templates, places):
    assert all(template.count("{}") == places for template in templates)
