import numpy as np
import pytest
from pydantic import ValidationError

from mcdrl.base.errors import InputError
from stages.build_confounders.prompts import class_rows, confounder_rows, embedded, fill, pair_rows
from tests.factories import by_category, section_params

PHRASES = [phrase for group in by_category().values() for phrase in group]

CLASSES = ["polyp", "tumor", "inflammation", "nodule", "cyst"]


def _params(**changes):
    return section_params("build_confounders", **changes)


def test_the_default_dictionary_has_the_confounders_phrases_in_order():
    rows = confounder_rows(_params())
    assert rows["confounder"].tolist() == PHRASES
    assert rows["category"].tolist() == [name for name, group in by_category().items() for _ in group]
    assert rows.iloc[0].tolist() == [
        "motion blur", "field-of-view quality", "An endoscopy image with motion blur",
    ]  # fmt: skip


def test_classes_come_in_the_order_of_the_lesion_classes_with_their_phrases():
    params = _params(class_phrases={"cyst": "fluid filled sac", "polyp": "adenoma"})
    rows = class_rows(params, ["polyp", "cyst"])
    assert rows["lesion_class"].tolist() == ["polyp", "cyst"]
    assert rows["prompt"].tolist() == [
        "A adenoma in an endoscopic image", "A fluid filled sac in an endoscopic image",
    ]  # fmt: skip


def test_pairs_are_the_product_of_classes_and_confounders():
    rows, count = pair_rows(_params(), CLASSES), len(PHRASES)
    assert len(rows) == len(CLASSES) * count
    assert rows["lesion_class"].tolist()[: count + 1] == ["polyp"] * count + ["tumor"]
    assert rows["confounder"].tolist() == PHRASES * len(CLASSES)
    assert rows["prompt"].tolist()[count] == "A tumor with motion blur"


@pytest.mark.parametrize(
    ("phrases", "named"),
    [
        ({"polyp": "polyp"}, "missing: cyst; unexpected: none"),
        ({"polyp": "polyp", "cyst": "cyst", "wart": "wart"}, "missing: none; unexpected: wart"),
        ({"polip": "polyp", "cyst": "cyst"}, "missing: polyp; unexpected: polip"),
    ],
)
def test_classes_that_are_not_the_lesion_classes_are_refused(phrases, named):
    with pytest.raises(InputError, match=named):
        class_rows(_params(class_phrases=phrases), ["polyp", "cyst"])


def test_a_phrase_with_braces_of_its_own_is_left_alone():
    assert fill("A {class} with {domain}", {"class": "{x}", "domain": "y"}) == "A {x} with y"


def test_embeddings_belong_to_their_own_prompt(encoder):
    rows = confounder_rows(_params())
    both = embedded(rows, encoder)
    turned = embedded(rows.iloc[::-1], encoder)
    vectors = np.stack(both["embedding"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(np.stack(turned["embedding"])[::-1], vectors)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class_template": "A class in an image"}, r"must contain \{class\} once"),
        ({"class_template": "A {class} and {class}"}, r"must contain \{class\} once"),
        ({"confounder_template": "with {class}"}, r"must contain \{domain\} once"),
        ({"confounder_template": "with {domain} {x}"}, "no other braces"),
        ({"class_confounder_template": "A {class}"}, r"must contain \{class\} and \{domain\} once"),
        ({"confounders": {}}, "at least 1"),
        ({"confounders": {"lighting": []}}, "'lighting' has no phrase"),
        ({"confounders": {"lighting": ["dark", " "]}}, "empty"),
        ({"confounders": {"lighting": ["dark"], "other": ["Dark "]}}, "'dark' stands twice"),
        ({"class_phrases": {"polyp": "polyp", "cyst": "polyp"}}, "'polyp' stands twice"),
        ({"background": " "}, "empty"),
        ({"background": "Polyp"}, "'polyp' stands twice"),
        ({"confounders": {"lighting": "dark"}}, "list"),
        ({"confunders": {"lighting": ["dark"]}}, "confunders"),
    ],
)
def test_wrong_prompts_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        _params(**given)


def test_the_background_is_a_row_after_the_classes():
    params = section_params(
        "build_confounders", class_phrases={"polyp": "polyp", "cyst": "cyst"}, background="normal mucosa"
    )
    rows = class_rows(params, ["cyst", "polyp"])
    assert list(rows["lesion_class"]) == ["cyst", "polyp", "background"]
    assert rows["prompt"].iloc[-1] == "A normal mucosa in an endoscopic image"
    assert list(pair_rows(params, ["cyst", "polyp"])["lesion_class"].unique()) == ["cyst", "polyp"]


@pytest.mark.parametrize("background", [None, "normal mucosa"])
def test_a_class_with_the_background_s_name_is_refused(background):
    with pytest.raises(InputError, match="a lesion class is called 'background'"):
        class_rows(
            _params(class_phrases={"background": "polyp"}, background=background),
            ["background"],
        )
