"""Adding and removing sites keeps params.yaml's comments and never leaves it broken."""

from pathlib import Path

import pytest
import yaml
from scmrepo.git import Git
from typer.testing import CliRunner

from mcdrl.base.errors import InputError
from mcdrl.cli import app
from mcdrl.commands.left_behind import left_behind, outputs
from mcdrl.commands.sites.edit import add_site, list_sites, remove_sites, set_site
from mcdrl.commands.sites.guess import guess_card
from mcdrl.commands.workspace import lasting
from mcdrl.study.paths import ARTIFACTS
from tests.projects import copy_project, write_params


def comments(lines):
    return [line.split("#", 1)[1] for line in lines if "#" in line]


@pytest.fixture
def params(tmp_path, monkeypatch):
    """A copy of params.yaml beside the cards, and folders for two sites."""
    for name in ("raw/kvasir", "x", "one", "two", "three", "four"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return copy_project(tmp_path)


def test_add_changes_two_places_and_no_comment(params):
    before = params.read_text(encoding="utf-8").splitlines()
    add_site(params, "kvasir", {"card": "folder", "root": "raw/kvasir", "lesion_class": "polyp"})
    after = params.read_text(encoding="utf-8").splitlines()
    added = [line.split("#")[0].strip() for line in after if line not in before]
    assert added == [
        "kvasir: {card: folder, root: raw/kvasir, lesion_class: polyp}",
        "held_out: [A, B, C, D, E, kvasir]",
    ]
    assert comments(before) == comments(after)


def test_remove_is_the_inverse_of_add(params):
    before = list_sites(params)
    add_site(params, "kvasir", {"card": "folder", "root": "raw/kvasir", "lesion_class": "polyp"})
    assert [name for name, _, _ in list_sites(params)] == ["A", "B", "C", "D", "E", "kvasir"]
    remove_sites(params, ["kvasir"])
    assert list_sites(params) == before


def written_by_stage_one(root, site):
    for path in outputs(root / ARTIFACTS, site):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.touch()
        else:
            path.mkdir()
            (path / "frames.h5").touch()


def test_what_stage_one_made_of_a_removed_site_is_told_and_left(params):
    """DVC hashes the folders of all sites: what is left of one lets every evaluation look changed."""
    for site in ("A", "B", "E"):
        written_by_stage_one(params.parent, site)
    (ARTIFACTS / "ingest" / "B.old").mkdir()
    done = CliRunner().invoke(app, ["sites", "remove", "A", "D"])
    left = [
        "artifacts/encode/A.h5", "artifacts/ingest/A", "artifacts/ingest/B.old",
        "artifacts/mine_regions/parts/A.parquet", "artifacts/mine_regions/regions/A.h5",
    ]  # fmt: skip
    assert done.exit_code == 0
    assert f"rm -r {' '.join(left)}\n" in done.output
    assert all(Path(path).exists() for path in left)
    assert [path.as_posix() for path in left_behind(ARTIFACTS, "BCE")] == left


def test_where_nothing_is_left_nothing_is_told(params):
    for site in "BCE":
        written_by_stage_one(params.parent, site)
    assert "rm -r" not in CliRunner().invoke(app, ["sites", "remove", "A", "D"]).output


def test_values_of_masks_are_texts_however_they_came_in(params):
    values = {1: "polyp", 2: "cyst"}  # a colour that joins them is a text, and DVC sorts no numbers among texts
    keys = {"card": "folder", "root": "x", "mask_values": values}
    add_site(params, "added", keys)
    add_site(params, "changed", {"card": "folder", "root": "two", "lesion_class": "polyp"})
    set_site(params, "changed", {"mask_values": values, "lesion_class": None})
    sites = yaml.safe_load(params.read_text(encoding="utf-8"))["sites"]
    assert [sorted(sites[name]["mask_values"]) for name in ("added", "changed")] == [["1", "2"]] * 2


@pytest.mark.parametrize("gap", [" ", "  ", " " * 20])
def test_added_and_removed_again_not_a_byte_differs(params, gap):
    text = params.read_text(encoding="utf-8").replace("D, E]  #", f"D, E]{gap}#")
    params.write_text(text, encoding="utf-8")
    add_site(params, "kvasir", {"card": "folder", "root": "x", "lesion_class": "polyp"})
    assert f"E, kvasir]{gap}# each" in params.read_text(encoding="utf-8")
    remove_sites(params, ["kvasir"])
    assert params.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("A", {"card": "folder", "root": "x", "lesion_class": "polyp"}, "already has a site 'A'"),
        ("worst", {"card": "folder", "root": "x", "lesion_class": "polyp"}, "can't be a site's name"),
        ("a b", {"card": "folder", "root": "x", "lesion_class": "polyp"}, "can't be a site's name"),
        ("yes", {"card": "folder", "root": "x", "lesion_class": "polyp"}, "'yes' can't be a site's name"),
        ("x", {"card": "folder", "root": "gone", "lesion_class": "polyp"}, "gone is no folder; give"),
        ("x", {"card": "folder", "root": "x"}, "lesion_class"),
        ("x", {"card": "foldr", "root": "x"}, "did you mean 'folder'"),
        ("x", {"root": "x", "lesion_class": "polyp"}, "card: missing"),
        ("x", {"card": "folder", "root": "x", "lesion_class": "pollyp"}, "did you mean 'polyp'"),
        ("x", {"card": "folder", "root": "x", "lesion_class": "polyp", "table_group": "g"}, "needs table"),
        ("x", {"card": "folder", "root": "x", "lesion_class": "polyp", "masks": "masks/all.png"}, "{stem}"),
    ],
)
def test_what_cannot_be_added_leaves_the_file_alone(params, name, values, message):
    before = params.read_text(encoding="utf-8")
    with pytest.raises(InputError, match=message):
        add_site(params, name, values)
    assert params.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(("names", "left"), [("ABCD", "only 'E' would be left"), ("ABCDE", "^no site would be left")])
def test_removing_more_than_all_but_two_is_refused(params, names, left):
    before = params.read_text(encoding="utf-8")
    with pytest.raises(InputError, match=rf"{left}.*needs at least 2; add yours first: mcdrl sites add NAME ROOT$"):
        remove_sites(params, list(names))
    assert params.read_text(encoding="utf-8") == before


def test_a_site_that_is_not_there_is_told_beside_all_that_are(params):
    before = params.read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"has no site 'X'; legal: A, B, C, D, E$"):
        remove_sites(params, ["A", "B", "X"])
    assert params.read_text(encoding="utf-8") == before


def test_the_phantom_may_be_added_before_it_is_rendered(params):
    remove_sites(params, ["A"])
    add_site(params, "A", {"card": "phantom", "root": "data/nowhere/A"})
    assert [row[0] for row in list_sites(params)] == ["A", "B", "C", "D", "E"]


def test_no_card_is_guessed_for_what_is_no_folder(tmp_path):
    with pytest.raises(InputError, match="gone is no folder; give the folder that holds"):
        guess_card(tmp_path / "gone")


def test_a_site_that_is_named_twice_is_removed_once(params):
    done = CliRunner().invoke(app, ["sites", "remove", "A", "A"])
    assert (done.exit_code, done.output.count("removed A;")) == (0, 1)
    assert [name for name, _, _ in list_sites(params)] == list("BCDE")


@pytest.mark.parametrize("command", [["add", "x"], ["check"]])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--set", "root=/tmp"], "--set root=/tmp: the folder is an argument; leave the setting out"),
        (["--set", "card=nnunet"], "--set card=nnunet: --card names the card; leave the setting out"),
        (["--card", "folder", "--set", "card=nnunet"], "--card names the card"),
        (
            ["--lesion-class", "polyp", "--set", "lesion_class=tumor"],
            "--lesion-class polyp and --set lesion_class=tumor say the same thing; give one of them",
        ),
        (["--set", "images=a/*", "--set", "images=b/*"], "images is given twice, images=a/* and images=b/*"),
        (["--card", "folder", "--lesion-class", " "], "lesion_class: a blank is no lesion class"),
        (["--card", "folder", "--lesion-class", "None"], "lesion_class: 'None' is no lesion class; name one"),
        (["--card", "folder", "--lesion-class", "POLYP"], "unknown lesion class 'POLYP'; did you mean 'polyp'?"),
        (
            ["--card", "folder", "--set", "folder_class={a: Cyst, b: wart, c: Wart}"],
            "unknown lesion class 'Cyst'; did you mean 'cyst'?",
        ),
        (
            ["--card", "folder", "--set", "folder_class={b: wart, c: Wart}"],
            "lesion classes 'wart' and 'Wart' differ in case alone",
        ),
    ],
)
def test_options_that_contradict_or_name_no_class_are_refused_by_add_and_check(params, capfd, command, options, told):
    before = params.read_text(encoding="utf-8")
    done = CliRunner().invoke(app, ["sites", *command, "x", *options])
    assert done.exit_code != 0
    assert told in str(done.exception) + capfd.readouterr().err + done.output
    assert params.read_text(encoding="utf-8") == before


def test_removing_an_unknown_site_names_the_nearest(params):
    add_site(params, "kvasir", {"card": "folder", "root": "x", "lesion_class": "polyp"})
    with pytest.raises(InputError, match="did you mean 'kvasir'"):
        remove_sites(params, ["kvasr"])


def phrases(params):
    return yaml.safe_load(params.read_text(encoding="utf-8"))["build_confounders"]["class_phrases"]


def classes(params):
    return yaml.safe_load(params.read_text(encoding="utf-8"))["lesion_classes"]


def test_classes_that_no_site_left_can_have_go_with_the_sites(params):
    add_site(params, "one", {"card": "folder", "root": "x", "lesion_class": "polyp"})
    add_site(params, "two", {"card": "folder", "root": "two", "folder_class": {"a": "lesion", "b": None}})
    assert (classes(params)[-1], phrases(params)["lesion"]) == ("lesion", "lesion")
    assert remove_sites(params, list("ABCD")) == []  # the phantom's classes stand in its table
    assert remove_sites(params, ["E"]) == ["tumor", "inflammation", "nodule", "cyst"]
    assert classes(params) == ["polyp", "lesion"]
    assert phrases(params) == {"polyp": "polyp", "lesion": "lesion"}


def test_a_class_goes_with_the_last_site_that_can_have_it(params):
    for name, lesion_class in (("one", "polyp"), ("two", "polyp"), ("three", "cyst"), ("four", "cyst")):
        add_site(params, name, {"card": "folder", "root": name, "lesion_class": lesion_class})
    remove_sites(params, list("ABCDE"))
    assert classes(params) == ["polyp", "cyst"]
    assert remove_sites(params, ["three"]) == []
    assert remove_sites(params, ["four"]) == ["cyst"]
    assert classes(params) == ["polyp"]


def test_comments_on_classes_stay_with_those_that_stay(params):
    text = params.read_text(encoding="utf-8")
    start, end = text.index("lesion_classes:"), text.index("methods:")
    block = "lesion_classes:\n- polyp # p\n# what pathologists call adenoma\n- tumor\n# below them\n"
    text = text[:start] + block + text[end:]
    for name, lesion_class in zip("ABCDE", ["polyp", "tumor", "tumor", "tumor", "tumor"], strict=True):
        text = text.replace(
            f"  {name}: {{card: phantom, root: data/phantom/{name}}}",
            f"  {name}: {{card: folder, root: data/phantom/{name}, lesion_class: {lesion_class}}}",
        )
    text = text.replace(", inflammation: inflammation, nodule: nodule, cyst: cyst}", "}")
    params.write_text(text, encoding="utf-8")
    assert add_site(params, "F", {"card": "folder", "root": "x", "lesion_class": "wart"}) == ["wart"]
    added = block.replace("- tumor\n", "- tumor\n- wart\n")
    assert added in params.read_text(encoding="utf-8")
    assert remove_sites(params, ["A"]) == ["polyp"]
    assert added.replace("- polyp # p\n", "") in params.read_text(encoding="utf-8")


def test_keys_of_a_site_change_in_their_place(params):
    before = params.read_text(encoding="utf-8")
    add_site(params, "kvasir", {"card": "folder", "root": "raw/kvasir", "lesion_class": "polyp"})
    assert set_site(params, "kvasir", {"mask_threshold": 100, "lesion_class": "adenoma"}) == ["adenoma"]
    line = "kvasir: {card: folder, root: raw/kvasir, lesion_class: adenoma, mask_threshold: 100}"
    assert line in params.read_text(encoding="utf-8")
    assert comments(before.splitlines()) == comments(params.read_text(encoding="utf-8").splitlines())
    changed = params.read_text(encoding="utf-8")
    for name, values, message in (
        ("kvasr", {"mask_threshold": 1}, "did you mean 'kvasir'"),
        ("kvasir", {"mask_treshold": 1}, "did you mean 'mask_threshold'"),
        ("kvasir", {"root": "gone"}, "gone is no folder"),
        ("kvasir", {"lesion_class": None}, "nothing says which class"),
    ):
        with pytest.raises(InputError, match=message):
            set_site(params, name, values)
        assert params.read_text(encoding="utf-8") == changed


def test_a_folder_that_a_copy_of_the_repository_lacks_is_noted_by_its_absolute_path(params, tmp_path_factory):
    Git.init(".").close()
    Path(".gitignore").write_text("/raw/\n")
    outside = tmp_path_factory.mktemp("elsewhere")
    here = Path.cwd()
    assert lasting(Path(), "raw/kvasir") == str(here / "raw" / "kvasir")
    assert lasting(Path(), "x") == "x"
    assert lasting(Path(), "data/phantom/A") == "data/phantom/A"
    assert lasting(Path(), str(outside)) == str(outside)
    assert lasting(Path(), "../x") == str(here.parent / "x")
    Path("raw/kvasir.dvc").write_text("outs: []\n")
    assert lasting(Path(), "raw/kvasir") == "raw/kvasir"


def test_the_command_says_which_path_it_has_noted(params):
    Git.init(".").close()
    Path(".gitignore").write_text("/raw/\n")
    given = ["--card", "folder", "--lesion-class", "polyp"]
    added = CliRunner().invoke(app, ["sites", "add", "kvasir", "raw/kvasir", *given])
    assert added.exit_code == 0
    assert f"noted as {Path('raw/kvasir').absolute()}: raw/kvasir would lead nowhere" in added.output.replace("\n", "")
    assert list_sites(params)[-1][1].root == str(Path("raw/kvasir").absolute())
    kept = CliRunner().invoke(app, ["sites", "add", "x", "x", *given])
    assert "noted as" not in kept.output
    assert list_sites(params)[-1][1].root == "x"


@pytest.mark.parametrize(("key", "value"), [
    ("sites", None), ("sites", [1]), ("sites", {"A": None, "B": 3}), ("held_out", "A"), ("lesion_classes", "polyp"),
    ("lesion_classes", [1]), ("build_confounders", [1]), ("build_confounders", {"class_phrases": ["polyp"]}),
])  # fmt: skip
def test_a_wrong_kind_of_value_is_told_and_nothing_written(params, key, value):
    raw = yaml.safe_load(params.read_text(encoding="utf-8"))
    before = write_params(params.parent, {**raw, key: value}).read_bytes()
    for edit in (
        lambda: add_site(params, "new", {"card": "folder", "root": "x", "lesion_class": "wart"}),
        lambda: set_site(params, "A", {"view": "full"}),
        lambda: remove_sites(params, ["A"]),
    ):
        with pytest.raises(InputError, match=rf"params\.yaml has \d+ error\(s\):\n  {key}"):
            edit()
        assert params.read_bytes() == before


@pytest.mark.parametrize("keys", [{}, {"masks": "other/{stem}.png"}])
def test_the_frames_of_one_site_are_no_other_site_s(params, keys):
    """Whatever its masks; by a table's rows they may be told apart."""
    site = {"card": "folder", "root": "x", "lesion_class": "polyp"}
    add_site(params, "north", site)
    before = params.read_bytes()
    with pytest.raises(InputError, match=r"site 'north' has the frames of \./x already"):
        add_site(params, "south", {**site, "root": "./x", **keys})
    assert params.read_bytes() == before
    add_site(params, "south", {**site, "images": "south/*"})
    with pytest.raises(InputError, match="site 'north' has the frames"):
        set_site(params, "south", {"images": None})
    (params.parent / "x" / "t.csv").write_text("file,centre\na.png,1\n")
    set_site(params, "south", {"images": None, "table": "t.csv", "table_rows": {"centre": "1"}})
    set_site(params, "north", {"lesion_class": "cyst"})  # is itself


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"card": "phantom", "root": "x"}, r"there is no x/frames\.csv, the table of card 'phantom'"),
        ({"card": "folder", "root": "x", "lesion_class": "polyp", "annotations": "a.json",
          "annotation_format": "coco"}, r"there is no file a\.json in x"),
    ],
)  # fmt: skip
def test_what_a_card_reads_is_there(params, keys, said):
    before = params.read_bytes()
    with pytest.raises(InputError, match=said):
        add_site(params, "north", keys)
    assert params.read_bytes() == before


def test_sites_that_take_their_frames_by_annotations_may_share_a_folder(params):
    for name in ("north", "south"):
        (params.parent / "x" / f"{name}.json").write_text("{}")
        keys = {"annotations": f"{name}.json", "annotation_format": "coco", "lesion_class": "polyp"}
        add_site(params, name, {"card": "folder", "root": "x", **keys})


def test_a_phantom_that_is_half_rendered_can_be_set(params):
    (params.parent / "data" / "phantom" / "A").mkdir(parents=True)
    set_site(params, "A", {"view": "full"})
