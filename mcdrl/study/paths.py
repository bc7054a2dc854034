"""Where things are: in a project's folder, below its artifacts, and in the package. Nobody else spells it.

What is written below the artifacts stands in dvc.yaml, too, which DVC needs to track it; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
ARTIFACTS = Path("artifacts")
SITE_CARDS = Path("data/sites")
BACKBONE_CARDS = Path("data/backbones")
STUDIES = Path("data/studies")
MODELS = Path("data/models")  # those that come along: NAME.yaml, and the model's folder NAME beside it
START_MODEL = "polyp_lite0"  # of those: where no model is named
LITE_TOWERS = {name: Path("data", name) for name in ("lite0", "lite1", "lite2")}  # what pretraining made of each
IMPORTED = Path("data/splits.csv")  # the splits that were taken over
RENDERED = Path("data/phantom")  # an output of the pipeline's, though git ignores it
LONGEST_NAME = 100  # letters; a file's name has 255, and adds to it
NONE = "none"  # in a held-out site's place: none is, all of them are trained on
STAGES = Path("stages")
RUN_FOLDER = Path(
    ".dvc/tmp/run"
)  # of `mcdrl run`: whose the workspace is, and what stages print; ignored by git and DVC
PROJECT = (
    PIPELINE, PARAMS, STAGES, SITE_CARDS, BACKBONE_CARDS, STUDIES, *LITE_TOWERS.values(), IMPORTED,
    *map(Path, (".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots")),
)  # what a project consists of, beside the library  # fmt: skip
_PACKAGE = Path(__file__).parents[1]
_TRAIN, _TRAIN_ALL, _DEPLOY = "train", "train_all", "deploy"


def own_or_shipped(place: Path, project: Path = Path()) -> Path:
    """Return a file or folder that a project may have and that comes with the package, too: the project's counts.

    Args:
        place: relative to a project's top folder, such as `SITE_CARDS`; an absolute one is returned as it is.
        project: the folder that params.yaml would be in.
    """
    own = project / place
    return own if is_project(project) and own.exists() else shipped() / place


def is_project(folder: Path = Path()) -> bool:
    """Return whether a folder is a project's top folder: the one that params.yaml is in."""
    return (folder / PARAMS).is_file()


def shipped() -> Path:
    """Return the folder of what comes along: inside of an installed package, above that of a clone."""
    inside = _PACKAGE / "shipped"
    return inside if inside.is_dir() else _PACKAGE.parent


class Cell(NamedTuple):
    """One training of the study and all that follows from it.

    Attributes:
        variant: a name in `methods` of params.yaml.
        held_out: the site that it never sees.
        seed: of everything drawn.
    """

    variant: str
    held_out: str
    seed: int

    @property
    def label(self) -> str:
        """Return it as a word, as DVC calls it behind the stage's name: mcdrl-A-0."""
        return "-".join(map(str, self))

    @property
    def folder(self) -> Path:
        """Return it as a path below a stage's folder."""
        return Path(*map(str, self))

    def model(self, artifacts: Path) -> Path:
        """Return the folder of the trained model."""
        return artifacts / _TRAIN / self.folder

    def parts(self, artifacts: Path) -> Path:
        """Return the folder of what `evaluate` says of it, a file a table."""
        return parts_folder(artifacts) / self.folder

    def predictions(self, artifacts: Path) -> Path:
        """Return the store of the held-out site's probabilities."""
        return artifacts / "evaluate" / "predictions" / self.folder.with_name(f"{self.seed}.h5")


def study_of(model: Path) -> tuple[Path, Cell] | None:
    """Return the artifacts and the cell that a model's folder belongs to by its place; None: it lies elsewhere."""
    whole = model.resolve()
    seed, parents = whole.name, whole.parents
    if len(parents) < 4 or parents[2].name != _TRAIN or not seed.isdecimal():
        return None
    return parents[3], Cell(parents[1].name, parents[0].name, int(seed))


def whole_model(artifacts: Path, variant: str, seed: int) -> Path:
    """Return the folder of a model that was trained on all sites."""
    return artifacts / _TRAIN_ALL / variant / str(seed)


def artifacts_of(model: Path) -> Path | None:
    """Return the artifacts that a model's folder lies in, a cell's or one of all sites; None: it lies elsewhere."""
    study = study_of(model)
    if study is not None:
        return study[0]
    whole = model.resolve()
    for above, room in ((2, _TRAIN_ALL), (1, _DEPLOY), (2, _DEPLOY)):  # the last: of an ensemble
        if len(whole.parents) > above and whole.parents[above - 1].name == room:
            return whole.parents[above]
    return None


@dataclass(frozen=True)
class IngestedFiles:
    """What `ingest` says of a site.

    Attributes:
        folder: that holds all of it.
    """

    folder: Path

    @property
    def cases(self) -> Path:
        """Return the table of its frames."""
        return table_file(self.folder, "cases")

    @property
    def frames(self) -> Path:
        """Return the store of frames and masks."""
        return self.folder / "frames.h5"

    @property
    def geometry(self) -> Path:
        """Return the table of what the frames show beside the view."""
        return table_file(self.folder, "geometry")

    @property
    def quarantine(self) -> Path:
        """Return the table of the files that were refused."""
        return table_file(self.folder, "quarantine")

    @property
    def strengths(self) -> Path:
        """Return the table of the confounders in the frames, which isn't there where nobody knows them."""
        return table_file(self.folder, "strengths")


@dataclass(frozen=True)
class SiteFiles(IngestedFiles):
    """What stage one left of a site.

    Attributes:
        folder: of what `ingest` says of it.
        features: what the encoder says.
        regions: the mined regions.
    """

    features: Path
    regions: Path

    @property
    def trained_on(self) -> list[Path]:
        """Return all files of a source site that a training opens."""
        return [self.cases, self.frames, self.features, self.regions]


def site_files(artifacts: Path, site: str) -> SiteFiles:
    """Return where a site's files are below the artifacts folder."""
    return SiteFiles(
        folder=ingest_folder(artifacts) / site,
        features=features_folder(artifacts) / f"{site}.h5",
        regions=artifacts / "mine_regions" / "regions" / f"{site}.h5",
    )


def ingest_folder(artifacts: Path) -> Path:
    """Return the folder of the sites' folders."""
    return artifacts / "ingest"


def features_folder(artifacts: Path) -> Path:
    """Return the folder of the sites' features."""
    return artifacts / "encode"


def sources_folder(artifacts: Path) -> Path:
    """Return the folder of what trainings take of the sites' data."""
    return artifacts / "sources"


def sources_file(folder: Path, held_out: str) -> Path:
    """Return what a training takes of the sites' data where one of them is held out, or `NONE` is, in its folder."""
    return folder / f"{held_out}.json"


def backbone_folder(artifacts: Path) -> Path:
    """Return the folder of the encoder."""
    return artifacts / "backbone"


def texts_folder(artifacts: Path) -> Path:
    """Return the folder of the three tables of prompts."""
    return artifacts / "build_confounders"


@dataclass(frozen=True)
class TextFiles:
    """What `build_confounders` says: prompts and their texts in joint space.

    Attributes:
        folder: that holds all of it.
    """

    folder: Path

    @property
    def dictionary(self) -> Path:
        """Return the table of the confounders."""
        return table_file(self.folder, "dictionary")

    @property
    def classes(self) -> Path:
        """Return the table of the lesion classes."""
        return table_file(self.folder, "classes")

    @property
    def class_confounders(self) -> Path:
        """Return the table of each class with each confounder."""
        return table_file(self.folder, "class_confounders")


@dataclass(frozen=True)
class AuditFiles:
    """What `audit` says of all sites' frames.

    Attributes:
        folder: that holds all of it.
    """

    folder: Path

    @property
    def pairs(self) -> Path:
        """Return the table of frames that are one picture."""
        return table_file(self.folder, "audit")

    @property
    def splits(self) -> Path:
        """Return the table of which frames train."""
        return table_file(self.folder, "splits")

    @property
    def profile(self) -> Path:
        """Return the table of what every frame looks like."""
        return table_file(self.folder, "profile")


def audit_files(artifacts: Path) -> AuditFiles:
    """Return where the tables of the audit are below the artifacts folder."""
    return AuditFiles(artifacts / "audit")


def table_path(artifacts: Path, stage: str, name: str) -> Path:
    """Return a whole table of a stage, such as `cases` of `evaluate`."""
    return table_file(artifacts / stage, name)


def table_file(folder: Path, name: str) -> Path:
    """Return a table, or a part of one, in its folder."""
    return folder / f"{name}.parquet"


def parts_folder(artifacts: Path) -> Path:
    """Return the folder of what `evaluate` says, a folder a cell."""
    return artifacts / "evaluate" / "parts"


def promise_path(report: Path, variant: str) -> Path:
    """Return what a report says of a method at sites that it has never seen."""
    return report / "promises" / f"{variant}.json"


def report_folder(artifacts: Path) -> Path:
    """Return the folder of the report."""
    return artifacts / "report"


def checkpoints_folder(artifacts: Path) -> Path:
    """Return the folder of trainings that aren't finished; DVC doesn't know it."""
    return artifacts / ".resume"


def digests_folder(artifacts: Path) -> Path:
    """Return the folder of what is known of large files' digests; DVC doesn't know it."""
    return artifacts / ".digests"


@dataclass(frozen=True)
class PlanFiles:
    """What stage `plan` says.

    Attributes:
        folder: that holds all of it.
    """

    folder: Path

    @property
    def encoding(self) -> Path:
        """Return the plan of stage `encode`."""
        return self.folder / "encode.json"

    @property
    def views(self) -> Path:
        """Return what of the sites' frames is looked at."""
        return self.folder / "views.json"

    def method(self, variant: str) -> Path:
        """Return the plan of a name in `methods`."""
        return self.folder / "methods" / f"{variant}.json"

    def deployed(self, variant: str) -> Path:
        """Return the plan of a name in `deploy.methods`."""
        return self.folder / "deploy" / f"{variant}.json"

    def site(self, site: str) -> Path:
        """Return the plan of a site."""
        return self.folder / "sites" / f"{site}.json"

    def code(self, stage: str) -> Path:
        """Return the digest of a stage's code."""
        return self.folder / "code" / stage


def plan_files(artifacts: Path) -> PlanFiles:
    """Return where the plans are below the artifacts folder."""
    return PlanFiles(artifacts / "plan")
