"""The look of healthy mucosa: an unrolled atlas of texture, vessels and relief, and its colour."""

from dataclasses import dataclass

import numpy as np

from mcdrl.base.fields import Array, padded, rgb, sample_table, smooth_field
from mcdrl.renderer.style import Mucosa
from mcdrl.renderer.tube import Tube, wall_coordinates
from mcdrl.renderer.vessels import vessel_map

_ROWS, _COLUMNS = 512, 320
_TEXELS_PER_TURN = _ROWS / (2 * np.pi)
_TEXELS_PER_LENGTH = 80.0

_VESSEL_ABSORPTION = rgb([0.30, 0.78, 0.62])
_PATCH_COLOUR = rgb([0.35, 1.0, 0.9])


@dataclass(frozen=True)
class Atlas:
    """Wall texture [row = angle, column = depth, layer], periodic on both axes and padded.

    Layers: mottling, grain, patches of redness (all mean 0, std about 1), vessel darkness 0..1,
    relief slope around and along the tube.
    """

    layers: Array


@dataclass(frozen=True)
class Surface:
    """Atlas values where rays meet the wall, each [N]."""

    mottling: Array
    grain: Array
    patches: Array
    vessel: Array
    slope_around: Array
    slope_along: Array


def make_atlas(rng: np.random.Generator, mucosa: Mucosa) -> Atlas:
    """Random atlas of one patient."""
    shape = (_ROWS, _COLUMNS)
    coarse = smooth_field(rng, shape, (56, 35), periodic=True)
    fine = smooth_field(rng, shape, (128, 80), periodic=True)
    finest = smooth_field(rng, shape, (256, 160), periodic=True)
    patches = smooth_field(rng, shape, (12, 7), periodic=True)
    vessels = vessel_map(rng, shape, mucosa.vessel_trees, mucosa.vessel_calibre)
    depth = 0.55 + 0.45 * np.tanh(patches + 0.5 * coarse)  # vessels lie at varying depth
    height = 0.6 * coarse + 0.25 * fine
    around = np.roll(height, -1, 0) - np.roll(height, 1, 0)
    along = np.roll(height, -1, 1) - np.roll(height, 1, 1)
    layers = [0.6 * coarse + 0.5 * fine, 0.5 * fine + 0.8 * finest, patches]
    stacked = np.stack([*layers, vessels * depth, around, along], axis=-1)
    return Atlas(padded(np.asarray(stacked, dtype=np.float32)))


def look_up(atlas: Atlas, tube: Tube, points: Array, shift: tuple[float, float]) -> Surface:
    """Texture at wall points [3, N]; `shift` (turns, lengths) shows another part of the patient."""
    rho, angle, _, _ = wall_coordinates(tube, points)
    u = (angle + 2 * np.pi * shift[0]) * np.float32(_TEXELS_PER_TURN)
    # Length along the tissue, not the axis: on a fold's face the wall runs inwards.
    v = (points[2] + 0.9 * (1 - rho) + shift[1]) * np.float32(_TEXELS_PER_LENGTH)
    values = sample_table(atlas.layers, u % _ROWS, v % _COLUMNS)
    # Far away a pixel averages over much texture.
    values *= np.clip(1.7 / (0.7 + np.sqrt((points * points).sum(0))), 0, 1)[:, None]
    return Surface(*(values[:, k] for k in range(values.shape[1])))


def mucosa_colour(mucosa: Mucosa, surface: Surface) -> Array:
    """Albedo [N, 3] of healthy wall, linear RGB, roughly 0..1."""
    base = rgb(mucosa.colour)
    brightness = 1 + mucosa.mottling * surface.mottling + mucosa.grain * surface.grain
    redness = mucosa.patches * surface.patches
    colour = base * brightness[:, None] * (1 - redness[:, None] * _PATCH_COLOUR * 0.6)
    absorbed = mucosa.vessels * surface.vessel[:, None] * _VESSEL_ABSORPTION
    return np.asarray(np.clip(colour * (1 - absorbed), 0.02, 1.2), dtype=np.float32)
