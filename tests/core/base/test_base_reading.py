"""A card's keys and a site's own become one complete reading, or sentences that say what is missing."""

import pytest

from stages.core.base.reading import Reading, merge


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
        ({"masks": "{stem}", "lesion_class": "polyp", "table_group": "p"}, "table_group need table"),
        ({"masks": "{stem}", "lesion_class": "p", "folder_group": 0, "sequence_ends": [1]}, "both say which frames"),
        ({"masks": "{stem}", "label_class": {"a": "polyp"}}, "label_class need polygons"),
        ({"masks": "{stem}", "polygons": "*.json", "lesion_class": "polyp"}, "both say where"),
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
        {"crop": "all"},
    ],
)
def test_values_out_of_range_are_refused(keys):
    with pytest.raises(ValueError, match=next(iter(keys))):
        Reading(**keys)


def test_classes_are_those_that_the_reading_names():
    assert Reading(lesion_class="polyp").classes() == ["polyp"]
    assert sorted(Reading(label_class={"a": "tumor", "b": None, "c": "cyst"}).classes()) == ["cyst", "tumor"]
