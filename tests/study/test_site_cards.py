"""Site cards: strict, one screen each, and complete."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.study.params import Site, resolve
from mcdrl.study.site_cards import SITE_CARDS, card_names, read_card

SCREEN = 50  # lines


@pytest.mark.parametrize("name", card_names())
def test_every_card_is_complete_and_fits_a_screen(name):
    card = read_card(name)
    assert len((SITE_CARDS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()) <= SCREEN
    gaps = card.read.gaps()
    assert gaps == [] or (name in ("folder", "nnunet") and len(gaps) == 1)


def test_the_cards_that_are_promised():
    promised = {"folder", "phantom", "kvasir_seg", "cvc_clinicdb", "etis_larib", "bm_broncholc", "laryngoscope8"}
    promised |= {f"polypgen_c{centre}" for centre in range(1, 7)}
    assert promised <= set(card_names())


def test_published_checksums_of_bm_broncholc():
    assert {item.file: item.md5 for item in read_card("bm_broncholc").downloads} == {
        "Lung_cancer.zip": "b5be15defd71e5a136ee854e5f3f7b74",
        "Non_lung_cancer.zip": "25b9ca4b1ff568a95a235f2168b2a693",
    }


def test_clinicdb_has_29_sequences_and_612_frames():
    card = read_card("cvc_clinicdb")
    assert len(card.read.sequence_ends) == card.expected.groups == 29
    assert card.read.sequence_ends[-1] == card.expected.frames == 612


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel: t\nread: {masks: '{stem}'}\n", "titel: unknown key; did you mean 'title'"),
        ("title: t\nread: {mask: '{stem}'}\n", r"read\.mask: unknown key; did you mean 'masks'"),
        ("title: t\nread: {}\nlicence: {nam: x, terms: y}\n", r"licence\.nam: unknown key; did you mean 'name'"),
        ("title: t\nread: {}\ndownloads: [{ulr: 'https://x', file: a}]\n", r"0\.ulr: unknown key; did you mean 'url'"),
        ("title: t\nread: {masks: all.png}\n", "masks must contain"),
        ("title: t\nread: {}\ndownloads: [{url: 'ftp://x', file: a}]\n", "url"),
        ("title: t\nread: {}\ndownloads: [{url: 'https://x', file: ../a}]\n", "file"),
        ("title: t\nread: {}\ndownloads: [{url: 'https://x', file: a}]\n", "need a licence"),
        ("- a\n", "holds a list"),
        ("a: [", "not valid YAML"),
        ("title: t\nread: {masks: '{stem}', mask_threshold: 1, mask_threshold: 9}\n", "'mask_threshold' stands twice"),
    ],
)
def test_a_wrong_card_names_what_is_wrong(tmp_path, text, message):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_card("x", tmp_path)


def test_an_unknown_card_is_named_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'kvasir_seg'"):
        read_card("kvasirseg")


def test_a_site_overrides_its_card():
    site = Site(card="kvasir_seg", root="x", mask_threshold=100, lesion_class="cyst")
    reading = resolve(site)
    assert (reading.mask_threshold, reading.lesion_class, reading.masks) == (100, "cyst", "masks/{stem}.jpg")


def test_what_card_and_site_leave_open_is_said():
    with pytest.raises(InputError, match="card 'folder': nothing says which class"):
        resolve(Site(card="folder", root="x"))
