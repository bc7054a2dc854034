"""Segmentations: SimpleITK, which shares no code with what writes them, reads the very masks; dciodvfy finds no fault.

SimpleITK leaves out the last byte of a mask whose pixels fill it in part, so one test counts bits as the standard does.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import SegmentationStorage, VLEndoscopicImageStorage
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.base.issues import RefusedError
from mcdrl.commands.models import dicom_seg
from mcdrl.commands.models.dicom_seg import Algorithm, algorithm_of, check_sources, write_segmentation
from mcdrl.commands.models.masks import WantedOutput
from mcdrl.commands.models.predict import predict_frames
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.imaging.truth import read_mask
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.facts import CARD, WEIGHTS
from mcdrl.model.members import write_members
from tests.commands.models.test_predict import Bright, half_white, told
from tests.factories import make_card, make_spec
from tests.imaging.test_dicom import content

ALGORITHM = Algorithm("ours", "1.2", ("ab" * 32,), ("polyp",), {"threshold": "0.5"})
NOISE = np.random.default_rng(0)
ODD = (62, 84)  # rows that end within a byte
OF_PATIENT = {
    "SOPClassUID": VLEndoscopicImageStorage, "SOPInstanceUID": "1.2.840.1", "StudyInstanceUID": "1.2.840.2",
    "SeriesInstanceUID": "1.2.840.3", "SeriesNumber": 4, "InstanceNumber": 7, "Modality": "ES", "PatientID": "P1",
    "PatientName": "Doe^Jane", "PatientBirthDate": "19600102", "PatientSex": "F", "AccessionNumber": "A9",
    "StudyID": "S", "StudyDate": "20240305", "StudyTime": "101112", "ContentDate": "20240306", "ContentTime": "101500",
}  # fmt: skip


def save(path, pixels, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    given = content(np.asarray(pixels), "RGB", **{**OF_PATIENT, **more})
    for name in [name for name, value in more.items() if value is None]:
        del given[name]
    given.file_meta.MediaStorageSOPInstanceUID = "1.2.840.1"
    given.save_as(path, enforce_file_format=True, implicit_vr=False, little_endian=True)
    return path


@pytest.fixture
def frame(tmp_path):
    return save(tmp_path / "a.dcm", NOISE.integers(0, 256, (*ODD, 3), np.uint8))


def pixels(path):
    """[H, W] of uint8, as SimpleITK reads them: 0 and 255, or 0..255."""
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path)).squeeze()


def faults(path):
    done = subprocess.run(
        [Path(sys.executable).with_name("dciodvfy"), path], capture_output=True, text=True, encoding="latin-1"
    )
    assert "Segmentation" in done.stderr.splitlines(), done.stderr  # it knows what it looks at
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


MASKS = {
    "noise": NOISE.random(ODD) < 0.3, "nothing": np.zeros(ODD, bool), "all": np.ones(ODD, bool),
    "corner": np.arange(np.prod(ODD)).reshape(ODD) == np.prod(ODD) - 1,
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_a_mask_comes_back_to_the_pixel(frame, tmp_path, mask):
    write_segmentation(frame, mask, ALGORITHM, tmp_path / "seg.dcm")
    assert np.array_equal(pixels(tmp_path / "seg.dcm"), mask * 255)
    assert faults(tmp_path / "seg.dcm") == []


def test_bits_that_fill_no_byte_come_back(tmp_path):
    mask = NOISE.random((61, 83)) < 0.3
    frame = save(tmp_path / "a.dcm", NOISE.integers(0, 256, (61, 83, 3), np.uint8))
    write_segmentation(frame, mask, ALGORITHM, tmp_path / "seg.dcm")
    packed = np.frombuffer(dcmread(tmp_path / "seg.dcm").PixelData, np.uint8)
    assert len(packed) == 634  # 5,063 bits, an even number of bytes
    assert np.array_equal(np.unpackbits(packed, count=mask.size, bitorder="little"), mask.ravel())


def test_probabilities_come_back_in_256_levels(frame, tmp_path):
    probability = NOISE.random(ODD, np.float32)
    probability[0, :2] = 0, 1
    write_segmentation(frame, probability, ALGORITHM, tmp_path / "seg.dcm")
    assert np.array_equal(pixels(tmp_path / "seg.dcm"), np.rint(probability * 255))
    found = dcmread(tmp_path / "seg.dcm")
    assert (found.SegmentationType, found.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert (found.MaximumFractionalValue, found.SeriesNumber) == (255, 2004)
    assert faults(tmp_path / "seg.dcm") == []


def test_it_belongs_to_the_frames_patient_and_study_and_refers_to_the_frame(frame, tmp_path):
    write_segmentation(frame, MASKS["noise"], ALGORITHM, tmp_path / "seg.dcm")
    found = dcmread(tmp_path / "seg.dcm")
    for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber",
                 "StudyDate", "StudyTime", "ContentDate", "ContentTime", "InstanceNumber"):  # fmt: skip
        assert found[name].value == OF_PATIENT[name], name
    (derived,) = found.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    (of,) = derived.SourceImageSequence
    assert (of.ReferencedSOPInstanceUID, of.ReferencedSOPClassUID) == ("1.2.840.1", VLEndoscopicImageStorage)
    assert of.SpatialLocationsPreserved == "YES"
    (series,) = found.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.840.3"
    assert (found.SOPClassUID, found.Modality, found.SeriesNumber) == (SegmentationStorage, "SEG", 1004)
    assert (found.Rows, found.Columns, found.NumberOfFrames) == (*ODD, 1)


def test_it_says_what_drew_it(frame, tmp_path):
    two = Algorithm("ours", "1.2", ("ab" * 32, "cd" * 32), ("polyp",), {"threshold": "0.5"})
    write_segmentation(frame, MASKS["noise"], two, tmp_path / "seg.dcm")
    found = dcmread(tmp_path / "seg.dcm")
    assert (found.Manufacturer, found.ManufacturerModelName, found.SoftwareVersions) == ("mcdrl", "ours", "1.2")
    assert found.SeriesDescription == "Lesions by ours"
    (segment,) = found.SegmentSequence
    (said,) = segment.SegmentationAlgorithmIdentificationSequence
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert (said.AlgorithmName, said.AlgorithmVersion) == ("ours", f"1.2, weights {found.DeviceSerialNumber[:12]}")
    assert said.AlgorithmParameters == f"threshold=0.5,weights_sha256={'ab' * 32} {'cd' * 32}"


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        (("tumor",), codes.cid7159.Neoplasm),
        (("inflammation",), codes.cid7159.Inflammation),
        (("nodule",), codes.cid7159.Nodule),
        (("cyst",), codes.cid7159.Cyst),
        (("ulcer",), codes.cid6209.Ulcer),
        (("Läsion",), codes.cid7159.Lesion),
        (("polyp", "tumor"), codes.cid7159.Lesion),
    ],
)
def test_the_segment_is_called_by_the_class_that_the_networks_know(frame, tmp_path, classes, wanted):
    write_segmentation(frame, MASKS["all"], Algorithm("o", "1", ("",), classes, {}), tmp_path / "seg.dcm")
    (segment,) = dcmread(tmp_path / "seg.dcm").SegmentSequence
    (kind,) = segment.SegmentedPropertyTypeCodeSequence
    found = (kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning)
    assert found == (wanted.value, wanted.scheme_designator, wanted.meaning)
    assert segment.SegmentLabel == wanted.meaning
    (category,) = segment.SegmentedPropertyCategoryCodeSequence
    assert category.CodeValue == codes.cid7150.MorphologicallyAbnormalStructure.value


def test_equal_inputs_give_equal_bytes_and_others_other_uids(frame, tmp_path):
    def written(mask=MASKS["noise"], source=frame, **changes):
        algorithm = Algorithm(**{**vars(ALGORITHM), **changes})
        write_segmentation(source, mask, algorithm, tmp_path / "seg.dcm")
        found = dcmread(tmp_path / "seg.dcm")
        return (tmp_path / "seg.dcm").read_bytes(), found.SeriesInstanceUID, found.SOPInstanceUID

    first = written()
    assert written() == first
    assert written(MASKS["all"])[1] == first[1]  # one series a model and series of frames
    second = save(tmp_path / "b.dcm", half_white(*ODD[::-1]), SOPInstanceUID="1.2.840.9")
    assert written(source=second)[1] == first[1]
    others = [written(parameters={}), written(weights=("cd" * 32,)), written(version="2")]
    others.append(written(MASKS["noise"].astype(np.float32)))
    assert len({first[1], *(one[1] for one in others)}) == 5
    objects = [first[2], written(MASKS["all"])[2], written(source=second)[2], *(one[2] for one in others)]
    assert len(set(objects)) == 7


SLOPPY = {
    "no patient": dict.fromkeys(("PatientID", "PatientName", "PatientBirthDate", "PatientSex"), None),
    "no dates": dict.fromkeys(("ContentDate", "ContentTime", "StudyDate", "StudyTime"), None),
    "no numbers": {"SeriesNumber": None, "InstanceNumber": None},
    "numbers below 1": {"SeriesNumber": -3, "InstanceNumber": 0},
    "a name in Greek": {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Παπαδοπούλου^Ελένη"},
    "a name in Japanese": {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎"},
    "a name in German": {"SpecificCharacterSet": "ISO 2022 IR 100", "PatientName": "Müller^Jürgen"},
    "a frame of reference without a place": {"FrameOfReferenceUID": "1.2.840.5"},
    "no modality": {"Modality": None},
    "one frame, counted": {"NumberOfFrames": 1},
    "a secondary capture": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "packed with losses": {"LossyImageCompression": "01", "LossyImageCompressionRatio": 10},
}


@pytest.mark.parametrize("more", SLOPPY.values(), ids=SLOPPY)
def test_files_as_cameras_leave_them_will_do(tmp_path, more):
    frame = save(tmp_path / "a.dcm", NOISE.integers(0, 256, (*ODD, 3), np.uint8), **more)
    write_segmentation(frame, MASKS["noise"], ALGORITHM, tmp_path / "seg.dcm")
    assert np.array_equal(pixels(tmp_path / "seg.dcm"), MASKS["noise"] * 255)
    found = dcmread(tmp_path / "seg.dcm")
    assert str(found.PatientName or "") == ({**OF_PATIENT, **more}["PatientName"] or "")
    assert found.ContentDate == ("19000101" if "ContentDate" in more else "20240306")
    assert faults(tmp_path / "seg.dcm") == []


def test_no_library_prints_what_a_file_says_of_its_patient(tmp_path, capsys, recwarn):
    more = {"PatientName": "ANON007", "PatientID": "ANON007" * 10, "AccessionNumber": "ANON007" * 3}
    save(tmp_path / "in" / "a.dcm", half_white(*ODD[::-1]), **more)
    save(tmp_path / "in" / "b.dcm", half_white(*ODD[::-1]), PatientSex="ANON007")
    wanted = WantedOutput(tmp_path / "out", 0.5, dicom=ALGORITHM)
    rows = predict_frames([tmp_path / "in"], Bright(), wanted, view="full", workers=2)
    assert [bool(row.mask) for row in rows] == [True, False]
    assert dcmread(tmp_path / "out" / "a.dcm").PatientName == "ANON007"
    said = [*capsys.readouterr(), *(str(one.message) for one in recwarn), *(row.reason for row in rows)]
    assert not [one for one in said if "ANON007" in one]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"StudyInstanceUID": None}, r"can't refer to: a\.dcm lacks StudyInstanceUID$"),
        ({"SOPInstanceUID": "", "SeriesInstanceUID": None}, "lacks SOPInstanceUID, SeriesInstanceUID"),
        (
            {"SOPClassUID": "1.3.6.1.4.1.5"},
            r"can't refer to: a\.dcm has what it can't take over: .*1\.3\.6\.1\.4\.1\.5",
        ),
        (
            {"PatientBirthDate": "19601301"},
            r"a\.dcm has what it can't take over: PatientBirthDate is no date as DICOM writes it$",
        ),
        ({"StudyTime": "at noon"}, "take over: StudyTime is no time as DICOM writes it$"),
        ({"PatientSex": "X"}, r"can't refer to: a\.dcm has what it can't take over: PatientSex is not a valid"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4", "NumberOfFrames": 1}, "lacks SharedFunctionalGroupsSequence"),
    ],
)
def test_what_cannot_be_referred_to_is_refused(tmp_path, more, said):
    frame = save(tmp_path / "a.dcm", half_white(*ODD[::-1]), **more)
    with pytest.raises(RefusedError, match=said) as error:
        write_segmentation(frame, MASKS["noise"], ALGORITHM, tmp_path / "seg.dcm")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [frame]


@pytest.fixture
def frames(tmp_path):
    save(tmp_path / "frames" / "a.dcm", half_white(84, 62))
    save(tmp_path / "frames" / "more" / "IM0002", half_white(64, 97, "top"), SOPInstanceUID="1.2.840.12")
    save(tmp_path / "frames" / "dark.dcm", np.zeros((40, 50, 3), np.uint8), SOPInstanceUID="1.2.840.13")
    return tmp_path / "frames"


def predict(frames, out, dicom, suppress=False, predictor=None, **options):
    wanted = WantedOutput(out, 0.5, overlay=True, probabilities=True, suppress=suppress, dicom=dicom)
    return predict_frames([frames], predictor or Bright(), wanted, view="full", workers=2)


@pytest.mark.parametrize("suppress", [False, True])
def test_frames_get_the_masks_and_probabilities_that_the_pngs_show(frames, tmp_path, suppress):
    predictor = Bright(operating_point=OperatingPoint(0.0, 0.52))  # half of a frame is too small
    for kind, dicom in (("png", None), ("dicom", ALGORITHM)):
        predict(frames, tmp_path / kind, dicom, suppress, predictor)
    for stem in ("a", "more/IM0002", "dark"):
        for place in ("", "probabilities"):
            wanted = np.asarray(Image.open(tmp_path / "png" / place / f"{stem}.png"))
            assert np.array_equal(pixels(tmp_path / "dicom" / place / f"{stem}.dcm"), wanted), (place, stem)
    assert told(tmp_path / "dicom")["mask"].to_dict() == {
        "a.dcm": "a.dcm", "dark.dcm": "dark.dcm", "more/IM0002": "more/IM0002.dcm",
    }  # fmt: skip
    same = [told(tmp_path / kind).drop(columns="mask") for kind in ("png", "dicom")]
    assert same[0].equals(same[1])
    assert (tmp_path / "dicom" / "overlays" / "a.jpg").is_file()
    assert not [path for path in (tmp_path / "dicom").rglob("*.png")]


def test_a_frame_that_is_no_dicom_file_is_listed_and_the_others_go_on(frames, tmp_path):
    half_white(40, 30).save(frames / "b.png")
    rows = {row.frame: row for row in predict(frames, tmp_path / "out", ALGORITHM)}
    assert rows["b.png"].mask == ""
    assert rows["b.png"].reason.startswith("no DICOM, which a Segmentation refers to: b.png; store it as DICOM first")
    assert [row.reason for name, row in rows.items() if name != "b.png"] == [""] * 3


def test_a_file_of_several_pictures_is_listed_and_the_others_go_on(frames, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (5, 40, 50, 3), np.uint8)
    given = content(pixels[0], "RGB", NumberOfFrames=5, PixelData=pixels.tobytes())
    given.save_as(frames / "multi.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
    rows = {row.frame: row for row in predict(frames, tmp_path / "out", ALGORITHM)}
    told = "holds 5 pictures; --format coco and dicom-seg are for single pictures, use png"
    assert rows.pop("multi.dcm").reason == told
    assert rows
    assert all(row.mask and not row.reason for row in rows.values())


def test_segmentations_among_frames_are_masks(frames, tmp_path, capsys):
    write_segmentation(frames / "a.dcm", np.ones((62, 84), bool), ALGORITHM, frames / "more" / "SEG1")
    (frames / "broken.dcm").write_bytes(bytes(128) + b"DICM")
    rows = predict(frames, tmp_path / "out", ALGORITHM)
    assert [row.frame for row in rows] == ["a.dcm", "broken.dcm", "dark.dcm", "more/IM0002"]
    assert "left out, masks by their folder, two values or kind: 1 files, such as" in capsys.readouterr().err


def test_a_segmentation_is_a_mask_that_a_site_may_have(frame, tmp_path):
    lesion = np.arange(84) < 30 * np.ones((62, 1))
    write_segmentation(frame, lesion, ALGORITHM, tmp_path / "seg.dcm")
    recipe = ReadingRecipe(size_px=32, threshold=128, swap=False, view="full", values={})
    found = read_mask(tmp_path / "seg.dcm", (84, 62), 1, recipe, None)
    assert np.array_equal(np.asarray(found.labels), lesion)


def test_where_no_frame_is_a_dicom_file_nothing_is_segmented(tmp_path):
    half_white(40, 30).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"takes DICOM frames, and .*b\.png is none.*or take --format png or coco"):
        check_sources([tmp_path / "b.png", tmp_path / "nothing"])


def write_model(folder, weights, **facts):
    folder.mkdir(parents=True)
    (folder / CARD).write_text(make_card(spec=make_spec(), **facts).model_dump_json(), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(weights)
    return folder


def test_an_algorithm_is_all_its_networks(tmp_path):
    write_model(tmp_path / "both" / "0", b"0", variant="one", lesion_classes=["polyp"])
    write_model(tmp_path / "both" / "1", b"1", variant="one", lesion_classes=["polyp"])
    write_members(["0", "1"], tmp_path / "both")
    third = write_model(tmp_path / "third", b"2", variant="öther\\" + 80 * "x", lesion_classes=["polyp", "cyst"])
    found = algorithm_of([tmp_path / "both", third], {"threshold": "0.4"})
    assert found.name == "one ?ther/" + 54 * "x"
    assert found.lesion_classes == ("polyp", "cyst")
    places = [tmp_path / "both" / "0", tmp_path / "both" / "1", third]
    assert found.weights == tuple(sha256(place / WEIGHTS) for place in places)


def test_the_command_writes_segmentations(frames, tmp_path, monkeypatch):
    model = write_model(tmp_path / "model", b"w", variant="ours", lesion_classes=["polyp"])
    monkeypatch.setattr("mcdrl.model.predictor.load_predictor", lambda *_args, **_options: (Bright(), "full"))
    command = ["predict", frames, "--model", model, "--out", tmp_path / "out", "--format", "dicom-seg"]
    done = CliRunner().invoke(cli.app, [*map(str, command), "--threshold", "0.25"])
    assert done.exit_code == 0, done.output
    (segment,) = dcmread(tmp_path / "out" / "a.dcm").SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentAlgorithmName) == ("Polyp", "ours")
    (said,) = segment.SegmentationAlgorithmIdentificationSequence
    asked = "threshold=0.25,suppress=False,view=as trained,sizes=as judged,channels=rgb"
    assert said.AlgorithmParameters == f"{asked},weights_sha256={sha256(model / WEIGHTS)}"


def test_without_highdicom_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(InputError, match=r"takes highdicom, which isn't installed: pip install 'mcdrl\[dicom\]'"):
        algorithm_of([tmp_path], {})


def test_a_clone_that_is_not_installed_says_so(tmp_path, monkeypatch):
    def missing(name):
        raise dicom_seg.PackageNotFoundError(name)

    monkeypatch.setattr(dicom_seg, "version", missing)
    assert algorithm_of([write_model(tmp_path / "model", b"w")], {}).version == "from a clone"
