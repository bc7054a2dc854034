"""What a model's card says can be read without what builds a network."""

import json

import pytest

from mcdrl.base.errors import InputError
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.card import ModelCard, read_card
from mcdrl.model.facts import ModelFacts, read_facts
from mcdrl.study.code import closure
from tests.factories import make_card, make_spec


def test_facts_and_card_have_the_same_keys_and_values(tmp_path):
    assert list(ModelFacts.model_fields) == list(ModelCard.model_fields)
    written = make_card(spec=make_spec(), mined_by={"channels": {"s8": 4}, "grid": [2, 2], "hidden": 8}).model_dump()
    (tmp_path / "model.json").write_text(json.dumps(written))
    assert read_facts(tmp_path).model_dump() == read_card(tmp_path).model_dump() == json.loads(json.dumps(written))


@pytest.mark.parametrize("read", [read_card, read_facts])
def test_a_model_of_a_newer_version_is_called_so(tmp_path, read):
    written = {**make_card(spec=make_spec()).model_dump(), "brand_new": 1}
    (tmp_path / "model.json").write_text(json.dumps(written))
    with pytest.raises(InputError, match="doesn't know brand_new: a newer one wrote it, or it was edited; install"):
        read(tmp_path)


def test_a_card_that_has_no_operating_point_keeps_everything(tmp_path):
    card = make_card(spec=make_spec(), no_lesion_below=0.4, least_area_share=0.01)
    assert card.operating_point == OperatingPoint(0.4, 0.01)
    written = card.model_dump()
    del written["no_lesion_below"], written["least_area_share"]
    (tmp_path / "model.json").write_text(json.dumps(written))
    assert read_facts(tmp_path).operating_point == OperatingPoint()


@pytest.mark.parametrize("read", [read_facts, read_card])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"val_dice": 2}, "val_dice: .*got 2"),
        ({"no_lesion_below": 1.5}, "no_lesion_below: .*got 1.5"),
        ({"least_area_share": -0.1}, "least_area_share: .*got -0.1"),
        ({"confounder_prompts": ["one"]}, "confounder_prompts has 1 values for 3 confounders"),
        ({"unknown": 1}, "unknown: "),
    ],
)
def test_both_refuse_what_no_card_says(tmp_path, read, changed, said):
    (tmp_path / "model.json").write_text(json.dumps({**make_card(spec=make_spec()).model_dump(), **changed}))
    with pytest.raises(InputError, match=rf"model\.json: .*{said}"):
        read(tmp_path)


def test_a_card_is_of_a_method_that_is_there(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({**make_card(spec=make_spec()).model_dump(), "method": "mcdrk"}))
    with pytest.raises(InputError, match=r"model\.json: .*there is no method 'mcdrk'"):
        read_card(tmp_path)


def test_facts_need_nothing_of_the_networks():
    needed = {name: {path.parent.name for path in closure([f"mcdrl.model.{name}"])} for name in ("facts", "card")}
    assert "networks" in needed["card"] - needed["facts"]


@pytest.mark.parametrize("read", [read_facts, read_card])
def test_a_card_with_a_byte_order_mark_is_read_and_a_damaged_one_is_to_be_copied_again(tmp_path, read):
    text = json.dumps(make_card(spec=make_spec()).model_dump())
    (tmp_path / "model.json").write_text(text, encoding="utf-8-sig")
    assert read(tmp_path).method == "mcdrl"
    (tmp_path / "model.json").write_text(text[:-1])
    with pytest.raises(InputError, match=r"not valid JSON .*; copy the folder again, or run `dvc repro train`"):
        read(tmp_path)
