"""`mcdrl export`: the whole way from frame to probability in one file that runs without this project.

Encoder, region mining with its top-k, and method are one graph. What has to be done before and after it stands in
preprocessing.json beside it.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mcdrl.artifacts.held_out_scores import HELD_OUT_SCORES
from mcdrl.artifacts.promise import PROMISE
from mcdrl.base.errors import InputError, lacks_memory
from mcdrl.base.files import atomic, read_json, sha256, write_json
from mcdrl.commands.doctor.machine import EXPORT_PACKAGES, not_installed
from mcdrl.commands.models.places import check_no_model
from mcdrl.model.bundle import find_backbone
from mcdrl.model.card import ModelCard
from mcdrl.model.ensemble import load_ensemble
from mcdrl.model.facts import WEIGHTS
from mcdrl.model.held_out import further_sizes_of, threshold_of
from mcdrl.model.members import check_single
from mcdrl.model.network import Network
from mcdrl.model.take_along import README, take_along
from mcdrl.view import MARGIN

Array = np.ndarray[Any, np.dtype[Any]]
Format = Literal["onnx", "torchscript"]
PREPROCESSING = "preprocessing.json"
_OURS = frozenset(("files", "weights_sha256"))  # keys of every preprocessing.json
FILES = {"onnx": "network.onnx", "torchscript": "network.pt"}
ALLOWED = 0.001  # share of pixels whose mask may differ
_CUT = (
    "cut it to the box around the endoscopic view, without side panels, second pictures, text and black borders; the "
    f"box has a rim of {MARGIN:.0%} of the view's width and height. In Python: box = "
    "mcdrl.view.looked_at(frame, 'auto').box, frame being uint8 [H, W, 3], box left, top, right, bottom in "
    "pixels; another finder may take its place, or a fixed box where all frames are laid out alike; a frame that shows "
    "nothing but the view is taken whole"
)
_RESIZE = (
    "frame.resize(size, BICUBIC, box, reducing_gap=3), which cuts and squashes in one, so that pixels next to the box "
    "have their part in those at its sides",
    "frame.resize(size, BICUBIC, reducing_gap=3)",
)
_OUTPUTS = ("probability", "presence")  # the second one of networks with a presence head alone
_USE = """{files}: the whole way from a frame to the probability of lesion, for programs without `mcdrl`. In go frames
at working size, uint8 [B, {side}, {side}, 3], out comes the probability, float32 [B, {side}, {side}]{presence}.
`{preprocessing}` says how a frame becomes that, how the answer becomes a mask, and from which threshold on.

```python
{calls}
```

`mcdrl predict` takes the model's own folder, not this one."""
_CALLS = {
    "onnx": (
        "import onnxruntime\n"
        'network = onnxruntime.InferenceSession("network.onnx")\n'
        'probability = network.run(["probability"], {"frames": frames})[0]'
    ),
    "torchscript": (
        "import torch\n"
        'network = torch.jit.load("network.pt")\n'
        "with torch.inference_mode():\n"
        "    probability{presence} = network(torch.from_numpy(frames))"
    ),
}
_OPSET = 17
_PROBES = 8


@dataclass(frozen=True)
class Parity:
    """How far a copy's answers are from the original's on the same frames.

    Attributes:
        frames: how many.
        highest: largest difference of a probability.
        pixels: share of the pixels that are lesion for one and background for the other.
        original: what it is compared with.
    """

    frames: int
    highest: float
    pixels: float
    original: str = "PyTorch"

    @property
    def holds(self) -> bool:
        """Whether the masks are equal but for the allowed share of pixels, and all answers are numbers."""
        return self.pixels <= ALLOWED and math.isfinite(self.highest)

    def __str__(self) -> str:
        """Return it in a line."""
        return (
            f"parity with {self.original} on {self.frames} frames: masks differ in {self.pixels:.4%} of the pixels "
            f"(allowed {ALLOWED:.1%}), probabilities by {self.highest:.1e} at most"
        )


def export(model: Path, kind: Format, out: Path, backbone: Path | None) -> Parity:
    """Write network.onnx or network.pt, preprocessing.json and a README.md, and run the file before it takes its place.

    Args:
        model: the folder that `train` wrote.
        kind: onnx or torchscript.
        out: the folder to write into.
        backbone: where the model's backbone is; None: in its folder, else in its study.

    Returns:
        How the file compares with PyTorch on made-up frames.

    Raises:
        InputError: the model can't be loaded, its method can't be exported so that it takes any number of frames, the
            packages that ONNX takes aren't installed, or the folder holds files of the same names that are no export,
            or belongs to the model.
        OSError: the folder can't be written to.
    """
    if kind == "onnx":
        _check_packages()
    _check_place(out)
    network, card = load_network(model, backbone)
    sizes_px, threshold = [card.size_px, *further_sizes_of([model])], threshold_of([model])
    around = preprocessing(card, sha256(model / WEIGHTS), threshold, sizes_px)
    files = {**_told(out, around), kind: FILES[kind]}
    probes = made_up_frames(card.size_px)
    try:
        with atomic(out / FILES[kind]) as partial:
            _write(network, probes[:2], kind, partial)
            parity = compare(network, runner(partial, kind), probes, threshold)
            write_json({**around, "files": files}, out / PREPROCESSING)  # beside no network that it isn't of
    except OSError:  # of the folder to write into
        raise
    except Exception as error:  # the exporters' errors have no base class in common, and their texts run to pages
        if lacks_memory(error):
            raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        raise InputError(
            f"the method '{card.method}' can't be exported as {kind} ({reason}); try the other format"
        ) from None
    before = {PROMISE, HELD_OUT_SCORES, *FILES.values()} - set(files.values())  # of a model that was exported to there
    for name in before:
        (out / name).unlink(missing_ok=True)
    take_along(model, find_backbone(model, card.fingerprint, backbone), out, use=_use(files, card))
    return parity


def _check_place(out: Path) -> None:
    check_no_model(out)
    written = (README, PROMISE, HELD_OUT_SCORES, *FILES.values())
    taken = [name for name in written if os.path.lexists(out / name)]
    if os.path.lexists(out / PREPROCESSING):
        again = "an export would replace it; move it away, or name a new folder with --out"
        if not (out / PREPROCESSING).is_file() or not read_json(out / PREPROCESSING, again).keys() >= _OURS:
            raise InputError(f"{out / PREPROCESSING} is no export's; {again}")
    elif taken:
        raise InputError(f"--out {out} is in use: an export would replace {', '.join(taken)} there; name a new folder")


def _use(files: Mapping[str, str], card: ModelCard) -> str:
    """Return what README.md says of how exported files are used."""
    names, presence = " and ".join(f"`{files[kind]}`" for kind in sorted(files)), card.spec.presence
    calls = "\n\n".join(_CALLS[kind] for kind in sorted(files))
    return _USE.format(
        files=names,
        side=card.size_px,
        presence=", and beside it `presence`, float32 [B], the frame's score" if presence else "",
        preprocessing=PREPROCESSING,
        calls=calls.replace("{presence}", ", presence" if presence else ""),
    )


def load_network(model: Path, backbone: Path | None) -> tuple[Network, ModelCard]:
    """Return a model and its encoder as one module on the CPU, and the model's card."""
    check_single(model)
    (member,) = load_ensemble([model], backbone, "cpu").members
    return Network(member.encoder, member.model, further_sizes_of([model])).eval(), member.model.card


def preprocessing(card: ModelCard, weights_sha256: str, threshold: float, sizes_px: Sequence[int]) -> dict[str, Any]:
    """Return what a program has to do around the exported network, whatever the format.

    Args:
        card: of the model.
        weights_sha256: of its weights, hex.
        threshold: probability from which a pixel is lesion.
        sizes_px: at which the network looks at a frame; it makes them itself from the one that it is given.
    """
    mean = "the mean of the highest 1 % of the network's output"
    score = "presence, the network's second output," if card.spec.presence else mean
    return {
        "input": {"name": "frames", "dtype": "uint8", "shape": ["B", card.size_px, card.size_px, 3], "colours": "RGB"},
        "before": [
            "decode the frame to 8 bits a channel: 16-bit values are divided by 257 and rounded, not clipped (colours "
            "keep their upper 8 bits; grey values that never exceed 255 stay), transparency is laid on black",
            "turn it upright by its EXIF orientation",
            *[_CUT] * (card.view == "auto"),
            f"squash it to {card.size_px} x {card.size_px} px without keeping its aspect ratio, bicubic with "
            f"antialiasing (Pillow: {_RESIZE[card.view == 'full']}); no further scaling of the values",
        ],
        "view": card.view,
        "looked_at_px": list(sizes_px),
        "output": {"name": "probability", "dtype": "float32", "shape": ["B", card.size_px, card.size_px]},
        **({"presence": {"name": "presence", "dtype": "float32", "shape": ["B"]}} if card.spec.presence else {}),
        "after": [
            f"enlarge the probability to the {'frame' if card.view == 'full' else 'box'}'s own size, bilinear",
            *["what was cut off is background, probability 0"] * (card.view != "full"),
            "a pixel is lesion from the threshold on; the threshold is for probabilities that aren't calibrated",
            "for calibrated probabilities, divide the log-odds of the network's output by the temperature before it is "
            "enlarged: p -> 1 / (1 + exp(-log(p / (1 - p)) / temperature))",
            f"operating point: a frame has no lesion where {score} is below no_lesion_below, and a component of the "
            "mask (corners touch) is none where it has less than least_area_share of the pixels that the output is "
            "enlarged to",
        ],
        "threshold": threshold,
        "temperature": card.temperature,
        "no_lesion_below": card.no_lesion_below,
        "least_area_share": card.least_area_share,
        "lesion_classes": card.lesion_classes,
        "held_out": card.held_out,
        "sources": card.sources,
        "weights_sha256": weights_sha256,
    }


def _told(out: Path, around: Mapping[str, Any]) -> dict[str, str]:
    """Return the files, by format, that a preprocessing.json of the same model names already."""
    if not (out / PREPROCESSING).is_file():
        return {}
    before = read_json(out / PREPROCESSING)
    files = before.pop("files")
    return {kind: name for kind, name in files.items() if (out / name).is_file()} if before == around else {}


def made_up_frames(size_px: int, count: int = _PROBES) -> Array:
    """Return smooth coloured blobs with a little noise, [B, S, S, 3] uint8: regular as no real frame, but no noise."""
    random = np.random.default_rng(0)
    coarse = torch.from_numpy(random.uniform(0, 255, (count, 3, 6, 6)))
    smooth = nn.functional.interpolate(coarse, (size_px, size_px), mode="bicubic", align_corners=False)
    noisy = smooth.permute(0, 2, 3, 1).numpy() + random.normal(0, 4, (count, size_px, size_px, 3))
    frames: Array = np.clip(noisy, 0, 255).astype(np.uint8)
    return frames


def runner(path: Path, kind: Format) -> Callable[[Array], tuple[Array, ...]]:
    """Return what runs an exported file: [B, S, S, 3] uint8 -> [B, S, S] float32, and [B] by a presence head."""
    if kind == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return lambda frames: tuple(map(np.asarray, session.run(None, {"frames": frames})))
    with _quiet():
        script = torch.jit.load(path)  # type: ignore[no-untyped-call]
    return lambda frames: arrays(script(torch.from_numpy(frames)))


def compare(
    network: Network, run: Callable[[Array], tuple[Array, ...]], frames: Array, threshold: float, batch_size: int = 4
) -> Parity:
    """Run frames through PyTorch and through an exported file; an answer that is no number is another one.

    Args:
        network: the model.
        run: what the file says of frames, as of `runner`.
        frames: [B, S, S, 3] uint8.
        threshold: probability from which a pixel is lesion.
        batch_size: frames at a time.
    """
    highest, differ = 0.0, 0
    for start in range(0, len(frames), batch_size):
        part = np.ascontiguousarray(frames[start : start + batch_size])
        with torch.inference_mode():
            ours = arrays(network(torch.from_numpy(part)))
        theirs = run(part)
        gaps = [_gap(*pair) for pair in zip(ours, theirs, strict=True)]
        highest = max(highest, *(float(gap.max()) for gap in gaps))
        differ += int((((ours[0] >= threshold) != (theirs[0] >= threshold)) | np.isinf(gaps[0])).sum())
    return Parity(len(frames), highest, differ / (len(frames) * frames.shape[1] * frames.shape[2]))


def _gap(ours: Array, theirs: Array) -> Array:
    """Return how far answers are apart, infinitely where one is no number."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(ours - theirs)
    return np.where(np.isfinite(gap), gap, np.inf)


def _each(output: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return a network's outputs, be it one or several."""
    return output if isinstance(output, tuple) else (output,)


def arrays(output: Tensor | tuple[Tensor, ...]) -> tuple[Array, ...]:
    """Return a network's outputs, be it one or several, as arrays."""
    return tuple(one.detach().numpy() for one in _each(output))


def _write(network: Network, probes: Array, kind: Format, path: Path) -> None:
    # Both ways follow one run of the network; what the methods decide in Python (the number of mined places, sizes)
    # depends on the frames' size alone, which is fixed.
    given = (torch.from_numpy(probes),)
    with torch.no_grad(), _quiet(), _plain_attention():
        # an encoder that builds itself with the first frame must not do so while it is followed
        outputs = list(_OUTPUTS[: len(_each(network(*given)))])
        if kind == "torchscript":
            content = io.BytesIO()  # as torch ends the process where it can't write to a disk
            torch.jit.save(torch.jit.trace(network, given, check_trace=False), content)  # type: ignore[no-untyped-call]
            path.write_bytes(content.getvalue())
            return
        torch.onnx.export(
            network, given, path, dynamo=False, opset_version=_OPSET, input_names=["frames"], output_names=outputs,
            dynamic_axes={name: {0: "B"} for name in ("frames", *outputs)},
        )  # fmt: skip


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Keep torch from its fused transformer layers, which no other runtime has."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the tracer, who warns of sizes, and torch, which warns of its own plans."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_packages() -> None:
    if missing := not_installed(EXPORT_PACKAGES):
        raise InputError(f"{', '.join(missing)} not installed, which ONNX takes; run pip install -e '.[export]'")
