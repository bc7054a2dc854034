"""Studies by name: each is valid, and choosing one changes what it says and no comment."""

import shutil

import pytest
import yaml
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.base.errors import InputError
from mcdrl.commands.study.studies import presets, use_study
from mcdrl.methods import has_own_encoder
from mcdrl.study.params import check, read_params
from mcdrl.study.variants import Variant
from tests.projects import ROOT, SHIPPED, copy_project, write_params


@pytest.fixture
def params(tmp_path):
    return copy_project(tmp_path)


@pytest.mark.parametrize("name", presets())
def test_every_shipped_study_gives_valid_parameters_and_leaves_every_variant_alone(params, name):
    before = yaml.safe_load(params.read_text(encoding="utf-8"))["variants"]
    preset = use_study(params, name)
    study = check(read_params(params), params)
    assert study.methods == preset.methods
    assert study.seeds == preset.seeds
    use_study(params, "quick")
    after = yaml.safe_load(params.read_text(encoding="utf-8"))["variants"]
    assert {key: after[key] for key in before} == before


def _everywhere():
    """Return the variants of params.yaml and of all studies, by the place where they stand."""
    shipped = {name: Variant.model_validate(one) for name, one in SHIPPED["variants"].items()}
    places = {"params.yaml": shipped, **{name: study.variants for name, study in presets().items()}}
    return {f"{place}: {name}": variant for place, found in places.items() for name, variant in found.items()}


def test_networks_of_their_own_have_rates_and_a_length_of_their_own():
    own = {place: variant for place, variant in _everywhere().items() if has_own_encoder(variant.method)}
    assert len(own) >= 4
    for place, variant in own.items():
        assert {"lr", "lr_encoder", "epochs"} <= set(variant.train), place
        assert variant.train["lr_encoder"] < variant.train["lr"] < read_params()["train"]["lr"], place


@pytest.mark.parametrize("name", [None, *presets()])
def test_mixed_styles_stand_beside_the_same_training_without_them(name):
    study = presets()[name] if name else None
    variants = {name: Variant.model_validate(one) for name, one in SHIPPED["variants"].items()}
    variants |= study.variants if study else {}
    listed = {key: variants.get(key, Variant(method=key)) for key in (study.methods if study else variants)}
    plain = [variant.train for variant in listed.values() if variant.method == "baseline"]
    for key, variant in listed.items():
        assert variant.method != "mixstyle" or variant.train in plain, key


PAIRED = [
    (study, device, placebo)
    for study, preset in presets().items()
    for device, placebos in preset.placebos.items()
    for placebo in placebos
]


def _keys(part, values):
    return {f"{part}.{key}": value for key, value in values.items()}


@pytest.mark.parametrize(("study", "device", "placebo"), PAIRED)
def test_a_placebo_is_its_device_but_for_one_number(study, device, placebo):
    variants = {name: Variant.model_validate(one) for name, one in SHIPPED["variants"].items()}
    variants |= presets()[study].variants
    one, other = (variants.get(name, Variant(method=name)) for name in (device, placebo))
    assert one.method == other.method
    (ours, theirs) = ({**_keys("params", v.params), **_keys("train", v.train)} for v in (one, other))
    assert sum(value != ours.get(key) for key, value in theirs.items()) == 1
    assert not ours.keys() - theirs.keys()


@pytest.mark.parametrize(("study", "others"), [
    ("devices", {"partial_6min", "observed_backdoor_own_6min"}), ("devices_frozen", {"baseline", "observed_own"}),
])  # fmt: skip
def test_every_device_on_the_bench_has_a_placebo(study, others):
    preset = presets()[study]
    beside = {name for placebos in preset.placebos.values() for name in placebos}
    assert {*preset.placebos, *beside} == set(preset.methods) - others
    assert others < set(preset.methods)
    assert not beside & preset.placebos.keys()


def test_another_variant_of_a_name_is_not_overwritten(params):
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("variants:", "variants:\n  phrases3: {method: no_mtrs}\n  #", 1), encoding="utf-8")
    before = params.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="has another variant 'phrases3' than the study; rename or remove it"):
        use_study(params, "control")
    assert params.read_text(encoding="utf-8") == before


def test_a_variant_of_a_name_that_is_none_is_not_overwritten(params):
    raw = yaml.safe_load(params.read_text(encoding="utf-8"))
    before = write_params(params.parent, {**raw, "variants": {"phrases3": {"methd": "mcdrl"}}}).read_bytes()
    with pytest.raises(InputError, match="has another variant 'phrases3' than the study; rename or remove it"):
        use_study(params, "control")
    assert params.read_bytes() == before


@pytest.mark.parametrize(("key", "value", "said"), [
    ("methods", "baseline", "methods: Input should be a valid list, got 'baseline'"),
    ("methods", None, "methods: Input should be a valid list, got None"),
    ("seeds", 0, "seeds: Input should be a valid list, got 0"),
    ("held_out", "A", "held_out: Input should be a valid list, got 'A'"),
    ("variants", None, "variants: Input should be a valid dictionary, got None"),
    ("variants", {"phrases3": 3}, "variants.phrases3: Input should be a valid dictionary"),
])  # fmt: skip
def test_a_wrong_kind_of_value_is_told_and_nothing_written(params, key, value, said):
    raw = yaml.safe_load(params.read_text(encoding="utf-8"))
    before = write_params(params.parent, {**raw, key: value}).read_bytes()
    with pytest.raises(InputError) as error:
        use_study(params, "control", sites=["A"])
    assert said in str(error.value)
    assert params.read_bytes() == before


@pytest.mark.parametrize("key", ["methods", "variants", "seeds"])
def test_only_variants_may_be_missing(params, key):
    raw = yaml.safe_load(params.read_text(encoding="utf-8"))
    write_params(params.parent, {name: value for name, value in raw.items() if name != key})
    if key == "variants":
        use_study(params, "control", methods=["phrases3"])
        assert list(check(read_params(params), params).variants) == ["phrases3"]
    else:
        with pytest.raises(InputError, match=f"{key}: missing; the shipped params.yaml has"):
            use_study(params, "control")


def test_elsewhere_there_is_no_study(tmp_path):
    with pytest.raises(InputError, match=r"run this in the folder that params\.yaml is in"):
        presets(tmp_path)


def test_choosing_one_and_going_back_changes_what_it_says_and_no_comment(params):
    def comments():
        return [line.split("#", 1)[1] for line in params.read_text(encoding="utf-8").splitlines() if "#" in line]

    before, plain = comments(), yaml.safe_load(params.read_text(encoding="utf-8"))
    use_study(params, "control")
    assert comments() == before
    after = yaml.safe_load(params.read_text(encoding="utf-8"))
    assert {key for key in plain if plain[key] != after[key]} == {"methods", "seeds", "variants"}
    assert after["variants"]["phrases3"] == {"method": "mcdrl", "train": {"phrases": 3}}
    assert after["variants"].items() >= plain["variants"].items()
    use_study(params, "quick")
    again = yaml.safe_load(params.read_text(encoding="utf-8"))
    assert (again["methods"], again["seeds"]) == (["baseline", "mcdrl"], [0])
    assert comments() == before


def test_the_quick_study_is_the_default():
    plain, quick = SHIPPED, presets()["quick"]
    assert (plain["methods"], plain["seeds"]) == (quick.methods, quick.seeds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\nmethods: [baseline]\nseed: [0]\n", "did you mean 'seeds'"),
        ("title: x\nmethods: []\nseeds: [0]\n", "methods"),
        ("title: [\n", "is not valid YAML"),
        ("title: x\nmethods: [nobody]\nseeds: [0]\n", "nobody"),
        (
            "title: x\nmethods: [mcdrl, mcdrl_zero]\nseeds: [0]\nplacebos: {mcdrl: [mcdrl_zeros]}\n",
            "placebos: unknown 'mcdrl_zeros'; did you mean 'mcdrl_zero'",
        ),
        ("title: x\nmethods: [mcdrl]\nseeds: [0]\nplacebos: {mcdrl: []}\n", r"placebos\.mcdrl"),
    ],
)
def test_what_is_no_study_is_refused_and_params_stay(params, tmp_path, text, message):
    before = params.read_text(encoding="utf-8")
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        use_study(params, "own", folder)
    with pytest.raises(InputError):
        use_study(params, "qick", folder)
    assert params.read_text(encoding="utf-8") == before


def test_a_part_of_a_study_may_be_chosen_and_its_cells_are_counted(params):
    wanted = ["unet_6min", "mcdrl_6min"]
    chosen = use_study(params, "rivals", sites=["A", "C"], seeds=[4], methods=wanted)
    assert chosen.cells == "4 cells: 2 methods x 2 held-out sites x 1 seed"
    study = check(read_params(params), params)
    assert (study.methods, study.held_out, study.seeds) == (wanted, ["A", "C"], [4])
    assert "fourier_6min" not in study.variants
    assert use_study(params, "rivals").cells == "72 cells: 12 methods x 2 held-out sites x 3 seeds"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"methods": ["unet_6mim"]}, "--methods: the study rivals has no 'unet_6mim'; did you mean 'unet_6min'"),
        ({"sites": ["F"]}, "held_out: unknown 'F'"),
        ({"seeds": [1, 1]}, "seeds: a value stands twice"),
    ],
)
def test_a_part_that_is_not_there_leaves_the_file_alone(params, given, message):
    before = params.read_text(encoding="utf-8")
    with pytest.raises(InputError, match=message):
        use_study(params, "rivals", **given)
    assert params.read_text(encoding="utf-8") == before


def test_options_are_lists_with_commas(params, monkeypatch):
    shutil.copytree(ROOT / "data" / "studies", params.parent / "data" / "studies")
    monkeypatch.chdir(params.parent)
    invoke = CliRunner().invoke
    done = invoke(cli.app, ["studies", "use", "rivals", "--sites", "A, B", "--seeds", "0,1", "--methods", "unet_6min"])
    assert "rivals, 4 cells: 1 method x 2 held-out sites x 2 seeds" in done.output
    assert "'x' is no seed" in str(invoke(cli.app, ["studies", "use", "rivals", "--seeds", "x"]).exception)
    done = invoke(cli.app, ["studies", "use", "rivals", "--sites", "A", "--seeds", "2", "--methods", "unet_6min"])
    assert "rivals, 1 cell: 1 method x 1 held-out site x 1 seed;" in done.output


@pytest.mark.parametrize("option", ["--sites", "--seeds", "--methods"])
@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_an_option_that_names_nothing_is_no_default(params, monkeypatch, option, text):
    monkeypatch.chdir(params.parent)
    before = params.read_bytes()
    done = CliRunner().invoke(cli.app, ["studies", "use", "quick", option, text])
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith(f"{option} '{text}' names nothing; give names such as ")
    assert params.read_bytes() == before


@pytest.mark.parametrize("text", ["٣", "²", "-1", "1_0", "1.0"])
def test_a_seed_is_written_in_ascii_digits(params, monkeypatch, text):
    monkeypatch.chdir(params.parent)
    done = CliRunner().invoke(cli.app, ["studies", "use", "quick", "--seeds", text])
    assert f"'{text}' is no seed" in str(done.exception)
