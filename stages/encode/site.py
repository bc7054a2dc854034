"""All frames of one site through the encoder, a batch at a time."""

from __future__ import annotations

from pathlib import Path

from stages.core.base.runtime import progress
from stages.core.clip.card import read_stored
from stages.core.clip.encoder import Encoder
from stages.core.clip.load import load_encoder
from stages.core.contracts.features import FEATURES
from stages.core.contracts.frames import FRAMES
from stages.core.device import pick_device
from stages.core.flips import flipped, member
from stages.core.segment.encoding import Array, encode, precision
from stages.encode.batches import batches, site_of
from stages.encode.params import Params


def encode_site(site: str, frames: Path, backbone: Path, out: Path, params: Params, device: str) -> str:
    """Write the features of a site.

    Args:
        site: its name.
        frames: folder of the ingested site.
        backbone: folder of the obtained backbone.
        out: HDF5 file to write.
        params: numbers.
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
    with FRAMES.read(frames / "frames.h5") as reader:
        cases = reader.case_ids
        attributes = {"site": site_of(reader, site), "dense_mode": encoder.dense_mode, **stamps}
        with FEATURES.write(out, cases, attributes) as writer:
            groups = batches(cases, params.batch_size)
            for group in progress(groups, f"encode {site}", len(groups)):
                images = reader.rows("image", group)
                writer.append(**encode(encoder, images, group))
                for flip in params.flips:
                    writer.append(**_as_flipped(encode(encoder, flipped(images, flip), group), flip))
    return f"{site}: {len(cases)} frames, {encoder.dense_mode}, joint width {encoder.width}"


def _as_flipped(rows: dict[str, Array], flip: str) -> dict[str, Array]:
    return {f"flipped__{member(flip, name.replace('__', '/'))}": value for name, value in rows.items()}
