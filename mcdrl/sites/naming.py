"""What a frame is called: by itself, in its case id and in the name of its mask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from mcdrl.base.folders import WILD, composed, pattern_parts
from mcdrl.imaging.picture import ENDINGS
from mcdrl.imaging.video.files import ENDINGS as VIDEOS
from mcdrl.study.reading import Reading

TABLES = (".csv", ".ods", ".tsv", ".xls", ".xlsb", ".xlsm", ".xlsx")
"""Endings of tables, in lower case."""
SILENT = (".md", ".pdf", ".html", ".log", ".py", ".ipynb", ".sh", ".yaml", ".yml", ".ini", ".db")
"""Endings of files that say nothing of lesions, in lower case."""
TRUTH = re.compile(r"(?<![A-Za-z])[Gg][Tt][Ss]?(?![A-Za-z])|(?<=[a-z])GT[Ss]?(?![A-Za-z])")
"""Ground truth in a name: gt as a word of it, as in train_gt, gt2 and testGT."""
_TEXTS = (".txt", ".json", ".xml", ".htm", ".rtf", ".doc", ".docx", ".odt", ".toml", ".geojson", ".url", ".lnk")
_OF_TOOLS = (".dvc", ".identifier", ".xmp", ".aae", ".md5", ".sha1", ".sha256", ".bak", ".tmp", ".tfw", ".pgw", ".pkl")
_BESIDE = (*TABLES, *SILENT, *_TEXTS, *_OF_TOOLS, *VIDEOS)
_OF_SYSTEMS = frozenset(("@eadir", "__macosx", "$recycle.bin", "#recycle", "lost+found", "icon\r"))
_PLACE = re.compile(r"\{(stem|parent|path|\d+)\}")
_WORDS_OF_MASKS = ("mask", "label", "truth", "annot", "segment")


def is_image(path: Path) -> bool:
    """Return whether a file is a picture by its ending."""
    return path.suffix.lower() in ENDINGS


def may_be_drawn(path: Path) -> bool:
    """Return whether something that isn't read may hold what was drawn: no text, table or video, nothing of a system's.

    A name that ends in ~ is that of an editor's copy.
    """
    kept = path.suffix.lower() in _BESIDE or path.name.endswith("~")
    return not kept and path.name.casefold() not in _OF_SYSTEMS


def like_masks(folder: PurePosixPath | str) -> bool:
    """Return whether a folder is called as folders of masks are."""
    name = PurePosixPath(folder).name
    return any(word in name.lower() for word in _WORDS_OF_MASKS) or bool(TRUTH.search(name))


@dataclass(frozen=True)
class Naming:
    """How frames are called below a site's root; see `Reading` for the settings.

    Attributes:
        images: glob of the frames.
        case_ids: whether a case is called by the frame's stem or by its path.
        frame_prefix: what every frame's name has at its beginning beside its mask's name; may be empty.
        frame_suffix: what it has at its end, likewise.
    """

    images: str = "*"
    case_ids: Literal["stem", "path"] = "stem"
    frame_prefix: str = ""
    frame_suffix: str = ""

    @classmethod
    def of(cls, reading: Reading) -> Naming:
        """Return how the frames are called that a reading names."""
        return cls(reading.images, reading.case_ids, reading.frame_prefix or "", reading.frame_suffix or "")

    def stem(self, file: PurePosixPath | Path) -> str:
        """Return a frame's name without its ending, prefix and suffix, composed."""
        return composed(file.stem).removeprefix(composed(self.frame_prefix)).removesuffix(composed(self.frame_suffix))

    def problem(self, file: PurePosixPath | Path) -> tuple[str, str] | None:
        """Return why a frame isn't called as prefix and suffix say, and what is expected; None: it is."""
        prefix, suffix = composed(self.frame_prefix), composed(self.frame_suffix)
        name = composed(file.stem)
        if not name.startswith(prefix):
            return "name without frame_prefix", f"expected {prefix}NAME{suffix}{file.suffix}"
        if not name.removeprefix(prefix).endswith(suffix):
            return "name without frame_suffix", f"expected {prefix}NAME{suffix}{file.suffix}"
        if not self.stem(file):
            return "no name beside frame_prefix or frame_suffix", f"expected {prefix}NAME{suffix}{file.suffix}"
        return None

    def path(self, file: PurePosixPath) -> str:
        """Return what the wildcards of `images` stand for in a frame's path below the root, its name as `stem` has it.

        "p1/images/7.jpg" is "p1/7" for the pattern "*/images/*".
        """
        return "/".join([*map(composed, _wild_folders(self.images, file)), self.stem(file)])

    def case(self, file: PurePosixPath) -> str:
        """Return what the frame is called in its case id."""
        return self.path(file) if self.case_ids == "path" else self.stem(file)

    def filled(self, pattern: str, file: PurePosixPath) -> str:
        """Return a pattern of masks with its places filled for one frame.

        Args:
            pattern: with {stem}, {parent} (the folder that the frame lies in), {path}, or {0}, {1}, ... (the folders
                on its path below the root, from 0); a number beyond them stays.
            file: the frame's path below the root.
        """
        folders = file.parts[:-1]

        def name(place: re.Match[str]) -> str:
            """Return what stands for one place of the pattern."""
            key = place[1]
            if key.isdecimal():
                return composed(folders[int(key)]) if int(key) < len(folders) else place[0]
            return self.stem(file) if key == "stem" else self._else(key, file)

        return _PLACE.sub(name, pattern)

    def _else(self, key: str, file: PurePosixPath) -> str:
        return self.path(file) if key == "path" else composed(file.parent.name)


def _wild_folders(pattern: str, file: PurePosixPath) -> list[str]:
    """Return the folders on a frame's path that wildcards of the pattern stand for."""
    parts, folders = pattern_parts(pattern)[:-1], file.parts[:-1]
    deep = [index for index, part in enumerate(parts) if part == "**"]
    head = parts[: deep[0]] if deep else parts
    tail = parts[deep[-1] + 1 :] if deep else ()
    middle = folders[len(head) : len(folders) - len(tail)]
    before = _wild(head, folders)
    return [*before, *middle, *_wild(tail, folders[len(folders) - len(tail) :])]


def _wild(parts: tuple[str, ...], folders: tuple[str, ...]) -> list[str]:
    return [folder for part, folder in zip(parts, folders, strict=False) if WILD.search(part)]
