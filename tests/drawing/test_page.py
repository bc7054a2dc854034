"""A page in one file, made from outside the pipeline."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from markupsafe import Markup
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration

import mcdrl.drawing
from mcdrl.drawing.charts import Chart, ChartRow, Dot, axis_row, scale, strip
from mcdrl.drawing.html_tables import html_table
from mcdrl.drawing.overlays import Shot, outline, picture
from mcdrl.drawing.page import Notice, Page, PageSection, templates
from tests.projects import ROOT

SECTION = """<section id="first"><h2>{{ name }}</h2>
{{ m.legend(methods) }}{{ m.chart(chart) }}{{ m.table(figures, "Figures") }}{{ m.switch() }}{{ m.shots(shots) }}
</section>
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package of a caller's with one template."""
    root = tmp_path_factory.mktemp("package")
    folder = root / "page_of_a_caller" / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("", encoding="utf-8")
    (folder / "first.html").write_text(SECTION, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        yield folder.parent.name


def values():
    axis, frame = scale([0.0, 1.0]), np.zeros((8, 8, 3), np.uint8)
    row = ChartRow("mean", strip([Dot(0.5, 0.4, 0.6, 0, "half")], axis), strong=True)
    columns = {"held out": lambda r: r["held_out"]}
    return {
        "name": "<b>",
        "methods": [(0, "m")],
        "chart": Chart([row], axis_row(axis)),
        "figures": html_table(pd.DataFrame({"held_out": ["<i>", "mean"]}), columns, ("mean",)),
        "shots": [Shot(picture(frame), 8, (("truth", outline(np.eye(8))),), "title", "note")],
    }


def section(package, flags=()):
    return Markup(templates(package, flags).get_template("first.html").render(values()))


def page(*sections, notices=()):
    return Page("A <title>", "eyebrow", "lead", notices, sections, "footer").html()


def test_a_section_draws_with_the_macros_and_escapes_what_it_is_given(package):
    html = section(package)
    assert "<b>" not in html.replace("<b>m</b>", "")
    assert "<td>&lt;i&gt;</td>" in html
    assert '<tr class="strong"><td>mean</td></tr>' in html
    assert html.count("<circle") == html.count("<figure>") == html.count('class="truth"') == 1
    assert "flag" not in html


def test_flags_stand_beside_every_table(package):
    assert '<p class="flag">WRONG &amp; old</p><div class="wide"' in section(package, ["WRONG & old"])


def test_a_template_that_lacks_a_value_is_refused(package):
    with pytest.raises(UndefinedError, match="chart"):
        templates(package).get_template("first.html").render({"name": "", "methods": []})


def test_a_page_stands_alone_and_leads_to_its_sections(package):
    html = page(PageSection("first", "First things", section(package)), PageSection("second", "Second", Markup("<p>")))
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert "<title>A &lt;title&gt; – mcdrl</title>" in html
    assert 'href="#first">Skip to the first things</a>' in html
    assert '<nav aria-label="Sections"><a href="#first">First things</a><a href="#second">Second</a></nav>' in html
    assert "<h2>&lt;b&gt;</h2>" in html  # escaped once


def test_an_alarm_is_announced_and_a_notice_is_not(package):
    notices = (Notice("Note", "1 < 2", alarm=False), Notice("Alarm", Markup('<a href="#first">x</a>'), alarm=True))
    html = page(PageSection("first", "First", section(package)), notices=notices)
    assert '<div class="notice" role="note"><strong>Note</strong>1 &lt; 2</div>' in html
    assert '<div class="alarm" role="alert"><strong>Alarm</strong><a href="#first">x</a></div>' in html


def test_a_wheel_holds_the_page_s_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    distribution = apply_configuration(Distribution(), ROOT / "pyproject.toml")
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    found = build.get_data_files_without_manifest()  # by the manifest it would write an egg-info
    packed = {Path(source, name) for _, source, _, names in found for name in names}
    folder = Path("mcdrl/drawing/templates")
    assert {folder / path.name for path in (Path(mcdrl.drawing.__file__).parent / "templates").iterdir()} <= packed
