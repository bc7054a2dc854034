"""A card's keys and a site's own become one complete reading, or sentences that say what is missing."""

from datetime import date

import pytest
from pydantic import ValidationError

from mcdrl.base.errors import shown
from mcdrl.base.section import sentences
from mcdrl.sites.review import classes_are_drawn
from mcdrl.study.reading import Reading, merge


def test_an_entry_overrides_its_card_key_by_key():
    card = {"images": "images/*", "masks": "masks/{stem}.png", "lesion_class": "polyp"}
    assert merge(card, {"images": "a/*"}) == {**card, "images": "a/*"}


@pytest.mark.parametrize(
    ("card", "entry", "merged"),
    [
        ({"table_class": "kind"}, {"lesion_class": "polyp"}, {"lesion_class": "polyp"}),
        ({"folder_group": 2}, {"table_group": "p", "table": "t.csv"}, {"table_group": "p", "table": "t.csv"}),
        ({"table_group": "p"}, {"table_group": None}, {"table_group": None}),
        (
            {"polygons": "*.json", "label_class": {"a": "polyp"}},
            {"masks": "masks/{stem}.png", "lesion_class": "polyp"},
            {"masks": "masks/{stem}.png", "lesion_class": "polyp"},
        ),
    ],
)
def test_an_entrys_rule_replaces_the_cards_rule_of_the_same_kind(card, entry, merged):
    assert merge(card, entry) == merged


def test_masks_of_the_users_own_take_the_polygons_labels_away():
    assert merge({"polygons": "*.json", "label_class": {"a": None}}, {"masks": "masks/{stem}.png"}) == {
        "masks": "masks/{stem}.png"
    }


@pytest.mark.parametrize(
    ("keys", "gap"),
    [
        ({"lesion_class": "polyp"}, "where the lesions are drawn"),
        ({"masks": "{stem}"}, "which class a lesion has"),
        ({"masks": "{stem}", "lesion_class": "polyp", "table_class": "k", "table": "t"}, "both say which class"),
        ({"masks": "{stem}", "lesion_class": "polyp", "table_group": "p"}, "table_group needs table"),
        ({"masks": "{stem}", "lesion_class": "p", "folder_group": 0, "sequence_ends": [1]}, "both say which frames"),
        ({"masks": "{stem}", "label_class": {"a": "polyp"}}, "label_class needs polygons"),
        ({"masks": "{stem}", "polygons": "*.json", "lesion_class": "polyp"}, "both say where"),
        ({"polygons": "*.json", "lesion_class": "polyp", "mask_values": {"1": "lesion"}}, "mask_values needs masks"),
        ({"masks": "{stem}", "mask_values": {"1": "lesion"}}, "which class a lesion has"),
        ({"masks": "{stem}"}, "folder_class, label_class, mask_values (with classes)"),
        ({"annotations": "*.json", "lesion_class": "polyp"}, "annotations needs annotation_format, one of coco"),
        ({"annotation_format": "coco", "lesion_class": "polyp"}, "annotation_format needs annotations"),
        ({"masks": "{stem}", "annotations": "*.json", "annotation_format": "coco"}, "both say where"),
        ({"masks": "{stem}", "mask_values": {"1": "polyp"}, "lesion_class": "cyst"}, "both say which class"),
        ({"masks": "{stem}", "mask_values": {"1": "polyp", "2": "lesion"}}, "mask_values has 'lesion' beside classes"),
    ],
)
def test_gaps_are_named(keys, gap):
    assert any(gap in sentence for sentence in Reading(**keys).gaps())


def test_a_complete_reading_has_no_gaps():
    assert Reading(masks="masks/{stem}.*", folder_class={"a": "polyp", "b": None}, folder_group=1).gaps() == []


@pytest.mark.parametrize(
    "keys",
    [
        {"masks": "masks/all.png"},
        {"sequence_ends": [3, 2]},
        {"sequence_ends": [2, 2]},
        {"mask_threshold": 0},
        {"view": "all"},
        {"view": [0.5, 0, 0.5, 1]},
        {"view": [0, 0.9, 1, 0.1]},
        {"view": [0, 0, 1]},
        {"view": [0, 0, 1, 1.1]},
        {"mask_values": {}},
        {"mask_values": {"lesion": "polyp"}},
        {"mask_values": {"1,2": "polyp"}},
        {"mask_values": {"256,0,0": "polyp"}},
        {"mask_values": {70000: "polyp"}},
        {"mask_values": {"1": None}},
        {"mask_values": {"#fa3253": "polyp", "250, 50, 83": "cyst"}},
        {"mask_values": {0: "background", "250,50,83": "polyp"}},
    ],
)
def test_values_out_of_range_are_refused(keys):
    with pytest.raises(ValueError, match=next(iter(keys))):
        Reading(**keys)


@pytest.mark.parametrize("view", ["bogus", [0, 0, 1], 5, None])
def test_what_a_view_may_be_is_said_in_one_sentence(view):
    with pytest.raises(ValidationError) as refused:
        Reading(view=view)
    told = "expected auto, full or left, top, right, bottom in parts of the frame, such as [0.25, 0, 1, 1]"
    assert sentences(refused.value, "", Reading) == [f"view: {told}, got {shown(view)}"]


def test_classes_are_those_that_the_reading_names():
    assert Reading(lesion_class="polyp").classes() == ["polyp"]
    assert sorted(Reading(label_class={"a": "tumor", "b": None, "c": "cyst"}).classes()) == ["cyst", "tumor"]


def test_what_nobody_judged_is_no_class_and_ids_of_labels_are_texts():
    reading = Reading(label_class={1: "tumor", 2: "ignore", 3: None})
    assert (reading.classes(), list(reading.label_class)) == (["tumor"], ["1", "2", "3"])
    with pytest.raises(ValidationError, match=r"DVC can.t sort numbers and texts.*ids of label_class"):
        Reading(label_class={1: "tumor", "b": None})


@pytest.mark.parametrize("word", ["background", "Ignore", "none", "None", "NULL", " none ", "", " "])
@pytest.mark.parametrize("key", ["lesion_class", "folder_class", "class_names", "label_class", "mask_values"])
def test_words_that_say_that_there_is_no_lesion_are_no_class(key, word):
    if (key, word) == ("mask_values", "background"):
        return
    fix = {"lesion_class": "name one", "label_class": "null means no lesion, ignore", "mask_values": "in small letters"}
    with pytest.raises(ValidationError) as refused:
        Reading.model_validate({key: word if key == "lesion_class" else {"1": word}})
    (told,) = sentences(refused.value, "", Reading)
    assert told.startswith(f"{key}: ")
    assert "is no lesion class" in told
    assert fix.get(key, "null means no lesion") in told


def test_what_a_value_without_a_meaning_means_is_asked():
    with pytest.raises(ValidationError, match=r"7: null says nothing of a value; write background, or ignore"):
        Reading(mask_values={7: None})


def test_whole_numbers_are_words_of_tables_and_folders_and_other_values_are_to_be_quoted():
    reading = Reading(class_names={0: None, 1: "polyp"}, folder_class={7: "polyp"}, table_rows={"centre": 5})
    assert (reading.class_names, reading.folder_class) == ({"0": None, "1": "polyp"}, {"7": "polyp"})
    assert (reading.table_rows, Reading(table_rows={3: "a"}).table_rows) == ({"centre": "5"}, {"3": "a"})
    for given in (
        {"class_names": {False: None, True: "polyp"}}, {"table_rows": {"polyp": True}}, {"folder_class": {None: "a"}},
        {"label_class": {1.5: "polyp"}}, {"table_strengths": {True: "blood"}},
        {"table_rows": {"day": date(2026, 1, 2)}},
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=r"YAML takes a word for .*; quote it as it stands in the data"):
            Reading.model_validate(given)
    with pytest.raises(ValidationError, match=r"expected a word, not \[1, 2\]"):
        Reading(table_rows={"centre": [1, 2]})


def test_a_problem_of_several_keys_has_no_empty_place():
    with pytest.raises(ValidationError) as refused:
        Reading(sequence_ends=[2, 1])
    assert sentences(refused.value, "", Reading)[0].startswith("sequence_ends must rise")


@pytest.mark.parametrize("masks", ["m*/{stem}.png", "*/masks/{stem}.*", "masks/*/{path}*.*"])
def test_a_pattern_of_masks_has_no_star_in_a_folder(masks):
    with pytest.raises(ValidationError, match=r"has a '\*' in a folder; e\.g\."):
        Reading(masks=masks)


def test_values_of_masks_have_one_name_each():
    assert Reading(mask_values={0: "background", 255: "ignore"}).mask_values == {"0": "background", "255": "ignore"}
    named = Reading(mask_values={"#Fa3253": "polyp", "0, 255,0": "ignore", "007": "cyst"}).mask_values
    assert named == {"250,50,83": "polyp", "0,255,0": "ignore", "7": "cyst"}


def test_values_of_masks_name_classes():
    several = Reading(masks="{stem}", mask_values={"1": "polyp", "2": "cyst", "3": "ignore", "4": "background"})
    assert (several.classes(), several.gaps(), classes_are_drawn(several)) == (["cyst", "polyp"], [], True)
    same = Reading(masks="{stem}", mask_values={"1": "polyp", "2": "lesion"}, lesion_class="polyp")
    assert (same.classes(), same.gaps(), classes_are_drawn(same)) == (["polyp"], [], False)


TWO_CLASSES = {"mask_values": {"1": "cyst", "2": "polyp"}}
ONE_CLASS = {"mask_values": {"1": "polyp", "2": "ignore"}}
FRAMES_CLASS = {"mask_values": {"1": "lesion"}}
COCO = {"annotations": "all.json", "annotation_format": "coco"}
LABELS = {"a": "polyp"}


@pytest.mark.parametrize(
    ("card", "entry", "merged"),
    [
        ({"lesion_class": "polyp"}, TWO_CLASSES, TWO_CLASSES),
        ({"lesion_class": "polyp"}, ONE_CLASS, {"lesion_class": "polyp", **ONE_CLASS}),
        ({"table_class": "kind"}, FRAMES_CLASS, {"table_class": "kind", **FRAMES_CLASS}),
        ({"masks": "{stem}", "mask_values": {"1": "lesion"}}, {"polygons": "*.json"}, {"polygons": "*.json"}),
        ({"masks": "{stem}", "mask_values": {"1": "lesion"}}, COCO, COCO),
        ({**COCO, "label_class": {"a": "polyp"}}, {"masks": "{stem}"}, {"masks": "{stem}"}),
        (
            {**COCO, "label_class": {"a": "polyp"}},
            {"polygons": "*.json"},
            {"polygons": "*.json", "label_class": LABELS},
        ),
        ({"polygons": "*", "label_class": {"a": "polyp"}}, COCO, {**COCO, "label_class": {"a": "polyp"}}),
    ],
)
def test_values_of_masks_that_name_classes_replace_the_cards_class(card, entry, merged):
    assert merge(card, entry) == merged


@pytest.mark.parametrize("key", ["images", "polygons", "annotations"])
@pytest.mark.parametrize("pattern", ["/abs/*", "a/**b/*", "**x", "../all.json", "a/../../*", "", ".", "./"])
def test_a_pattern_that_no_folder_can_be_searched_by_is_refused(key, pattern):
    with pytest.raises(ValidationError, match=rf"(?s){key}.*no pattern below the root \(.*\); e\.g\. 'images/\*'"):
        Reading.model_validate({key: pattern})


@pytest.mark.parametrize("pattern", ["images/*", "**/*.png", "*/*/[ab]?.png", "a.png", "[!a"])
def test_other_patterns_do(pattern):
    assert Reading(images=pattern, polygons=pattern).images == pattern
