"""Editing one thing reruns exactly the steps that depend on it, with the real stages."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.factories import bytes_of
from tests.pipeline.repository import Repository
from tests.projects import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

CELLS = {f"{stage}@mcdrl-{site}-0" for stage in ("train", "evaluate") for site in "AB"}
AFTER_TRAIN = {*CELLS, "collect_evaluate", "stress", "report", "train_all@mcdrl-0", "deploy@mcdrl"}
MINING = {"mine_regions@A", "mine_regions@B"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    made = Repository(tmp_path_factory.mktemp("rerun") / "copy")
    ran = made.repro()
    first = {"plan", "phantom", "audit", "backbone", "build_confounders", "ingest@A", "encode@B"}
    assert first | MINING | AFTER_TRAIN <= ran
    assert not any(name.startswith("pretrain") for name in ran)
    return made


def without_collect(ran):
    """Whether the quality table is gathered again depends on its bytes, so rows leave it open."""
    return ran - {"collect_mine_regions"}


def test_nothing_edited_runs_nothing(repository):
    assert repository.repro() == set()


def test_report(repository):
    repository.edit(lambda params: params["report"].update(bootstrap=120))
    assert repository.repro() == {"report"}  # of so few patients no interval is promised, so that nothing has moved


def test_audit(repository):
    repository.edit(lambda params: params["audit"].update(hash_bits=40, accepted=[["A", "B"]]))
    assert repository.repro() == {"audit", "report"}  # no pair is found either way; the page shows every parameter


def test_stress(repository):
    repository.edit(lambda params: params["stress"].update(strengths=[0.5]))
    assert repository.repro() == {"stress", "report"}


def test_deploy(repository):
    """What is deployed trains no cell, and no cell trains it."""
    repository.edit(lambda params: params["deploy"].update(methods=["mcdrl", "baseline"]))
    assert repository.repro() == {"plan", "train_all@baseline-0", "deploy@baseline", "report"}
    told = {name: repository.folder / "artifacts/deploy" / name / "README.md" for name in ("mcdrl", "baseline")}
    assert "judged at 2 sites" in told["mcdrl"].read_text(encoding="utf-8")
    assert "no estimate for new sites" in told["baseline"].read_text(encoding="utf-8")
    repository.edit(lambda params: params["deploy"].update(methods=["mcdrl"], seeds=[1]))
    assert repository.repro() == {"train_all@mcdrl-1", "deploy@mcdrl", "report"}  # that plan was kept
    repository.edit(lambda params: params["deploy"].update(methods=[], seeds=[0]))
    assert repository.repro() == {"plan", "report"}
    repository.edit(lambda params: params["deploy"].update(methods=["mcdrl"]))
    assert not {name for name in repository.repro() if name.startswith("train")}  # all of it was kept


def test_splits(repository):
    place = repository.folder / "data/splits.csv"
    repository.sites("splits", "--export", "all.csv")
    rows = (repository.folder / "all.csv").read_text(encoding="utf-8").splitlines()
    sides = {"train": "val", "val": "train"}
    swapped = [f"{start},{sides[side]}" for start, _, side in (row.rpartition(",") for row in rows[1:])]
    (repository.folder / "all.csv").write_text("\n".join([rows[0], *swapped]) + "\n", encoding="utf-8")
    repository.sites("splits", "--import", "all.csv")
    ran = repository.repro()
    assert {"ingest@A", "ingest@B", "audit", *AFTER_TRAIN} <= ran
    repository.sites("splits", "--export", "again.csv")
    assert (repository.folder / "again.csv").read_text(encoding="utf-8") == place.read_text(encoding="utf-8")
    repository.sites("splits", "--reset")
    assert not {"train@mcdrl-A-0", "evaluate@mcdrl-A-0"} & repository.repro()  # all of it was kept


def test_train(repository):
    repository.edit(lambda params: params["train"].update(lr=0.002))
    assert repository.repro() == {"plan", *AFTER_TRAIN}


def test_variants(repository):
    """A variant that joins the study runs its own cells, and an edit of one variant reruns no other."""

    def join(params):
        params["methods"].append("mcdrl_random")

    repository.edit(join)
    ours = {f"{stage}@mcdrl_random-{site}-0" for stage in ("train", "evaluate") for site in "AB"}
    assert repository.repro() == {"plan", *ours, "collect_evaluate", "stress", "report"}
    repository.edit(lambda params: params["variants"]["mcdrl_random"]["params"].update(dictionary="zero"))
    assert repository.repro() == {"plan", *ours, "collect_evaluate", "stress", "report"}
    append(repository, "mcdrl/methods/no_cdrl.py", "\nEDITED = 1\n")
    assert repository.repro() == {"plan"}  # its file changed, no plan of the study did
    repository.edit(lambda params: params["methods"].remove("mcdrl_random"))
    repository.repro()


def test_a_method_of_one_file(repository):
    """Its key is checked, its cells alone run when it joins, and again when its knob or its file changes."""
    shutil.copy(ROOT / "tests/one_file_method.py", repository.folder / "mcdrl/methods/smooth.py")
    assert repository.repro() == {"plan"}
    repository.edit(lambda params: params["method_params"].update(smooth={"roughnes": 0.5}))
    refused = repository.dvc("repro", "plan", check=False)
    assert refused.returncode
    assert "method_params.smooth.roughnes: unknown key; did you mean 'roughness'?" in refused.stderr

    def join(params):
        params["method_params"]["smooth"] = {"roughness": 0.5}
        params["methods"].append("smooth")

    repository.edit(join)
    ours = {f"{stage}@smooth-{site}-0" for stage in ("train", "evaluate") for site in "AB"}
    assert repository.repro() == {"plan", *ours, "collect_evaluate", "stress", "report"}
    history = (repository.folder / "artifacts/train/smooth/A/0/history.csv").read_text(encoding="utf-8")
    assert history.startswith("epoch,roughness,seg,val_dice\n")
    repository.edit(lambda params: params["method_params"]["smooth"].update(roughness=0.25))
    assert repository.repro() == {"plan", *ours, "collect_evaluate", "stress", "report"}
    append(repository, "mcdrl/methods/smooth.py", "\nEDITED = 1\n")
    ran = repository.repro()
    assert {"plan", *(name for name in ours if name.startswith("train"))} <= ran
    assert {name for name in ran if "@" in name} <= ours
    repository.edit(lambda params: params["methods"].remove("smooth"))
    repository.repro()


def test_methods_on_pixels_alone(repository):
    """Nobody reads maps and mirrored frames then, so the features are made anew; another number leaves them alone."""
    repository.edit(lambda params: params["train"].update(mode="partial", views=[]))
    ran = repository.repro()
    assert {"plan", "encode@A", "encode@B", *AFTER_TRAIN} <= ran
    repository.edit(lambda params: params["train"].update(lr=0.003))
    assert repository.repro() == {"plan", *AFTER_TRAIN}
    repository.edit(lambda params: params["train"].update(mode="frozen", lr=0.002))
    repository.repro()


def test_alpha(repository):
    repository.edit(lambda params: params["mine_regions"].update(alpha=0.3))
    assert repository.repro() == {*MINING, "collect_mine_regions", "sources", *AFTER_TRAIN}


def test_a_mask_trains_the_cells_that_it_is_a_source_of_and_judges_those_that_leave_its_site_out(repository):
    """What a cell was trained on hasn't changed with the site that it leaves out. What DVC has missed is refused."""
    roots = {site: f"data/own/{site}" for site in "AB"}
    for site, root in roots.items():
        shutil.copytree(repository.folder / "data/phantom" / site, repository.folder / root)
        repository.edit(lambda params, site=site, root=root: params["sites"][site].update(root=root))
    assert not {name for name in repository.repro() if name.startswith(("train", "evaluate"))}  # equal frames
    for site, other in (("A", "B"), ("B", "A")):
        before = model(repository, site)
        repair(repository.folder / roots[site])
        ran = repository.repro()
        assert {"train@mcdrl-A-0", "train@mcdrl-B-0"} & ran == {f"train@mcdrl-{other}-0"}
        wanted = {f"{stage}@{site}" for stage in ("ingest", "encode", "mine_regions")}
        wanted |= {"audit", "sources", *AFTER_TRAIN} - {f"train@mcdrl-{site}-0"}
        assert without_collect(ran) == wanted
        assert model(repository, site) == before

    repair(repository.folder / roots["A"])
    repository.dvc("repro", "--single-item", "ingest@A")
    refused = repository.dvc("repro", "--single-item", "--force", "train@mcdrl-B-0", check=False)
    assert refused.returncode
    assert "B.json tells of other data than there are, the first: ingest/A/" in refused.stderr
    repository.repro()
    shutil.rmtree(repository.folder / "artifacts")
    assert repository.dvc("repro", "train@mcdrl-B-0").returncode == 0  # of a clone with a cache, in DVC's order
    assert (repository.folder / "artifacts/encode/A.h5").is_file()
    for site in roots:
        repository.edit(lambda params, site=site: params["sites"][site].update(root=f"data/phantom/{site}"))
    assert not {name for name in repository.repro() if name.startswith("train")}  # all of it was kept


def model(repository, held_out):
    return bytes_of(repository.folder / "artifacts/train/mcdrl" / held_out / "0")


def repair(site):
    """Draw one more corner of a lesion into the first mask of a site that has it black."""
    for path in sorted((site / "masks").glob("*.png")):
        mask = np.array(Image.open(path))
        if mask.any() and not mask[:40, :40].all():
            grown = mask.copy()
            grown[:40, :40] = 255
            Image.fromarray(grown).save(path)
            return
    raise AssertionError(f"no mask of {site} can be edited")


def test_class_prompt(repository):
    repository.edit(lambda params: params["build_confounders"]["class_phrases"].update(polyp="polypoid lesion"))
    assert without_collect(repository.repro()) == {"build_confounders", *MINING, "sources", *AFTER_TRAIN}


def test_confounder_phrase(repository):
    def change(params):
        params["build_confounders"]["confounders"]["lighting"][0] = "very bright lighting"

    repository.edit(change)
    assert repository.repro() == {"build_confounders", *AFTER_TRAIN}


@pytest.mark.parametrize("place", ["mcdrl/artifacts/stores.py", "mcdrl/networks/head.py", "stages/train/__main__.py"])
def test_words_in_the_code_rerun_nothing_but_the_plan(repository, place):
    path = repository.folder / place
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"""', '"""Said otherwise. ', 1) + "\n# a remark\n", encoding="utf-8")
    assert repository.repro() == {"plan"}


def test_a_schema_reruns_what_writes_or_reads_it(repository):
    append(repository, "mcdrl/artifacts/scores.py", "\nEDITED = 1\n")
    ran = repository.repro()
    assert {"evaluate@mcdrl-A-0", "evaluate@mcdrl-B-0", "collect_evaluate"} <= ran
    stages = {name.split("@")[0] for name in ran}
    assert stages == {"plan", "evaluate", "collect_evaluate", "collect_mine_regions", "report"}


@pytest.mark.parametrize(
    ("place", "stages"),
    [
        ("mcdrl/drawing/charts.py", {"report"}),
        ("stages/report/page.py", {"report"}),
        (
            "mcdrl/metrics/surface.py",
            {"evaluate", "collect_evaluate", "collect_mine_regions", "report"},
        ),  # columns, words
        (
            "mcdrl/confounders/operators.py",
            {"phantom", "stress", "report"},
        ),  # equal frames come out, so no more follows
        ("mcdrl/renderer/vessels.py", {"phantom"}),
        ("mcdrl/model/readme.py", {"deploy"}),
        ("mcdrl/study/params.py", set()),
    ],
)
def test_code_reruns_what_imports_it(repository, place, stages):
    """What it writes has the same bytes, so that nothing behind it runs."""
    append(repository, place, "\nEDITED = 1\n")
    assert {name.split("@")[0] for name in repository.repro()} == {"plan", *stages}


def append(repository, place, text):
    path = repository.folder / place
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def replace(repository, place, old, new):
    path = repository.folder / place
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_template_of_a_models_readme_trains_nothing(repository):
    replace(repository, "mcdrl/model/readme.py", "For research.", "For research only.")
    assert repository.repro() == {"plan", "deploy@mcdrl"}


def test_a_site_card_s_words_rerun_nothing_and_its_keys_the_sites_that_it_reads(repository):
    replace(repository, "data/sites/phantom.yaml", "title: ", "title: The famous ")
    assert repository.repro() == {"plan"}
    append(repository, "data/sites/kvasir_seg.yaml", "# a card of no site of the study\n")
    assert repository.repro() == {"plan"}
    replace(repository, "data/sites/phantom.yaml", "read:", "read:\n  mask_threshold: 100")
    assert repository.repro() == {"plan", "ingest@A", "ingest@B"}  # masks are black and white: all is as it was


def test_a_methods_file_trains_its_own_cells(repository):
    repository.edit(lambda params: params["methods"].append("clipseg"))
    repository.repro()
    append(repository, "mcdrl/methods/clipseg/decoder.py", "\nEDITED = 1\n")
    ours = {f"{stage}@clipseg-{site}-0" for stage in ("train", "evaluate") for site in "AB"}
    assert repository.repro() == {"plan", *ours, "stress"}
    repository.edit(lambda params: params["methods"].remove("clipseg"))
    repository.repro()


def test_a_dry_run_after_a_word_names_the_plan_alone(repository):
    replace(repository, "mcdrl/base/files.py", '"""', '"""Said otherwise once more. ')
    dry = repository.dvc("repro", "--dry").stdout
    assert re.findall(r"Running stage '([^']+)'", dry) == ["plan"]
    assert repository.repro() == {"plan"}


def test_site_added(repository):
    def change(params):
        params["sites"]["C"] = {**params["sites"]["A"], "root": "data/phantom/C"}
        params["held_out"].append("C")

    repository.edit(change)
    ran = repository.repro()
    assert {"ingest@C", "audit", "encode@C", "mine_regions@C", "train@mcdrl-C-0", *AFTER_TRAIN} <= ran
    others = {f"{stage}@{site}" for stage in ("ingest", "encode", "mine_regions") for site in "AB"}
    assert not ran & {*others, "phantom", "backbone", "build_confounders"}


def test_backbone(repository):
    repository.edit(lambda params: params.update(backbone="rn50", weights={"rn50": "none"}))
    ran = repository.repro()
    assert {"backbone", "encode@A", "build_confounders", *MINING, *AFTER_TRAIN} <= ran
    assert not [name for name in ran if name.split("@")[0] in {"phantom", "ingest"}]
