"""One frame gets the same probability from `mcdrl predict` as from the pipeline's stores."""

import warnings
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mcdrl.artifacts.features import FEATURES, taps_attribute
from mcdrl.artifacts.regions import REGIONS
from mcdrl.base.device import as_trained
from mcdrl.base.errors import InputError
from mcdrl.base.files import write_json
from mcdrl.clip.encoder import Encoded, unit
from mcdrl.clip.encoding import encode
from mcdrl.confounders.scores import ReferenceStatistics
from mcdrl.methods import build
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model import network
from mcdrl.model.card import MinedBy
from mcdrl.model.ensemble import Ensemble, Member, load_ensemble
from mcdrl.model.folder import LoadedModel, load_model, save_model
from mcdrl.model.network import FurtherSizes, Network, batch_of_frames, pixels
from mcdrl.model.predictor import Predictor
from mcdrl.model.probability import probability
from mcdrl.model.resampling import _weights, resized
from mcdrl.networks.factory import with_presence
from mcdrl.networks.inputs import open_sites
from mcdrl.networks.interface import Trunk
from mcdrl.networks.trunk import Frozen
from mcdrl.regions import grid
from mcdrl.regions import tuned as tuned_regions
from mcdrl.regions.tuned import Miner
from mcdrl.regions.zero_shot import mine
from mcdrl.study.paths import SiteFiles
from stages.evaluate.predict import predict
from tests.factories import make_card, make_spec, make_texts, small_params, write_frames
from tests.stub_encoders import FrameEncoder

SIDE, GRID, WIDTH, N = 32, 4, 8, 5
IDS = [f"A/{k}" for k in range(N)]
SPEC = make_spec(width=WIDTH, map_channels={"s4": 3}, head_width=16, dice_weight=0.0)


class Pooled(FrameEncoder):
    """Colours, pooled and mixed by a fixed matrix."""

    resizes = True

    def __init__(self):
        super().__init__()
        self.width, self.size_px, self.fingerprint, self.dense_mode = WIDTH, SIDE, "f", "plain"
        self.mix = torch.nn.Parameter(torch.randn(WIDTH, 3, generator=torch.Generator().manual_seed(0)))

    def encode(self, frames):
        pool = torch.nn.functional.adaptive_avg_pool2d
        dense = unit(torch.einsum("dc,bchw->bdhw", self.mix, pool(frames, GRID) - 0.5), 1)
        return Encoded(dense, unit(dense.mean((2, 3)), 1), {"s4": pool(frames, 8)}, frames[:, :1])


def tuned():
    """A miner that looks at the colours, and at nothing that the class texts would choose by."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Miner({"s4": 3}, (GRID, GRID), 0.25, hidden=8).eval().requires_grad_(False)


@pytest.fixture(params=["baseline", "mcdrl", "mcdrl mined"])
def folder(request, tmp_path):
    method, _, mined = request.param.partition(" ")
    miner = tuned() if mined else None
    rng = torch.Generator().manual_seed(1)
    texts = make_texts(2, 3, WIDTH, rng)
    network = build(method, SPEC, small_params(method), Frozen(), texts)
    with torch.no_grad():
        network.head.out.bias.zero_()
        network.head.out.weight.normal_(0, 0.5, generator=rng)
    mined_by = MinedBy(channels={"s4": 3}, grid=[GRID, GRID], hidden=8) if mined else None
    own = small_params(method).model_dump()
    card = make_card(method=method, spec=SPEC, params=own, size_px=SIDE, mined_by=mined_by)
    save_model(tmp_path / "model", network.state_dict(), texts, card, miner)
    return tmp_path / "model"


def through_the_stores(folder, loaded, frames, place):
    """What the stages encode, mine_regions and evaluate make of the same frames."""
    rows = encode(Pooled(), frames, IDS)
    regions = mine(rows["dense"], loaded.texts.classes.numpy(), 0.25)
    files = SiteFiles(place, place / "features.h5", place / "regions.h5")
    write_frames(place, IDS, frames, np.zeros((N, SIDE, SIDE)))
    stamps = {"site": "A", "fingerprint": "f", "dense_mode": "plain", "device": "cpu", "precision": "float32"}
    taps = taps_attribute({name[6:]: value.shape[1:] for name, value in rows.items() if name.startswith("maps__")})
    with FEATURES.write(files.features, IDS, {**stamps, "backbone": "pooled", "taps": taps, "prefix_tap": ""}) as store:
        store.append(**rows)
    with REGIONS.write(files.regions, IDS, {**stamps, "alpha": "0.25", "text_similarity": "cosine"}) as store:
        store.append(similarity=regions.similarity, selected=regions.selected, best_class=regions.best_class)
    with open_sites({"A": files}) as reader:
        said = list(predict(loaded, reader, IDS, 2))
    return [np.concatenate([getattr(one, name) for one in said]) for name in ("probability", "selected")]


def test_folder_and_pipeline_agree(folder, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)
    loaded = load_model(folder, tmp_path)
    direct = Ensemble([Member(loaded, Pooled())], random_weights=False).probability(frames)
    stored, selected = through_the_stores(folder, loaded, frames, tmp_path)
    with torch.no_grad():
        features = Pooled().encode(pixels(torch.from_numpy(frames)))
    batch = batch_of_frames(torch.from_numpy(frames), features, loaded)
    by_texts = mine(features.dense.permute(0, 2, 3, 1).numpy(), loaded.texts.classes.numpy(), 0.25).selected
    by_miner = tuned().regions({tap: grid.half().float() for tap, grid in features.maps.items()})[1].numpy()
    assert (by_texts != by_miner).any()
    expected = by_texts if loaded.miner is None else by_miner
    np.testing.assert_array_equal(selected, expected)
    np.testing.assert_array_equal(batch.selected.numpy(), expected)
    assert direct.shape == (N, SIDE, SIDE)
    assert direct.std() > 0.01
    np.testing.assert_allclose(direct, stored, atol=1e-5)


def test_a_folder_answers_in_the_precision_that_the_pipeline_judged_it_in(folder, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)
    whole = load_model(folder, tmp_path)
    facts = {"parameters": {**whole.card.parameters, "precision": "bf16-mixed"}}
    mixed = replace(whole, card=whole.card.model_copy(update=facts))
    stored, _ = through_the_stores(folder, mixed, frames, tmp_path)
    answers = {}
    for name, loaded in {"whole": whole, "mixed": mixed}.items():
        ensemble = Ensemble([Member(loaded, Pooled())], random_weights=False)
        pairs = (frames[start : start + 2] for start in range(0, N, 2))  # as the stage asks
        answers[name] = np.concatenate([ensemble.probability(pair) for pair in pairs])
    np.testing.assert_allclose(answers["mixed"], stored, atol=1e-6)
    assert np.abs(answers["whole"] - stored).max() > 1e-4


def test_a_backbone_of_another_fingerprint_is_refused(folder, tmp_path):
    card = {
        "name": "other",
        "title": "Other",
        "family": "lite",
        "model": "m",
        "pretrained": "x",
        "source_sha256": None,
        "dense": "plain",
        "licence": "x",
        "notice": "x",
        "config": {},
        "fingerprint": "another",
    }
    (tmp_path / "backbone").mkdir()
    write_json(card, tmp_path / "backbone" / "card.json")
    with pytest.raises(InputError, match=r"model.*another backbone \(f\).*other \(another\)"):
        load_ensemble([folder], tmp_path / "backbone", "cpu")


def test_missing_folders_are_named(folder, tmp_path):
    with pytest.raises(InputError, match=r"nowhere/model\.json"):
        load_ensemble([tmp_path / "nowhere"], tmp_path, "cpu")
    with pytest.raises(InputError, match=r"nothing/card\.json"):
        load_ensemble([folder], tmp_path / "nothing", "cpu")
    with pytest.raises(InputError, match="--device mars"):
        load_ensemble([folder], tmp_path, "mars")


def test_models_of_one_encoder_encode_once_and_answer_by_their_mean(folder, tmp_path):
    calls = []

    class Counted(Pooled):
        def encode(self, frames):
            calls.append(len(frames))
            return super().encode(frames)

    frames = np.random.default_rng(2).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)
    one, two = load_model(folder, tmp_path), load_model(folder, tmp_path)
    with torch.no_grad():
        two.method.head.out.bias.add_(1)
    encoder = Counted()
    both = Ensemble([Member(one, encoder), Member(two, encoder)], random_weights=False)
    each = both.each(frames)
    assert calls == [N]
    alone = [Ensemble([Member(model, Pooled())], random_weights=False).probability(frames) for model in (one, two)]
    np.testing.assert_array_equal(each, alone)
    assert (alone[1] > alone[0]).all()
    np.testing.assert_allclose(both.probability(frames), (alone[0] + alone[1]) / 2, rtol=1e-6)


def test_operating_point_and_frame_score_are_means_over_the_models(folder, tmp_path):
    loaded, encoder = load_model(folder, tmp_path), Pooled()
    other = replace(loaded, method=deepcopy(loaded.method))
    with torch.no_grad():
        other.method.head.out.weight.mul_(-1)  # its likeliest percent lies elsewhere
    members = [
        Member(replace(one, card=one.card.model_copy(update=limits)), encoder)
        for one, limits in (
            (loaded, {"no_lesion_below": 0.4, "least_area_share": 0.01}), (other, {"no_lesion_below": 0.8})
        )
    ]  # fmt: skip
    predictor = Predictor(Ensemble(members, random_weights=False), N)
    assert predictor.operating_point == OperatingPoint(pytest.approx(0.6), pytest.approx(0.005))
    frames = np.random.default_rng(3).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)
    answer = predictor(frames)[0]
    highest = [np.sort(p[0].ravel())[-11:].mean() for p in Ensemble(members, random_weights=False).each(frames)]
    assert predictor.assess(answer).frame_score == pytest.approx(np.mean(highest), abs=0.01)  # 1 % of 1,024 pixels
    assert np.sort(answer.probability.ravel())[-11:].mean() < np.mean(highest) - 0.02
    half = np.arange(SIDE)[:, None] < np.full(SIDE, SIDE // 2)
    judged = [np.sort(p[0][half])[-6:].mean() for p in Ensemble(members, random_weights=False).each(frames)]
    assert answer.score(half) == pytest.approx(np.mean(judged), abs=0.01)


def _with_presence(loaded, bias):
    """The model with a presence head that says one thing of every frame."""
    model = replace(loaded, method=deepcopy(loaded.method))
    with_presence(model.method, replace(loaded.card.spec, presence=True))
    with torch.no_grad():
        model.method.presence.out.weight.zero_()
        model.method.presence.out.bias.fill_(bias)
    model.method.eval()
    return model


def test_a_presence_head_says_the_frames_score_and_the_map_that_of_models_without_one(folder, tmp_path):
    loaded, encoder = load_model(folder, tmp_path), Pooled()
    frames = np.random.default_rng(3).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)

    def score(*models):
        predictor = Predictor(Ensemble([Member(one, encoder) for one in models], random_weights=False), N)
        return predictor.assess(predictor(frames)[1]).frame_score

    high, low, without = _with_presence(loaded, 2.0), _with_presence(loaded, -1.0), loaded
    sigmoid = torch.tensor([2.0, -1.0]).sigmoid().tolist()
    assert score(high) == pytest.approx(sigmoid[0])
    assert score(high, low) == pytest.approx(sum(sigmoid) / 2)
    assert score(high, without) == pytest.approx((sigmoid[0] + score(without)) / 2, abs=1e-6)
    network, plain = (Network(encoder, one)(torch.from_numpy(frames)) for one in (high, without))
    assert torch.equal(network[0], plain)
    assert network[1].tolist() == pytest.approx([sigmoid[0]] * N)


class Inside(Trunk):
    """The encoder in the loop, as in the modes that train on pixels."""

    needs_features = False

    def __init__(self):
        super().__init__()
        self.encoder = Pooled()

    def forward(self, batch):
        return self.encoder.encode(batch.frame)


@pytest.mark.parametrize(("name", "calls"), [("baseline", 0), ("viewpoint", 0), ("mcdrl", 1), ("mcdrl_viewpoint", 1)])
def test_the_frozen_encoder_runs_only_for_models_that_read_its_features(folder, tmp_path, name, calls):
    class Counted(Pooled):
        ran = 0

        def encode(self, frames):
            self.ran += 1
            return super().encode(frames)

    loaded = load_model(folder, tmp_path)
    reference = ReferenceStatistics(mean=[0.0] * 3, std=[1.0] * 3)
    method = build(name, SPEC, small_params(name), Inside(), loaded.texts).eval()
    model = LoadedModel(method, loaded.card.model_copy(update={"reference": reference}), loaded.texts)
    frames = np.random.default_rng(3).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)
    encoder = Counted()
    ensemble = Ensemble([Member(model, encoder)], random_weights=False)
    lean, full = Predictor(ensemble, N), Predictor(ensemble, N, confounders=True)
    answer = lean(frames)[0]
    assert encoder.ran == calls
    whole = full(frames)[0]
    np.testing.assert_array_equal(answer.probability, whole.probability)
    assert list(full.assess(whole).confounder_scores) == ["x", "y", "z"]
    assert lean.assess(answer).confounder_scores == (full.assess(whole).confounder_scores if calls else {})
    exported = Network(encoder, model).eval()
    with torch.inference_mode():
        np.testing.assert_array_equal(exported(torch.from_numpy(frames))[0].numpy(), answer.probability)


def enlarged(planes, side_px, way):
    """Planes [..., S, S] float32, as Pillow resizes them one by one."""
    each = [np.asarray(Image.fromarray(plane).resize((side_px, side_px), way)) for plane in
            planes.reshape(-1, *planes.shape[-2:])]  # fmt: skip
    return np.stack(each).reshape(*planes.shape[:-2], side_px, side_px)


FRAMES = np.random.default_rng(5).integers(0, 256, (N, SIDE, SIDE, 3)).astype(np.uint8)


@pytest.mark.parametrize("folder", ["baseline", "mcdrl"], indirect=True)
def test_asked_at_two_sizes_a_model_answers_by_the_mean_of_both(folder, tmp_path):
    loaded, encoder = load_model(folder, tmp_path), Pooled()
    alone = Ensemble([Member(loaded, encoder)], random_weights=False).probability(FRAMES)
    frame = pixels(torch.from_numpy(FRAMES)).numpy()
    there = enlarged(frame, 64, Image.Resampling.BICUBIC).clip(0, 1)
    at_64 = FurtherSizes(loaded, encoder, [64]).at(torch.from_numpy(frame), 64)
    np.testing.assert_allclose(at_64.frame.numpy(), there, atol=1e-5)
    assert at_64.encoder_px == 64
    larger = probability(loaded.method, at_64).numpy()
    assert larger.shape == (N, 64, 64)
    expected = (alone + enlarged(larger, SIDE, Image.Resampling.BILINEAR)) / 2
    assert np.abs(expected - alone).max() > 0.01
    both = Ensemble([Member(loaded, encoder)], random_weights=False, further_px=[64])
    np.testing.assert_allclose(both.probability(FRAMES), expected, atol=1e-5)
    np.testing.assert_array_equal(Predictor(both, N)(FRAMES)[0].probability, both.probability(FRAMES)[0])
    with torch.inference_mode():
        exported = Network(encoder, loaded, [64])(torch.from_numpy(FRAMES)).numpy()
    np.testing.assert_array_equal(exported, both.probability(FRAMES))


@pytest.mark.parametrize("folder", ["mcdrl", "mcdrl mined"], indirect=True)
def test_what_a_batch_is_rounded_to_changes_nothing_for_the_next(folder, tmp_path, monkeypatch):
    """As on CUDA by precision auto, but for the autocast that a machine without it lacks."""
    loaded, seen, best, matmul = load_model(folder, tmp_path), [], grid.best_places, torch.backends.cuda.matmul
    card = loaded.card.model_copy(update={"parameters": {**loaded.card.parameters, "precision": "bf16-mixed"}})
    monkeypatch.setattr("mcdrl.model.folder.as_trained", lambda name, _: as_trained(name, torch.device("cuda")))

    def spy(similarity, kept):
        seen.append((matmul.allow_tf32, torch.is_autocast_enabled("cpu")))
        return best(similarity, kept)

    for place in (network, tuned_regions):
        monkeypatch.setattr(place, "best_places", spy)
    ensemble = Ensemble([Member(replace(loaded, card=card), Pooled())], random_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no CUDA
        for _ in range(3):
            ensemble.each(FRAMES)
    assert seen == [(False, False)] * 3


@pytest.mark.parametrize("folder", ["baseline"], indirect=True)
def test_in_half_precision_frames_and_answers_are_resampled_in_single(folder, tmp_path, monkeypatch):
    loaded, kinds = load_model(folder, tmp_path), []
    card = loaded.card.model_copy(update={"parameters": {**loaded.card.parameters, "precision": "bf16-mixed"}})

    def spy(values, side_px, way):
        found = resized(values, side_px, way)
        torch.testing.assert_close(found.double(), _exactly(values, side_px, way), atol=1e-5, rtol=0)
        kinds.append(found.dtype)
        return found

    monkeypatch.setattr(network, "resized", spy)
    both = Ensemble([Member(replace(loaded, card=card), Pooled())], random_weights=False, further_px=[64])
    both.probability(FRAMES)
    assert kinds == [torch.float32] * 2


def _exactly(values, side_px, way):
    weights = torch.from_numpy(_weights(values.shape[-1], side_px, way)).double()
    return torch.einsum("ij,bcjk,lk->bcil", weights, values.double(), weights)


@pytest.mark.parametrize("folder", ["baseline"], indirect=True)
@pytest.mark.parametrize(
    ("sizes_px", "facts", "of_encoder", "reason"),
    [
        ([50], {}, {}, "expected multiples of 32 px up to 1024"),
        ([1056], {}, {}, "expected multiples of 32 px up to 1024"),
        ([64, 32], {}, {}, "32 px is the working size, which is always asked"),
        ([64], {}, {"resizes": False}, "its backbone stub takes frames of 32 px alone"),
        ([64], {"size_px": 96}, {}, "trained on frames of 96 px, which its backbone sees at 32 px"),
    ],
)
def test_sizes_that_a_model_cannot_be_asked_at_are_refused(folder, tmp_path, sizes_px, facts, of_encoder, reason):
    loaded, encoder = load_model(folder, tmp_path), Pooled()
    vars(encoder).update(of_encoder)
    model = replace(loaded, card=loaded.card.model_copy(update=facts))
    with pytest.raises(InputError, match=f"'baseline' can't be asked at .*: .*{reason}; change evaluate.further_sizes"):
        FurtherSizes(model, encoder, sizes_px)
    FurtherSizes(model, encoder, [])


@pytest.mark.parametrize("folder", ["baseline"], indirect=True)
def test_what_reads_features_of_frames_as_they_are_is_not_asked_at_other_sizes_of_lifted_ones(folder, tmp_path):
    loaded = load_model(folder, tmp_path)
    card = loaded.card.model_copy(update={"spec": replace(loaded.card.spec, dark_below=0.5)})
    with pytest.raises(InputError, match=r"can't be asked at 64 px beside: .* frames that aren't lifted"):
        FurtherSizes(replace(loaded, card=card), Pooled(), [64])


@pytest.mark.parametrize("folder", ["mcdrl mined"], indirect=True)
def test_a_miner_of_its_own_knows_the_working_size_alone(folder, tmp_path):
    with pytest.raises(InputError, match="mined by a network that was fitted at the working size"):
        Ensemble([Member(load_model(folder, tmp_path), Pooled())], random_weights=False, further_px=[64])
