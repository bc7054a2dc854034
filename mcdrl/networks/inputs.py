"""Frames of several sites with all that is cached of them, streamed from the stores into a `Batch`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.features import FEATURES, PROVENANCE, map_names, tap_shapes
from mcdrl.artifacts.frames import FRAMES, IGNORED, lesion_of
from mcdrl.artifacts.regions import REGIONS
from mcdrl.artifacts.store_contract import Array
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.base.device import onto
from mcdrl.base.errors import InputError
from mcdrl.base.parallel import batches
from mcdrl.clip.encoder import Encoded
from mcdrl.imaging.flips import FLIPS, UNFLIPPED, flipped, flips_of, member
from mcdrl.networks.exposure import bright_end, lifted
from mcdrl.networks.interface import Batch
from mcdrl.regions.tuned import SelectsRegions
from mcdrl.study.paths import SiteFiles
from mcdrl.study.sections.mine_regions import TextSimilarity


def read_cases(files: Mapping[str, SiteFiles], lesion_classes: Sequence[str]) -> pd.DataFrame:
    """Read the tables of several sites into one, indexed by case, with a column `class_index` (-1: no lesion).

    Raises:
        InputError: a table is missing, or names a class that isn't among `lesion_classes`.
    """
    tables = [_with_index(CASES.read(place.cases), place.cases, lesion_classes) for place in files.values()]
    return pd.concat(tables, ignore_index=True).set_index("case_id", drop=False)


def _with_index(rows: pd.DataFrame, path: Path, lesion_classes: Sequence[str]) -> pd.DataFrame:
    index = {kind: number for number, kind in enumerate(lesion_classes)}
    found = rows["lesion_class"]
    unknown = sorted(set(found.dropna()) - set(index))
    if unknown:
        raise InputError(f"{path} names the lesion class '{unknown[0]}', legal: {', '.join(lesion_classes)}")
    return rows.assign(class_index=[index[kind] if isinstance(kind, str) else -1 for kind in found])


Raw = dict[str, Array]  # dataset -> rows as they are stored, [B, ...]
_PREFIX = "features/prefix"
_AT_ONCE = 64  # frames or masks that are read at a time to be measured


@dataclass(frozen=True)
class StoresLayout:
    """What the stores of all sites agree on.

    Attributes:
        width: D.
        size_px: side of the frames, px.
        map_channels: tap -> channels, from fine to coarse.
        fingerprint: of the encoder.
        dense_mode: of the encoder.
        alpha: share of the grid that was mined.
        text_similarity: how places were compared with the class texts, as `mine_regions.similarity` names it.
        grid: (H, W) of the dense map.
        map_sides: tap -> places along a side.
        flips: the mirrored frames that were encoded, too.
        provenance: device and precision that the features were made with, such as "cpu, float32".
        maps: whether maps and prefix are stored.
        prefix_tap: the tap whose map the prefix is, see `FEATURES`; empty: it is stored by itself.
        prefix_stored: whether anything of the prefix is stored beside that map.
    """

    width: int
    size_px: int
    map_channels: Mapping[str, int]
    fingerprint: str
    dense_mode: str
    alpha: float
    text_similarity: TextSimilarity
    grid: tuple[int, int]
    map_sides: Mapping[str, int]
    flips: Sequence[str]
    provenance: str
    maps: bool
    prefix_tap: str
    prefix_stored: bool

    @property
    def cached(self) -> list[str]:
        """Return all that is stored of the features, as `SitesReader.read` takes it."""
        return ["dense", "image", *map_names(self.map_channels), "prefix"]


class SitesReader:
    """Reads frames of several sites by case; made by `open_sites`."""

    def __init__(self, readers: Mapping[str, Mapping[str, StoreReader]]) -> None:
        """Take site -> ("frames" | "features" | "regions") -> open store, at least one of them with frames."""
        self._readers = readers
        self.layout = _layout([stores for stores in readers.values() if len(stores["frames"])])

    def read(
        self, case_ids: Sequence[str], *, mask: bool, cached: Sequence[str], flips: Sequence[str] | None = None,
        maps: Sequence[str] = (),
    ) -> Raw:  # fmt: skip
        """Read the rows of the given cases, in the order given.

        Args:
            case_ids: "<site>/<file stem>".
            flips: how each frame is mirrored, as `mcdrl.imaging.flips` names it; None: not at all.
            mask: whether to read the masks; nobody but training and scoring should.
            cached: what to read of the frames' features, those of mirrored frames included, as `Trunk.cached` names it;
                without any the regions of a mirrored frame are the mirrored regions of the frame.
            maps: taps whose maps are read besides.

        Returns:
            The rows as they are stored; where the prefix is a tap's map, what stands before it there, which may be
            nothing, as "features/prefix/<tap>".
        """
        wanted = [("frames", "image"), ("regions", "similarity"), ("regions", "selected")]
        wanted += [("frames", "mask")] * mask
        wanted += [("features", name) for name in self._stored([*cached, *map_names(maps)])]
        views = list(zip(case_ids, flips or [UNFLIPPED] * len(case_ids), strict=True))
        own = {"regions", "features"} if cached else set()
        raw = {f"{store}/{dataset}": self._rows(store, dataset, views, store in own) for store, dataset in wanted}
        tap = self.layout.prefix_tap
        if tap and "prefix" in cached:
            nothing = np.zeros((len(views), 0), np.float16)
            raw[f"{_PREFIX}/{tap}"] = raw.pop(_PREFIX, nothing)
        return raw

    def _stored(self, names: Sequence[str]) -> list[str]:
        """Return the datasets that hold these, each once."""
        layout = self.layout
        whole = map_names([layout.prefix_tap] * bool(layout.prefix_tap)) + ["prefix"] * layout.prefix_stored
        return list(dict.fromkeys(one for name in names for one in (whole if name == "prefix" else [name])))

    def images(self, case_ids: Sequence[str]) -> Array:
        """Read the frozen encoder's image features alone, [B, D] float16, in the order given."""
        return self._rows("features", "image", [(case, UNFLIPPED) for case in case_ids], own=True)

    def lesion_shares(self, case_ids: Sequence[str]) -> Array:
        """Read which share of each frame its mask calls lesion, [n] float64 in 0..1, in the order given."""
        views = [(case, UNFLIPPED) for case in case_ids]
        parts = (self._rows("frames", "mask", part, own=False) for part in batches(views, _AT_ONCE))
        return np.concatenate([lesion_of(masks).mean((1, 2)) for masks in parts])

    def bright_ends(self, case_ids: Sequence[str]) -> Array:
        """Read how bright each frame's brightest patch is, [n] float32 in 0..1, in the order given."""
        views = [(case, UNFLIPPED) for case in case_ids]
        parts = (self._rows("frames", "image", part, own=False) for part in batches(views, _AT_ONCE))
        frames = (torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255) for images in parts)
        return torch.cat([bright_end(one) for one in frames]).numpy()

    def _rows(self, store: str, dataset: str, views: Sequence[tuple[str, str]], own: bool) -> Array:
        """Read rows of frames, mirrored or not; `own`: mirrored frames have rows of their own."""
        out: Array | None = None
        for (site, flip), at in _by_source(views).items():
            cases, reader = [views[place][0] for place in at], self._readers[site][store]
            rows = _own_rows(reader, dataset, cases, flip) if own else flipped(reader.rows(dataset, cases), flip)
            if len(at) == len(views):
                return rows
            out = np.empty((len(views), *rows.shape[1:]), rows.dtype) if out is None else out
            out[at] = rows
        if out is None:
            raise ValueError("no cases to read")
        return out


def _own_rows(reader: StoreReader, dataset: str, case_ids: Sequence[str], flip: str) -> Array:
    if flip == UNFLIPPED:
        return reader.rows(dataset, case_ids)
    group = "flipped_selected" if dataset == "selected" else "flipped"
    return reader.rows(f"{group}/{member(flip, dataset)}", case_ids)


def _by_source(views: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
    at: dict[tuple[str, str], list[int]] = {}
    for place, (case, flip) in enumerate(views):
        at.setdefault((case.partition("/")[0], flip), []).append(place)
    return at


@contextmanager
def open_sites(files: Mapping[str, SiteFiles]) -> Iterator[SitesReader]:
    """Open the stores of several sites.

    Raises:
        InputError: a file is missing or damaged, all sites are empty, or two files come from different encoders.
    """
    with ExitStack() as stack:
        readers = {
            site: {
                "frames": stack.enter_context(FRAMES.read(place.frames)),
                "features": stack.enter_context(FEATURES.read(place.features)),
                "regions": stack.enter_context(REGIONS.read(place.regions)),
            }
            for site, place in files.items()
        }
        if not any(len(stores["frames"]) for stores in readers.values()):
            raise InputError(f"no frames in {', '.join(str(place.frames) for place in files.values())}")
        provenances = {site: _provenance(stores["features"]) for site, stores in readers.items()}
        first = next(iter(provenances))
        for site, stores in readers.items():
            check_provenance(site, provenances[site], f"site '{first}'", provenances[first])
            for name in PROVENANCE:
                _agree([stores["features"], stores["regions"]], name)
        _agree([stores[kind] for stores in readers.values() for kind in ("features", "regions")], "fingerprint")
        _agree([stores[kind] for stores in readers.values() for kind in ("features", "regions")], "dense_mode")
        for name in ("alpha", "text_similarity"):
            _agree([stores["regions"] for stores in readers.values()], name)
        yield SitesReader(readers)


def check_provenance(site: str, provenance: str, whose: str, expected: str) -> None:
    """Check that features were made alike, as a coarser precision or other kernels could pass for a site's own look.

    Args:
        site: whose features they are.
        provenance: device and precision that they were made with, as in `StoresLayout`.
        whose: what they are used beside, such as "site 'A'".
        expected: likewise of those.

    Raises:
        InputError: the two differ.
    """
    if provenance != expected:
        raise InputError(
            f"the features of site '{site}' were made with {provenance}, those of {whose} with {expected}; make them "
            f"again on a machine that has {expected.partition(',')[0]}: `dvc repro -f -s encode@{site}`, then "
            "`dvc repro`"
        )


def _provenance(features: StoreReader) -> str:
    return ", ".join(features.attributes[name] for name in PROVENANCE)


def _agree(readers: Sequence[StoreReader], attribute: str) -> None:
    first = readers[0]
    for reader in readers:
        ours, theirs = first.attributes[attribute], reader.attributes[attribute]
        if ours != theirs:
            raise InputError(
                f"{first.path} and {reader.path} differ in {attribute} ({ours[:12]} and {theirs[:12]}); "
                "run `dvc repro` to make both anew"
            )


def _layout(sites: Sequence[Mapping[str, StoreReader]]) -> StoresLayout:
    frames, features, regions = (sites[0][kind] for kind in ("frames", "features", "regions"))
    shapes = tap_shapes(features.attributes["taps"])
    return StoresLayout(
        width=features.shape("dense")[2],
        size_px=frames.shape("image")[0],
        map_channels={tap: shapes[tap][2] for tap in fine_to_coarse(shapes)},
        fingerprint=features.attributes["fingerprint"],
        dense_mode=features.attributes["dense_mode"],
        alpha=float(regions.attributes["alpha"]),
        text_similarity=cast(TextSimilarity, regions.attributes["text_similarity"]),
        grid=(features.shape("dense")[0], features.shape("dense")[1]),
        map_sides={tap: shape[1] for tap, shape in shapes.items()},
        provenance=_provenance(features),
        flips=[flip for flip in FLIPS if all(flip in flips_of(site["features"].members("flipped")) for site in sites)],
        maps=all(site["features"].members("maps") for site in sites),
        prefix_tap=features.attributes["prefix_tap"],
        prefix_stored=features.has("prefix"),
    )


def fine_to_coarse(taps: Iterable[str]) -> list[str]:
    """Return taps by the number in their name, which is a stride or a block, and grows from fine to coarse."""
    return sorted(taps, key=lambda tap: int("".join(re.findall(r"\d", tap)) or 0))


@dataclass(frozen=True)
class Rows:
    """What is stored of B frames, as tensors in one place.

    Attributes:
        tensors: dataset -> rows, as `SitesReader.read` gives them; with masks also "frames/held", [B, 254] bool,
            whether each mask has lesion of each class.
        kept: places that were mined in every frame.
    """

    tensors: Mapping[str, Tensor]
    kept: int


def to_rows(raw: Raw) -> Rows:
    """Return rows as `SitesReader.read` gives them as tensors on the CPU.

    Raises:
        ValueError: the frames differ in their number of mined places.
    """
    tensors = {name: torch.from_numpy(rows) for name, rows in raw.items()}
    if "frames/mask" in raw:
        tensors["frames/held"] = torch.from_numpy(_held(raw["frames/mask"]))
    counts = sorted({int(frame.sum()) for frame in raw["regions/selected"]})
    if len(counts) > 1:
        raise ValueError(f"frames of one batch have {counts} selected places, expected one number")
    return Rows(tensors, counts[0] if counts else 0)


def to_batch(
    raw: Raw, class_index: Sequence[int], device: torch.device, miner: SelectsRegions | None = None,
    dark_below: float = 0.0,
) -> Batch:  # fmt: skip
    """Turn rows as `SitesReader.read` gives them into a batch on a device; see `batch_of_rows`."""
    return batch_of_rows(to_rows(raw), class_index, device, miner=miner, dark_below=dark_below)


def batch_of_rows(
    rows: Rows, class_index: Sequence[int], device: torch.device, sites: Sequence[int] | None = None,
    miner: SelectsRegions | None = None, dark_below: float = 0.0,
) -> Batch:  # fmt: skip
    """Turn rows into a batch on a device; images and maps lie channels last there. Nobody waits for CUDA.

    Args:
        rows: without "frames/mask" the masks are zeros, features that aren't there are empty.
        class_index: the frames' lesion classes, -1: none or unknown.
        device: where to.
        sites: the numbers of the frames' sites; None: they don't matter.
        miner: selects the regions by the maps; None: they are as stored.
        dark_below: as that of the `Method` that they are for.
    """
    tensors = {name: onto(value, device) for name, value in rows.tensors.items()}
    frame = tensors["frames/image"].permute(0, 3, 1, 2).float().div_(255)
    labels = tensors.get("frames/mask", torch.zeros((), dtype=torch.uint8, device=device))
    mask = _any_class(labels).expand(frame.shape[0], *frame.shape[2:])
    taps = [name for name in tensors if name.startswith("features/maps/")]
    nothing = frame.new_zeros(len(frame), 0)
    maps = {name.rpartition("/")[2]: _grid(tensors[name]) for name in taps}
    encoded = Encoded(
        dense=_grid(tensors.get("features/dense", nothing[:, :, None, None])),
        image_embedding=tensors.get("features/image", nothing).float(),
        maps=maps,
        prefix=_prefix(tensors, maps, nothing),
    )
    stored = tensors["regions/similarity"].float(), tensors["regions/selected"]
    similarity, selected = miner.regions(encoded.maps) if miner else stored
    return Batch(
        frame=lifted(frame, dark_below),
        encoded=encoded,
        similarity=similarity,
        selected=selected,
        kept=miner.kept if miner else rows.kept,
        mask=mask,
        lesion_class=_numbers(class_index, device),
        site=None if sites is None else _numbers(sites, device),
        held=tensors.get("frames/held"),
    )


def with_masks(batch: Batch, labels: Array, class_index: Sequence[int], sites: Sequence[int]) -> Batch:
    """Return a batch of frames that came without masks as `to_batch` gives it with them.

    Args:
        batch: B frames.
        labels: [B, S, S] uint8, 0 background, k + 1 lesion of class k, 255 ignored.
        class_index: the frames' lesion classes, -1: none or unknown.
        sites: the numbers of the frames' sites.
    """
    device = batch.frame.device
    return replace(
        batch,
        mask=_any_class(onto(torch.from_numpy(labels), device)),
        lesion_class=_numbers(class_index, device),
        site=_numbers(sites, device),
        held=onto(torch.from_numpy(_held(labels)), device),
    )


def _any_class(labels: Tensor) -> Tensor:
    return torch.where(labels == IGNORED, IGNORED, (labels > 0).long())


def _held(labels: Array) -> Array:
    """Return whether each mask has lesion of class k, [B, 254] bool; class k has the label k + 1."""
    return np.stack([np.bincount(mask.ravel(), minlength=256)[1:IGNORED] > 0 for mask in labels])


def _grid(rows: Tensor) -> Tensor:
    return rows.float().permute(0, 3, 1, 2)


def _prefix(tensors: Mapping[str, Tensor], maps: Mapping[str, Tensor], nothing: Tensor) -> Tensor:
    """Return the prefix, [B, ...]: as it is stored, or the map that it is, behind the tokens stored for it."""
    name = next((name for name in tensors if name.startswith(_PREFIX)), None)
    if name is None:
        return nothing
    stored, tap = tensors[name].float(), name.removeprefix(_PREFIX).removeprefix("/")
    if not tap:
        return stored.contiguous(memory_format=torch.channels_last if stored.dim() == 4 else torch.contiguous_format)
    return torch.cat([stored, maps[tap].flatten(2).mT], 1) if stored.dim() == 3 else maps[tap]


def _numbers(values: Sequence[int], device: torch.device) -> Tensor:
    return onto(torch.tensor(list(values), dtype=torch.long), device)
