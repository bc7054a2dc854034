"""Sections of params.yaml that are right one by one and disagree."""

import pytest

from mcdrl.study.agreement import disagreements
from mcdrl.study.variants import Variant
from tests.factories import section_params, train_params

STUDY = {"sites": ["north", "south"], "lesion_classes": ["polyp", "cyst"]}


def test_sections_that_agree_give_no_sentence():
    sections = {
        "audit": section_params("audit", accepted=[["north", "south"]]),
        "build_confounders": section_params("build_confounders", class_phrases={"cyst": "cyst", "polyp": "growth"}),
    }
    assert disagreements(sections, **STUDY) == []
    assert disagreements({}, **STUDY) == []


def test_an_accepted_pair_names_sites_of_the_study():
    found = disagreements({"audit": section_params("audit", accepted=[["north", "soth"]])}, **STUDY)
    assert len(found) == 1
    assert found[0].startswith("audit.accepted: unknown site 'soth'")
    assert "south" in found[0]


def test_each_class_has_a_phrase_and_each_phrase_a_class():
    found = disagreements(
        {"build_confounders": section_params("build_confounders", class_phrases={"polyp": "p", "tumor": "t"})}, **STUDY
    )
    assert [line.split(": ")[1].split(";")[0] for line in found] == [
        "no phrase for the lesion class 'cyst'",
        "'tumor' is not among lesion_classes",
    ]


def test_no_more_phrases_are_used_than_there_are():
    prompts = section_params(
        "build_confounders",
        class_phrases={"cyst": "cyst", "polyp": "growth"},
        confounders={"light": ["dark", "bright"]},
    )
    for count, expected in ((None, 0), (2, 0), (3, 1)):
        found = disagreements({"build_confounders": prompts, "train": train_params(phrases=count)}, **STUDY)
        assert len(found) == expected
    assert "train.phrases: 3, but build_confounders.confounders has 2" in found[0]
    few = {"few": Variant(method="mcdrl", train={"phrases": 2}), "many": Variant(method="mcdrl", train={"phrases": 15})}
    found = disagreements({"build_confounders": prompts, "train": train_params()}, **STUDY, variants=few)
    assert found == ["variants.many.train.phrases: 15, but build_confounders.confounders has 2; add some, or use fewer"]


@pytest.mark.parametrize(("similarity", "background", "told"), [
    ("feature_surgery", None, 1), ("feature_surgery", "normal mucosa", 0), ("cosine", None, 0),
])  # fmt: skip
def test_feature_surgery_needs_a_second_text(similarity, background, told):
    sections = {
        "build_confounders": section_params(
            "build_confounders", class_phrases={"polyp": "growth"}, background=background
        ),
        "mine_regions": section_params("mine_regions", similarity=similarity),
    }
    found = disagreements(sections, sites=["north", "south"], lesion_classes=["polyp"])
    assert len(found) == told
    assert all(line.startswith("mine_regions.similarity: feature_surgery subtracts") for line in found)
    sections["build_confounders"] = section_params("build_confounders", class_phrases={"polyp": "p", "cyst": "c"})
    assert disagreements(sections, **STUDY) == []


def test_strengths_are_of_confounders_that_the_dictionary_or_an_operator_knows():
    prompts = section_params(
        "build_confounders", class_phrases={"cyst": "cyst", "polyp": "growth"}, confounders={"air": ["smoke", "fog"]}
    )
    strengths = {"north": ["fog", "blood"], "south": ["smoke", "bloood"]}  # blood isn't in this dictionary
    found = disagreements({"build_confounders": prompts}, **STUDY, strengths=strengths)
    assert len(found) == 1
    assert found[0].startswith("sites.south: table_strengths: unknown confounder 'bloood'")
    assert "did you mean 'blood'" in found[0]


def test_a_further_size_is_another_one_than_the_working_size():
    sections = {"ingest": section_params("ingest", size_px=224)}
    asked = {sizes: section_params("evaluate", further_sizes_px=list(sizes)) for sizes in ((320,), (320, 224))}
    assert disagreements({**sections, "evaluate": asked[320,]}, **STUDY) == []
    (found,) = disagreements({**sections, "evaluate": asked[320, 224]}, **STUDY)
    assert found == "evaluate.further_sizes_px: 224 is ingest.size_px, which always takes part; leave it out"


def test_nothing_is_trained_at_the_working_size_twice():
    def sizes(*sides):
        return {"mode": "partial", "further_sizes_px": list(sides)}

    sections = {"ingest": section_params("ingest", size_px=224), "train": section_params("train", **sizes(224, 320))}
    variants = {name: Variant(method="baseline", train=sizes(side)) for name, side in (("a", 160), ("b", 224))}
    found = disagreements(sections, **STUDY, variants=variants)
    assert [line.partition(":")[0] for line in found] == ["train.further_sizes_px", "variants.b.train.further_sizes_px"]
