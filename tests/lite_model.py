"""A model's folder with the real lite0 inside, and a head that has learned nothing but says something."""

import torch

from mcdrl.clip.encoder import unit
from mcdrl.confounders.scores import ReferenceStatistics
from mcdrl.methods import build
from mcdrl.model.bundle import bundle
from mcdrl.model.folder import save_model
from mcdrl.networks.interface import Texts
from mcdrl.networks.trunk import Frozen
from tests.factories import make_card, make_lite0_spec, small_params, write_lite0


def write_model(place, drawn=1, **facts):
    """Write the backbone as `place`/lite0, the model as `place`/model: drawn numbers, and what its card is to say."""
    backbone, spec, own = place / "lite0", make_lite0_spec(), small_params("mcdrl", depth=2)
    fingerprint = write_lite0(backbone)
    noise = torch.Generator().manual_seed(drawn)
    drawings = [unit(torch.randn(shape, generator=noise), -1) for shape in ((2, 128), (3, 128), (2, 3, 128))]
    texts = Texts(*drawings, prior=torch.full((3,), 1 / 3))
    network = build("mcdrl", spec, own, Frozen(), texts)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn(weight.shape, generator=noise) * 0.1)
        network.head.out.bias.zero_()
    reference = ReferenceStatistics(mean=[0.0] * 3, std=[0.1] * 3)
    card = make_card(
        backbone="lite0", fingerprint=fingerprint, size_px=224, lesion_classes=["a", "b"],
        confounder_prompts=["an x", "a y", "a z"], spec=spec, params=own.model_dump(), reference=reference, **facts,
    )  # fmt: skip
    save_model(place / "model", network.state_dict(), texts, card)
    bundle(backbone, place / "model")
    return place / "model"
