"""Which file of a site's folder is a frame, and which is its mask; by name alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from mcdrl.base.errors import InputError
from mcdrl.base.folders import composed, is_utf8, matching, names_in, no_folder, pattern_parts
from mcdrl.base.issues import Issue
from mcdrl.imaging.picture import ENDINGS
from mcdrl.sites.masks import Masks, find_masks
from mcdrl.sites.naming import Naming, is_image
from mcdrl.sites.wider import Wider
from mcdrl.study.reading import Reading

_SHOWN = 12  # entries of a folder that an error lists
_UNREAD = "file beside a mask that isn't read"


@dataclass(frozen=True)
class FrameFiles:
    """A frame and its mask.

    Attributes:
        stem: the frame's name without its ending, prefix and suffix, in Unicode's composed form.
        file: the frame's path below the site's root, with forward slashes.
        frame: where the frame is.
        mask: where its mask is; None: its lesions are drawn in a file of outlines, or it has none.
        further: further masks of it; a pixel of any of them is lesion.
        path: what tells the frame apart where stems repeat; None: the stem does.
    """

    stem: str
    file: str
    frame: Path
    mask: Path | None
    further: tuple[Path, ...] = ()
    path: str | None = None

    @property
    def name(self) -> str:
        """What the frame is called in its case id."""
        return self.path or self.stem


@dataclass
class Listing:
    """What was found below a site's root.

    Attributes:
        sources: frames with their masks, sorted by name.
        refused: files that the pattern names but that can't be cases.
        notes: whatever else a person should know.
    """

    sources: list[FrameFiles] = field(default_factory=list)
    refused: list[Issue] = field(default_factory=list)
    notes: list[Issue] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """What is done with names that leave something open; see `Reading`.

    Attributes:
        case_ids: whether frames are told apart by their stem or by their path.
        frame_prefix: what begins every frame's name; may be empty.
        frame_suffix: what ends it, likewise.
        missing_mask: what a frame without a mask is.
        mask_extras: what files are that are called like a mask with something behind.
        annotations: glob of files that are no frames, but say where lesions are; None: there are none.
    """

    case_ids: Literal["stem", "path"] = "stem"
    frame_prefix: str = ""
    frame_suffix: str = ""
    missing_mask: Literal["refuse", "no_lesion"] = "refuse"
    mask_extras: Literal["refuse", "ignore"] = "refuse"
    annotations: str | None = None


def list_reading(root: Path, reading: Reading) -> Listing:
    """Pair the frames below `root` with their masks as a reading says; see `list_site`."""
    rules = Rules(
        reading.case_ids, reading.frame_prefix or "", reading.frame_suffix or "", reading.missing_mask,
        reading.mask_extras, reading.annotations,
    )  # fmt: skip
    found = list_site(root, reading.images, reading.masks, rules)
    beside = matching(root, reading.polygons) if reading.polygons is not None else []
    beside += [root / reading.table] if reading.table is not None else []
    found.notes += [note for note in _behind_links(root, beside) if note not in found.notes]
    return found


def list_site(root: Path, images: str, masks: str | None, rules: Rules = Rules()) -> Listing:
    """Pair every frame below `root` with its mask.

    Hidden names are left out, as by a shell: those with a dot in front, and Thumbs.db and its like. A file that is
    another frame's mask is no frame. Frames that would share a case id are refused, all of them, and so are frames that
    would share a mask, and those of which a mask isn't read.

    Args:
        root: the site's folder.
        images: glob of the frames below `root`.
        masks: the masks' path below `root`; see `Reading`. None: the site has no masks but outlines.
        rules: what is done with names that leave something open.

    Raises:
        InputError: the folder doesn't exist, one that may hold frames or masks can't be read, a pattern is malformed,
            no file matches `images`, or not one frame has a mask although frames without one would count as free of
            lesions.
    """
    if not root.is_dir():
        raise InputError(f"{no_folder(root)}; give the site's folder in sites.<name>.root")
    found = Listing()
    paths = _frames(root, images, found)
    naming = Naming(images, rules.case_ids, rules.frame_prefix, rules.frame_suffix)
    pictures = [path for path in paths if is_image(path)]
    paired = find_masks(root, pictures, masks, naming) if masks is not None else Masks({})
    sheets = matching(root, rules.annotations) if rules.annotations is not None else []
    beside = [file for several in (*paired.extras.values(), *paired.unread.values()) for file in several]
    taken = {*sheets, *paired.used, *beside}
    frames = [path for path in paths if path not in taken]
    if not frames:
        raise InputError(f"no file matches '{images}' in {root}; there: {_contents(root)}")
    if masks is not None and rules.missing_mask == "no_lesion" and not paired.used:
        there = [f"; {_below(root, several[0])} can't be read as a mask" for several in paired.unread.values()]
        told = f"not one frame of {root} has a mask at '{masks}', so all would count as free of lesions"
        raise InputError(told + "".join(there[:1]))
    wider = Wider(root, pictures, masks, naming, paired) if masks is not None else None
    check = _NameCheck(root, masks, naming, rules, paired, wider, [path for path in frames if is_image(path)])
    for path in frames:
        check.take(path, found)
    found.sources.sort(key=lambda source: source.name)
    found.notes += _behind_links(root, {*paths, *paired.used, *sheets})
    found.notes += [
        Issue(_below(root, path), "mask without a frame", f"no frame of {images} names it") for path in paired.orphans
    ]
    return found


def _frames(root: Path, images: str, found: Listing) -> list[Path]:
    try:
        matched = matching(root, images)
    except ValueError as error:
        raise InputError(f"images: '{images}' is no pattern below the root ({error}); e.g. 'images/*'") from None
    folders = {path for path in matched if path.is_dir()}
    files = [path for path in matched if path not in folders]
    deep = pattern_parts(images)[-2:-1] == ("**",)
    said = ("folder without a file", "") if deep else ("folder not entered", "`**/*` enters folders")
    entered = {parent for path in files for parent in path.parents}
    real = {path.resolve() for path in entered}
    for path in sorted(folders - entered):
        other = deep and path.resolve() in real
        kind, detail = ("folder not entered", "a link to a folder that was entered by another name") if other else said
        found.notes.append(Issue(_below(root, path), kind, detail))
    return files


def _behind_links(root: Path, files: Collection[Path]) -> list[Issue]:
    inside = [path.relative_to(root) for path in files if path.is_relative_to(root)]
    folders = {parent for path in inside for parent in path.parents[:-1]}
    linked = sorted(folder.as_posix() for folder in folders if (root / folder).is_symlink())
    told = "DVC doesn't notice when files in it change; put the folder itself here"
    return [Issue(folder, "folder behind a link", told) for folder in linked]


class _NameCheck:
    """Says which frames can be cases, by name alone."""

    def __init__(
        self,
        root: Path,
        masks: str | None,
        naming: Naming,
        rules: Rules,
        paired: Masks,
        wider: Wider | None,
        pictures: Collection[Path],
    ) -> None:
        self._root, self._masks, self._naming, self._rules, self._paired = root, masks, naming, rules, paired
        self._wider = wider
        self._called = Counter(self._case(path) for path in pictures)
        self._stems = Counter((path.parent, naming.stem(path)) for path in pictures)

    def take(self, path: Path, found: Listing) -> None:
        """Add a frame to the sources, or to what is refused."""
        file = _below(self._root, path)
        problem = self._unfit(path) or self._unpaired(path)
        if problem:
            found.refused.append(Issue(file, *problem))
            return
        masks = self._paired.of.get(path, [])
        if not masks and self._masks is not None:
            found.notes.append(Issue(file, "no mask, taken as a negative", ""))
        for kind, beside in (("file beside a mask, ignored", self._paired.extras), (_UNREAD, self._paired.unread)):
            told = f"called like the mask of {file}"
            found.notes += [Issue(_below(self._root, one), kind, told) for one in beside.get(path, [])]
        whole = self._case(path) if self._rules.case_ids == "path" else None
        mask, further = (masks[0], tuple(masks[1:])) if masks else (None, ())
        found.sources.append(FrameFiles(self._naming.stem(path), file, path, mask, further, whole))

    def _unfit(self, path: Path) -> tuple[str, str] | None:
        if not is_utf8(path.name):
            return "file name is not UTF-8", "rename it"
        if not is_utf8(str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)):
            return "name of a folder is not UTF-8", "rename it"
        if not path.exists():
            return "link to nothing", "its target is gone"
        if not path.is_file():
            return "no regular file", "a pipe or the like"
        if not is_image(path):
            return "not an image", f"expected an ending of {', '.join(ENDINGS)}"
        return self._naming.problem(path) or self._called_twice(path)

    def _called_twice(self, path: Path) -> tuple[str, str] | None:
        count = self._called[self._case(path)]
        if count < 2:
            return None
        apart = self._rules.case_ids == "stem" and self._stems[path.parent, self._naming.stem(path)] == 1
        fix = "case_ids: path tells folders apart" if apart else "rename all but one"
        return "name used twice", f"{count} frames are called '{self._case(path)}'; {fix}"

    def _unpaired(self, path: Path) -> tuple[str, str] | None:
        """Return why a frame's masks can't be used; None: they can, or it has none and needs none."""
        if self._wider is None:
            return None
        masks, extras = self._paired.of.get(path, []), self._paired.extras.get(path, [])
        if path in self._paired.shared:
            return "mask of two frames", self._shared(path, *self._paired.shared[path])
        counted = extras if self._rules.mask_extras == "refuse" or not masks else []
        unread = [*self._missed(path), *(file for file in counted if not is_image(file))]
        if unread:
            return "mask that isn't read", self._unread(path, unread[0], beside=bool(masks))
        if counted:
            return "several masks", self._several(path, [*masks, *counted], ignored=bool(masks))
        if not masks:
            return self._bare(path)
        if len(masks) > 1 and not self._wider.pattern.several:
            return "several masks", ", ".join(mask.name for mask in masks)
        odd = [mask.name for mask in masks if not mask.is_file()]
        return (
            ("mask is no regular file", f"{odd[0]}: a link to nothing, a folder, a pipe or the like") if odd else None
        )

    def _shared(self, path: Path, mask: Path, other: Path) -> str:
        told = "tell them apart in masks by {0} (the first folder), {parent} or {path}"
        if self._naming.stem(path) != self._naming.stem(other):
            pattern = self._wider.settling(path) if self._wider else None
            told = f"masks: '{pattern}' gives it to the shorter name; else rename it" if pattern else "rename it"
            if not any(place in str(self._masks) for place in ("{stem}", "{path}")):
                told = "masks needs {stem} or {path}, as it gives several frames one mask"
        return f"{mask.name} is also that of {_below(self._root, other)}; {told}"

    def _missed(self, path: Path) -> list[Path]:
        """Return what `masks` names for a frame, isn't read and may be a lesion more than its mask shows."""
        unread = self._paired.unread.get(path, [])
        several = self._wider is not None and self._wider.pattern.several
        return unread if several or not self._paired.of.get(path) else [file for file in unread if file.is_dir()]

    def _unread(self, path: Path, file: Path, *, beside: bool) -> str:
        name = _below(self._root, file)
        if file.is_dir():
            return f"{name}/, a folder; {self._opened(path, file)}{', or move it away' if beside else ''}"
        return f"{name}; save it as PNG and move the original away{', or only move it away' if beside else ''}"

    def _opened(self, path: Path, folder: Path) -> str:
        """Return what has the masks in a folder read that lies where a frame's mask is looked for."""
        above, _, name = str(self._masks).removesuffix(".*").rpartition("/")
        if name.startswith("*"):
            return "put what lies in it beside it"
        start = name.partition("*")[0]
        for one in (start, PurePosixPath(start).stem, "{stem}"):
            if self._naming.filled(one, self._relative(path)) == composed(folder.name):
                pattern = f"{above}/{one}/*".removeprefix("/")
                return f"give another pattern, such as {pattern}, or save it as {_below(self._root, folder)}.png"
        return f"save it as {_below(self._root, folder)}.png"

    def _several(self, path: Path, files: Sequence[Path], *, ignored: bool) -> str:
        pattern = self._wider.taking(path, files) if self._wider else None
        told = f"masks: '{pattern}' takes all of them together" if pattern else "rename them so that one pattern fits"
        alone = ", mask_extras: ignore takes the first alone" if ignored else ""
        return f"{', '.join(file.name for file in files)}; {told}{alone}"

    def _bare(self, path: Path) -> tuple[str, str] | None:
        """Return why a frame that has no mask can't be one without a lesion; None: it can."""
        if path in self._paired.near:
            near = _below(self._root, self._paired.near[path])
            return "mask of nearly the same name", f"{near} differs in case or in codes such as %20; rename one"
        if path in self._paired.alike:
            alike = self._paired.alike[path]
            if not is_image(alike):
                return "mask that isn't read", self._unread(path, alike, beside=False)
            told = (
                f"{_below(self._root, alike)}, which '{self._masks}' doesn't name; rename it, or give another pattern"
            )
            return "mask of another name", told
        if self._rules.missing_mask == "refuse":
            wanted = self._naming.filled(str(self._masks), self._relative(path))
            return "no mask", f"expected {wanted}; where none means no lesion: missing_mask: no_lesion"
        return None

    def _case(self, path: Path) -> str:
        return self._naming.case(self._relative(path))

    def _relative(self, path: Path) -> PurePosixPath:
        return PurePosixPath(path.relative_to(self._root).as_posix())


def _below(root: Path, path: Path) -> str:
    text = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return text.encode("utf-8", "backslashreplace").decode()


def _contents(root: Path) -> str:
    entries = sorted(root.iterdir())
    names = [f"{path.name}/ ({len(names_in(path))} entries)" if path.is_dir() else path.name for path in entries]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "nothing") + more
