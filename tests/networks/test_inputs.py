import numpy as np
import pytest
import torch

from mcdrl.artifacts.features import FEATURES
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.regions import REGIONS
from mcdrl.base.errors import InputError
from mcdrl.networks import inputs
from mcdrl.networks.inputs import fine_to_coarse, open_sites, read_cases, to_batch
from mcdrl.networks.texts import read_texts
from mcdrl.study.paths import site_files
from tests import stub_sites
from tests.factories import write_frames


@pytest.fixture
def artifacts(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A", "B"), count=6)
    return tmp_path


def _files(artifacts, *sites):
    return {site: site_files(artifacts, site) for site in sites}


def test_a_batch_of_two_sites_holds_each_frame_s_own_rows(artifacts):
    cases = ["B/004", "A/001", "B/000"]
    with open_sites(_files(artifacts, "A", "B")) as reader:
        batch = to_batch(reader.read(cases, mask=True, cached=reader.layout.cached), [0, 1, -1], torch.device("cpu"))
    for row, (site, frame) in enumerate([("B", 4), ("A", 1), ("B", 0)]):
        images, masks, _ = stub_sites.draw(site, 6)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        said = stub_sites.features(pixels)
        torch.testing.assert_close(batch.frame[row], pixels[frame])
        assert torch.equal(batch.mask[row], torch.from_numpy(masks[frame]).long())
        half = {"rtol": 1e-3, "atol": 1e-3}
        torch.testing.assert_close(batch.encoded.dense[row], said.dense[frame], **half)
        torch.testing.assert_close(batch.encoded.image_embedding[row], said.image_embedding[frame], **half)
        torch.testing.assert_close(batch.encoded.prefix[row], said.prefix[frame], **half)
        for tap, grid in said.maps.items():
            torch.testing.assert_close(batch.encoded.maps[tap][row], grid[frame], **half)
    assert batch.lesion_class.tolist() == [0, 1, -1]
    assert batch.selected.flatten(1).sum(1).tolist() == [stub_sites.KEPT] * 3


def test_how_much_of_a_frame_is_lesion_is_what_its_mask_says(artifacts, monkeypatch):
    monkeypatch.setattr(inputs, "_AT_ONCE", 2)
    images, masks, _ = stub_sites.draw("A", 6)
    labels = masks.astype(np.uint8)
    labels[:, :4] = 255
    write_frames(artifacts / "ingest" / "A", [f"A/{frame:03d}" for frame in range(6)], images, labels)
    with open_sites(_files(artifacts, "A", "B")) as reader:
        found = reader.lesion_shares(["B/004", "A/001", "A/000"])
    theirs = stub_sites.draw("B", 6)[1]
    pixels = stub_sites.SIDE**2
    expected = [theirs[4].sum() / pixels, *((labels[frame] == 1).sum() / pixels for frame in (1, 0))]
    np.testing.assert_allclose(found, expected)
    assert max(expected) > 0


def test_mirrored_frames_come_with_masks_features_and_regions_of_their_own(artifacts):
    cases, ways = ["B/004", "A/001", "B/001"], ["horizontal", "", "horizontal"]
    with open_sites(_files(artifacts, "A", "B")) as reader:
        assert reader.layout.flips == ["horizontal"]
        batch, straight = (
            to_batch(
                reader.read(cases, mask=True, cached=reader.layout.cached, flips=flips), [0, 1, 0], torch.device("cpu")
            )
            for flips in (ways, None)
        )
    said = stub_sites.features(straight.frame.flip(-1))
    for row, way in enumerate(ways):
        dims = [-1] if way else []
        for ours, theirs in (("frame", "frame"), ("mask", "mask"), ("selected", "selected")):
            assert torch.equal(getattr(batch, ours)[row], getattr(straight, theirs)[row].flip(dims))
        expected = said if way else straight.encoded
        torch.testing.assert_close(batch.encoded.dense[row], expected.dense[row], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(batch.encoded.maps["s4"][row], expected.maps["s4"][row], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(batch.encoded.prefix[row], expected.prefix[row], rtol=1e-3, atol=1e-3)


def test_without_features_all_of_a_mirrored_frame_is_the_frame_s_own_mirrored(artifacts):
    with open_sites(_files(artifacts, "A")) as reader:
        wanted = {"mask": True, "cached": [], "maps": ["s8"]}
        straight = reader.read(["A/001", "A/002"], **wanted)
        mirrored = reader.read(["A/001", "A/002"], flips=["horizontal", ""], **wanted)
    assert set(straight) == {
        "frames/image",
        "frames/mask",
        "features/maps/s8",
        "regions/similarity",
        "regions/selected",
    }
    for name, rows in straight.items():
        np.testing.assert_array_equal(mirrored[name][0], rows[0][:, ::-1])
        np.testing.assert_array_equal(mirrored[name][1], rows[1])


def test_what_is_not_asked_for_is_not_read(artifacts):
    with open_sites(_files(artifacts, "A")) as reader:
        raw = reader.read(["A/000"], mask=False, cached=["dense", "maps/s4"])
    assert set(raw) == {
        "frames/image", "regions/similarity", "regions/selected", "features/dense", "features/maps/s4"
    }  # fmt: skip
    batch = to_batch(raw, [-1], torch.device("cpu"))
    assert batch.mask.shape == (1, stub_sites.SIDE, stub_sites.SIDE)
    assert not batch.mask.any()
    assert batch.encoded.prefix.shape == (1, 0)


def test_a_prefix_of_tokens_is_put_together_from_a_map_and_what_stands_before_it(artifacts):
    path, tokens = site_files(artifacts, "A").features, np.arange(6 * 8, dtype=np.float16).reshape(6, 1, 8)
    with FEATURES.read(path) as store:
        cases, names = store.case_ids, ["dense", "image", "maps/s4", "maps/s8"]
        rows = {name.replace("/", "__"): store.rows(name, cases) for name in names}
        stamps = store.attributes
    with FEATURES.write(path, cases, stamps) as store:
        store.append(**rows, prefix=tokens)
    with open_sites(_files(artifacts, "A")) as reader:
        raw = reader.read(["A/002", "A/001"], mask=False, cached=["maps/s4", "prefix"])
    assert {name for name in raw if "features" in name} == {
        "features/maps/s4", "features/maps/s8", "features/prefix/s8"
    }  # fmt: skip
    prefix = to_batch(raw, [-1, -1], torch.device("cpu")).encoded.prefix
    assert torch.equal(prefix[:, :1], torch.from_numpy(tokens[[2, 1]]).float())
    expected = torch.from_numpy(rows["maps__s8"][[2, 1]].reshape(2, -1, 8)).float()
    assert torch.equal(prefix[:, 1:], expected)


def test_lesions_of_every_class_are_lesion(artifacts):
    with open_sites(_files(artifacts, "A")) as reader:
        raw = reader.read(["A/000"], mask=True, cached=reader.layout.cached)
    labels = np.arange(stub_sites.SIDE**2, dtype=np.uint8).reshape(1, stub_sites.SIDE, -1) % 4
    batch = to_batch(raw | {"frames/mask": labels}, [-1], torch.device("cpu"))
    assert torch.equal(batch.mask, torch.from_numpy(labels > 0).long())


def test_a_batch_says_which_classes_its_masks_hold(artifacts):
    with open_sites(_files(artifacts, "A")) as reader:
        raw, without = (
            reader.read(["A/000", "A/001", "A/003"], mask=mask, cached=reader.layout.cached) for mask in (True, False)
        )
    raw["frames/mask"][1, :2], raw["frames/mask"][2, :2] = 254, 255  # two classes in one frame; nobody judged another
    held = to_batch(raw, [0, 1, -1], torch.device("cpu")).held
    assert held.shape == (3, 254)
    assert held.nonzero().tolist() == [[0, 0], [1, 1], [1, 253]]
    assert to_batch(without, [0, 1, -1], torch.device("cpu")).held is None


def test_frames_that_differ_in_their_number_of_places_are_refused(artifacts):
    with open_sites(_files(artifacts, "A")) as reader:
        raw = reader.read(["A/000", "A/001"], mask=False, cached=[])
    raw["regions/selected"][1] = True
    with pytest.raises(ValueError, match=r"have \[4, 16\] selected places, expected one number"):
        to_batch(raw, [-1, -1], torch.device("cpu"))


def test_the_layout_is_read_off_the_stores(artifacts):
    with open_sites(_files(artifacts, "A", "B")) as reader:
        layout = reader.layout
    assert (layout.width, layout.size_px, layout.alpha) == (stub_sites.WIDTH, stub_sites.SIDE, 0.25)
    assert list(layout.map_channels.items()) == list(stub_sites.CHANNELS.items())


def test_taps_are_ordered_by_number_not_by_letter():
    assert fine_to_coarse(["s16", "s32", "s4", "s8"]) == ["s4", "s8", "s16", "s32"]
    assert fine_to_coarse(["b12", "b3", "b6"]) == ["b3", "b6", "b12"]


def test_features_and_regions_of_different_encoders_are_refused_by_name(artifacts):
    regions = artifacts / "mine_regions" / "regions" / "B.h5"
    old = regions.read_bytes()
    images, _, _ = stub_sites.draw("B", 6)
    stub_sites.write_features(artifacts, "B", [f"B/{n:03d}" for n in range(6)], images, "0" * 64)
    regions.write_bytes(old)
    with pytest.raises(InputError, match=r"(?s)regions/B\.h5|encode/B\.h5"), open_sites(_files(artifacts, "B")):
        pass


def test_sites_of_different_encoders_are_refused(artifacts):
    stub_sites.write_site(artifacts, "B", 6, fingerprint="0" * 64)
    with pytest.raises(InputError, match="fingerprint"), open_sites(_files(artifacts, "A", "B")):
        pass


def test_sites_mined_by_other_similarities_are_refused(artifacts):
    stub_sites.mined_by_feature_surgery(artifacts, "B")
    with pytest.raises(InputError, match="differ in text_similarity"), open_sites(_files(artifacts, "A", "B")):
        pass
    with open_sites(_files(artifacts, "B")) as reader:
        assert reader.layout.text_similarity == "feature_surgery"


@pytest.mark.parametrize("other", [("cuda", "bfloat16"), ("cpu", "bfloat16"), ("cuda", "float32")])
def test_sites_encoded_on_another_device_or_in_another_precision_are_refused(artifacts, other):
    device, precision = other
    stub_sites.write_site(artifacts, "B", 6, provenance={"device": device, "precision": precision})
    sentence = rf"site 'B' were made with {device}, {precision}, those of site 'A' with cpu, float32;.*encode@B"
    with pytest.raises(InputError, match=sentence), open_sites(_files(artifacts, "A", "B")):
        pass
    with open_sites(_files(artifacts, "B")) as reader:
        assert reader.layout.provenance == f"{device}, {precision}"


def test_regions_mined_from_features_of_another_precision_are_refused(artifacts):
    regions = artifacts / "mine_regions" / "regions" / "B.h5"
    old = regions.read_bytes()
    stub_sites.write_site(artifacts, "B", 6, provenance={"device": "cpu", "precision": "bfloat16"})
    regions.write_bytes(old)
    with (
        pytest.raises(InputError, match=r"B\.h5 differ in precision \(bfloat16 and float32\)"),
        open_sites(_files(artifacts, "B")),
    ):
        pass


def test_an_empty_site_stands_beside_others_but_not_alone(artifacts):
    _write_empty(artifacts, "C")
    with open_sites(_files(artifacts, "C", "A")) as reader:
        assert reader.read(["A/002"], mask=True, cached=reader.layout.cached)["frames/mask"].shape == (1, 32, 32)
    with pytest.raises(InputError, match="no frames"), open_sites(_files(artifacts, "C")):
        pass


def _write_empty(artifacts, site):
    place = site_files(artifacts, site)
    common = {"site": site, "fingerprint": stub_sites.FINGERPRINT, "dense_mode": "plain", **stub_sites.PROVENANCE}
    for store, path, attributes in (
        (FRAMES, place.frames, {"site": site}),
        (FEATURES, place.features, {**common, "backbone": "stub", "taps": "{}", "prefix_tap": ""}),
        (REGIONS, place.regions, {**common, "alpha": "0.25", "text_similarity": "cosine"}),
    ):
        with store.write(path, [], attributes):
            pass


def test_cases_get_the_index_of_their_class(artifacts):
    cases = read_cases(_files(artifacts, "A", "B"), ["tumor", "polyp"])
    assert cases.loc[["A/000", "A/001", "A/003", "B/000"], "class_index"].tolist() == [1, 0, -1, 1]
    with pytest.raises(InputError, match="tumor"):
        read_cases(_files(artifacts, "A"), ["polyp"])


def test_texts_follow_the_order_of_the_classes(artifacts):
    folder = artifacts / "build_confounders"
    one, confounders, fingerprint = read_texts(folder, ["polyp", "tumor"])
    other, _, _ = read_texts(folder, ["tumor", "polyp"])
    assert confounders == stub_sites.CONFOUNDERS
    assert fingerprint == stub_sites.FINGERPRINT
    assert one.class_confounders.shape == (2, 3, stub_sites.WIDTH)
    assert torch.equal(one.classes, other.classes.flip(0))
    assert torch.equal(one.class_confounders, other.class_confounders.flip(0))
    assert not np.allclose(one.classes[0], one.classes[1])


def test_texts_that_lack_a_class_or_disagree_are_refused(artifacts):
    folder = artifacts / "build_confounders"
    with pytest.raises(InputError, match="no text for cyst"):
        read_texts(folder, ["polyp", "cyst"])
    other = artifacts / "other"
    stub_sites.write_texts(other, "0" * 64)
    (folder / "classes.parquet").write_bytes((other / "classes.parquet").read_bytes())
    with pytest.raises(InputError, match=r"dictionary\.parquet and .*classes\.parquet"):
        read_texts(folder, ["polyp", "tumor"])


def test_ignored_pixels_keep_their_value_and_all_classes_become_lesion():
    raw = {
        "frames/image": np.zeros((1, 2, 2, 3), np.uint8),
        "frames/mask": np.array([[[0, 1], [7, 255]]], np.uint8),
        "regions/similarity": np.zeros((1, 1, 1), np.float16),
        "regions/selected": np.ones((1, 1, 1), bool),
    }
    batch = to_batch(raw, [0], torch.device("cpu"))
    assert batch.mask.tolist() == [[[0, 1], [1, 255]]]
    assert batch.lesion.tolist() == [[[False, True], [True, False]]]
    assert batch.judged.tolist() == [[[True, True], [True, False]]]
    del raw["frames/mask"]
    assert to_batch(raw, [0], torch.device("cpu")).mask.tolist() == [[[0, 0], [0, 0]]]
