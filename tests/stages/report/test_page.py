"""The whole report of a small study."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from mcdrl.artifacts.promise import read_promise
from mcdrl.base.errors import InputError
from mcdrl.confounders.registry import phrases
from mcdrl.model.readme import promised
from mcdrl.study.paths import promise_path
from stages.report import page as page_module
from stages.report.inputs import read_inputs
from stages.report.page import too_long
from stages.report.topics.profiles import FRAMES_SHOWN
from stages.report.write import write_report
from tests.factories import bytes_of
from tests.stages.report.fake_study import RAW, build, frames_of, results_of, study_of

VOID = {"meta", "link", "image", "path", "line", "circle", "rect", "polyline", "polygon", "input"}


class Balance(HTMLParser):
    """Checks that every element is closed in its turn."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, _attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag


def report(study, artifacts, out, raw=RAW):
    write_report(results_of(study, artifacts, raw), out)
    return (out / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report"
    return out, report(small.study, small.artifacts, out)


def test_tuned_regions_are_shown_beside_the_texts_and_only_where_there_are_some(page, small):
    _, html = page
    rows = read_inputs(small.study, small.artifacts).mining
    tuned = rows[rows["mining"] == "source_tuned"]
    assert len(tuned) == len(small.study.held_out) * len(small.study.seeds) * (len(small.study.methods) - 1)
    caption = "Quality of the tuned regions by method and held-out site"
    assert caption in html
    table = html[html.index(caption) :].partition("</table>")[0]
    assert small.study.methods[0] not in table
    assert table.count("<tr") == 1 + tuned.groupby(["method", "held_out"]).ngroups


def test_all_files_are_there(page):
    out, _ = page
    assert {path.name for path in out.iterdir()} == {
        "sites.csv",
        "lesions.csv",
        "negatives.csv",
        "comparisons.csv",
        "curves.csv",
        "bars.csv",
        "stress.csv",
        "trust.csv",
        "calibration.csv",
        "attention.csv",
        "detection.csv",
        "froc.csv",
        "exchanges.csv",
        "flagged.csv",
        "metrics.json",
        "promises",
        "index.html",
    }


def test_page_stands_alone_and_is_well_formed(page):
    _, html = page
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert "url(" not in html
    shown = re.sub(r'"data:[^"]+"|<script>.*</script>|<style>.*</style>', "", html, flags=re.S)
    assert not re.search(r"\b(nan|NaN|inf)\b|>None<", shown)
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


def test_page_shows_the_figures_of_the_tables(page):
    out, html = page
    for row in pd.read_csv(out / "sites.csv").itertuples():
        assert f"<td>{row.dice:.3f}</td>" in html
    assert "Random weights" not in html
    assert "<td>2</td><td>no mask</td><td>b.jpg</td>" in html  # the quarantine of site B
    assert "masks are cut at probability 0.5, the mean of those at 224, 320 px." in html
    drawn = (
        2 * 2 * 3 + 2 * 4 + 2 * FRAMES_SHOWN + 1 + len(phrases())
    )  # examples, pairs of a map, contact sheets, stress
    assert html.count("<figure>") == drawn + (html.count(" → ") + html.count("% of the attention); ")) // 3


def test_sections_come_in_the_order_of_the_topics(page):
    _, html = page
    links = re.findall(r'<a href="#(\w+)">', html[html.index("<nav") : html.index("</nav>")])
    assert re.findall(r'<section id="(\w+)"', html) == links
    assert links == [
        "answer", "sites", "comparisons", "lesions", "negatives", "detection", "gallery", "stress", "trust",
        "exchanges", "attention", "features", "mining", "dictionary", "training", "profiles", "leakage", "data",
        "provenance", "reading",
    ]  # fmt: skip


def test_topics_that_a_study_lacks_have_no_section_and_no_table(tmp_path):
    study = study_of(methods=["baseline", "clipseg"])
    html = report(study, build(tmp_path / "artifacts", study, full=False), tmp_path / "report")
    assert not re.search(r'"#?(stress|trust|exchanges|attention|features|detection)"', html)
    written = {path.stem for path in (tmp_path / "report").glob("*.csv")}
    assert written == {"sites", "bars", "lesions", "negatives", "comparisons", "curves"}


def test_what_the_page_has_no_room_for_is_a_page_of_its_own_that_it_links(page, small, tmp_path, monkeypatch):
    whole = page[1]
    monkeypatch.setattr(page_module, "MOST", 0)
    html = report(small.study, small.artifacts, tmp_path)
    links = set(re.findall(r'href="(\w+\.html)"', html))
    assert links == {path.name for path in tmp_path.glob("*.html")} - {"index.html"}
    assert {"sites.html", "gallery.html", "detection.html", "trust.html", "profiles.html"} <= links
    assert "reading.html" not in links
    assert len(html) < len(whole)
    for name in (link.removesuffix(".html") for link in links):
        full = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert section(whole, name) == section(full, name) != section(html, name)
        assert re.findall(r'href="([^"#]+\.html)', full) == ["index.html"]
    assert "<td>mean</td>" in section(html, "sites")
    assert "<td>A</td>" not in section(html, "sites")
    assert section(html, "gallery").count("<figure>") < section(whole, "gallery").count("<figure>")


def section(html, name):
    return html[html.index(f'<section id="{name}"') :].partition("</section>")[0]


def test_sections_that_lose_most_are_shortened_first_and_no_more_than_is_needed():
    sizes = {"a": (100, 90), "b": (500, 100), "c": (300, 300), "d": (400, 200)}
    assert too_long(sizes, 1300) == set()
    assert too_long(sizes, 1299) == {"b"}
    assert too_long(sizes, 900) == {"b"}
    assert too_long(sizes, 899) == {"b", "d"}
    assert too_long(sizes, 0) == {"a", "b", "d"}


def test_metrics_agree_with_the_tables(page):
    out, _ = page
    found = json.loads((out / "metrics.json").read_text())
    sites = pd.read_csv(out / "sites.csv").set_index(["method", "held_out"])
    assert found["mcdrl_dice_mean"] == pytest.approx(sites.loc[("mcdrl", "mean"), "dice"], abs=1e-5)
    assert found["baseline_dice_worst"] == pytest.approx(sites.loc[("baseline", "worst"), "dice"], abs=1e-5)


def test_sites_follow_from_the_scores(page, small):
    out, _ = page
    scores = pd.read_parquet(small.artifacts / "evaluate" / "cases.parquet")
    expected = scores.groupby(["method", "held_out"])["dice"].mean()
    sites = pd.read_csv(out / "sites.csv").set_index(["method", "held_out"])["dice"]
    for key, value in expected.items():
        assert sites[key] == pytest.approx(value, abs=1e-5)


def test_equal_inputs_give_equal_bytes(page, small, tmp_path):
    out, _ = page
    report(small.study, small.artifacts, tmp_path / "again")
    assert bytes_of(tmp_path / "again") == bytes_of(out)


def test_with_one_method_the_page_says_so(small, tmp_path):
    html = report(study_of(methods=["mcdrl"]), small.artifacts, tmp_path / "report")
    assert "One method was run: there is nothing to compare it with" in html
    rows = pd.read_csv(tmp_path / "report" / "comparisons.csv")
    assert len(rows) == 0
    assert "p_holm" in rows.columns


def test_what_drawn_frames_rest_on_stands_above_everything(page, small, tmp_path):
    _, html = page
    banner = html[html.index('class="notice"') : html.index('id="answer" aria-label')]
    assert "Sites A, B: rendered, not photographed. These figures show" in banner
    assert "aligned on frames of the same renderer, with their lesion masks" in banner
    real = {name: site.model_copy(update={"root": f"data/{name}"}) for name, site in small.study.sites.items()}
    mixed = report(
        small.study.model_copy(update={"sites": {**small.study.sites, "A": real["A"]}}),
        small.artifacts,
        tmp_path / "mixed",
    )
    assert "Site B: rendered, not photographed. Their figures show" in mixed
    photographed = report(small.study.model_copy(update={"sites": real}), small.artifacts, tmp_path / "real")
    assert "rendered, not photographed" not in photographed
    assert 'class="notice"' not in photographed
    other = small.study.model_copy(update={"backbone": "rn50"})
    assert "aligned on frames" not in report(other, small.artifacts, tmp_path / "other")


def test_fewer_neighbours_of_the_own_site_are_no_removed_site_effect(page, small, tmp_path):
    _, html = page
    assert "no proof that site effects were removed" in html
    assert "only a random dictionary beside them could show" in html
    raw = RAW | {"variants": {"mcdrl": {"method": "mcdrl", "params": {"dictionary": "random"}}}}
    html = report(small.study, small.artifacts, tmp_path / "report", raw)
    assert "Compare with mcdrl, whose dictionary is random" in html


def test_confidence_is_a_precision_and_promises_no_dice(page):
    _, html = page
    assert "The precision that the network expects of its mask" in html
    assert "promise" not in html


def test_calibration_is_told_over_the_pixels_called_lesion_as_well(page):
    out, html = page
    rows = pd.read_csv(out / "calibration.csv")
    assert rows["ece_called_after"].tolist() == pytest.approx([0.17] * len(rows))
    assert "Of the pixels that it calls lesion, its probabilities are off by 20.0 points, and by 17.0 points" in html
    assert html.index("Over the pixels called lesion") < html.index("Over all pixels")


def test_cells_outside_the_study_are_left_out(small, tmp_path):
    report(study_of(held_out=["B"]), small.artifacts, tmp_path / "report")
    sites = pd.read_csv(tmp_path / "report" / "sites.csv")
    assert sites["held_out"].unique().tolist() == ["B", "mean", "worst"]


def test_a_study_without_refused_files_or_negatives_or_groups(tmp_path):
    study = study_of(sites=("A", "C"), methods=["baseline"])
    html = report(study, build(tmp_path / "artifacts", study, count=3), tmp_path / "report")
    assert "One method was run: there is nothing to compare it with" in html
    assert html.count("<td>–</td><td>–</td>") == 2  # no reason and no file for either site
    rows = pd.read_csv(tmp_path / "report" / "sites.csv")
    assert rows["dice_low"].isna().all()  # three frames of one group: no interval
    assert (rows["fewest_groups"] == 1).all()
    assert "none: 1 group<" in html
    assert "no interval: the site with the fewest has 1 group, 5 are needed" in html


def test_random_weights_are_called_so_everywhere(tmp_path):
    study = study_of(seeds=[0, 1])
    html = report(study, build(tmp_path / "artifacts", study, pretrained="random"), tmp_path / "report")
    assert 'role="alert"' in html
    assert html.count('class="flag"') == html.count("<table") + 4  # each table, answer, attention, features, dictionary
    for path in (tmp_path / "report").glob("*.csv"):
        assert (pd.read_csv(path)["weights"] == "random").all()
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["random_weights"] == 1
    assert (tmp_path / "report" / "seeds.csv").exists()


def test_a_missing_cell_is_named(small):
    with pytest.raises(InputError, match=r"train/mcdrl/A/7|mcdrl', 'A', 7"):
        read_inputs(study_of(methods=["mcdrl"], seeds=[7]), small.artifacts)


def lesions_at(*sites):
    """Frames of which those of some sites alone show lesions."""

    def source(site, count):
        images, masks = frames_of(site, count)
        return images, masks & (site in sites)

    return source


def test_a_first_site_without_lesions_leaves_the_rest_of_the_report(tmp_path):
    study = study_of(sites=("A", "B", "C"))
    artifacts = build(tmp_path / "artifacts", study, count=18, source=lesions_at("B", "C"))
    html = report(study, artifacts, tmp_path / "report")
    assert "Dice, mean over 2 of 3 held-out sites with" in html
    assert "frames with a lesion; A has none." in html
    assert "What the confounders look like" in section(html, "stress")
    told = promised(read_promise(promise_path(tmp_path / "report", "mcdrl")))
    assert "mean over 2 of the 3 sites, as A has no frame with a lesion;" in told


def test_a_study_without_lesions_says_so_and_nothing_of_dice(tmp_path):
    study = study_of()
    artifacts = build(tmp_path / "artifacts", study, source=lesions_at())
    html = report(study, artifacts, tmp_path / "report")
    assert "<h1>No held-out frame has a lesion, so no Dice could be measured</h1>" in html
    assert "No held-out frame has a lesion, so there is no Dice." in html
    assert "the methods&#39; Dice can&#39;t be compared" in html
    assert "there is no Dice to compare" in section(html, "comparisons")
    assert not re.search("one method|reaches a Dice", html, re.IGNORECASE)


def test_with_one_held_out_site_no_frames_chose_it(tmp_path):
    study = study_of(held_out=("A",))
    html = report(study, build(tmp_path / "artifacts", study, count=18), tmp_path / "report")
    assert "these frames chose the site" not in html
    assert "none: chosen here" not in html
    rows = pd.read_csv(tmp_path / "report" / "sites.csv").set_index(["method", "held_out"])
    bounds = ["dice_low", "dice_high"]
    assert rows.loc[("mcdrl", "worst"), bounds].equals(rows.loc[("mcdrl", "A"), bounds].rename(("mcdrl", "worst")))
    assert rows.loc[("mcdrl", "worst"), bounds].notna().all()
