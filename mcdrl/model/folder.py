"""A trained model as a folder: model.safetensors and model.json, enough to segment frames that nobody has seen.

Beside them lies the backbone, where it is small: see `bundle`; and README.md, once the model has left its study: see
`take_along`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from mcdrl.base.device import as_trained
from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, sha256, write_json
from mcdrl.methods import build, has_own_encoder
from mcdrl.model.assemble import assemble, make_trunk
from mcdrl.model.card import ModelCard, read_card
from mcdrl.model.facts import CARD, WEIGHTS
from mcdrl.model.header import Kind, kinds, misfits, read_header, read_tensors
from mcdrl.networks.interface import Method, Texts
from mcdrl.networks.trunk import Frozen
from mcdrl.regions.tuned import Miner

_READ_AS = {"F16": "F32"}  # what a small copy holds in half precision is computed with in single precision
_LIGHT = ("frozen", "adapter")  # modes that need nothing of the encoder


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to predict.

    Attributes:
        method: in evaluation mode.
        card: what it is.
        texts: the prompts that it was trained with; `texts.classes` is what regions are mined by without a miner.
        miner: selects the target regions by the frozen encoder's maps; None: none was fitted.
    """

    method: Method
    card: ModelCard
    texts: Texts
    miner: Miner | None = None

    def to(self, device: torch.device) -> None:
        """Move all that it computes with."""
        self.method.to(device)
        if self.miner is not None:
            self.miner.to(device)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run its networks in the precision that it was trained in, where its weights are."""
        device = next((weight.device for weight in self.method.parameters()), torch.device("cpu"))
        with as_trained(str(self.card.parameters.get("precision", "32-true")), device):
            yield


def save_model(
    folder: Path, weights: Mapping[str, Tensor], texts: Texts, card: ModelCard, miner: Miner | None = None
) -> None:
    """Write model.safetensors (the method's state, the texts, the miner) and model.json into an existing or new folder.

    Args:
        folder: where to.
        weights: a method's `state_dict`.
        texts: the prompts that it was trained with.
        card: what it is.
        miner: what selects its regions; None: the class texts do.
    """
    tensors = {f"method.{name}": value for name, value in weights.items()}
    tensors |= {f"texts.{name}": value for name, value in vars(texts).items() if value is not None}
    tensors |= {f"miner.{name}": value for name, value in (miner.state_dict() if miner else {}).items()}
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    _write(folder, content, card.model_copy(update={"weights_sha256": hashlib.sha256(content).hexdigest()}))


def copy_weights(model: Path, folder: Path, card: ModelCard) -> None:
    """Write the weights of a model's folder, byte for byte, and another card into an existing or new folder.

    Args:
        model: whose weights they are.
        folder: where to.
        card: what is said of them; their SHA-256 stays.
    """
    _write(folder, (model / WEIGHTS).read_bytes(), card)


def _write(folder: Path, weights: bytes, card: ModelCard) -> None:
    with atomic(folder / WEIGHTS) as partial:
        partial.write_bytes(weights)
    write_json({**card.model_dump(exclude={"spec"}), "spec": asdict(card.spec)}, folder / CARD)


def load_model(folder: Path, backbone: Path) -> LoadedModel:
    """Load a trained model, on the CPU.

    Args:
        folder: holds model.safetensors and model.json.
        backbone: folder of the backbone; read in modes `suffix`, `partial` and `finetune` only, for its architecture.

    Raises:
        InputError: a file is missing, damaged, or doesn't fit the other.
    """
    card, path = read_card(folder), folder / WEIGHTS
    header = read_header(path)
    _check_hash(path, card)
    with _fitting(path):
        texts = _read_texts(path, header, card)
        _check_network(header, card, texts)
        method = assemble(card.method, card.mode, card.spec, card.method_params, backbone, card.dense_mode, texts)
        method.load_state_dict(_read(path, "method."))
        miner = card.mined_by.build(card.alpha).eval().requires_grad_(False) if card.mined_by else None
        if miner is not None:
            miner.load_state_dict(_read(path, "miner."))
    return LoadedModel(method.eval(), card, texts, miner)


def read_skeleton(folder: Path) -> Method:
    """Return the network of a model's folder without its numbers, and without memory for them.

    Args:
        folder: as that of `load_model`.

    Raises:
        InputError: as `load_model`.
    """
    card, path = read_card(folder), folder / WEIGHTS
    with _fitting(path):
        return _skeleton(card, _read_texts(path, read_header(path), card))


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, RuntimeError, TypeError, ValueError, ArithmeticError, AssertionError) as error:
        raise InputError(
            f"{path} doesn't fit {CARD} ({error}); copy the folder again, or run `dvc repro train`"
        ) from None


def _read_texts(path: Path, header: Mapping[str, Kind], card: ModelCard) -> Texts:
    _check_header(header, _text_kinds(header, card), "texts.")
    return Texts(**_read(path, "texts."))


def _skeleton(card: ModelCard, texts: Texts) -> Method:
    """Return the network that a card describes; what is the encoder's own stays out, it is built from the backbone."""
    with torch.device("meta"):
        trunk = make_trunk(card.mode, card.spec, Path(), card.dense_mode) if card.mode in _LIGHT else Frozen()
        return build(card.method, card.spec, card.method_params, trunk, texts)


def _check_hash(path: Path, card: ModelCard) -> None:
    """Raise InputError where the weights aren't those that were saved."""
    found = sha256(path) if card.weights_sha256 else ""
    if found != card.weights_sha256:
        raise InputError(
            f"{path} is damaged or of another model: its SHA-256 is {found[:12]}, {CARD} says "
            f"{card.weights_sha256[:12]}; copy the folder again, or run `dvc repro train`"
        )


def _read(path: Path, prefix: str) -> dict[str, Tensor]:
    """Return tensors that are numbers throughout, by their names behind the prefix."""
    tensors = read_tensors(path, prefix)
    for name, value in tensors.items():
        if bool(value.isnan().any()):
            raise InputError(
                f"{path}: {prefix}{name} holds values that are no numbers; copy the folder again, or run "
                "`dvc repro train`"
            )
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in tensors.items()}


def _text_kinds(header: Mapping[str, Kind], card: ModelCard) -> dict[str, Kind]:
    """Return what the texts of as many classes and confounders as the card names take in a file of weights.

    Raises:
        ValueError: the file has them for another number.
    """
    classes, confounders, width = len(card.lesion_classes), len(card.confounders), card.spec.width
    stored = header.get("texts.class_confounders", ((classes, confounders), ""))[0][:2]
    if stored != (classes, confounders):
        named = f"for {classes} and {confounders} names"
        raise ValueError(f"{' classes and '.join(map(str, stored))} confounders {named}")
    shapes: dict[str, tuple[int, ...]] = {
        "classes": (classes, width), "confounders": (confounders, width),
        "class_confounders": (classes, confounders, width), "prior": (confounders,), "background": (width,),
    }  # fmt: skip
    if "texts.background" not in header:
        del shapes["background"]
    seen = {"texts.seen": ((classes,), "BOOL")} if "texts.seen" in header else {}
    return {f"texts.{name}": (shape, "F32") for name, shape in shapes.items()} | seen


def _check_network(header: Mapping[str, Kind], card: ModelCard, texts: Texts) -> None:
    """Compare the weights with the network that the card describes, which is built without memory for it.

    What is the encoder's own is left to the loading: it is built from the backbone's folder, not from the card.

    Raises:
        ValueError: they differ.
    """
    expected = kinds(_skeleton(card, texts).state_dict(), "method.")
    with torch.device("meta"):
        miner = card.mined_by.build(card.alpha).state_dict() if card.mined_by else {}
    if card.mode not in _LIGHT and not has_own_encoder(card.method):
        header = {name: kind for name, kind in header.items() if not name.startswith("method.trunk.")}
    _check_header(header, expected, "method.")
    _check_header(header, kinds(miner, "miner."), "miner.")


def _check_header(header: Mapping[str, Kind], expected: Mapping[str, Kind], prefix: str) -> None:
    found = {
        name: (shape, _READ_AS.get(code, code)) for name, (shape, code) in header.items() if name.startswith(prefix)
    }
    differ = misfits(found, expected)
    if differ:
        raise ValueError(differ)
