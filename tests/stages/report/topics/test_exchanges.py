import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.scores import AS_TRAINED, EXCHANGED_Z, EXCHANGES, GRID_ZERO, TOKENS_ZERO
from stages.report.topic import Question
from stages.report.topics.exchanges import exchange_table, exchanges_html, topic, what_it_is_worth
from tests.stages.report.fake_study import build, results_of, study_of
from tests.stages.report.rows import DRAWS, at

FRAMES = 8  # each a patient of its own
WIGGLE = np.linspace(-1, 1, FRAMES)


def exchanges(changes, *, sites=("A", "B"), seeds=(0,), spread=0.001, frames=FRAMES, entropy=0.99, method="mcdrl"):
    """Dice of 0.8 at A and 0.6 at B, by a constant less or more under each exchange; frames differ by `spread`."""
    rows = []
    for place, site in enumerate(sites):
        for seed in seeds:
            for name in (AS_TRAINED, *EXCHANGED_Z, TOKENS_ZERO, GRID_ZERO):
                wiggle = 0 if name == AS_TRAINED else spread
                for k in range(frames):
                    dice = 0.8 - 0.2 * place + changes.get(name, 0.0) + wiggle * WIGGLE[k]
                    rows.append((method, site, seed, f"{site}/{k}", str(k), name, dice, entropy, 0))
    return pd.DataFrame(rows, columns=EXCHANGES.schema.names)


def of_seeds(name, change):
    """What is said of three trainings that differ by a thousandth."""
    parts = [exchanges({name: change + 0.001 * seed}, seeds=(seed,)) for seed in range(3)]
    return what_it_is_worth(exchange_table(pd.concat(parts), DRAWS))


def said(changes, **given):
    return what_it_is_worth(exchange_table(exchanges(changes, **given), DRAWS))


def test_differences_are_those_to_the_network_as_trained_on_the_same_frames():
    table = exchange_table(exchanges({"z_random": -0.1, TOKENS_ZERO: -0.4}), DRAWS)
    assert len(table) == 5 * 3
    random = at(table, exchange="z_random", held_out="mean")
    assert (random["dice_trained"], random["dice"]) == (pytest.approx(0.7), pytest.approx(0.6))
    assert random["difference"] == pytest.approx(-0.1)
    assert random["low"] < -0.1 < random["high"] < -0.09
    assert (random["n_frames"], random["n_groups"], random["n_seeds"]) == (16, 16, 1)
    assert not random["sure"]  # of one training
    single = at(table, exchange=TOKENS_ZERO, held_out="B")
    assert (single["dice_trained"], single["dice"]) == (pytest.approx(0.6), pytest.approx(0.2))
    assert at(table, exchange="z_zero", held_out="A")["difference"] == pytest.approx(0)
    np.testing.assert_allclose(table["entropy_trained"], 0.99)


def test_the_mean_is_over_sites_and_not_over_frames():
    few = exchanges({"z_zero": -0.2}, sites=("A",), frames=5)
    many = exchanges({}, sites=("A", "B"))
    table = exchange_table(pd.concat([few, many[many["held_out"] == "B"]]), DRAWS)
    wiggle = 0.001 * WIGGLE[:5].mean() / 2  # the first frames are those below
    assert at(table, exchange="z_zero", held_out="mean")["difference"] == pytest.approx(-0.1 + wiggle)


def test_a_dictionary_that_can_be_exchanged_is_said_to_be_ignored():
    words = said({"z_random": 0.003, TOKENS_ZERO: -0.4, GRID_ZERO: -0.5}, spread=0.008)
    assert words.startswith(
        "mcdrl: exchanging the dictionary at test for random, zero or shuffled vectors changes Dice by at most "
        "0.3 points (Z random: +0.3, 95 % interval 0.0 to +0.6 over 16 frames in 16 groups). "
        "Of the mean over the sites no interval reaches 1.0 point: the trained network ignores its dictionary, in one "
        "training for each site. "
        "With zeros for what the intervention returns Dice changes by -40.0, 95 % interval"
    )
    assert "; with zeros for all tokens that the head gets, beside maps and frame, by -50.0, 95 % interval" in words
    assert words.endswith("Its attention has 0.990 of the entropy of equal weights.")


def test_a_change_that_is_there_and_too_small_to_matter_is_not_called_none():
    assert "the trained network all but ignores its dictionary" in said({"z_random": 0.003}, spread=0.001)


def test_a_dictionary_that_matters_is_said_to_be_used():
    assert "The trained network uses its dictionary, in one training for each site." in said({"z_zero": -0.1})
    assert "uses its dictionary." in of_seeds("z_zero", -0.1)
    once = "did better with another dictionary than its own, in one training for each site; more seeds have to confirm"
    assert once in said({"z_shuffled": 0.1})
    assert "does better with another dictionary than its own." in of_seeds("z_shuffled", 0.1)


def test_trainings_that_are_alike_tell_nothing_of_others():
    words = said({"z_zero": -0.1}, seeds=(0, 1, 2))
    assert (
        "and none over 3 seeds, which are alike). Whether the trained network uses its dictionary is not reso" in words
    )
    assert "nan" not in words
    assert "the trained network ignores its dictionary." in said({}, seeds=(0, 1, 2), spread=0.0)  # nothing changes


def test_what_the_frames_leave_open_is_not_resolved():
    words = said({"z_zero": -0.01}, spread=0.1)
    assert "Whether the trained network uses its dictionary is not resolved." in words
    few = said({}, frames=3)
    assert "no interval: the site with the fewest has 3 groups" in few
    assert "is not resolved" in few


def test_trainings_that_disagree_leave_it_open():
    """Each training is sure of itself; the next one could be anywhere."""
    ups_and_downs = [exchanges({"z_random": 0.02 * (-1) ** seed}, seeds=(seed,)) for seed in range(4)]
    words = what_it_is_worth(exchange_table(pd.concat(ups_and_downs), DRAWS))
    assert "over 4 seeds" in words
    assert "is not resolved" in words


def test_attention_over_something_else_is_not_told():
    assert "entropy" not in said({}, entropy=np.nan)
    html = exchanges_html(exchange_table(exchanges({}, entropy=np.nan), DRAWS))
    assert {row[-1] for row in html.rows} == {"–"}
    assert html.strong.count(True) == 5


def test_every_method_that_intervenes_has_its_own_sentences():
    both = pd.concat([exchanges({}), exchanges({"z_zero": -0.1}, method="no_mtrs")])
    words = what_it_is_worth(exchange_table(both, DRAWS))
    assert words.index("mcdrl: ") < words.index("ignores its dictionary") < words.index("no_mtrs: ")
    assert words.index("no_mtrs: ") < words.index("uses its dictionary")


def test_the_topic_renders_and_answers(small):
    found = topic(results_of(small.study, small.artifacts))
    assert set(found.tables["exchanges"]["method"]) == {"mcdrl"}
    ((question, words),) = found.sentences
    assert question is Question.WHAT_IT_IS_WORTH
    assert words.startswith("mcdrl: exchanging the dictionary at test")
    assert "the site with the fewest has 4 groups" in words


def test_a_study_without_an_intervention_has_no_section(tmp_path):
    study = study_of(methods=["baseline", "clipseg"])
    found = topic(results_of(study, build(tmp_path / "artifacts", study)))
    assert found.values is None
    assert not found.tables
