"""A small network on pixels as a model that can be adapted, and frames of a site whose lesions are bright or dark."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from mcdrl.methods import build
from mcdrl.model.ensemble import Member
from mcdrl.model.folder import LoadedModel
from mcdrl.networks.interface import Method, Output
from mcdrl.networks.trunk import EndToEnd, PixelsOnly
from mcdrl.training.adapt import LabelledFrames
from tests import stub_sites
from tests.factories import make_card, make_spec, make_texts, method_params, train_params


def site_frames(name="A", count=8, number=0, dark=False):
    """Frames of a site, two a group; with `dark`, all grey values are turned round."""
    images, masks, _ = stub_sites.draw(name, count)
    groups = np.array([f"{name}/{frame // 2}" for frame in range(count)])
    lesion = np.where(masks.any((1, 2)), 0, -1)
    return LabelledFrames(255 - images if dark else images, masks, lesion, groups, np.full(count, number))


def member_of(method, **facts):
    """A method as a model, with an encoder that is never asked."""
    numbers = train_params(mode="partial", lr=0.05, lr_encoder=0.01, views=[])
    given = {
        "method": "baseline",
        "mode": "partial",
        "lesion_classes": ["polyp"],
        "spec": make_spec(),
        "temperature": 1.0,
    }
    card = make_card(**{**given, "params": {}, "parameters": numbers.model_dump(), **facts})
    texts = make_texts(1, 3, 16, torch.Generator().manual_seed(0))
    return Member(LoadedModel(method.eval(), card, texts), nn.Linear(1, 1))


def member(*, presence=False, **facts):
    """The baseline on stub blocks, the lower of them frozen, as it begins."""
    trunk = EndToEnd(stub_sites.StubLowerBlocks().frozen(), stub_sites.StubUpperBlocks(), size_px=stub_sites.SIDE)
    texts, spec = make_texts(1, 3, 16, torch.Generator().manual_seed(0)), make_spec(presence=presence)
    return member_of(build("baseline", spec, method_params("baseline"), trunk, texts), spec=spec, **facts)


class Constant(Method):
    """Says one probability of every pixel; its brightness is normalised on the way, which changes nothing."""

    def __init__(self, probability=0.5):
        super().__init__()
        self.trunk, self.norm = PixelsOnly(), nn.BatchNorm2d(3)
        self.odds = nn.Parameter(torch.tensor(float(np.log(probability / (1 - probability)))))

    def forward(self, batch, **_):
        lesion = self.odds + 0 * self.norm(batch.frame)[:, 0]
        return Output(torch.stack([torch.zeros_like(lesion), lesion], 1))

    def losses(self, _batch, output):
        return {"seg": output.logits.mean()}


def with_masks(frames, value):
    """The same frames with one value everywhere in their masks."""
    return replace(frames, masks=np.full_like(frames.masks, value))
