"""Which groups of a site are kept for the choice of the epoch."""

from __future__ import annotations

from collections.abc import Iterable

from mcdrl.base.seeds import seed_for


def split_groups(site: str, groups: Iterable[str], val_share: float) -> dict[str, str]:
    """Return "train" or "val" for each group of a site.

    A group's place follows from the names of site and group alone, so that it stays when sites or groups are added.
    As long as there are two groups, each side has one: an empty side gets the group whose number is nearest to it. A
    single group is "train".

    Args:
        site: the site's name.
        groups: patients or sequences; may repeat.
        val_share: about which share of the groups becomes "val", above 0 and below 1.
    """
    draw = {group: seed_for("split", site, group) / 2**32 for group in sorted(set(groups))}
    sides = {group: "val" if number < val_share else "train" for group, number in draw.items()}
    if len(draw) >= 2 and "val" not in sides.values():
        sides[min(draw, key=draw.__getitem__)] = "val"
    if draw and "train" not in sides.values():
        sides[max(draw, key=draw.__getitem__)] = "train"
    return sides
