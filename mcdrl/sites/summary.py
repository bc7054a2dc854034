"""What a person reads when a site is done."""

from __future__ import annotations

from mcdrl.base.issues import grouped
from mcdrl.sites.gate import Ingested

_SHOWN = (
    ("border_share", 0.03, "outside the view", False),
    ("panel_share", 0.1, "strips left and right", True),
    ("overlay_share", 0.001, "burnt-in text", True),
    ("marker_share", 0.01, "position boxes", False),
)  # column, share of a frame's area from which it counts, name, whether it is a part of the first one


def summary(site: str, result: Ingested) -> str:
    """Return what was accepted, what was refused and why, and what is odd: a line each."""
    cases = result.cases
    sides = cases["split"].value_counts()
    lines = [
        f"{site}: {len(cases)} frames accepted, {int(cases['lesion_class'].isna().sum())} of them without a lesion, "
        f"in {cases['group_id'].nunique()} groups: {sides.get('train', 0)} train, {sides.get('val', 0)} val; "
        f"{len(result.refused)} in quarantine"
    ]
    lines += [f"  {line}" for line in about_frames(result)]
    lines += [f"  quarantine: {line}" for line in grouped(result.refused)]
    lines += [f"  note: {line}" for line in grouped(result.notes)]
    return "\n".join(lines)


def about_frames(result: Ingested) -> list[str]:
    """Return a line for each thing that frames show beside the view, and one on what of them is looked at."""
    return [*_borders(result), *_view(result)]


def _view(result: Ingested) -> list[str]:
    """Return a line on what of the frames is looked at, where that isn't all."""
    shown, frames = result.geometry, result.cases
    wide = shown["crop_right_px"] - shown["crop_left_px"]
    high = shown["crop_bottom_px"] - shown["crop_top_px"]
    shares = (wide * high) / (frames["width_px"] * frames["height_px"]).to_numpy()
    cut = shares[shares < 1]
    if cut.empty:
        return []
    return [
        f"cut to the view: {len(cut)} of {len(shares)} frames, to {cut.median():.0%} of their area (median), "
        f"{cut.min():.0%} at least; view: full takes frames whole"
    ]


def _borders(result: Ingested) -> list[str]:
    """Return a line on what lies outside the endoscope's view, its parts and position boxes: in how many, how large."""
    told = dict[str, str]()
    for column, least, name, part in _SHOWN:
        shares = result.geometry[column]
        found = shares[shares >= least]
        if len(found):
            of_frames, of_area = len(found) / len(shares), float(found.mean())
            called = f"of that, {name}" if part and _SHOWN[0][0] in told else name
            told[column] = f"{called}: in {of_frames:.0%} of the frames, {of_area:.1%} of their area"
    return list(told.values())
