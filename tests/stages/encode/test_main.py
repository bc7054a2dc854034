"""The command with a stub in the encoder's place: what it writes, equal bytes, and no file on failure."""

import tracemalloc

import h5py
import numpy as np
import pytest

from mcdrl.artifacts.features import FEATURES, tap_shapes
from mcdrl.artifacts.plan import EncodePlan, write_plan
from mcdrl.base.errors import InputError
from mcdrl.study.params import Study
from stages.encode import __main__ as command
from stages.encode import site as work
from tests.factories import section_params
from tests.stub_encoders import MeanEncoder

PROVENANCE = {"device": "cpu", "precision": "float32"}


@pytest.fixture
def run(monkeypatch, tmp_path, mean_encoder):
    """(folder, out name, what is read, **params) -> the file; the encoder that was used is `run.encoder`."""

    def call(folder, name="A.h5", site="A", encoder=None, maps=True, flips=(), **params):
        call.encoder = encoder or mean_encoder()
        study = Study.model_construct(sites=dict.fromkeys("AB"))
        monkeypatch.setattr(command, "load", lambda *_: (study, section_params("encode", **params)))
        monkeypatch.setattr(work, "load_encoder", lambda *_: call.encoder)
        monkeypatch.setattr(work, "read_stored", lambda _: type("Card", (), {"name": "stub"}))
        write_plan(EncodePlan(maps=maps, flips=list(flips)), tmp_path / "encode.json")
        out = tmp_path / "out" / name
        command.main(site, folder, tmp_path / "backbone", tmp_path / "encode.json", out, device="cpu")
        return tmp_path / "out" / name

    return call


def test_every_case_gets_its_row_and_the_file_says_whose_it_is(run, site_folder, images):
    path = run(site_folder(images(5)), batch_size=2)
    assert run.encoder.batches == [2, 2, 1]
    with FEATURES.read(path) as reader:
        assert reader.case_ids == [f"A/{number:03d}" for number in range(5)]
        taps = '{"s2": [8, 8, 3], "s4": [4, 4, 3]}'
        assert reader.attributes == {
            "site": "A", "backbone": "stub", "fingerprint": "mean", "dense_mode": "plain", "taps": taps,
            "prefix_tap": "", **PROVENANCE,
        }  # fmt: skip
        assert tap_shapes(taps) == {tap: reader.shape(f"maps/{tap}") for tap in ("s2", "s4")}
        assert reader.members("maps") == ["s2", "s4"]
        assert reader.shape("dense") == (4, 4, 3)


def test_what_no_method_reads_is_not_stored(run, site_folder, images):
    folder = site_folder(images(3))
    whole, lean = run(folder, "whole.h5"), run(folder, "lean.h5", maps=False)
    assert run.encoder.batches == [3]  # no mirrored frame either
    with FEATURES.read(whole) as everything, FEATURES.read(lean) as reader:
        assert reader.members("maps") == reader.members("flipped") == []
        assert reader.attributes == everything.attributes  # the maps' shapes, too
        for name in ("dense", "image"):
            np.testing.assert_array_equal(reader.rows(name, reader.case_ids), everything.rows(name, reader.case_ids))
    with h5py.File(lean) as file:
        assert set(file) == {"case_id", "dense", "image"}


class Leaning(MeanEncoder):
    """Looks one pixel to the left, so that what it says of a mirrored frame is no mirror image."""

    def encode(self, frames):
        return super().encode(frames.roll(1, -1))


@pytest.mark.parametrize("flip", ["horizontal", "vertical", "both"])
def test_mirrored_frames_are_encoded_anew(run, site_folder, images, flip):
    frames = images(5)
    mirrored = {"horizontal": frames[:, :, ::-1], "vertical": frames[:, ::-1], "both": frames[:, ::-1, ::-1]}[flip]
    plain = run(site_folder(mirrored.copy(), name="mirrored"), "m.h5", encoder=Leaning())
    path = run(site_folder(frames), encoder=Leaning(), flips=[flip], batch_size=2)
    with FEATURES.read(path) as cached, FEATURES.read(plain) as alone:
        assert alone.members("flipped") == []
        for name in ("dense", "image", "maps/s2", "maps/s4", "prefix"):
            found = cached.rows(f"flipped/{flip}.{name.replace('/', '.')}", cached.case_ids)
            np.testing.assert_array_equal(found, alone.rows(name, alone.case_ids))


def test_equal_inputs_give_equal_bytes(run, site_folder, images):
    folder = site_folder(images(5))
    assert run(folder, "a.h5").read_bytes() == run(folder, "b.h5").read_bytes()


def test_the_batch_size_does_not_change_what_is_stored(run, site_folder, images):
    folder = site_folder(images(5))
    files = [run(folder, "a.h5", batch_size=1), run(folder, "b.h5", batch_size=5)]
    with FEATURES.read(files[0]) as one, FEATURES.read(files[1]) as all_:
        for name in ("dense", "image", "maps/s2", "maps/s4", "prefix"):
            np.testing.assert_array_equal(one.rows(name, one.case_ids), all_.rows(name, all_.case_ids))


def test_frames_of_another_size_are_squashed(run, site_folder, images, mean_encoder):
    with FEATURES.read(run(site_folder(images(2, side=20)), encoder=mean_encoder(8))) as reader:
        assert reader.shape("dense") == (2, 2, 3)


def test_a_site_without_frames_gives_an_empty_file(run, site_folder, images):
    with FEATURES.read(run(site_folder(images(0)))) as reader:
        assert len(reader) == 0


def test_failure_leaves_what_was_there(run, site_folder, images, mean_encoder):
    class Failing(mean_encoder):
        def encode(self, frames):
            if self.batches:
                raise RuntimeError("out of memory")
            return super().encode(frames)

    folder = site_folder(images(5))
    before = run(folder).read_bytes()
    with pytest.raises(InputError, match=r"encode ran out of memory at encode\.batch_size 2 \(out of memory\)"):
        run(folder, encoder=Failing(), batch_size=2)
    assert [path.name for path in (folder.parents[1] / "out").iterdir()] == ["A.h5"]
    assert (folder.parents[1] / "out" / "A.h5").read_bytes() == before


def test_missing_frames_are_named(run, tmp_path):
    with pytest.raises(InputError, match=r"frames\.h5 does not exist"):
        run(tmp_path / "nowhere")


def test_memory_does_not_grow_with_the_number_of_frames(run, site_folder, images):
    peaks = []
    for count in (20, 200):
        folder = site_folder(images(count, side=64), name=f"frames{count}")
        tracemalloc.start()
        run(folder, f"{count}.h5", batch_size=4)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 200_000


def test_frames_of_another_site_are_refused(run, site_folder, images):
    with pytest.raises(InputError, match="holds frames of site 'B', expected 'A'"):
        run(site_folder(images(1), "B"))


def test_a_site_that_the_study_lacks_is_refused(run, site_folder, images):
    with pytest.raises(InputError, match=r"params\.yaml has no site 'C'; legal: A, B"):
        run(site_folder(images(1), "C"), site="C")
