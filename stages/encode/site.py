"""All frames of one site through the encoder, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from mcdrl.artifacts.features import FEATURES, taps_attribute
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.plan import EncodePlan
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.base.device import pick_device
from mcdrl.base.errors import InputError
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import progress
from mcdrl.clip.card import read_stored
from mcdrl.clip.encoder import Encoder
from mcdrl.clip.encoding import Array, encode, precision
from mcdrl.clip.load import load_encoder
from mcdrl.imaging.flips import flipped, member
from mcdrl.study.paths import IngestedFiles
from mcdrl.study.sections.encode import Params

_MAPS = "maps__"


def encode_site(
    site: str, frames: Path, backbone: Path, out: Path, params: Params, needed: EncodePlan, device: str
) -> str:
    """Write the features of a site.

    Args:
        site: its name.
        frames: folder of the ingested site.
        backbone: folder of the obtained backbone.
        out: HDF5 file to write.
        params: numbers.
        needed: what of the features is written.
        device: cpu, cuda, ...; auto: a GPU if there is one.

    Returns:
        What was done, in a line.

    Raises:
        InputError: an input is missing, damaged or another site's, or there is no such device.
    """
    place = pick_device(device)
    encoder: Encoder = load_encoder(backbone, params.dense).to(place)
    stamps = {
        "backbone": read_stored(backbone).name, "fingerprint": encoder.fingerprint, "device": place.type,
        "precision": str(precision(place)).removeprefix("torch."),
    }  # fmt: skip
    with FRAMES.read(IngestedFiles(frames).frames) as reader:
        cases = reader.case_ids
        stamps |= {"site": _site_of(reader, site), "dense_mode": encoder.dense_mode}
        groups = list(batches(cases, params.batch_size))
        encoded = _encoded(encoder, reader, groups, needed.flips)
        first = next(encoded, {})  # tells the shapes
        stamps |= {"taps": taps_attribute(_shapes(first)), "prefix_tap": encoder.prefix_tap or ""}
        with FEATURES.write(out, cases, stamps) as writer:
            for rows in progress(chain([first], encoded), f"encode {site}", len(groups)):
                writer.append(**_needed(rows, needed))
    return f"{site}: {len(cases)} frames, {encoder.dense_mode}, joint width {encoder.width}"


def _site_of(reader: StoreReader, expected: str) -> str:
    """Return the site that the frames belong to; raise InputError where that isn't the expected one."""
    found = reader.attributes["site"]
    if found != expected:
        raise InputError(f"{reader.path} holds frames of site '{found}', expected '{expected}'; run `dvc repro`")
    return found


def _encoded(
    encoder: Encoder, reader: StoreReader, groups: Sequence[Sequence[str]], flips: Sequence[str]
) -> Iterator[dict[str, Array]]:
    """Yield all that is known of each group of frames, and of their mirror images."""
    for group in groups:
        images = reader.rows("image", group)
        rows = encode(encoder, images, group)
        for flip in flips:
            rows |= _as_flipped(encode(encoder, flipped(images, flip), group), flip)
        yield rows


def _shapes(rows: Mapping[str, Array]) -> dict[str, Sequence[int]]:
    return {name.removeprefix(_MAPS): value.shape[1:] for name, value in rows.items() if name.startswith(_MAPS)}


def _needed(rows: Mapping[str, Array], needed: EncodePlan) -> dict[str, Array]:
    """Return what is written of what the encoder says."""
    cached = [name for name in rows if name.startswith(_MAPS) or name == "prefix"]
    return {name: value for name, value in rows.items() if needed.maps or name not in cached}


def _as_flipped(rows: dict[str, Array], flip: str) -> dict[str, Array]:
    return {f"flipped__{member(flip, name.replace('__', '/'))}": value for name, value in rows.items()}
