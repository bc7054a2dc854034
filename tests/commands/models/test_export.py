"""One file from frame to probability: equal masks, any number of frames, and a way to tell when it is not so."""

import json
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mcdrl.artifacts.held_out_scores import HeldOutScores, write_held_out_scores
from mcdrl.artifacts.promise import PROMISE, write_promise
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.commands.models import export as exporting
from mcdrl.commands.models.export import compare, export, load_network, made_up_frames, runner
from mcdrl.commands.models.inspect import describe, inspect
from mcdrl.commands.models.pack import pack
from mcdrl.commands.show import show_table
from mcdrl.methods import modes
from mcdrl.model.assemble import assemble
from mcdrl.model.bundle import bundle
from mcdrl.model.card import MinedBy
from mcdrl.model.ensemble import load_ensemble
from mcdrl.model.folder import load_model, save_model
from mcdrl.model.held_out import held_out_scores
from mcdrl.model.predictor import Predictor
from mcdrl.model.take_along import README
from mcdrl.networks.factory import with_presence
from mcdrl.regions.tuned import Miner
from mcdrl.view import squash
from tests import lite_model
from tests.factories import bytes_of, make_lite0_spec, make_promise, small_params

SPEC = make_lite0_spec()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return lite_model.write_model(tmp_path_factory.mktemp("study"))


MINED = ["miner", "feature_surgery"]
DARK = 0.9  # so that what is dark is nearly all
PLACEBOS = {
    "no attention": ("front_door", {"mediator": "random"}), "no frame": ("front_door", {"mediator": "noise"}),
    "any place": ("causalclipseg", {"mask": "random"}), "any Gaussian": ("gaussian_backdoor", {"posterior": "random"}),
}  # those that draw something  # fmt: skip
DEVICES = ["denseclip", "front_door", "gaussian_backdoor", "observed_backdoor", "pseudo_intervention", "scale_aware"]


@pytest.fixture(
    params=[
        *MINED,
        "lifted",
        "viewpoint",
        "mcdrl_viewpoint",
        "causalclipseg",
        "clipseg",
        "counterfactual",
        *DEVICES,
        *PLACEBOS,
    ]
)
def special(request, model, tmp_path):
    """The model that mines otherwise, or one of another method: a sum over views or texts, or an answer a prompt."""
    loaded = load_model(model, model / "backbone")
    named = {"lifted": "viewpoint", **dict.fromkeys(MINED, "mcdrl")}.get(request.param, request.param)
    spec = replace(SPEC, dark_below=DARK) if request.param == "lifted" else SPEC
    name, given = PLACEBOS.get(named, (named, {}))
    own = small_params(name).model_copy(update=given)
    torch.manual_seed(2)
    mines = request.param in ("miner", "mcdrl_viewpoint")
    miner = Miner({"s8": 40, "s16": 112, "s32": 320}, (14, 14), 0.25, hidden=8) if mines else None
    mined_by = MinedBy(channels={"s8": 40, "s16": 112, "s32": 320}, grid=[14, 14], hidden=8) if miner else None
    mode = next(iter(modes(name)), "frozen")
    numbers = {"method": name, "mode": mode, "mined_by": mined_by, "params": own.model_dump(), "spec": spec}
    numbers |= {"text_similarity": "feature_surgery"} if request.param == "feature_surgery" else {}
    card = loaded.card.model_copy(update=numbers)
    network = assemble(name, mode, spec, own, model / "backbone", "plain", loaded.texts)
    if hasattr(network, "head") and name != "denseclip":
        network.head.load_state_dict(loaded.method.head.state_dict())
    else:
        with torch.no_grad():
            for weight in (network.head if name == "denseclip" else network.decoder).parameters():
                weight.add_(torch.randn(weight.shape) * 0.1)
    save_model(tmp_path / "special", network.state_dict(), loaded.texts, card, miner)
    bundle(model / "backbone", tmp_path / "special")
    return tmp_path / "special"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_miners_and_sums_are_exported_too(special, tmp_path, kind):
    parity = export(special, kind, tmp_path, None)
    assert parity.holds
    assert parity.pixels < 1e-3
    network, _ = load_network(special, None)
    frames = made_up_frames(224, 3)
    with torch.inference_mode():
        ours = network(torch.from_numpy(frames)).numpy()
    np.testing.assert_allclose(runner(tmp_path / exporting.FILES[kind], kind)(frames)[0], ours, atol=5e-3)


@pytest.mark.parametrize(
    "name", ["model.json", "model.safetensors", "backbone/card.json", "backbone/weights.safetensors",
             "backbone/words.json"],
)  # fmt: skip
def test_a_pipe_in_a_models_folder_is_refused_and_nobody_waits_for_it(model, tmp_path, name):
    shutil.copytree(model, tmp_path / "m")
    (tmp_path / "m" / name).unlink()
    os.mkfifo(tmp_path / "m" / name)
    for use in (lambda place: load_ensemble([place], None, "cpu"), lambda place: pack(place, tmp_path / "out", None)):
        with pytest.raises(InputError, match=r"a pipe, a socket or a device|doesn't hold its backbone"):
            use(tmp_path / "m")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
@pytest.mark.parametrize("further_px", [[], [256, 160]])
def test_the_file_gives_the_networks_masks_for_any_number_of_frames(model, tmp_path, kind, further_px, monkeypatch):
    monkeypatch.setattr(exporting, "further_sizes_of", lambda _: further_px)
    parity = export(model, kind, tmp_path, None)
    assert parity.frames == 8
    assert parity.holds
    assert parity.pixels < 1e-4
    network, _ = load_network(model, None)
    run = runner(tmp_path / exporting.FILES[kind], kind)
    frames = made_up_frames(224, 3)
    for count in (1, 3):
        with torch.inference_mode():
            ours = network(torch.from_numpy(frames[:count])).numpy()
        assert ours.std() > 0.01
        (theirs,) = run(frames[:count])
        np.testing.assert_allclose(theirs, ours, atol=2e-3)
    around = json.loads((tmp_path / "preprocessing.json").read_text())
    assert (around["files"], around["temperature"], around["input"]["shape"], around["looked_at_px"]) == (
        {kind: exporting.FILES[kind]}, 2.0, ["B", 224, 224, 3], [224, *further_px],
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_what_a_presence_head_says_is_the_files_second_output(model, tmp_path, kind):
    loaded = load_model(model, model / "backbone")
    spec = replace(loaded.card.spec, presence=True)
    with_presence(loaded.method, spec)
    save_model(tmp_path / "m", loaded.method.state_dict(), loaded.texts, loaded.card.model_copy(update={"spec": spec}))
    bundle(model / "backbone", tmp_path / "m")
    assert export(tmp_path / "m", kind, tmp_path, None).highest < 2e-3
    frames, (network, _) = made_up_frames(224, 3), load_network(tmp_path / "m", None)
    with torch.inference_mode():
        ours = network(torch.from_numpy(frames))
    theirs = runner(tmp_path / exporting.FILES[kind], kind)(frames)
    assert [one.shape for one in theirs] == [(3, 224, 224), (3,)]
    assert theirs[1].std() > 0
    np.testing.assert_allclose(theirs[1], ours[1].numpy(), atol=2e-3)
    around = json.loads((tmp_path / "preprocessing.json").read_text())
    assert around["presence"]["shape"] == ["B"]
    assert "no lesion where presence, the network's second output," in json.dumps(around["after"])
    assert "presence" not in exporting.preprocessing(load_model(model, model / "backbone").card, "0" * 64, 0.5, [])


def test_two_formats_in_one_folder_are_both_named_and_those_of_another_model_are_not(model, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_check_packages", lambda: None)
    monkeypatch.setattr(exporting, "_write", lambda *given: given[-1].write_bytes(b"-"))
    monkeypatch.setattr(exporting, "compare", lambda *_: exporting.Parity(1, 0.0, 0.0))
    monkeypatch.setattr(exporting, "runner", lambda *_: None)

    def named(folder, kind):
        export(folder, kind, tmp_path / "out", None)
        return json.loads((tmp_path / "out" / "preprocessing.json").read_text())["files"]

    both = {"onnx": "network.onnx", "torchscript": "network.pt"}
    assert named(model, "onnx") == {"onnx": "network.onnx"}
    assert named(model, "torchscript") == both
    assert named(model, "torchscript") == both
    loaded = load_model(model, model / "backbone")
    weights = {name: value + 1 for name, value in loaded.method.state_dict().items()}
    save_model(tmp_path / "other", weights, loaded.texts, loaded.card)
    bundle(model / "backbone", tmp_path / "other")
    assert named(tmp_path / "other", "onnx") == {"onnx": "network.onnx"}
    assert not (tmp_path / "out" / "network.pt").exists()


def test_a_stranger_is_told_what_of_a_frame_the_network_sees(model):
    card = load_model(model, model / "backbone").card
    told = {
        view: json.dumps(exporting.preprocessing(card.model_copy(update={"view": view}), "0" * 64, 0.5, [224]))
        for view in ("auto", "full")
    }
    for sentence in ("box around the endoscopic view", "what was cut off is background", "the box's own size"):
        assert sentence in told["auto"]
        assert sentence not in told["full"]
    assert "the frame's own size" in told["full"]
    assert all("divided by 257" in text and "transparency is laid on black" in text for text in told.values())
    assert all("by the temperature before it is enlarged" in text for text in told.values())


@pytest.mark.parametrize(("view", "box"), [("auto", (21, 13, 305, 250)), ("full", None)])
def test_what_a_stranger_is_told_to_call_squashes_a_frame_as_the_network_had_it(model, view, box):
    card = load_model(model, model / "backbone").card.model_copy(update={"view": view})
    before = exporting.preprocessing(card, "0" * 64, 0.5, [224])["before"]
    (told,) = [re.search(r"Pillow: .*?(resize\(.*?\))", line)[1] for line in before if "Pillow" in line]
    frame = Image.fromarray(np.random.default_rng(0).integers(0, 256, (280, 320, 3), np.uint8))
    given = {"frame": frame, "size": (40, 40), "BICUBIC": Image.Resampling.BICUBIC} | ({"box": box} if box else {})
    np.testing.assert_array_equal(np.asarray(eval(f"frame.{told}", {}, given)), squash(frame, 40, box))
    assert ("box" in told) == any("cut it to the box" in line for line in before) == (box is not None)


def test_parity_counts_pixels_by_hand(model):
    network, _ = load_network(model, None)
    frames = made_up_frames(224, 2)
    with torch.inference_mode():
        right = network(torch.from_numpy(frames)).numpy()
    wrong = right.copy()
    wrong[0, 0, :100] = 1 - right[0, 0, :100]
    parity = compare(network, lambda _: (wrong,), frames, 0.5)
    assert parity.pixels == pytest.approx(100 / (2 * 224 * 224))
    assert parity.holds
    wrong[1] = 1 - right[1]
    assert not compare(network, lambda _: (wrong,), frames, 0.5).holds
    low, none = np.full_like(right, 0.2), right.copy()
    assert compare(lambda _: torch.from_numpy(low), lambda _: (low + 0.2,), frames, 0.5).holds
    assert compare(lambda _: torch.from_numpy(low), lambda _: (low + 0.2,), frames, 0.3).pixels == 1  # the model's own
    none[0, :10] = np.nan
    lost = compare(network, lambda _: (none,), frames, 0.5)
    assert (lost.highest, lost.pixels) == (np.inf, pytest.approx(10 / (2 * 224)))
    assert not lost.holds
    assert not exporting.Parity(8, np.inf, 0.0).holds  # of a presence output


def test_a_frame_gets_the_same_answer_alone_and_among_others(model):
    predictor = Predictor(load_ensemble([model], None, "cpu"), batch_size=3)
    frames = made_up_frames(224, 6)
    together = [answer for start in (0, 3) for answer in predictor(frames[start : start + 3])]
    for frame, expected in zip(frames, together, strict=True):
        (alone,) = predictor(frame[None])
        np.testing.assert_array_equal(alone.probability, expected.probability)
        assert predictor.assess(alone) == predictor.assess(expected)
    larger = Predictor(load_ensemble([model], None, "cpu"), batch_size=6)(frames)
    for one, other in zip(larger, together, strict=True):
        np.testing.assert_allclose(one.probability, other.probability, atol=2e-3)


def test_a_packed_model_is_enough_elsewhere(model, tmp_path):
    assert pack(model, tmp_path / "packed", None) > 13e6
    frames = made_up_frames(224, 1)
    ours, theirs = (load_ensemble([place], None, "cpu").probability(frames) for place in (model, tmp_path / "packed"))
    np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(InputError, match="exists; name a new folder"):
        pack(model, tmp_path / "packed", None)


def test_a_damaged_backbone_is_refused(model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    weights = tmp_path / "model" / "backbone" / "weights.safetensors"
    whole = bytearray(weights.read_bytes())
    whole[len(whole) // 2] ^= 1
    weights.write_bytes(whole)
    with pytest.raises(InputError, match=r"backbone/weights\.safetensors is damaged.*copy the folder again"):
        load_ensemble([tmp_path / "model"], None, "cpu")


def test_a_network_that_takes_one_number_of_frames_only_is_refused_and_leaves_no_file(model, tmp_path, monkeypatch):
    def only_two(frames):
        raise RuntimeError("expected 2 frames\nand pages more")

    monkeypatch.setattr(exporting, "runner", lambda *_: only_two)
    with pytest.raises(InputError, match=r"'mcdrl' can't be exported as torchscript \(expected 2 frames\)"):
        export(model, "torchscript", tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def quick(monkeypatch):
    """Exports without networks: what is written says which."""
    monkeypatch.setattr(exporting, "_write", lambda *given: given[-1].write_bytes(b"good"))
    monkeypatch.setattr(exporting, "compare", lambda *_: exporting.Parity(1, 0.0, 0.0))
    monkeypatch.setattr(exporting, "runner", lambda *_: None)


@pytest.mark.parametrize("step", ["_write", "compare"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no such operator"), "can't be exported as torchscript .no such operator.; try the other format"),
        (MemoryError(), "^$"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "can't allocate memory$"),
    ],
)
def test_an_export_that_fails_leaves_the_good_one_and_a_lack_of_memory_is_none_of_the_methods(
    model, tmp_path, monkeypatch, quick, step, error, said
):
    export(model, "torchscript", tmp_path, None)
    before = bytes_of(tmp_path)

    def fail(*given):
        raise error

    monkeypatch.setattr(exporting, step, fail)
    with pytest.raises(InputError if "operator" in said else type(error), match=said):
        export(model, "torchscript", tmp_path, None)
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["README.md"], "an export would replace README.md there"),
        (["promise.json", "held_out_scores.json"], "an export would replace promise.json, held_out_scores.json there"),
        (["network.pt"], "an export would replace network.pt there"),
        (["model.json"], "is a model's folder"),
        (["preprocessing.json"], "is not valid JSON .*; an export would replace it"),
    ],
)
def test_an_export_replaces_no_file_of_anybodys(model, tmp_path, quick, files, said):
    for name in files:
        (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{said}.*name a(nother| new) folder"):
        export(model, "torchscript", tmp_path, None)
    assert bytes_of(tmp_path) == dict.fromkeys(files, b"mine")


def test_a_preprocessing_json_of_another_program_stays(model, tmp_path, quick):
    (tmp_path / "preprocessing.json").write_text('{"scale": 2}')
    with pytest.raises(
        InputError, match=r"preprocessing\.json is no export's; an export would replace it; move it away"
    ):
        export(model, "torchscript", tmp_path, None)
    assert (tmp_path / "preprocessing.json").read_text() == '{"scale": 2}'


@pytest.mark.parametrize("below", [".", "exported"])
def test_no_export_goes_into_the_models_own_folder(model, tmp_path, quick, below):
    before = bytes_of(model)
    (tmp_path / "link").symlink_to(model)
    with pytest.raises(InputError, match=r"is a model's folder or lies in one .*; name another folder"):
        export(model, "torchscript", tmp_path / "link" / below, None)
    assert bytes_of(model) == before


@pytest.mark.parametrize("name", ["model.json", "ensemble.json"])
def test_a_model_that_an_export_lies_in_keeps_its_promise(model, tmp_path, quick, name):
    out = tmp_path / "out"
    export(model, "torchscript", out, None)
    for file in (name, "promise.json"):
        (out / file).write_text("theirs")
    before = bytes_of(out)
    with pytest.raises(InputError, match="is a model's folder or lies in one"):
        export(model, "torchscript", out, None)
    assert bytes_of(out) == before


def test_a_link_to_nothing_is_no_exports_preprocessing(model, tmp_path, quick):
    (tmp_path / "preprocessing.json").symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"preprocessing\.json is no export's; an export would replace it"):
        export(model, "torchscript", tmp_path, None)


def test_of_another_models_export_nothing_is_left_that_speaks_of_it(model, tmp_path, quick):
    promised = tmp_path / "promised"
    pack(model, promised, None)
    write_promise(make_promise(), promised / PROMISE)
    export(promised, "torchscript", tmp_path / "out", None)
    assert (tmp_path / "out" / PROMISE).is_file()
    export(model, "torchscript", tmp_path / "out", None)
    assert not (tmp_path / "out" / PROMISE).exists()


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_the_readme_of_an_export_says_how_its_file_is_run(model, tmp_path, monkeypatch, kind):
    """Its lines are run, in its folder."""
    export(model, kind, tmp_path, None)
    told = (tmp_path / README).read_text()
    assert "--model THIS_FOLDER" not in told
    assert "uint8 [B, 224, 224, 3]" in told
    monkeypatch.chdir(tmp_path)
    found = {"frames": made_up_frames(224, 2), "torch": torch}
    exec(told.split("```python\n")[1].split("```")[0], found)
    assert found["probability"].shape == (2, 224, 224)


def test_a_model_takes_its_scores_along_but_not_those_of_other_weights(model, tmp_path):
    folder = tmp_path / "artifacts" / "train" / "mcdrl" / "A" / "0"
    shutil.copytree(model, folder)
    parts = tmp_path / "artifacts" / "evaluate" / "parts" / "mcdrl" / "A" / "0"
    scores = HeldOutScores(
        weights_sha256=sha256(folder / "model.safetensors"), held_out="A", threshold=0.4, n_lesion=12, n_groups=6,
        dice=0.75, dice_low=0.7, dice_high=0.8, n_negative=4, false_positive_rate=0.25, further_sizes_px=[320],
    )  # fmt: skip
    write_held_out_scores(scores, parts)
    pack(folder, tmp_path / "packed", None)
    told = (tmp_path / "packed" / README).read_text()
    between = "95 % interval over 6 groups 0.700 to 0.800"
    assert f"At A, which it had never seen, it reached **0.750** ({between}):\nmean over 12 frames" in told
    assert "On 25% of 4 frames" in told
    assert "validation frames: 0.500, on patients of the sites that it was trained on, which says little of" in told
    assert "expect less" not in told
    assert "squashed to 224 x 224 px (bicubic), from there also brought to 320 px; the answer is the mean |" in told
    assert "| regions | the 25% of places nearest to the class prompts |" in told
    assert describe(folder) == describe(tmp_path / "packed") == told
    export(folder, "torchscript", tmp_path / "exported", None)
    exported = (tmp_path / "exported" / README).read_text()
    (before, after), (above, below) = (
        [part.split(f"## {end}")[index] for index, end in enumerate(("Use", "Limits"))] for part in (told, exported)
    )
    assert (before, after) == (above, below)
    assert json.loads((tmp_path / "exported" / exporting.PREPROCESSING).read_text())["threshold"] == 0.4
    assert held_out_scores(tmp_path / "packed") == scores
    (table,) = [one for one in inspect(tmp_path / "packed") if one.title == "at the held-out site"]
    assert ["dice", "0.750"] in [list(row) for row in table.rows]
    write_held_out_scores(scores.model_copy(update={"n_groups": 3, "dice_low": None, "dice_high": None}), parts)
    pack(folder, tmp_path / "few", None)
    assert "**0.750** (no interval: 3 groups, too few for one)" in (tmp_path / "few" / README).read_text()
    (few,) = [one for one in inspect(tmp_path / "few") if one.title == "at the held-out site"]
    assert ["dice_low", "– (groups: 3, too few)"] in [list(row) for row in few.rows]
    write_held_out_scores(scores.model_copy(update={"weights_sha256": "0" * 64}), parts)
    pack(folder, tmp_path / "stale", None)
    assert "expect less" in (tmp_path / "stale" / README).read_text()
    assert not (tmp_path / "stale" / "held_out_scores.json").exists()
    shutil.rmtree(folder / "backbone")
    assert describe(folder) is None  # as nobody can say what its backbone's licence asks for


@pytest.mark.parametrize("special", ["miner"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mined_by": {"channels": {"s8": 40, "s16": 112, "s32": 320}, "grid": [7, 7], "hidden": 8}},
         r"mined_by\.grid is \[7, 7\], but the backbone gives \[14, 14\]"),
        ({"mined_by": {"channels": {"s8": 40, "s16": 112, "s64": 320}, "grid": [14, 14], "hidden": 8}},
         r"mined_by\.channels\.s64 is 320, but the backbone gives no such map"),
    ],
)  # fmt: skip
def test_a_card_that_counts_on_other_features_than_its_backbone_gives_is_refused(special, tmp_path, changes, said):
    shutil.copytree(special, tmp_path / "m")
    card = json.loads((special / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, **changes}))
    with pytest.raises(InputError, match=said):
        load_ensemble([tmp_path / "m"], None, "cpu")


def test_escape_codes_in_a_strangers_card_reach_no_terminal(model, tmp_path, capsys):
    shutil.copytree(model, tmp_path / "m")
    card = json.loads((model / "model.json").read_text())
    hostile = {
        "held_out": "\x1b[2Jnowhere",
        "sources": ["[bold]x\x1b]0;t\x07"],
        "confounders": ["\x1b[31m=1", "y", "z"],
    }
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, **hostile}))
    for shown in inspect(tmp_path / "m"):
        show_table(shown)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert r"\x1b[2Jnowhere" in out
    assert "[bold]x" in out
