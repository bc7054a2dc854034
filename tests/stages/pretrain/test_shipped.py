"""The trained parts in data/lite0, lite1 and lite2 belong to the code that reads them."""

import pytest

from mcdrl.base.files import read_json
from mcdrl.clip.lite import LiteEncoder, obtain
from mcdrl.clip.lite_trunk import ARCHITECTURES
from mcdrl.clip.words import Vocabulary
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from mcdrl.study.paths import LITE_TOWERS
from stages.pretrain.phrases import CONCEPTS, HELD_OUT, canonical, sentences


@pytest.fixture(scope="module", params=ARCHITECTURES.values(), ids=lambda one: one.name)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def encoder(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    obtain(folder, LITE_TOWERS[kind.name], kind)
    return LiteEncoder.from_folder(folder, "auto", kind)


def test_the_shipped_words_are_those_of_the_phrasings(encoder):
    assert encoder.vocabulary.words == Vocabulary.of(sentences()).words


def test_the_stated_accuracy_on_held_out_phrasings_comes_out_again(kind, encoder):
    texts = encoder.encode_text([canonical(concept) for concept in CONCEPTS])
    named = [(concept, phrase) for concept, phrases in HELD_OUT.items() for phrase in phrases]
    vectors = encoder.encode_text([canonical(concept, phrase) for concept, phrase in named])
    found = [CONCEPTS[index] for index in (vectors @ texts.T).argmax(1).tolist()]
    right = sum(name == concept for name, (concept, _) in zip(found, named, strict=True))
    assert right / len(named) == pytest.approx(
        read_json(LITE_TOWERS[kind.name] / "quality.json")["phrases"]["held_out_accuracy"], abs=0.02
    )


def test_class_texts_look_away_from_normal_mucosa(encoder):
    classes = encoder.encode_text([canonical(name) for name in LESION_CLASSES])
    normal = encoder.encode_text([canonical("normal")])
    assert (classes @ normal.T).max() < 0


@pytest.mark.parametrize("lesion", LESION_CLASSES)
def test_a_text_of_class_and_confounder_lies_between_its_parts(encoder, lesion):
    parts = encoder.encode_text([canonical(concept) for concept in CONCEPTS])
    for confounder in CONFOUNDERS:
        phrases = canonical(confounder).removeprefix("An endoscopy image with ")
        pair = encoder.encode_text([f"A {lesion} with {phrases}"])
        nearest = (pair @ parts.T).topk(2).indices[0].tolist()
        assert {CONCEPTS[index] for index in nearest} == {lesion, confounder}


def test_an_unknown_word_moves_a_known_sentence_little(encoder):
    known, other = encoder.encode_text(["An endoscopy image with blood", "An endoscopy image with quixotic blood"])
    assert known @ other > 0.8
    assert encoder.unknown_words(["quixotic blood"]) == ["quixotic"]
