"""Groups on one side or the other."""

import hashlib

import pytest

from mcdrl.sites.split import split_groups

NAMES = [f"patient {number}" for number in range(2000)]


def test_a_group_s_side_follows_from_its_names():
    """The number is the first four bytes of a SHA-256, low byte first, as a share of 2**32."""
    sides = split_groups("A", NAMES[:50], 0.2)
    for group, side in sides.items():
        digest = hashlib.sha256(f"split\x1fA\x1f{group}".encode()).digest()
        share = sum(byte << (8 * place) for place, byte in enumerate(digest[:4])) / 2**32
        assert side == ("val" if share < 0.2 else "train")


def test_about_the_share_of_the_groups_is_val():
    sides = list(split_groups("A", NAMES, 0.2).values())
    assert abs(sides.count("val") / len(sides) - 0.2) < 0.03


def test_groups_stay_where_they_are_when_others_come():
    few, many = split_groups("A", NAMES[:40], 0.2), split_groups("A", reversed(NAMES), 0.2)
    assert few == {group: many[group] for group in NAMES[:40]}


def test_a_larger_share_only_adds():
    small, large = split_groups("A", NAMES, 0.1), split_groups("A", NAMES, 0.3)
    assert all(large[group] == "val" for group in NAMES if small[group] == "val")


def test_sites_are_split_independently():
    assert split_groups("A", NAMES, 0.2) != split_groups("B", NAMES, 0.2)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.499])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("site", "ABCDEFGH")
def test_both_sides_have_a_group_from_two_on(site, count, share):
    assert set(split_groups(site, NAMES[:count], share).values()) == {"train", "val"}


def test_a_single_group_is_for_training():
    for name in NAMES[:20]:
        assert split_groups("A", [name, name], 0.499) == {name: "train"}


def test_no_groups():
    assert split_groups("A", [], 0.2) == {}
