"""What a model takes along: words, scores, promises, its backbone."""

import numpy as np
import pytest

from mcdrl.artifacts.promise import PROMISE, promise_of
from mcdrl.base.errors import InputError
from mcdrl.commands.models.export import export
from mcdrl.commands.models.inspect import describe, inspect
from mcdrl.commands.models.pack import pack, parity
from mcdrl.model.bundle import FOLDER
from mcdrl.model.card import read_card
from mcdrl.model.ensemble import load_ensemble
from mcdrl.model.take_along import README, copy_models, take_along
from tests import lite_model
from tests.factories import bytes_of, make_promise


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model that was trained on all sites."""
    return lite_model.write_model(tmp_path_factory.mktemp("study"), held_out=None)


def test_a_copy_is_a_model_that_holds_what_is_promised_of_it(whole, tmp_path):
    copy_models({".": whole}, whole / FOLDER, tmp_path / "one", limit_bytes=None, promise=make_promise())
    assert read_card(tmp_path / "one").held_out is None
    load_ensemble([tmp_path / "one"], None, "cpu")
    assert promise_of(tmp_path / "one") == make_promise()
    assert "Dice **0.700**" in (tmp_path / "one" / README).read_text(encoding="utf-8")
    copy_models({".": tmp_path / "one"}, whole / FOLDER, tmp_path / "two", limit_bytes=None)  # which packs it
    assert promise_of(tmp_path / "two") == make_promise()
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_a_large_backbone_stays_where_it_is(whole, tmp_path):
    copy_models({".": whole}, whole / FOLDER, tmp_path / "one", limit_bytes=1000)
    assert not (tmp_path / "one" / FOLDER).exists()
    assert not (tmp_path / "one" / PROMISE).exists()


def test_a_copy_replaces_what_is_there_whole_where_it_may_and_nothing_else(whole, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "old").touch()
    with pytest.raises(InputError, match=r"one was made by something else meanwhile, and stays as it is; see .*one-2"):
        copy_models({".": whole}, whole / FOLDER, tmp_path / "one", limit_bytes=None)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["old"]
    copy_models({".": whole}, whole / FOLDER, tmp_path / "one", limit_bytes=None, replace=True)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "one-2")


@pytest.mark.parametrize("place", ["copy", "further/copy"])
def test_no_copy_goes_into_a_model_s_folder(whole, place):
    before = bytes_of(whole)
    with pytest.raises(InputError, match="is a model's folder or lies in one"):
        pack(whole, whole / place, None, small=False)
    assert bytes_of(whole) == before


def test_without_a_promise_it_says_that_there_is_no_estimate(whole, tmp_path):
    take_along(whole, whole / FOLDER, tmp_path)
    assert "**There is no estimate for new sites**" in (tmp_path / README).read_text(encoding="utf-8")


@pytest.fixture
def three(tmp_path):
    """Three models of all sites, as an ensemble."""
    seeds = {
        str(seed): lite_model.write_model(tmp_path / f"made{seed}", seed, held_out=None, seed=seed)
        for seed in (0, 1, 5)
    }
    copy_models(seeds, seeds["0"] / FOLDER, tmp_path / "three", limit_bytes=None, promise=make_promise())
    return tmp_path / "three", seeds


def test_an_ensemble_answers_by_the_mean_of_its_members(three):
    folder, seeds = three
    frames = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.uint8)
    whole, alone = (load_ensemble(models, None, "cpu") for models in ([folder], list(seeds.values())))
    assert [member.model.card.seed for member in whole.members] == [0, 1, 5]
    np.testing.assert_array_equal(whole.each(frames), alone.each(frames))
    assert (whole.each(frames)[0] != whole.each(frames)[1]).any()


def test_a_network_is_asked_once_whatever_its_folder_is_called(three, tmp_path):
    folder, seeds = three
    copy_models({".": seeds["5"]}, seeds["5"] / FOLDER, tmp_path / "copy", limit_bytes=None)
    for again in (folder, folder / "5", tmp_path / "copy", seeds["0"]):
        with pytest.raises(InputError, match="again; name it once, or it counts twice"):
            load_ensemble([folder, again], None, "cpu")


def test_an_ensemble_holds_its_backbone_once_and_says_what_it_is(three):
    folder, _ = three
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("card.json")] == ["backbone/card.json"]
    assert promise_of(folder) == promise_of(folder / "5") == make_promise()
    told = (folder / README).read_text(encoding="utf-8")
    assert told.startswith("# mcdrl: 3 networks trained on all sites")
    assert "(seeds 0, 1, 5)" in told
    assert "Dice **0.700**" in told
    assert "Those figures are of single networks" in told
    assert "| seed 5" not in told
    assert "seed 5 |" in (folder / "5" / README).read_text(encoding="utf-8")


def test_an_ensemble_can_be_packed_and_looked_at_and_its_members_exported(three, tmp_path):
    folder, _ = three
    pack(folder, tmp_path / "packed", None)
    load_ensemble([tmp_path / "packed"], None, "cpu")
    assert promise_of(tmp_path / "packed") == make_promise()
    titles = {shown.title: shown for shown in inspect(tmp_path / "packed")}
    assert [row[1] for row in titles["ensemble"].rows] == ["0", "1", "5"]
    assert dict(titles["found at sites left out"].rows)["dice"] == "0.700"
    assert describe(folder) == (folder / README).read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"three is an ensemble of 3 networks; name one of them, such as .*three/0"):
        export(folder, "torchscript", tmp_path / "exported", None)
    assert export(folder / "1", "torchscript", tmp_path / "exported", None).holds


def test_a_small_copy_is_half_as_large_and_answers_the_same(whole, tmp_path):
    pack(whole, tmp_path / "whole", None)
    assert pack(whole, tmp_path / "small", None, small=True) < 0.6 * (whole / "model.safetensors").stat().st_size
    files = {path.relative_to(tmp_path / "small").as_posix() for path in (tmp_path / "small").rglob("*.*")}
    assert "backbone/card.json" in files
    assert not {name for name in files if name.startswith("backbone/")} - {"backbone/card.json"}
    assert describe(tmp_path / "small") == describe(tmp_path / "whole")
    found = parity(whole, tmp_path / "small", None)
    assert found.holds
    assert 0 < found.highest < 0.02
    assert str(found).startswith("parity with the model itself on 8 frames: masks differ in 0.0")
    pack(tmp_path / "small", tmp_path / "again", None, small=True)
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "small")


def test_networks_of_a_small_ensemble_are_all_halved(three, tmp_path):
    folder, seeds = three
    pack(folder, tmp_path / "small", None, small=True)
    sizes = [(tmp_path / "small" / seed / "model.safetensors").stat().st_size for seed in seeds]
    assert max(sizes) < 0.6 * (folder / "0" / "model.safetensors").stat().st_size
    assert parity(folder, tmp_path / "small", None).holds
