"""How a site's folder is read: which files are frames, what is lesion, of which class, and who belongs together.

The keys stand in a card (data/sites/<card>.yaml) and in the site's own entry of params.yaml, which overrides it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from mcdrl.base.errors import shown
from mcdrl.base.folders import mask_parts, pattern_parts
from mcdrl.base.section import Count, Most, Section
from mcdrl.base.view_rule import ViewRule
from mcdrl.study.meanings import BACKGROUND, IGNORE, LESION, drawn_classes, unfit_class

MASK_RULES = ("masks", "polygons", "annotations")
CLASS_RULES = ("lesion_class", "table_class", "folder_class", "label_class")
GROUP_RULES = ("table_group", "folder_group", "sequence_ends")
AFFIXES = ("frame_prefix", "frame_suffix")
AnnotationFormat = Literal["coco", "labelme", "cvat", "yolo"]
_PLACE = re.compile(r"\{(?:stem|path|parent|\d+)\}")  # what differs from one frame's mask to another's
_OTHERWISE = {
    "label_class": "null means no lesion, ignore that nobody judged",
    "mask_values": "background and ignore are written in small letters",
}  # key -> what else than a class it may say; where it isn't here, null


class Reading(Section):
    """How to read a site's folder; complete once a card and a site's entry are merged.

    Attributes:
        images: glob of the frames below the root.
        masks: where a frame's mask is below the root; `{stem}` is the frame's name without its ending, `frame_prefix`
            and `frame_suffix`, `{parent}` the name of the folder that it lies in, `{0}`, `{1}`, ... the folders on its
            path below the root, `{path}` what the wildcards of `images` stand for; one of these is in it, `{parent}` or
            a number alone where each folder holds one frame (`{0}/mask.png`). It may end in `.*` for any image ending.
            A `*` in the name takes all files that fit, and a pixel of any of them is lesion:
            `masks/{stem}_mask*.png`, `masks/{stem}/*`. A frame of which one can't be read is refused, texts and tables
            aside.
        missing_mask: what a frame without a mask, or that `annotations` don't name, is: refused, or (no_lesion) one
            without a lesion. A frame that they name and that has no shape has no lesion. A frame is refused where
            something of exactly its name, or its mask's, lies among the masks and `masks` doesn't name it, unless
            most frames with masks have such a file, too, or it lies beside the frame.
        mask_extras: what becomes of a frame beside whose mask lies a file called like it with something behind
            (NAME_1.png): refused, as it may show a further lesion, or read without that file.
        frame_prefix: what every frame's name begins with and its mask's doesn't, such as `image_` where masks are
            `mask_{stem}.*`: it is taken off, so that the `{stem}` of image_001.png is 001. A frame without it is
            refused.
        frame_suffix: what every frame's name ends in and its mask's doesn't, such as `_0000`; likewise.
        case_ids: what a case is called by: the frame's stem, or its path, of which it takes what the wildcards of
            `images` stand for. The path tells frames apart whose names repeat from folder to folder.
        polygons: glob of JSON lists of outlines below the root instead of masks: `{object_id, label_ids, data: [{x,
            y}, ...]}`, object_id being a frame's stem, with a `labels.json` of `{id, name}` beside each.
        annotations: glob of an annotation tool's files below the root instead of masks, such as `annotations.json` or
            `labels/**/*.txt`; `annotation_format` says of which kind they are. Frames are found by the names that the
            files say, folders included where names repeat.
        annotation_format: coco (instances as polygons or RLE), labelme (a JSON a frame), cvat (XML "for images 1.1") or
            yolo (polygons, a text a frame; names of its classes by a data.yaml or classes.txt beside or above).
        mask_threshold: grey value (0..255) from which a mask pixel is lesion; JPEG masks need about 128. It counts
            where masks are black and white, or of two values, maybe smooth or noisy in between. `mask_values` takes
            its place.
        mask_values: value in the mask files -> what it means: a lesion class, lesion (of the class that the other keys
            say), background, or ignore (nobody judged: it counts in no loss and no score). A value is an id (255, a
            grey value or an index of a palette) or a colour ("250,50,83" or "#fa3253"); black is background unless it
            is listed. Needed where masks hold more than background and lesion; a frame with a value that isn't
            listed is refused.
        channels: order in which the files hold a frame's colours; bgr: red and blue were swapped when it was saved.
        lesion_class: the class of every lesion of this site.
        table_class: column of `table` that holds the lesion class (empty: no lesion).
        class_names: what `table_class` calls a class -> lesion class; null: no lesion. None: it calls them as we do.
        folder_class: name of a folder on the frame's path -> lesion class; null: frames there have no lesion.
        label_class: name or id of a polygon's or annotation's label -> lesion class; null: the label is no lesion (a
            landmark); ignore: nobody judged what it covers. A frame with a label that isn't listed is refused, as
            nobody has said whether it shows a lesion.
        table_group: column of `table` that holds the patient or sequence.
        folder_group: which part of the frame's path below the root is the patient or sequence, from 0.
        sequence_ends: number of each sequence's last frame, rising, where frames are called by their number.
        table: CSV below the root with a row a frame. What lies outside the root is refused, a table and masks alike, as
            DVC doesn't notice when it changes.
        table_file: column of `table` that holds the frame's file name, stem or path below the root.
        table_rows: column of `table` -> what it must say for a frame to belong to this site, such as `centre: north`.
        table_strengths: column of `table` -> the confounder, as the dictionary calls it, whose strength in the frame it
            holds: 0 (absent) to 1, empty where nobody knows. What the intervention attends to is held against it.
        view: what of a frame is looked at, training, prediction and stress alike: auto: the endoscopic view, found in
            each frame; full: the whole frame; or a box, the same in all frames: left, top, right, bottom in parts of
            the frame's width and height, such as [0.25, 0, 1, 1]. Dice, IoU, accuracy and lesions found count the
            whole frame, so that a lesion outside is missed; NSD and HD95 are of what is looked at.
    """

    images: str = "images/*"
    masks: str | None = None
    missing_mask: Literal["refuse", "no_lesion"] = "refuse"
    mask_extras: Literal["refuse", "ignore"] = "refuse"
    frame_prefix: str | None = Field(default=None, min_length=1)
    frame_suffix: str | None = Field(default=None, min_length=1)
    case_ids: Literal["stem", "path"] = "stem"
    polygons: str | None = None
    annotations: str | None = None
    annotation_format: AnnotationFormat | None = None
    mask_threshold: int = Field(default=128, ge=1, le=255)
    mask_values: dict[str, str] | None = Field(default=None, min_length=1)
    channels: Literal["rgb", "bgr"] = "rgb"
    lesion_class: str | None = None
    table_class: str | None = None
    class_names: dict[str, str | None] | None = Field(default=None, min_length=1)
    folder_class: dict[str, str | None] | None = Field(default=None, min_length=1)
    label_class: dict[str, str | None] | None = Field(default=None, min_length=1)
    table_group: str | None = None
    folder_group: Annotated[int, Field(ge=0), Most(100, "no path has as many parts")] | None = None
    sequence_ends: list[Count] | None = Field(default=None, min_length=1)
    table: str | None = None
    table_file: str = "file"
    table_rows: dict[str, str] | None = Field(default=None, min_length=1)
    table_strengths: dict[str, str] | None = Field(default=None, min_length=1)
    view: ViewRule = "auto"

    @field_validator("images", "polygons", "annotations")
    @classmethod
    def _below_the_root(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            pattern_parts(pattern)
        except ValueError as error:
            raise ValueError(f"no pattern below the root ({error}); e.g. 'images/*' or '**/*.png'") from None
        return pattern

    @field_validator("mask_values", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """Bring the names of values into one form, "7" or "250,50,83"; YAML has ids as numbers."""
        if not isinstance(given, Mapping):
            return given
        if len({type(key) for key in given}) > 1:
            raise ValueError("DVC can't sort numbers and texts together; quote the ids of mask_values, such as '255'")
        named = {_value_name(key): meaning for key, meaning in given.items()}
        if unsaid := [name for name, meaning in named.items() if meaning is None]:
            raise ValueError(f"{unsaid[0]}: null says nothing of a value; write background, or ignore")
        if len(named) < len(given):
            raise ValueError("mask_values lists a value twice")
        return named

    @field_validator("view", mode="wrap")
    @classmethod
    def _some_area(cls, given: Any, checked: ValidatorFunctionWrapHandler) -> ViewRule:
        try:
            rule: ViewRule = checked(given)
        except ValidationError:  # one problem for each kind of rule that it is none of
            told = "auto, full or left, top, right, bottom in parts of the frame, such as [0.25, 0, 1, 1]"
            raise ValueError(f"expected {told}") from None
        if not isinstance(rule, str) and (rule[0] >= rule[2] or rule[1] >= rule[3]):
            raise ValueError("view must hold some of the frame: left < right and top < bottom, such as [0.25, 0, 1, 1]")
        return rule

    @field_validator("class_names", "folder_class", "label_class", "table_rows", "table_strengths", mode="before")
    @classmethod
    def _texts(cls, given: Any, info: ValidationInfo) -> Any:
        """Take whole numbers that are names, ids or words of a table as texts; YAML has them as numbers."""
        if not isinstance(given, Mapping):
            return given
        words = {
            _text(key): _text(meaning) if info.field_name == "table_rows" else meaning for key, meaning in given.items()
        }
        if len({type(key) for key in given}) > 1:
            raise ValueError(
                f"DVC can't sort numbers and texts together; quote the ids of {info.field_name}, such as '1'"
            )
        return words

    @field_validator("lesion_class")
    @classmethod
    def _a_class(cls, name: str | None) -> str | None:
        problem = unfit_class(name) if name is not None else None
        if problem is not None:
            raise ValueError(f"{problem}; name one, such as polyp")
        return name

    @field_validator("class_names", "folder_class", "label_class", "mask_values")
    @classmethod
    def _classes_or_none(cls, given: Any, info: ValidationInfo) -> Any:
        """Refuse classes that are called like what is none."""
        key = str(info.field_name)
        meant = {"label_class": {IGNORE}, "mask_values": {BACKGROUND, IGNORE}}.get(key, set())
        for word, name in (given or {}).items():
            problem = unfit_class(name) if name is not None and name not in meant else None
            if problem is not None:
                raise ValueError(f"{word}: {problem}; {_OTHERWISE.get(key, 'null means no lesion')}")
        return given

    @model_validator(mode="after")
    def _values(self) -> Reading:
        if self.masks is not None and not _PLACE.search(self.masks):
            places = "{stem}, {path}, {parent} or a folder such as {0}"
            raise ValueError(f"masks must contain {places}, as in 'masks/{{stem}}.png' or '{{0}}/mask.png'")
        if self.masks is not None:
            mask_parts(self.masks)
        if self.sequence_ends is not None and sorted(set(self.sequence_ends)) != self.sequence_ends:
            raise ValueError("sequence_ends must rise: the number of each sequence's last frame")
        named = list((self.table_strengths or {}).values())
        if len(set(named)) < len(named):
            raise ValueError("table_strengths gives one confounder two columns")
        return self

    def classes(self) -> list[str]:
        """Return the lesion classes that this reading names, in no particular order; those of a table aren't known.

        See `open_classes`.
        """
        labelled = {label: name for label, name in (self.label_class or {}).items() if name != IGNORE}
        given = (self.folder_class, labelled, self.class_names)
        mapped = [name for names in given if names is not None for name in names.values()]
        return [name for name in [self.lesion_class, *mapped, *self._value_classes()] if name is not None]

    def class_rules(self) -> list[str]:
        """Return the keys that say which class a lesion has; one is right."""
        return _given(self, CLASS_RULES) + (["mask_values"] if self._value_classes() else [])

    def _lesions_without_class(self) -> list[str]:
        if not self._value_classes() or LESION not in (self.mask_values or {}).values():
            return []
        return [f"mask_values has '{LESION}' beside classes; give all of its lesions a class"]

    def _value_classes(self) -> list[str]:
        """Return the classes that `mask_values` names beside that of every lesion."""
        return sorted(drawn_classes(self.mask_values, self.lesion_class))

    @property
    def open_classes(self) -> bool:
        """Whether there may be lesion classes that the reading doesn't name: those of a table without `class_names`."""
        return self.table_class is not None and self.class_names is None

    def gaps(self) -> list[str]:
        """Return a sentence for each rule that is missing, given twice or without what it needs; empty: complete."""
        return [
            *_one_of(_given(self, MASK_RULES), MASK_RULES, "where the lesions are drawn"),
            *_one_of(self.class_rules(), (*CLASS_RULES, "mask_values (with classes)"), "which class a lesion has"),
            *_said_once(_given(self, GROUP_RULES), "which frames belong together"),
            *_needs(
                self,
                ("table_class", "table_group", "table_rows", "table_strengths"),
                "table",
                "the CSV file that holds them",
            ),
            *_needs(self, ("class_names",), "table_class", "the column whose words they are"),
            *["label_class needs polygons or annotations, as masks have no labels"]
            * (self.label_class is not None and self.polygons is None and self.annotations is None),
            *_needs(self, ("annotations",), "annotation_format", "one of coco, labelme, cvat, yolo"),
            *_needs(self, ("annotation_format",), "annotations", "the files that are of this format"),
            *["case_ids: path doesn't go with polygons, which call frames by their stem"]
            * (self.case_ids == "path" and self.polygons is not None),
            *_needs(self, ("mask_values",), "masks", "as outlines have no values"),
            *self._lesions_without_class(),
        ]


def merge(card: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a card, overridden by those of a site's entry.

    Rules that exclude each other (classes, groups, masks) are one thing: an entry that names one drops the card's.

    Args:
        card: the keys that the card gives.
        entry: the keys that the site's entry gives.
    """
    named = set(entry)
    if drawn_classes(entry.get("mask_values"), card.get("lesion_class")):
        named |= set(CLASS_RULES)
    dropped = {key for rules in (MASK_RULES, CLASS_RULES, GROUP_RULES) if set(rules) & named for key in rules}
    if "masks" in dropped:
        dropped.add("mask_values" if entry.get("polygons") or entry.get("annotations") else "label_class")
    if "masks" in dropped and not entry.get("annotations"):
        dropped.add("annotation_format")
    if "table_class" in dropped and not entry.get("table_class"):
        dropped.add("class_names")
    return {key: value for key, value in card.items() if key not in dropped} | dict(entry)


def _given(reading: Reading, keys: tuple[str, ...]) -> list[str]:
    return [key for key in keys if getattr(reading, key) is not None]


def _one_of(given: list[str], rules: tuple[str, ...], what: str) -> list[str]:
    return _said_once(given, what) if given else [f"nothing says {what}; give one of {', '.join(rules)}"]


def _said_once(given: list[str], what: str) -> list[str]:
    return [f"{' and '.join(given)} both say {what}; give one of them"] if len(given) > 1 else []


def _needs(reading: Reading, keys: tuple[str, ...], other: str, why: str) -> list[str]:
    given = _given(reading, keys)
    verb = "needs" if len(given) == 1 else "need"
    return [f"{' and '.join(given)} {verb} {other}, {why}"] if given and getattr(reading, other) is None else []


def _text(word: Any) -> Any:
    """Return a whole number as the text that a table or a folder has for it.

    Raises:
        ValueError: YAML took the word for something else, such as true for yes, or it is none.
    """
    if word is None or isinstance(word, bool | float | date):
        raise ValueError(f"YAML takes a word for {shown(word)}; quote it as it stands in the data, such as 'yes'")
    if not isinstance(word, int | str):
        raise ValueError(f"expected a word, not {shown(word)}")
    return str(word)


def _value_name(key: Any) -> str:
    """Return the one name of an id or a colour.

    Raises:
        ValueError: it is neither.
    """
    text = str(key).replace(" ", "")
    if re.fullmatch("#[0-9a-fA-F]{6}", text):
        return ",".join(str(int(text[at : at + 2], 16)) for at in (1, 3, 5))
    numbers = [int(part) for part in text.split(",")] if re.fullmatch(r"\d+(,\d+,\d+)?", text, re.ASCII) else []
    if not numbers or max(numbers) > (0xFFFF if len(numbers) == 1 else 0xFF):
        raise ValueError(f"{key!r} is neither an id (0..65535) nor a colour ('250,50,83' or '#fa3253')")
    return ",".join(str(number) for number in numbers)
