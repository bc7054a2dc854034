"""lite0 and its larger sisters lite1 and lite2: small CLIPs that need no hub.

A frozen EfficientNet-Lite with ImageNet weights, a projection of its maps and a text tower, both trained on rendered
frames by the `pretrain` stage and shipped in data/lite0 (data/lite1, data/lite2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, read_json, regular, sha256, write_json
from mcdrl.clip.card import WEIGHTS
from mcdrl.clip.encoder import Encoded, Encoder, LowerBlocks, UpperBlocks, keep_statistics
from mcdrl.clip.lite_joint import Joint, hypercolumns
from mcdrl.clip.lite_trunk import (
    LITE0,
    SIZE_PX,
    Architecture,
    LiteTrunk,
    folded,
    imagenet_weights,
    run_stages,
    standard,
)
from mcdrl.clip.tower import TextTower, encode_prompts
from mcdrl.clip.words import Vocabulary

JOINT_WIDTH = 128
TOWER_WIDTH = 128
WORDS_FILE, SHIPPED_FILE = "words.json", "tower.safetensors"
_SCHEMA = "lite0/1"
_AGAIN = "copy the folder again, restore it with `git checkout`, or make it with `dvc repro`"
_DENSE_MODES = ("auto", "plain")


class LiteEncoder(Encoder):
    """A frozen model of the family; the image tower is built when the first frame comes, as prompts don't need it."""

    resizes = True
    prefix_tap = "s8"

    def __init__(
        self,
        joint: Joint,
        tower: TextTower,
        vocabulary: Vocabulary,
        *,
        image_weights: Mapping[str, Tensor],
        fingerprint: str,
        kind: Architecture = LITE0,
    ) -> None:
        """Take the trained parts and the image tower's weights; everything is frozen."""
        super().__init__()
        self.kind = kind
        self.width, self.size_px = JOINT_WIDTH, SIZE_PX
        self.fingerprint, self.dense_mode = fingerprint, "plain"
        self.joint, self.tower, self.vocabulary = joint, tower, vocabulary
        self._image_weights = image_weights
        self._trunk: LiteTrunk | None = None
        self._folded: LiteTrunk | None = None
        self.eval().requires_grad_(False)

    @classmethod
    def from_folder(cls, folder: Path, dense: str, kind: Architecture = LITE0) -> LiteEncoder:
        """Load what `obtain` wrote.

        Args:
            folder: such as artifacts/backbone.
            dense: "auto" or "plain"; there is no attention that another mode could replace.
            kind: which of the family is in it.

        Raises:
            InputError: a file is missing or damaged, or the mode isn't for this model.
        """
        if dense not in _DENSE_MODES:
            raise InputError(
                f"encode.dense is '{dense}', which {kind.name} doesn't have; {nearest(dense, _DENSE_MODES)}"
            )
        weights = _read_weights(folder / WEIGHTS)
        vocabulary = _read_words(folder / WORDS_FILE)
        digest = hashlib.sha256((sha256(folder / WEIGHTS) + sha256(folder / WORDS_FILE)).encode())
        _check_words(weights, vocabulary, folder)
        joint, tower = new_joint(kind), new_tower(vocabulary)
        try:
            joint.load_state_dict(_part(weights, "joint."))
            tower.load_state_dict(_part(weights, "text."))
        except RuntimeError as error:
            raise InputError(
                f"{folder / WEIGHTS} doesn't fit {kind.name}: {error}; copy the folder again, or run `dvc repro`"
            ) from None
        image_weights = _part(weights, "image.")
        return cls(joint, tower, vocabulary, image_weights=image_weights, fingerprint=digest.hexdigest(), kind=kind)

    def encode(self, frames: Tensor) -> Encoded:
        """Encode frames, [B, 3, 224, 224] float in 0..1, without gradients; the maps are s4, s8, s16 and s32.

        Other sides give larger or smaller maps.
        """
        with torch.no_grad():
            maps = self._frozen()(frames)
            dense, image = self.joint(hypercolumns(maps))
        return Encoded(dense=dense, image_embedding=image, maps=maps, prefix=maps["s8"])

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts, [n, 128] float32 of unit norm, each independently of the others.

        Raises:
            InputError: a prompt has no word in it.
        """
        return encode_prompts(self.tower, self.vocabulary, prompts)

    def unknown_words(self, prompts: Sequence[str]) -> list[str]:
        """Return the words that pretraining never used, in order of appearance."""
        return self.vocabulary.unknown(prompts)

    def lower_blocks(self) -> LiteLowerBlocks:
        """Return a trainable copy of the blocks up to stride 8."""
        return LiteLowerBlocks(self._built())

    def upper_blocks(self) -> LiteUpperBlocks:
        """Return a trainable copy of the blocks behind stride 8, with a frozen copy of the projection."""
        joint = new_joint(self.kind).to(self.joint.mean.device)
        joint.load_state_dict(self.joint.state_dict())
        return LiteUpperBlocks(self._built().upper_stages(), joint)

    def train(self, mode: bool = True) -> LiteEncoder:  # noqa: ARG002
        """Stay in evaluation mode whatever is asked: the encoder is frozen."""
        super().train(False)
        return self

    def _built(self) -> LiteTrunk:
        if self._trunk is None:
            try:
                self._trunk = LiteTrunk.load(self._image_weights, self.kind).to(self.joint.mean.device)
            except RuntimeError as error:
                raise InputError(
                    f"the image tower's weights aren't {self.kind.name}'s ({error}); run `dvc repro`"
                ) from None
        return self._trunk

    def _frozen(self) -> LiteTrunk:
        if self._folded is None:
            self._folded = folded(self._built())
        return self._folded


class LiteLowerBlocks(LowerBlocks):
    """The stem and the blocks up to stride 8, trainable; batch normalisation as in `LiteUpperBlocks`."""

    def __init__(self, trunk: LiteTrunk) -> None:
        """Copy the blocks; the copy becomes trainable."""
        super().__init__()
        self.stem, self.blocks = trunk.stem(), trunk.lower_stages()
        self.requires_grad_(True)
        self.train()

    def forward(self, frames: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Encode frames, [B, 3, 224, 224] float in 0..1, up to the map s8; see `LowerBlocks`."""
        maps = run_stages(self.blocks, self.stem(standard(frames)), first=0)
        return maps["s8"], maps

    def frozen(self) -> LiteLowerBlocks:
        """Return these blocks with their normalisation folded in, without anything to train."""
        return folded(self.eval())

    def train(self, mode: bool = True) -> LiteLowerBlocks:
        """Switch the mode of all but batch normalisation."""
        super().train(mode)
        keep_statistics(self)
        return self


class LiteUpperBlocks(UpperBlocks):
    """The blocks behind stride 8, trainable, and the frozen projection behind them.

    Batch normalisation keeps the ImageNet statistics, also in training, and only its scale and shift are trained: so an
    untrained copy gives the cached features up to rounding, a frame's features don't depend on its neighbours in the
    batch, and the source sites' colours aren't written into statistics that the held-out site is judged by.
    """

    made = ("s16", "s32")

    def __init__(self, blocks: nn.Sequential, joint: Joint) -> None:
        """Take a copy of the blocks, which becomes trainable, and of the projection, which stays frozen."""
        super().__init__()
        self.blocks, self.joint = blocks.requires_grad_(True), joint.requires_grad_(False)
        self.train()

    def forward(self, prefix: Tensor, maps: Mapping[str, Tensor]) -> Encoded:
        """Encode again from stride 8 on.

        Args:
            prefix: [B, C, 28, 28] float, the map s8.
            maps: with s4 and s8, which are handed through; s16 and s32 are replaced.
        """
        later = run_stages(self.blocks, prefix.contiguous(memory_format=torch.channels_last))
        found = {**maps, **later}
        dense, image = self.joint(hypercolumns(found))
        return Encoded(dense=dense, image_embedding=image, maps=found, prefix=prefix)

    def train(self, mode: bool = True) -> LiteUpperBlocks:
        """Switch the mode of the blocks, but neither of batch normalisation nor of the projection."""
        super().train(mode)
        self.joint.eval()
        keep_statistics(self.blocks)
        return self


def new_joint(kind: Architecture = LITE0) -> Joint:
    """Return an untrained projection for a tower's maps."""
    return Joint(kind.hypercolumn_channels, JOINT_WIDTH)


def new_tower(vocabulary: Vocabulary) -> TextTower:
    """Return an untrained text tower of the family's size for a vocabulary."""
    return TextTower(words=len(vocabulary), width=TOWER_WIDTH, joint=JOINT_WIDTH)


def save_trained(joint: Joint, tower: TextTower, vocabulary: Vocabulary, folder: Path) -> None:
    """Write the parts that `pretrain` trains: tower.safetensors and words.json."""
    parts = {f"joint.{key}": value for key, value in joint.state_dict().items()}
    parts |= {f"text.{key}": value for key, value in tower.state_dict().items()}
    _write_weights(parts, folder / SHIPPED_FILE)
    write_json({"schema": _SCHEMA, "words": list(vocabulary.words)}, folder / WORDS_FILE)


def obtain(folder: Path, shipped: Path, kind: Architecture = LITE0) -> None:
    """Write all that `LiteEncoder.from_folder` needs: the converted image tower and the shipped, trained parts.

    Args:
        folder: where weights.safetensors and words.json go.
        shipped: such as data/lite0, with tower.safetensors and words.json.
        kind: which of the family.

    Raises:
        InputError: a shipped file or the package with the ImageNet weights is missing.
    """
    parts, vocabulary = read_trained(shipped)
    parts |= {f"image.{key}": value for key, value in imagenet_weights(kind).items()}
    _write_weights(parts, folder / WEIGHTS)
    write_json({"schema": _SCHEMA, "words": list(vocabulary.words)}, folder / WORDS_FILE)


def read_trained(folder: Path) -> tuple[dict[str, Tensor], Vocabulary]:
    """Read what `save_trained` wrote.

    Raises:
        InputError: a file is missing or damaged.
    """
    weights, words = _read_weights(folder / SHIPPED_FILE), folder / WORDS_FILE
    if not words.is_file():
        raise InputError(f"{words} does not exist; restore it with `git checkout`")
    return weights, _read_words(words)


def _write_weights(parts: Mapping[str, Tensor], path: Path) -> None:
    with atomic(path) as partial:
        partial.write_bytes(save({key: value.contiguous() for key, value in parts.items()}))


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(regular(path))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {_AGAIN}") from None
    except SafetensorError as error:
        raise InputError(f"{path} is damaged ({error}); {_AGAIN}") from None


def _read_words(path: Path) -> Vocabulary:
    value = read_json(path, _AGAIN)
    if value.get("schema") != _SCHEMA:
        raise InputError(f"{path} has schema '{value.get('schema')}', expected '{_SCHEMA}'; {_AGAIN}")
    words = value.get("words")
    try:
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InputError("'words' is no list of words")
        return Vocabulary(words)
    except InputError as error:
        raise InputError(f"{path} is damaged ({error}); {_AGAIN}") from None


def _check_words(weights: Mapping[str, Tensor], vocabulary: Vocabulary, folder: Path) -> None:
    """Raise InputError where the text tower's weights are for another number of words."""
    stored = weights["text.embedding.weight"].shape[0] if "text.embedding.weight" in weights else 0
    if stored != len(vocabulary):
        raise InputError(
            f"{folder / WEIGHTS} doesn't fit: it is for {stored} words, {WORDS_FILE} beside it makes "
            f"{len(vocabulary)}; {_AGAIN}"
        )


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
