import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode

from mcdrl.artifacts.dictionary import BACKGROUND, CLASSES
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.methods import build, modes, names
from mcdrl.model.assemble import assemble
from mcdrl.model.card import ModelCard
from mcdrl.model.folder import load_model, save_model
from mcdrl.model.probability import probabilities, probability
from mcdrl.networks.inputs import open_sites, to_batch
from mcdrl.networks.texts import read_texts
from mcdrl.networks.trunk import Frozen
from mcdrl.study.paths import site_files
from tests import stub_sites
from tests.factories import make_card, make_spec, small_params


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    stub_sites.write_study(tmp_path, sites=("A",), count=4)
    monkeypatch.setattr("mcdrl.clip.load.load_encoder", lambda *_: stub_sites.StubEncoder())
    return tmp_path


def _spec():
    return make_spec(
        width=stub_sites.WIDTH, map_channels=stub_sites.CHANNELS, head_width=16, dropout=0.1, dice_weight=0.0, seed=3
    )


def _params(method="mcdrl"):
    return small_params(method, **({"dictionary": "random"} if method == "mcdrl" else {}))


def _card(method, mode):
    return make_card(
        method=method, n_weights=5, n_trained=4, held_out="B", seed=3, sources=["A"],
        fingerprint=stub_sites.FINGERPRINT, mode=mode, size_px=stub_sites.SIDE, lesion_classes=stub_sites.LESIONS,
        confounders=stub_sites.CONFOUNDERS, spec=_spec(),
        params=_params(method).model_dump(), best_epoch=1, temperature=1.5, flag_below=0.6,
    )  # fmt: skip


def _saved(artifacts, method="mcdrl", mode="adapter"):
    texts, _, _ = read_texts(artifacts / "build_confounders", stub_sites.LESIONS)
    model = assemble(method, mode, _spec(), _params(method), artifacts / "backbone", "plain", texts)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    save_model(artifacts / "model", model.state_dict(), texts, _card(method, mode))
    return model.eval(), texts


FROZEN = [(name, "frozen") for name in names() if "frozen" in (modes(name) or ["frozen"])]


@pytest.mark.parametrize(("name", "mode"), [*FROZEN, ("unet", "finetune")])
def test_a_folder_of_every_method_can_be_read(artifacts, name, mode, recwarn):
    """The file's header is compared with a network that has no memory, whatever its method builds; nothing warns."""
    model, _ = _saved(artifacts, name, mode)
    recwarn.clear()
    loaded = load_model(artifacts / "model", artifacts / "backbone").method
    assert [str(one.message) for one in recwarn] == []
    assert {key: value.tolist() for key, value in loaded.state_dict().items()} == {
        key: value.tolist() for key, value in model.state_dict().items()
    }


def _edit(artifacts, **changes):
    path = artifacts / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _batch(artifacts):
    with open_sites({"A": site_files(artifacts, "A")}) as reader:
        return to_batch(
            reader.read(["A/000", "A/001"], mask=False, cached=reader.layout.cached), [-1, -1], torch.device("cpu")
        )


@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix"])
@pytest.mark.parametrize("method", ["baseline", "mcdrl"])
def test_a_loaded_model_predicts_what_the_saved_one_did(artifacts, method, mode):
    model, texts = _saved(artifacts, method, mode)
    loaded = load_model(artifacts / "model", artifacts / "backbone")
    digest = sha256(artifacts / "model" / "model.safetensors")
    assert loaded.card == _card(method, mode).model_copy(update={"weights_sha256": digest})
    assert list(loaded.card.spec.map_channels) == ["s4", "s8"]
    assert torch.equal(loaded.texts.classes, texts.classes)
    batch = _batch(artifacts)
    lesion = probability(loaded.method, batch)
    torch.testing.assert_close(lesion, probability(model, batch))
    assert lesion.shape == (2, stub_sites.SIDE, stub_sites.SIDE)
    torch.testing.assert_close(lesion, model(batch).logits.softmax(1)[:, 1].detach())


def test_a_presence_head_is_saved_loaded_and_checked(artifacts):
    texts, _, _ = read_texts(artifacts / "build_confounders", stub_sites.LESIONS)
    spec = replace(_spec(), presence=True)
    model = build("baseline", spec, _params("baseline"), Frozen(), texts).eval()
    card = _card("baseline", "frozen").model_copy(update={"spec": spec})
    save_model(artifacts / "model", model.state_dict(), texts, card)
    loaded = load_model(artifacts / "model", artifacts / "backbone")
    said = [probabilities(each, _batch(artifacts)).presence for each in (model, loaded.method)]
    assert said[0].shape == (2,)
    torch.testing.assert_close(said[1], said[0])
    save_model(artifacts / "model", model.state_dict(), texts, _card("baseline", "frozen"))
    with pytest.raises(InputError, match="presence"):
        load_model(artifacts / "model", artifacts / "backbone")


def test_a_folder_from_before_there_were_presence_heads_has_none(artifacts):
    _saved(artifacts)
    spec = json.loads((artifacts / "model" / "model.json").read_text())["spec"]
    assert spec.pop("presence") is False
    _edit(artifacts, spec=spec)
    loaded = load_model(artifacts / "model", artifacts / "backbone")
    assert loaded.method.presence is None
    assert loaded.card.spec == _spec()


def test_equal_models_give_equal_bytes(artifacts):
    _saved(artifacts)
    first = {path.name: path.read_bytes() for path in (artifacts / "model").iterdir()}
    _saved(artifacts)
    assert {path.name: path.read_bytes() for path in (artifacts / "model").iterdir()} == first
    assert set(first) == {"model.json", "model.safetensors"}


def test_a_missing_folder_names_the_file_and_the_fix(artifacts):
    with pytest.raises(
        InputError, match=r"model\.json does not exist; name a model's folder, which `dvc repro` makes in a study"
    ):
        load_model(artifacts / "model", artifacts / "backbone")


def test_a_card_with_a_wrong_or_lacking_key_is_refused(artifacts):
    _saved(artifacts)
    path = artifacts / "model" / "model.json"
    good = json.loads(path.read_text())
    path.write_text(json.dumps({**good, "alpha": "much"}))
    with pytest.raises(InputError, match="alpha"):
        load_model(artifacts / "model", artifacts / "backbone")
    path.write_text(json.dumps({**good, "spec": {"width": 16}}))
    with pytest.raises(InputError, match="spec"):
        load_model(artifacts / "model", artifacts / "backbone")


def test_weights_that_are_damaged_or_of_another_model_are_refused(artifacts):
    _saved(artifacts)
    path = artifacts / "model" / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"model\.safetensors can't be read"):
        load_model(artifacts / "model", artifacts / "backbone")
    _saved(artifacts, "baseline")
    path.write_bytes(whole)
    with pytest.raises(InputError, match="damaged or of another model"):
        load_model(artifacts / "model", artifacts / "backbone")
    _edit(artifacts, weights_sha256="")  # as in folders that were written before it was noted
    with pytest.raises(InputError, match="doesn't fit"):
        load_model(artifacts / "model", artifacts / "backbone")


def test_a_flipped_bit_and_weights_that_are_no_numbers_are_refused(artifacts):
    _saved(artifacts)
    path = artifacts / "model" / "model.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"model\.safetensors is damaged.*copy the folder again"):
        load_model(artifacts / "model", artifacts / "backbone")
    whole[-4:] = b"\xff" * 4
    path.write_bytes(whole)
    _edit(artifacts, weights_sha256="")
    with pytest.raises(InputError, match="values that are no numbers"):
        load_model(artifacts / "model", artifacts / "backbone")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size_px": 0}, "size_px"),
        ({"alpha": 7.0}, "alpha"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"flag_below": 2.0}, "flag_below"),
        ({"reference": {"mean": [0.0], "std": [1.0]}}, r"reference\.mean has 1 values for \d confounders"),
        ({"reference": {"mean": [0.0] * 3, "std": [0.0] * 3}}, r"reference\.std\.0"),
        ({"confounder_prompts": ["one"]}, "confounder_prompts has 1 values"),
        ({"method": "mcdlr"}, "no method 'mcdlr'; did you mean 'mcdrl'"),
        ({"mode": "thawed"}, "mode"),
        ({"lesion_classes": ["one"]}, "1 and"),
        ({"spec": {**vars(_spec()), "map_channels": 3}}, "map_channels is 3"),
        ({"spec": {**vars(_spec()), "map_channels": {"s4": "x"}}}, r"spec\.map_channels\.s4: .*integer, got 'x'"),
        ({"params": _params().model_dump() | {"heads": 0}}, r"params\.heads: .*, got 0"),
        ({"params": _params().model_dump() | {"heads": 5}}, "5 heads don't divide the joint width 16"),
        ({"params": _params().model_dump() | {"depth": 10**7}}, r"params\.depth: should be 64 at most.*, got 10000000"),
        ({"spec": {**vars(_spec()), "head_width": 10**7}}, r"spec\.head_width: .*less than or equal to 4096, got 100"),
        ({"spec": {**vars(_spec()), "dropout": float("nan")}}, r"spec\.dropout"),
        ({"params": _params().model_dump() | {"dictionary": "hers"}}, r"params\.dictionary"),
        ({"params": _params().model_dump() | {"depht": 1}}, r"params\.depht: unknown key; did you mean 'depth'"),
        ({"spec": {**vars(_spec()), "more": 1}}, r"spec\.more"),
        ({"size_px": 1}, r"size_px: .*, got 1;"),
        ({"size_px": 30}, r"size_px: .*multiple of 4, got 30"),
        ({"temperature": 1e-300}, "temperature"),
        ({"best_epoch": -2}, "best_epoch"),
        ({"lesion_classes": []}, "lesion_classes"),
        ({"mined_by": {"channels": {"s4": 6}, "grid": [10**9, 10**9]}}, r"mined_by\.grid"),
    ],
)
def test_a_card_that_was_edited_is_refused_in_a_sentence(artifacts, changes, said):
    _saved(artifacts)
    _edit(artifacts, **changes)
    with pytest.raises(InputError, match=said) as error:
        load_model(artifacts / "model", artifacts / "backbone")
    assert "model.json" in str(error.value)


def test_a_card_without_one_of_its_numbers_is_refused():
    value = {**_card("mcdrl", "adapter").model_dump(), "spec": dict(vars(_spec()))}
    assert ModelCard.model_validate(value).params["depth"] == 1
    for part, key in (("params", "depth"), ("spec", "dropout")):
        lacking = {**value, part: {name: number for name, number in value[part].items() if name != key}}
        with pytest.raises(ValueError, match=key):
            ModelCard.model_validate(lacking)


def _peak_bytes(artifacts):
    """The largest tensor that loading the model asks memory for."""
    with FullDevice() as asked, pytest.raises(InputError, match=r"doesn't fit model\.json") as error:
        load_model(artifacts / "model", artifacts / "backbone")
    return asked.most, str(error.value)


class FullDevice(TorchDispatchMode):
    most = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        made = function(*arguments, **(named or {}))
        if isinstance(made, torch.Tensor) and made.device.type != "meta":
            self.most = max(self.most, made.untyped_storage().nbytes())
        return made


@pytest.mark.parametrize("mode", ["adapter", "suffix"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"head_width": 4096}, r"method\.head\..* is .* F32, expected .*4096"),
        ({"depth": 64}, r"missing: method\.intervention\.blocks\.1\."),
        ({"width": 2**16}, r"texts\.classes is 2 x 16 F32, expected 2 x 65536 F32"),
        ({"map_channels": {"s4": 6, "s8": 2**16}}, r"method\.head\.maps\.s8\..* is .*8 F32, expected .*65536 F32"),
    ],
)
def test_widths_that_the_weights_dont_have_are_refused_before_memory_is_taken(artifacts, changes, said, mode):
    _saved(artifacts, mode=mode)
    own = {key: value for key, value in changes.items() if key in _params().model_dump()}
    _edit(artifacts, spec={**vars(_spec()), **{key: changes[key] for key in changes.keys() - own.keys()}},
          params=_params().model_dump() | own)  # fmt: skip
    most, told = _peak_bytes(artifacts)
    assert re.search(said, told)
    assert most < 100_000


def test_a_file_that_holds_more_or_other_numbers_than_the_network_is_refused_by_its_header(artifacts):
    _saved(artifacts)
    path = artifacts / "model" / "model.safetensors"
    good = load_file(path)
    name = "method.head.out.bias"
    for changed, said in (
        ({**good, name: good[name].double()}, rf"{name} is 4 F64, expected 4 F32"),
        ({**good, "method.more": torch.zeros(1000, 1000)}, r"1 unexpected: method\.more"),
        ({**good, "texts.prior": torch.zeros(500_000)}, r"texts\.prior is 500000 F32, expected 3 F32"),
    ):
        save_file(changed, path)
        _edit(artifacts, weights_sha256="")
        most, told = _peak_bytes(artifacts)
        assert re.search(said, told)
        assert most < 100_000


def test_the_background_travels_with_the_model(artifacts):
    folder = artifacts / "build_confounders"
    _saved(artifacts)
    assert load_model(artifacts / "model", artifacts / "backbone").texts.background is None
    rows = CLASSES.read(folder / "classes.parquet")
    one = rows.iloc[:1].assign(lesion_class=BACKGROUND)
    stamp = CLASSES.read_metadata(folder / "classes.parquet")
    CLASSES.write(pd.concat([rows, one], ignore_index=True), folder / "classes.parquet", stamp)
    _, texts = _saved(artifacts)
    assert texts.classes.shape[0] == len(stub_sites.LESIONS)
    found = load_model(artifacts / "model", artifacts / "backbone").texts.background
    assert torch.equal(found, torch.from_numpy(np.array(one["embedding"].iloc[0], np.float32)))
