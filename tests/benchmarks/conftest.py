"""A site, a model and a study of two sites, as the scripts here take them."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mcdrl.base.files import write_json
from mcdrl.clip.encoder import unit
from mcdrl.methods import build
from mcdrl.model.bundle import bundle
from mcdrl.model.folder import save_model
from mcdrl.networks.interface import Texts
from mcdrl.networks.trunk import Frozen
from tests.benchmarks._toys import noise
from tests.factories import (
    make_card,
    make_cases,
    make_lite0_spec,
    png,
    small_params,
    train_params,
    write_lite0,
    write_site,
)
from tests.stub_sites import write_pairs

SPEC = make_lite0_spec()


@pytest.fixture
def site(tmp_path):
    def make(name, seeds):
        for kind in ("images", "masks"):
            (tmp_path / name / kind).mkdir(parents=True)
        for seed in seeds:
            noise(seed).save(tmp_path / name / "images" / f"{seed}.png")
            mask = np.zeros((96, 96), np.uint8)
            mask[20:60, 30:70] = 255
            Image.fromarray(mask).save(tmp_path / name / "masks" / f"{seed}.png")
        return tmp_path / name

    return make


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model folder with the real lite0 inside and a head that has learned nothing but says something."""
    place = tmp_path_factory.mktemp("study")
    fingerprint = write_lite0(place / "lite0")
    drawn = torch.Generator().manual_seed(1)
    texts = Texts(*[unit(torch.randn(shape, generator=drawn), -1) for shape in ((2, 128), (3, 128), (2, 3, 128))],
                  prior=torch.full((3,), 1 / 3))  # fmt: skip
    own = small_params("baseline")
    card = make_card(
        method="baseline", spec=SPEC, params=own.model_dump(), backbone="lite0", fingerprint=fingerprint, size_px=224
    )
    save_model(place / "model", build("baseline", SPEC, own, Frozen(), texts).state_dict(), texts, card)
    bundle(place / "lite0", place / "model")
    return place / "model"


@pytest.fixture
def study(tmp_path, model):
    """Two sites of eight frames, and a network that has left one of them out."""
    artifacts = tmp_path / "study" / "artifacts"
    for site in ("A", "B"):
        cases = [f"{site}/{seed}" for seed in range(8)]
        masks = np.zeros((8, 224, 224), np.uint8)
        masks[:6, 50:120, 60:150] = 1
        classes, splits = ["polyp"] * 6 + [None] * 2, ["train"] * 4 + ["val"] * 2 + ["train"] * 2
        own = {"width_px": 224, "height_px": 224}
        images = np.stack([np.asarray(noise([seed, ord(site)], 224)) for seed in range(8)])
        write_site(
            artifacts / "ingest" / site,
            make_cases(cases, lesion_class=classes, split=splits, **own),
            images,
            masks,
            map(png, masks),
        )
    write_pairs(artifacts)
    cell = artifacts / "train" / "baseline" / "A" / "0"
    shutil.copytree(model, cell)
    card = json.loads((cell / "model.json").read_text())
    write_json({**card, "parameters": train_params().model_dump()}, cell / "model.json")
    return tmp_path / "study"
