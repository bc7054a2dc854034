"""The command line: exit codes, messages, and imports only where they are needed."""

import inspect
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.base.errors import InputError
from mcdrl.commands.doctor import examine as doctor
from mcdrl.commands.doctor.check import Check
from mcdrl.commands.show import parse_settings
from mcdrl.commands.sites.app import keys_of
from tests.command_tree import command_tree
from tests.commands.acceptance.hospital import Bright, by_site, write_hospital, write_model
from tests.projects import ROOT, copy_project


def mcdrl(*arguments, cwd=ROOT):
    code = "from mcdrl.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )


def test_an_error_of_the_users_is_one_line_and_exit_code_2(tmp_path):
    done = mcdrl("predict", str(tmp_path), "--model", "nowhere", "--out", str(tmp_path / "out"), "--device", "cpu")
    assert done.returncode == 2
    assert "nowhere/model.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_adapt_never_writes_over_a_folder(tmp_path):
    done = mcdrl("adapt", str(tmp_path), "--model", str(tmp_path), "--out", str(tmp_path), "--device", "cpu")
    assert done.returncode == 2
    assert done.stderr == f"error: --out {tmp_path} exists; name a new folder\n"


def test_help_needs_no_library_that_takes_long():
    heavy = {"torch", "pandas", "h5py", "PIL", "numpy", "scipy", "matplotlib"}
    code = f"import sys, mcdrl.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("words", command_tree(), ids=" ".join)
def test_every_command_explains_itself(words):
    result = CliRunner().invoke(cli.app, [*words, "--help"])
    assert result.exit_code == 0
    assert " ".join(["Usage:", "root", *words]) in " ".join(result.output.split())
    command = command_tree()[words]
    assert all(parameter.help for parameter in command.params)
    assert command.help


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("note", 0), ("PROBLEM", 2)])
def test_doctor_ends_with_2_only_at_a_problem(monkeypatch, status, code):
    monkeypatch.setattr(doctor, "examine", lambda _: [Check("thing", status, "[found]", "fix it")])
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == code
    assert "[found]" in result.output


def test_sites_can_be_added_listed_and_removed(tmp_path, monkeypatch):
    copy_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw" / "k").mkdir(parents=True)
    invoke = CliRunner().invoke
    given = ["--card", "folder", "--set", "lesion_class=polyp", "--no-hold-out"]
    added = invoke(cli.app, ["sites", "add", "kvasir", "raw/k", *given])
    assert added.exit_code == 0
    listed = invoke(cli.app, ["sites", "list"]).output
    (line,) = [line for line in listed.splitlines() if "raw/k" in line]
    assert line.split()[:4] == ["kvasir", "no", "folder", "raw/k"]
    assert invoke(cli.app, ["sites", "remove", "kvasir"]).exit_code == 0
    assert "kvasir" not in invoke(cli.app, ["sites", "list"]).output


def test_cards_are_listed_and_nothing_is_fetched_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert "kvasir_seg" in CliRunner().invoke(cli.app, ["sites", "cards"]).output
    done = mcdrl("sites", "fetch", "kvasir_seg", "--to", str(tmp_path / "k"))
    assert done.returncode == 2
    assert "--accept-licence" in done.stderr
    assert not (tmp_path / "k").exists()


def test_settings_are_read_as_yaml():
    assert parse_settings(["mask_threshold=99", "images=img/*", "table="]) == {
        "mask_threshold": 99,
        "images": "img/*",
        "table": None,
    }
    for text in ("novalue", "=3", "a={"):
        with pytest.raises(InputError, match="--set"):
            parse_settings([text])


def test_a_setting_that_is_given_twice_is_refused_with_both():
    for texts in (["masks=a/*", "masks=b/*"], ["table=t.csv", "masks=a/*", "table="]):
        with pytest.raises(InputError, match=rf"^{texts[0].partition('=')[0]} is given twice, .* and {texts[-1][:6]}"):
            parse_settings(texts)


def test_an_option_and_a_setting_that_say_the_same_thing_are_refused_with_both():
    assert keys_of("polyp", ["channels=bgr"], "full") == {"lesion_class": "polyp", "view": "full", "channels": "bgr"}
    with pytest.raises(InputError, match=r"^--view full and --set view=auto say the same thing; give one of them$"):
        keys_of(None, ["view=auto"], "full")


@pytest.mark.parametrize("value", ["**", "*/images/*", "{0}/masks/{stem}.*", "{stem}", "7", "no"])
def test_a_text_needs_no_quotes(value):
    assert parse_settings([f"images={value}", f'masks="{value}"']) == {"images": value, "masks": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("root=/data/x #1", "/data/x #1"),
        ("images=frames #2/*.png", "frames #2/*.png"),
        ("images=#2/*.png", "#2/*.png"),
        ("lesion_class=polyp # flat", "polyp # flat"),
        ("channels=bgr # so", "bgr # so"),
        ("root='/data/x #1'", "/data/x #1"),
        ('root="/data/x \\"1\\" #1"', '/data/x "1" #1'),
        ("root='a' # 'b'", "'a' # 'b'"),
        ("channels='bgr #'", "bgr #"),
        ("root= a/b ", "a/b"),
        ("masks=null", None),
        ("masks=~", None),
        ("masks= ", None),
        ("masks='~'", "~"),
        ("mask_threshold=5 # half", 5),
        ("folder_class={a: b} # so", {"a": "b"}),
        ("folder_class=\n  a: b\n  c: d", {"a": "b", "c": "d"}),
    ],
)
def test_no_text_is_cut_where_yaml_would_begin_a_comment(text, said):
    key = text.partition("=")[0]
    assert parse_settings([text]) == {key: said}


@pytest.mark.parametrize("text", ["folder_class=**", "a={", "a={b: 1, b: 2}"])
def test_a_setting_that_is_no_yaml_is_refused_in_one_line_with_its_quoted_form(text):
    with pytest.raises(InputError) as caught:
        parse_settings([text])
    key, _, value = text.partition("=")
    assert str(caught.value).endswith(f"""--set '{key}="{value}"'""")
    assert "\n" not in str(caught.value)
    assert parse_settings([f'{key}="{value}"']) == {key: value}


def test_doctor_outside_of_a_project_says_what_works_without_one(tmp_path):
    done = mcdrl("doctor", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "")
    told = " ".join(done.stdout.split())
    assert all(what in told for what in ("Python ok", "packages", "device", "dvc", "memory", "disk", "no project in"))
    assert "mcdrl predict" in told.replace("`", "")
    assert "params.yaml ok" not in told
    (tmp_path / "params.yaml").touch()
    assert "no project" not in mcdrl("doctor", cwd=tmp_path).stdout  # an incomplete one is looked at


def test_the_version_is_told_without_a_command(monkeypatch):
    monkeypatch.setattr(cli, "version", lambda _: "1.2.3")
    told = CliRunner().invoke(cli.app, ["--version"])
    assert (told.exit_code, told.output) == (0, "mcdrl 1.2.3\n")

    def missing(name):
        raise cli.PackageNotFoundError(name)

    monkeypatch.setattr(cli, "version", missing)
    assert "isn't installed" in CliRunner().invoke(cli.app, ["--version"]).output


@pytest.mark.parametrize(("promised", "code"), [((0.9, 0.95, 0.97), 3), ((0.3, 0.4, 0.5), 0), (None, 0)])
def test_accept_ends_with_3_only_where_it_is_worse_than_promised(tmp_path, monkeypatch, promised, code):
    model = write_model(tmp_path / "model", by_site(*promised) if promised else None)
    folder = write_hospital(tmp_path / "north", [(20, 4 + number % 3) for number in range(12)])
    monkeypatch.setattr("mcdrl.model.predictor.load_predictor", lambda *_, **__: (Bright(), "full"))
    given = ["accept", str(folder), "--model", str(model), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, given)
    assert done.exit_code == code
    assert ("worse than promised" in done.stdout) == (code == 3)
    assert (tmp_path / "out" / "index.html").is_file()
    again = CliRunner().invoke(cli.app, given)
    assert isinstance(again.exception, InputError)


def test_accept_looks_at_what_it_is_told_to(tmp_path, monkeypatch):
    model = write_model(tmp_path / "model")
    folder = write_hospital(tmp_path / "north", [(16, 16)] * 1 + [(16, 8)])
    monkeypatch.setattr("mcdrl.model.predictor.load_predictor", lambda *_, **__: (Bright(), "full"))
    given = ["accept", str(folder), "--model", str(model), "--out", str(tmp_path / "out"), "--view", "0,0,0.5,1"]
    done = CliRunner().invoke(cli.app, [*given, "--card", "folder", "--lesion-class", "ulcer"])
    assert done.exit_code == 0
    cases = pd.read_csv(tmp_path / "out" / "cases.csv")
    assert cases["view_share"].tolist() == [0.5, 0.5]
    assert cases["lesion_class"].tolist() == ["ulcer", "ulcer"]


def test_accept_asks_at_the_sizes_that_it_is_told(tmp_path, monkeypatch):
    model, folder = write_model(tmp_path / "model"), write_hospital(tmp_path / "north", [(16, 16), (16, 8)])
    asked = []

    def load(*_, sizes_px, **__):
        asked.append(sizes_px)
        return Bright(), "full"

    monkeypatch.setattr("mcdrl.model.predictor.load_predictor", load)
    given = ["accept", str(folder), "--model", str(model), "--out"]
    assert CliRunner().invoke(cli.app, [*given, str(tmp_path / "own")]).exit_code == 0
    assert CliRunner().invoke(cli.app, [*given, str(tmp_path / "told"), "--sizes", "32,64"]).exit_code == 0
    assert asked == [None, [32, 64]]


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_no_option_takes_a_number_that_is_none(value):
    options = [
        (words, f"--{name.replace('_', '-')}")
        for words, command in command_tree().items()
        if command.callback is not None
        for name, kind in inspect.get_annotations(inspect.unwrap(command.callback), eval_str=True).items()
        if "float" in str(kind)
    ]
    assert len(options) == 5
    for words, option in options:
        found = CliRunner().invoke(cli.app, [*words, option, value], env={"COLUMNS": "200"})
        assert (found.exit_code, f"'{option}'" in found.output) == (2, True), (words, option, found.output)
