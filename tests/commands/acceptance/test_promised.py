"""What models promise together, and the one reason why they don't."""

import json

from mcdrl.artifacts.promise import PROMISE
from mcdrl.commands.acceptance.promised import common_promise, why_none
from mcdrl.commands.acceptance.sentences import points
from mcdrl.model.adapted import Adapted
from mcdrl.model.facts import CARD
from mcdrl.model.members import write_members
from tests.commands.acceptance.hospital import by_site, judged, write_model

ADAPTED = Adapted(
    weights_sha256="0" * 64, site="north", learned="limits", n_frames=6, n_groups=6, groups="scenes", replayed=[],
    folds=2, further_sizes_px=[], scores={}, advised=True,
)  # fmt: skip


def test_models_that_promise_different_things_promise_nothing(tmp_path):
    one = write_model(tmp_path / "one", by_site(0.9, 0.8))
    same = write_model(tmp_path / "same", by_site(0.9, 0.8))
    other = write_model(tmp_path / "other", by_site(0.9, 0.7))
    assert common_promise([one, same]) == common_promise([one]) is not None
    assert common_promise([one, other]) is None
    (other / PROMISE).unlink()
    assert common_promise([one, other]) is None


def model_of(folder, promise=None, **facts):
    model = write_model(folder, promise)
    card = json.loads((model / CARD).read_text())
    (model / CARD).write_text(json.dumps(card | facts))
    return model


def test_why_there_is_no_promise_is_one_reason(tmp_path):
    adapted = model_of(tmp_path / "adapted", adapted=ADAPTED.model_dump())
    cell = model_of(tmp_path / "cell", held_out="B")
    whole = model_of(tmp_path / "whole")
    empty = model_of(tmp_path / "empty", {"by_site": {"A": None}, "worst_site": None})
    one, other = (model_of(tmp_path / f"of {dice}", by_site(0.9, dice)) for dice in (0.8, 0.7))
    assert why_none([adapted]) == "the model was adapted to north, and nobody has judged it at other sites since"
    assert why_none([cell]) == (
        "the model was trained without B, as a cell of its study; promises are of models of all sites"
    )
    assert why_none([whole]) == (
        "the model was trained on all sites, and its folder names none that was left out in turn for its method"
    )
    assert why_none([empty]) == "the sites that were left out for its method have no frame with a lesion"
    assert why_none([one, other]) == "the models promise different things"
    assert why_none([one, cell]).startswith(f"{cell} was trained without B, as a cell of its study;")


def test_an_adapted_ensemble_is_told_by_its_networks(tmp_path):
    ensemble = tmp_path / "several"
    for seed in ("0", "1"):
        model_of(ensemble / seed, adapted=ADAPTED.model_dump())
    write_members(["0", "1"], ensemble)
    assert why_none([ensemble]) == "the model was adapted to north, and nobody has judged it at other sites since"


def test_the_reason_is_told_where_there_is_no_promise_alone(tmp_path):
    columns = [(16, 15 + number % 3) for number in range(12)]
    bare = judged(tmp_path / "bare", columns)
    assert dict(points(bare))["Against the promise"] == (
        "There is no promise to hold it against: the model was trained on all sites, and its folder names none that "
        "was left out in turn for its method."
    )
    assert judged(tmp_path / "promised", columns, by_site(0.9, 0.95, 0.97)).no_promise == ""
