"""The threshold of a model is the one that its scores, or what is promised of it, are for."""

import json

import pytest

from mcdrl.artifacts.held_out_scores import HeldOutScores, write_held_out_scores
from mcdrl.artifacts.promise import PROMISE, write_promise
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.model.adapted import Adapted
from mcdrl.model.facts import CARD, WEIGHTS
from mcdrl.model.held_out import further_sizes_of, threshold_of
from tests.commands.acceptance.hospital import write_model
from tests.factories import make_promise


@pytest.fixture
def model(tmp_path):
    """Makes a folder of weights with the thresholds of its scores and its promise, as far as it has them."""

    def make(name, scored=None, promised=None, further_sizes_px=()):
        folder = tmp_path / name
        folder.mkdir()
        (folder / WEIGHTS).write_bytes(name.encode())
        if scored:
            scores = HeldOutScores(
                weights_sha256=sha256(folder / WEIGHTS), held_out="A", threshold=scored, n_lesion=0, n_groups=0,
                dice=None, dice_low=None, dice_high=None, n_negative=0, false_positive_rate=None,
                further_sizes_px=list(further_sizes_px),
            )  # fmt: skip
            write_held_out_scores(scores, folder)
        if promised:
            write_promise(make_promise(threshold=promised, further_sizes_px=list(further_sizes_px)), folder / PROMISE)
        return folder

    return make


@pytest.mark.parametrize(
    ("thresholds", "expected"), [({}, 0.5), ({"scored": 0.4}, 0.4), ({"promised": 0.3}, 0.3),
                                 ({"scored": 0.4, "promised": 0.3}, 0.4)]
)  # fmt: skip
def test_what_is_known_of_a_model_says_its_threshold(model, thresholds, expected):
    known = model("known", **thresholds)
    assert threshold_of([known]) == threshold_of([known, known, model("unknown")]) == expected


def test_an_adaptation_says_it_too(tmp_path):
    folder = write_model(tmp_path / "adapted")
    card = json.loads((folder / CARD).read_text())
    for told, expected in (({}, 0.5), ({"threshold": 0.3}, 0.3)):
        adapted = Adapted(
            weights_sha256="0" * 64, site="north", learned="limits", n_frames=6, n_groups=6, groups="scenes",
            replayed=[], folds=2, further_sizes_px=[], scores={}, advised=True, **told,
        )  # fmt: skip
        (folder / CARD).write_text(json.dumps(card | {"adapted": adapted.model_dump()}))
        assert threshold_of([folder]) == expected


def test_scores_of_other_weights_say_nothing(model):
    folder = model("trained anew", scored=0.4)
    (folder / WEIGHTS).write_bytes(b"others")
    assert threshold_of([folder]) == 0.5


def test_an_adaptation_that_says_no_threshold_is_of_anothers(model, tmp_path):
    folder = write_model(tmp_path / "adapted")
    card = json.loads((folder / CARD).read_text())
    old = Adapted(weights_sha256="a" * 64, site="north", learned="limits", n_frames=6, n_groups=6, groups="scenes",
                  replayed=[], folds=2, further_sizes_px=[], scores={}, advised=True)  # fmt: skip
    (folder / CARD).write_text(json.dumps(card | {"adapted": old.model_dump(exclude={"threshold"})}))
    assert threshold_of([folder, model("promised", promised=0.3)]) == 0.3


def test_models_of_several_thresholds_have_none(model):
    with pytest.raises(InputError, match=r"for the thresholds \[0\.3, 0\.4\]; say which"):
        threshold_of([model("a", scored=0.4), model("b", promised=0.3)])


@pytest.mark.parametrize("known", [{"scored": 0.4}, {"promised": 0.3}])
def test_and_the_sizes_at_which_it_was_asked(model, known):
    asked = model("asked", **known, further_sizes_px=[320, 288])
    assert further_sizes_of([asked, model("unknown")]) == [320, 288]
    assert further_sizes_of([model("nothing known")]) == []
    with pytest.raises(
        InputError, match=r"different sizes beside their own \(no further size and 288 320\); say --siz"
    ):
        further_sizes_of([asked, model("other", **known)])
    assert further_sizes_of([asked, model("in another order", **known, further_sizes_px=[288, 320])]) == [320, 288]
