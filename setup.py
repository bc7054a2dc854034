"""What pyproject.toml has no words for: what a project consists of travels inside of a wheel, for `mcdrl init`.

They lie in mcdrl/shipped there, laid out as in a project. An editable install goes without: it has the clone's own.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "params.yaml", "dvc.yaml", "stages",
    "data/backbones", "data/lite0", "data/lite1", "data/lite2", "data/models", "data/sites", "data/splits.csv",
    "data/studies",
    ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots",
)  # fmt: skip
CARDS = Path("data/backbones")  # beside which somebody's own weights may lie


def shipped_files() -> list[str]:
    """Return the files that come along, relative to this folder, which builds run in."""
    named = [Path(name) for name in SHIPPED if Path(name).is_file()]
    below = [file for name in SHIPPED for file in Path(name).rglob("*") if file.is_file() and file.name[0] != "."]
    own = [file for file in below if file.is_relative_to(CARDS) and file.suffix != ".yaml"]
    return sorted(file.as_posix() for file in [*named, *below] if "__pycache__" not in file.parts and file not in own)


class BuildWithShipped(build_py):
    """Builds the packages, and puts the files that come along into one of them."""

    def run(self) -> None:
        """Copy all of it into the folder that the wheel is made of."""
        super().run()
        for file in [] if self.editable_mode else shipped_files():
            target = Path(self.build_lib, "mcdrl", "shipped", file)
            self.mkpath(str(target.parent))
            self.copy_file(file, str(target))

    def get_source_files(self) -> list[str]:
        """Return what a source archive needs for it."""
        return [*super().get_source_files(), *shipped_files()]


setup(cmdclass={"build_py": BuildWithShipped})
