"""What a GPU makes of a study's work, as Markdown: python -m tests.benchmarks.accelerator [--minutes 8]

Encodes noise with a ViT-L/14 of random weights, and trains on what it says: from features on the device, in memory and
on disk, with the last blocks trained, and with the pixels in the loop; then on all devices together. Frames a second,
the share of the time in which the GPU computes, the most memory that was taken, and how far the answers are from the
CPU's. Every measurement gets its share of the minutes; what doesn't fit is named. Without CUDA it does the same with a
tiny network, which only shows that the script works.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import open_clip
import torch
import typer
from torch import nn

from mcdrl.artifacts.features import FEATURES, taps_attribute
from mcdrl.artifacts.regions import REGIONS
from mcdrl.base.device import pick_device
from mcdrl.base.errors import InputError
from mcdrl.clip.build import random_state
from mcdrl.clip.encoding import encode, precision
from mcdrl.clip.frozen import Setup
from mcdrl.clip.vit import VitEncoder
from mcdrl.imaging.flips import flipped, member
from mcdrl.methods import build
from mcdrl.networks.inputs import open_sites, read_cases, to_batch
from mcdrl.networks.interface import Texts, Trunk
from mcdrl.networks.trunk import EndToEnd, FromCache, Frozen
from mcdrl.regions.zero_shot import mine
from mcdrl.study.paths import site_files
from mcdrl.training.cell import make_spec
from mcdrl.training.checkpoint import TrainingProgress
from mcdrl.training.data import split
from mcdrl.training.fabric import make_deterministic, make_fabric
from mcdrl.training.loop import LossOf, Training
from mcdrl.training.optimiser import make_optimiser
from tests.factories import make_cases, method_params, train_params, write_site

SITES, FLIP, BATCH, SEED = "AB", "horizontal", 16, 0
LARGE, LARGE_FRAMES = "ViT-L-14-quickgelu", 128  # frames of each site
TINY: dict[str, Any] = {
    "embed_dim": 16, "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 4, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}  # fmt: skip
TINY_FRAMES = 20
LESIONS = ["polyp", "tumor", "inflammation", "nodule", "cyst"]
_LEAST_S = 40  # that a training may take on a slow GPU
EPOCHS = 4  # one to warm up, one that is watched, the others are timed
HEAD = ("work", "features", "frames/s", "GPU computes", "peak memory")


@dataclass(frozen=True)
class Work:
    """One training that is measured.

    Attributes:
        name: in the table.
        method: a file's name in mcdrl/methods.
        mode: of training.
        place: what MCDRL_FEATURES says.
    """

    name: str
    method: str
    mode: str
    place: str = "auto"


WORKS = (
    *(Work("mcdrl, frozen", "mcdrl", "frozen", place) for place in ("device", "memory", "stores")),
    Work("mcdrl, suffix", "mcdrl", "suffix"),
    Work("mcdrl, partial", "mcdrl", "partial"),
)


class Budget:
    """Counts the minutes down."""

    def __init__(self, minutes: float) -> None:
        """Start now."""
        self.end = time.monotonic() + 60 * minutes

    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self.end - time.monotonic()


def make_encoder(*, large: bool) -> VitEncoder:
    """Return a CLIP of random weights, on the CPU."""
    config = open_clip.get_model_config(LARGE) if large else TINY
    model = open_clip.CLIP(**{**config, "quick_gelu": True})
    model.load_state_dict(random_state({**config, "quick_gelu": True}, SEED), strict=False)
    taps, start = (("b6", "b12", "b18", "b24"), "b18") if large else (("b1", "b2", "b3", "b4"), "b3")
    setup = Setup((0.48,) * 3, (0.27,) * 3, taps, start, "maskclip", "random", open_clip.SimpleTokenizer())
    return VitEncoder(model.eval(), setup)


def drawn_texts(width: int) -> Texts:
    """Return five classes and twelve confounders that mean nothing."""
    seed = torch.Generator().manual_seed(SEED)
    shapes = ((5, width), (12, width), (5, 12, width))
    unit = [nn.functional.normalize(torch.randn(shape, generator=seed), dim=-1) for shape in shapes]
    return Texts(*unit, prior=torch.full((12,), 1 / 12))


def write_study(folder: Path, encoder: VitEncoder, device: torch.device, frames: int) -> None:
    """Write two sites of noise as stage one leaves them, every eighth frame for validation."""
    side, texts = encoder.size_px, drawn_texts(encoder.width).classes.numpy()
    stamps = {"fingerprint": "random", "dense_mode": encoder.dense_mode, "device": device.type}
    stamps["precision"] = str(precision(device)).removeprefix("torch.")
    for number, site in enumerate(SITES):
        draw = np.random.default_rng([SEED, number])
        images = draw.integers(0, 256, (frames, side, side, 3), dtype=np.uint8)
        masks = np.zeros((frames, side, side), np.uint8)
        masks[:, side // 4 : side // 2, side // 4 : side // 2] = 1
        ids = [f"{site}/{frame:05d}" for frame in range(frames)]
        splits = ["train" if frame % 8 else "val" for frame in range(frames)]
        write_site(folder / "ingest" / site, make_cases(ids, split=splits), images, masks)
        straight, mirrored = (_encoded(encoder, shown, ids) for shown in (images, flipped(images, FLIP)))
        files = site_files(folder, site)
        shapes = {name[6:]: rows.shape[1:] for name, rows in straight.items() if name.startswith("maps__")}
        told = {"backbone": "random", "taps": taps_attribute(shapes), "prefix_tap": encoder.prefix_tap or ""}
        with FEATURES.write(files.features, ids, {**stamps, **told, "site": site}) as store:
            store.append(**straight)
            store.append(**{f"flipped__{member(FLIP, k.replace('__', '/'))}": v for k, v in mirrored.items()})
        with REGIONS.write(
            files.regions, ids, {**stamps, "site": site, "alpha": "0.25", "text_similarity": "cosine"}
        ) as store:
            found, other = (mine(rows["dense"], texts, 0.25) for rows in (straight, mirrored))
            store.append(similarity=found.similarity, selected=found.selected, best_class=found.best_class)
            store.append(**{f"flipped__{member(FLIP, 'similarity')}": other.similarity})
            store.append(**{f"flipped_selected__{member(FLIP, 'selected')}": other.selected})


def _encoded(encoder: VitEncoder, images: Any, ids: list[str]) -> dict[str, Any]:
    starts = range(0, len(ids), BATCH)
    parts = [encode(encoder, images[at : at + BATCH], ids[at : at + BATCH]) for at in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Watch:
    """Adds up how long the kernels of a CUDA device run."""

    def __init__(self, device: torch.device) -> None:
        """Watch nothing yet."""
        self.device, self.busy_s = device, 0.0
        self._profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])

    def start(self) -> None:
        """Watch from here on, if the device is one."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            self._profile.start()

    def stop(self) -> None:
        """Watch no longer."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            self._profile.stop()
            self.busy_s = sum(row.self_device_time_total for row in self._profile.key_averages()) / 1e6

    def share(self, whole_s: float) -> str:
        """Return the share of a time like the watched one, timed without a watch, in which kernels ran."""
        return f"{100 * min(self.busy_s / whole_s, 1):.0f} %" if self.device.type == "cuda" else "-"


def peak(device: torch.device) -> str:
    """Return the most memory that tensors took since `forget_peak`."""
    return f"{torch.cuda.max_memory_allocated(device) / 1e9:.1f} GB" if device.type == "cuda" else "-"


def forget_peak(device: torch.device) -> None:
    """Count the most memory from here on."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def measure_encode(encoder: VitEncoder, device: torch.device, seconds: float) -> list[str]:
    """Return the row of the table: frames in memory to float16 rows in memory."""
    images = np.random.default_rng(SEED).integers(0, 256, (BATCH, *[encoder.size_px] * 2, 3), dtype=np.uint8)
    ids = [f"A/{frame}" for frame in range(BATCH)]
    encode(encoder, images, ids)
    forget_peak(device)
    watch = Watch(device)
    watch.start()
    encode(encoder, images, ids)
    watch.stop()
    count, began = 0, time.perf_counter()
    while not count or time.perf_counter() - began < seconds:
        encode(encoder, images, ids)
        count += 1
    each = (time.perf_counter() - began) / count
    return ["encode", "", f"{BATCH / each:.1f}", watch.share(each), peak(device)]


def measure_training(work: Work, folder: Path, encoder: VitEncoder | None) -> list[str]:
    """Return the cells of a training on the study in a folder: of whole epochs, each with its validation."""
    os.environ["MCDRL_FEATURES"] = work.place
    params = train_params(mode=work.mode, epochs=EPOCHS, batch_size=BATCH, intervene_from=0)
    fabric = make_fabric(params.precision)
    files = {site: site_files(folder, site) for site in SITES}
    frames, watch, times = split(read_cases(files, LESIONS)), Watch(fabric.device), []

    def on_epoch(progress: TrainingProgress) -> None:
        """Note the time; the second epoch is watched."""
        if len(progress.history) == 2:
            watch.stop()
        times.append(time.perf_counter())
        if len(progress.history) == 1:
            watch.start()

    with open_sites(files) as reader:
        spec = make_spec(params, reader.layout, SEED)
        trunk = make_trunk(work.mode, None if work.mode == "frozen" else encoder)
        method = build(work.method, spec, method_params(work.method), trunk, drawn_texts(spec.width))
        flips = () if work.mode == "partial" else (FLIP,)
        forget_peak(fabric.device)
        optimiser = make_optimiser(method, params)
        training = Training(fabric, method, optimiser, reader, frames, params, SEED, flips=flips)
        training.run(TrainingProgress([], {}), on_epoch)
    each = (times[-1] - times[1]) / (EPOCHS - 2)
    shown = training.steps * BATCH + len(frames.val)
    return [f"{shown / each:.1f}", watch.share(each), peak(fabric.device)]


def make_trunk(mode: str, encoder: VitEncoder | None) -> Trunk:
    """Return what stands before a method: the features as they are, or what of an encoder the mode trains."""
    if encoder is None:
        return Frozen()
    if mode == "suffix":
        return FromCache(encoder.upper_blocks())
    return EndToEnd(encoder.lower_blocks().frozen(), encoder.upper_blocks(), size_px=encoder.size_px)


def measure_together(folder: Path, devices: int, seconds: float) -> list[str]:
    """Return the row of the training from features on several devices; Fabric starts this script once for each."""
    name = f"mcdrl, frozen, {devices} devices"
    environment = {**os.environ, "MCDRL_DEVICES": str(devices)}
    command = [sys.executable, "-m", "tests.benchmarks.accelerator", "--study", str(folder)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return [name, "auto", "no time left", "", ""]
    rows = [line for line in done.stdout.splitlines() if line.startswith("[")]
    told = done.stderr.strip().splitlines() or ["no word"]
    return [name, "auto", *json.loads(rows[0])] if rows else [name, "auto", f"failed: {told[-1]}", "", ""]


def parity(encoder: VitEncoder, folder: Path, device: torch.device) -> list[str]:
    """Return how far the device is from the CPU in float32: places of the dense map, and the terms of a step's loss."""
    files = {"A": site_files(folder, "A")}
    with open_sites(files) as reader:
        layout, ids = reader.layout, ["A/00001", "A/00002"]
        raw = reader.read(ids, mask=True, cached=layout.cached)
    spec = make_spec(train_params(mode="frozen"), layout, SEED)
    method = build("mcdrl", spec, method_params("mcdrl"), Frozen(), drawn_texts(spec.width)).eval()
    losses, dense = [], []
    for place in (torch.device("cpu"), device):
        moved = copy.deepcopy(encoder).to(place)
        dense.append(encode(moved, raw["frames/image"], ids)["dense"].astype(np.float32))
        batch, step = to_batch(raw, [0, 0], place), LossOf(copy.deepcopy(method).to(place))
        with torch.no_grad():
            terms = step(lambda batch=batch: batch, intervene=True)
        losses.append({name: float(value) for name, value in terms.items()})
    cosine = (dense[0] * dense[1]).sum(-1) / np.linalg.norm(dense[0], axis=-1) / np.linalg.norm(dense[1], axis=-1)
    apart = ", ".join(f"{name} {abs(losses[1][name] / value - 1):.1e}" for name, value in losses[0].items() if value)
    return [
        f"dense features beside the CPU's: least cosine {cosine.min():.5f}, {precision(device)} beside float32",
        f"loss of a step beside the CPU's, relative, both float32: {apart}",
    ]


def tried(work: Work, folder: Path, encoder: VitEncoder, enough: bool) -> list[str]:
    """Return the cells of a training, or why there are none; one that fails doesn't keep the others from being told."""
    if not enough:
        return ["no time left", "", ""]
    try:
        return measure_training(work, folder, encoder)
    except (RuntimeError, InputError) as error:
        return [f"failed: {next(iter(str(error).splitlines()), type(error).__name__)}", "", ""]


def rows_of(folder: Path, device: torch.device, *, large: bool, devices: int, budget: Budget) -> Iterator[list[str]]:
    """Yield the rows of the table, then lines of parity as rows of one cell, as long as there is time."""
    encoder = make_encoder(large=large)
    there = copy.deepcopy(encoder).to(device)
    yield measure_encode(there, device, min(20.0, budget.left_s() / 10) if large else 0.1)
    write_study(folder, there, device, LARGE_FRAMES if large else TINY_FRAMES)
    del there
    for work in WORKS:
        yield [work.name, work.place, *tried(work, folder, encoder, budget.left_s() > (_LEAST_S if large else 0))]
    if devices > 1:
        yield measure_together(folder, devices, max(budget.left_s(), 1))
    for line in parity(encoder, folder, device) if budget.left_s() > 0 else ["no time left for parity with the CPU"]:
        yield [line]


def main(
    minutes: Annotated[float, typer.Option(help="After these nothing more is begun.")] = 8.0,
    device: Annotated[str, typer.Option(help="cpu or cuda; auto: a GPU if there is one.")] = "auto",
    devices: Annotated[int, typer.Option(min=0, help="For data parallelism; 0: all GPUs.")] = 0,
    study: Annotated[Path | None, typer.Option(help="What it calls itself with: trains there.")] = None,
) -> None:
    """Print the table."""
    make_deterministic()
    if study is not None:
        row = measure_training(Work("", "mcdrl", "frozen"), study, None)
        if os.environ.get("LOCAL_RANK", "0") == "0":
            print(json.dumps(row))
        return
    budget, place = Budget(minutes), pick_device(device)
    os.environ["MCDRL_ACCELERATOR"] = place.type
    large = place.type == "cuda"
    name = torch.cuda.get_device_name(place) if large else f"{place.type}, {torch.get_num_threads()} threads"
    network = "ViT-L/14" if large else "a tiny ViT"
    print(f"{network} of random weights, batches of {BATCH}, {name}, torch {torch.__version__}\n")
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    with tempfile.TemporaryDirectory() as folder:
        together = devices or (torch.cuda.device_count() if large else 1)
        for row in rows_of(Path(folder), place, large=large, devices=together, budget=budget):
            print(f"| {' | '.join(row)} |" if len(row) > 1 else f"\n{row[0]}", flush=True)


if __name__ == "__main__":
    typer.run(main)
