"""The page in a real Chromium: it says nothing in the console, asks for nothing, and does what it offers."""

import io
from itertools import pairwise

import numpy as np
import pytest
import pytest_socket
from PIL import Image

from stages.report.write import write_report
from tests.stages.report.browser import MISSING, chromium, requests, resize, screenshot
from tests.stages.report.fake_study import build, results_of, study_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian's chromium and chromium-driver)"
    ),
]
EVIL = "<img src=x onerror=\"document.title='broken'\">"
WIDTHS = (390, 1440)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of the report of a study with several seeds, all tables, and a class named like an attack."""
    root = tmp_path_factory.mktemp("browser")
    study = study_of(sites=("A", "B", "C"), seeds=(0, 1))
    artifacts = build(root / "artifacts", study, classes=["polyp", EVIL])
    write_report(results_of(study, artifacts, examples=2), root / "report")
    return (root / "report" / "index.html").as_uri()


@pytest.fixture(scope="module")
def driver(page, tmp_path_factory):
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture
def opened(driver, page):
    resize(driver, 1440)
    driver.get("about:blank")
    requests(driver)
    driver.get(page)
    driver.execute_script("localStorage.clear()")
    return driver


def column(driver, table: int, place: int) -> list[str]:
    rows = "[...document.querySelectorAll('table')[arguments[0]].tBodies[0].rows]"
    return driver.execute_script(f"return {rows}.map(row => row.cells[arguments[1]].textContent)", table, place)


def click(driver, element) -> None:
    driver.execute_script("arguments[0].click()", element)


def heads(driver, table: int):
    return driver.execute_script(
        "return [...document.querySelectorAll('table')[arguments[0]].tHead.rows[0].cells]", table
    )


def test_nothing_is_said_and_nothing_is_asked_for(opened, page):
    for details in opened.find_elements("css selector", "details"):
        opened.execute_script("arguments[0].open = true", details)
    assert opened.get_log("browser") == []
    assert requests(opened) == [page]


def test_every_picture_is_drawn(opened):
    count, broken = opened.execute_async_script(
        "const done = arguments[0];"
        "const all = [...document.querySelectorAll('svg image')].map(e => e.getAttribute('href'));"
        "Promise.all(all.map(h => { const i = new Image(); i.src = h; return i.decode().then(() => 0, () => 1); }))"
        ".then(found => done([found.length, found.reduce((a, b) => a + b, 0)]))"
    )
    assert count > 40
    assert broken == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_screen_and_is_no_blank_sheet(opened, width, scheme):
    resize(opened, width, scheme=scheme)
    assert opened.execute_script("return document.documentElement.scrollWidth") == width
    shot = np.asarray(Image.open(io.BytesIO(screenshot(opened))).convert("L"))
    assert shot.shape[1] == width
    assert (shot[:50].mean() > 200) == (scheme == "light")
    bands = shot[: len(shot) // 500 * 500].reshape(-1, 500, width)
    assert all(len(np.unique(band)) > 20 for band in bands)  # no band of the page is empty


def test_tables_sort_by_numbers_and_words_and_say_so(opened):
    dice, name = 6, 1
    before = column(opened, 0, dice)
    head = heads(opened, 0)[dice]
    click(opened, head.find_element("css selector", "button"))
    totals = opened.execute_script("return document.querySelector('table').querySelectorAll('tr.strong').length")
    down = [float(value) for value in column(opened, 0, dice)]
    assert down[:-totals] == sorted(down[:-totals], reverse=True)  # the best first
    assert head.get_attribute("aria-sort") == "descending"
    click(opened, head.find_element("css selector", "button"))
    up = [float(value) for value in column(opened, 0, dice)]
    assert up[:-totals] == sorted(up[:-totals])
    assert head.get_attribute("aria-sort") == "ascending"
    assert "Sorted by Dice, ascending" in opened.find_element("css selector", "#said").get_attribute("textContent")
    click(opened, heads(opened, 0)[name].find_element("css selector", "button"))
    assert head.get_attribute("aria-sort") is None
    assert column(opened, 0, name)[:-totals] == sorted(column(opened, 0, name)[:-totals])
    assert sorted(before) == sorted(column(opened, 0, dice))


def test_sorting_by_the_keyboard(opened):
    from selenium.webdriver.common.keys import Keys

    button = heads(opened, 0)[6].find_element("css selector", "button")
    button.send_keys(Keys.ENTER)
    assert heads(opened, 0)[6].get_attribute("aria-sort") == "descending"


def test_the_theme_can_be_chosen_and_is_remembered(opened, page):
    def paper():
        return opened.execute_script("return getComputedStyle(document.body).backgroundColor")

    light = paper()
    opened.find_element("css selector", ".theme").click()
    dark = paper()
    assert dark != light
    opened.get(page)
    assert paper() == dark
    resize(opened, 1440, scheme="dark")
    opened.find_element("css selector", ".theme").click()
    assert paper() == light


def test_a_picture_can_be_enlarged_and_closed_again(opened):
    opened.execute_script("document.querySelector('figure button').click()")
    assert opened.execute_script("return document.querySelector('dialog').open")
    shown = opened.find_element("css selector", "dialog svg").size["width"]
    assert shown > opened.find_element("css selector", "figure svg").size["width"]
    opened.find_element("css selector", "dialog form button").click()
    assert not opened.execute_script("return document.querySelector('dialog').open")


def test_outlines_can_be_hidden(opened):
    visible = "return getComputedStyle(document.querySelector('#gallery figure path')).display"
    assert opened.execute_script(visible) != "none"
    opened.execute_script("document.querySelector('#gallery .switch input').click()")
    assert opened.execute_script(visible) == "none"


def test_names_of_the_user_stay_text(opened):
    assert opened.title != "broken"
    assert opened.execute_script("return document.querySelectorAll('img').length") == 0
    assert EVIL in opened.find_element("css selector", "#lesions table").get_attribute("textContent")


def test_everything_has_a_name_for_a_screen_reader(opened):
    unnamed = opened.execute_script(
        "const named = e => e.getAttribute('aria-label') || (e.getAttribute('role') != 'img' && e.textContent.trim());"
        "return [...document.querySelectorAll('svg[role=img], button, [role=region], nav, section')]"
        ".filter(e => !named(e)).map(e => e.outerHTML.slice(0, 80))"
    )
    assert unnamed == []
    ids = opened.execute_script(
        "return [...document.querySelectorAll('nav a')].map(a => !!document.querySelector(a.hash))"
    )
    assert all(ids)
    levels = opened.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
