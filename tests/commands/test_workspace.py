"""A dvc.lock that was cut is told from one that only lacks stages."""

import pytest

from mcdrl.commands.workspace import lock_damage

PIPELINE = """
stages:
  first: {cmd: a, params: [x], deps: [in], outs: [one, two]}
  second:
    foreach: ${sites}
    do: {cmd: b, deps: [one], outs: [three]}
"""
FIRST = """schema: '2.0'
stages:
  first:
    cmd: a
    deps:
    - path: in
      hash: md5
      md5: 48f84f6e5dc585df52c97c4c81efa7cc.dir
      size: 12
      nfiles: 3
    params:
      params.yaml:
        x: 1
    outs:
    - path: one
      hash: md5
      md5: 48f84f6e5dc585df52c97c4c81efa7cc
      size: 12
    - path: two
      hash: md5
      md5: 48f84f6e5dc585df52c97c4c81efa7cc.dir
      size: 12
      nfiles: 3
"""
SECOND = """  second@A:
    cmd: b
    deps:
    - path: one
      hash: md5
      md5: 48f84f6e5dc585df52c97c4c81efa7cc
      size: 12
    outs:
    - path: three
      hash: md5
      md5: 48f84f6e5dc585df52c97c4c81efa7cc
      size: 12
"""


@pytest.fixture
def damage(tmp_path):
    (tmp_path / "dvc.yaml").write_text(PIPELINE)

    def told(text):
        (tmp_path / "dvc.lock").write_text(text)
        return lock_damage(tmp_path)

    return told


def test_every_cut_is_told_but_one_behind_a_whole_stage(damage):
    whole = FIRST + SECOND
    silent = [length for length in range(len(whole) + 1) if not damage(whole[:length])]
    assert silent == [len(FIRST), len(whole)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FIRST[:-3], "dvc.lock is cut short: it ends within a line"),
        (FIRST[: FIRST.index("    outs")], "dvc.lock is cut short: the last stage, 'first', has 0 of its 2 outs"),
        (FIRST[: FIRST.index("    - path: tw")], "dvc.lock is cut short: the last stage, 'first', has 1 of its 2 outs"),
        (FIRST + SECOND[: -len("      size: 12\n")],
         "dvc.lock is cut short: the last stage, 'second@A', lists a file without its hash or size"),
        (FIRST.replace("      nfiles: 3\n", ""),
         "dvc.lock is cut short: the last stage, 'first', lists a file without its hash or size"),
    ],
)  # fmt: skip
def test_the_sentence_says_where_it_ends(damage, text, found):
    assert damage(text) == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("deps: [in], outs: [one, two]", "deps: [in, more], outs: [one, two, three]"),  # as another version has it
        ("first: {", "other: {"),
        ("stages:", "stages"),
        ("  first", "\tfirst"),
    ],
)
def test_a_lock_of_another_pipeline_is_whole(tmp_path, damage, old, new):
    (tmp_path / "dvc.yaml").write_text(PIPELINE.replace(old, new))
    assert damage(FIRST) == ""


def test_what_is_not_hashed_by_md5_is_left_to_dvc(damage):
    outs = FIRST.replace("      hash: md5\n      md5: 48f84f6e5dc585df52c97c4c81efa7cc\n", "      etag: abc\n")
    assert outs != FIRST
    assert damage(outs) == ""
