"""Stage `plan` of a project whose library is installed: DVC can't see that, so whether it says anything else is tried.

There `plan` counts as changed for ever, and all that follows would, too: what is only listed would never be up to date.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from mcdrl.base.strict_yaml import read_yaml
from mcdrl.study.paths import ARTIFACTS, PIPELINE, plan_files

PLAN = "plan"
ALWAYS = ["always changed"]  # how DVC says that there is nothing else
_MODULE = "stages.plan"


def unchanged(root: Path, looked_at: Collection[str]) -> set[str]:
    """Return those of the stages that a run always looks at that would say what they say; of others nobody can tell.

    Args:
        root: the repository's top folder.
        looked_at: the stages of which DVC says `ALWAYS`.
    """
    return {PLAN} if PLAN in looked_at and _is_ours(root) and _says_the_same(root) else set()


def _is_ours(root: Path) -> bool:
    """Return whether the stage is the one that comes along, which writes where it is told to alone, in seconds."""
    wanted = f"python -m {_MODULE} --out {plan_files(ARTIFACTS).folder}"
    return bool(read_yaml(root / PIPELINE)["stages"][PLAN].get("cmd") == wanted)


def _says_the_same(root: Path) -> bool:
    with TemporaryDirectory() as folder:
        place = Path(folder) / PLAN
        done = subprocess.run(
            [sys.executable, "-m", _MODULE, "--out", str(place)], cwd=root, capture_output=True, check=False
        )
        return done.returncode == 0 and _contents(place) == _contents(plan_files(root / ARTIFACTS).folder)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
