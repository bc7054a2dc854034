"""A digest changes with what the code does, and with nothing else."""

import pytest

from mcdrl.study.code import NO_EFFECT, ROOT, closure, digest, module_file

MAIN = "stages.a.__main__"


@pytest.fixture
def house(tmp_path):
    """A stage that imports two files of a library, one of them inside a function, and nothing of the third."""
    files = {
        "stages/a/__main__.py": "from mcdrl.room import first\n\ndef main():\n    from mcdrl.room.second import two\n",
        "mcdrl/room/__init__.py": '"""A room."""\n',
        "mcdrl/room/first.py": '"""First."""\n\nONE = 1  # a number\n',
        "mcdrl/room/second.py": "from mcdrl.base.errors import InputError\n\ndef two():\n    return 2\n",
        "mcdrl/room/third.py": "three = 3\n",
        "mcdrl/base/errors.py": "class InputError(Exception):\n    pass\n",
        "stages/a/templates/page.html": "<p>\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def write(house, name, text):
    (house / name).write_text(text)
    return digest([MAIN], house)


def test_the_closure_is_what_is_imported_anywhere(house):
    found = {path.relative_to(house).as_posix() for path in closure([MAIN], house)}
    rooms = {"mcdrl/room/first.py", "mcdrl/room/second.py"}
    assert found == {"stages/a/__main__.py", "stages/a/templates/page.html", *rooms}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mcdrl/room/first.py", '"""Other words."""\n\nONE = 1\n'),
        ("mcdrl/room/first.py", "ONE   =   (1)  # said otherwise\n"),
        ("mcdrl/room/second.py", 'def two():\n    """Say two."""\n    return 2\n'),
        ("mcdrl/room/third.py", "three = 4\n"),
        ("mcdrl/base/errors.py", "class InputError(ValueError):\n    pass\n"),
        ("mcdrl/room/__init__.py", '"""A large room."""\n'),
    ],
)
def test_words_layout_and_what_is_not_imported_change_nothing(house, name, text):
    before = digest([MAIN], house)
    if "second" in name:
        text = "from mcdrl.base.errors import InputError\n" + text
    assert write(house, name, text) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mcdrl/room/first.py", "ONE = 2\n"),
        ("mcdrl/room/second.py", "def two():\n    return 3\n"),
        ("mcdrl/room/__init__.py", "SIZE = 3\n"),
        ("stages/a/templates/page.html", "<b>\n"),
    ],
)
def test_another_meaning_is_another_digest(house, name, text):
    before = digest([MAIN], house)
    assert write(house, name, text) != before


def test_a_moved_file_is_another_digest(house):
    before = digest([MAIN], house)
    (house / "mcdrl/room/first.py").rename(house / "mcdrl/room/third.py")
    assert (
        write(house, "stages/a/__main__.py", "from mcdrl.room import third\nfrom mcdrl.room.second import two\n")
        != before
    )


def test_what_has_no_effect_exists():
    assert all(module_file(name, ROOT) for name in NO_EFFECT)
