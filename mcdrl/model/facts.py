"""What model.json says of a trained model; nothing here needs torch, so that the report can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json
from mcdrl.base.section import Number, Section
from mcdrl.confounders.scores import ReferenceStatistics
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.adapted import Adapted
from mcdrl.model.members import check_single
from mcdrl.study.sections.mine_regions import TextSimilarity

CARD, WEIGHTS = "model.json", "model.safetensors"  # the model itself
HISTORY = "history.csv"  # of its training, an epoch a row
_AGAIN = "copy the folder again, or run `dvc repro train`"
_NO_MODEL = "name a model's folder, which `dvc repro` makes in a study; `mcdrl models list` has those that come along"
SMALLEST_PX, LARGEST_PX = 16, 4096
_MOST_NAMES = 4096  # of classes, confounders, sites
_COARSEST = 1e4  # a temperature beyond leaves no probability but one half, one below its inverse none but 0 and 1
_Names = Annotated[list[str], Field(min_length=1, max_length=_MOST_NAMES)]


class ModelFacts(Section):
    """model.json: what a model is, how it came about and how good it was on the validation frames; read without torch.

    Attributes:
        variant: the name that the study calls it by.
        method: a file's name in mcdrl/methods.
        held_out: the site that played no part in it; None: all of them did.
        seed: of everything drawn.
        sources: the sites that it was trained on.
        backbone: the backbone's name.
        pretrained: where the backbone's weights come from, "random" if they are random; as its card says.
        fingerprint: of the encoder whose features it takes.
        dense_mode: of that encoder.
        mode: frozen, adapter, suffix, partial or finetune.
        size_px: side of the frames, px; a multiple of 4, since the head works at a quarter of it.
        lesion_classes: in the order of the class axis.
        confounders: in the order of the confounder axis.
        alpha: share of the grid that is mined.
        text_similarity: how places are compared with the class texts, as `mine_regions.similarity` names it.
        spec: the numbers that it is built from, typed in `ModelCard`.
        n_weights: how many numbers the network has, without what of the encoder is cached before it.
        n_trained: how many of them were trained.
        best_epoch: the epoch, from 0, whose weights these are; of averaged ones the last that takes part.
        val_dice: mean Dice over the validation frames with a lesion, of these weights and of frames as they are,
            without a sum over views.
        averaged_steps: steps whose weights were averaged, as `train.average` says; 0: they are one epoch's.
        temperature: by which the log-odds of lesion are divided to be calibrated, fitted on the validation frames.
        flag_below: confidence, 0..1, below which a frame is flagged: a stated share of the validation frames are.
        no_lesion_below: score of a frame, 0..1, below which it has no lesion; 0: there is no such limit. Chosen on the
            validation frames, as is the next.
        least_area_share: share of the view, 0..1, below which a component of the mask is no lesion.
        view: what of a frame is looked at, before it is squashed to `size_px`, where nobody says: auto: the endoscopic
            view that is found in it; full: all of it, as at all source sites.
        class_prompts: the text of each lesion class.
        confounder_prompts: the text of each confounder.
        background_prompt: the text whose similarity is subtracted in region mining; None: the classes alone mine.
        reference: how the training frames of the source sites score for each confounder; None: unknown.
        params: the method's own numbers, typed in `ModelCard`.
        parameters: of the training, resolved.
        mined_by: the network that selects the target regions, typed in `ModelCard`; None: similarity to the class texts
            does.
        provenance: device and precision that the training's features were made with, such as "cpu, float32"; empty:
            nobody has noted it. New frames may be segmented on any device.
        leaked_frames: how many of the held-out site's frames a source site has, too, so that they were trained on;
            params.yaml accepts them.
        adapted: how it went on from another model with frames of one site, which is among its sources; what
            `best_epoch` and `val_dice` say is the first model's, in which nothing was adapted; None: it didn't.
        weights_sha256: of model.safetensors, hex; `save_model` fills it in; empty: nobody has noted it.
    """

    variant: str
    method: str
    held_out: str | None
    seed: int
    sources: list[str]
    backbone: str
    pretrained: str
    fingerprint: str
    dense_mode: str
    mode: Literal["frozen", "adapter", "suffix", "partial", "finetune"]
    size_px: int = Field(ge=SMALLEST_PX, le=LARGEST_PX, multiple_of=4)
    lesion_classes: _Names
    confounders: _Names
    alpha: float = Field(gt=0, le=1)
    text_similarity: TextSimilarity = "cosine"
    spec: Any
    n_weights: Number
    n_trained: Number
    best_epoch: Number
    val_dice: float = Field(ge=0, le=1)
    averaged_steps: Number = 0
    temperature: float = Field(ge=1 / _COARSEST, le=_COARSEST)
    flag_below: float = Field(ge=0, le=1)
    view: Literal["auto", "full"]
    no_lesion_below: float = Field(default=0.0, ge=0, le=1)
    least_area_share: float = Field(default=0.0, ge=0, le=1)
    class_prompts: list[str] = Field(default_factory=list)
    confounder_prompts: list[str] = Field(default_factory=list)
    background_prompt: str | None = None
    reference: ReferenceStatistics | None = None
    params: dict[str, Any]
    parameters: dict[str, Any] = Field(default_factory=dict)
    mined_by: Any = None
    provenance: str = ""
    leaked_frames: Number = 0
    adapted: Adapted | None = None
    weights_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        count = len(self.confounders)
        given = {"confounder_prompts": len(self.confounder_prompts)} if self.confounder_prompts else {}
        if self.reference is not None:
            given |= {f"reference.{name}": len(values) for name, values in self.reference}
        for name, found in given.items():
            if found != count:
                raise ValueError(f"{name} has {found} values for {count} confounders")
        return self

    @property
    def operating_point(self) -> OperatingPoint:
        """What a frame has to reach to have a lesion."""
        return OperatingPoint(self.no_lesion_below, self.least_area_share)


C = TypeVar("C", bound=ModelFacts)


def read_facts(folder: Path) -> ModelFacts:
    """Read model.json without what a network is built from.

    Raises:
        InputError: it is missing or isn't a model's card.
    """
    return read_typed(ModelFacts, folder)


def read_typed(kind: type[C], folder: Path) -> C:
    """Read model.json as one of the types that it can be read as.

    Raises:
        InputError: as `read_facts`.
    """
    check_single(folder)
    path = folder / CARD
    if not path.exists() and (folder.is_dir() or not folder.exists()):
        raise InputError(f"{path} does not exist; {_NO_MODEL}")
    value = read_json(path, _AGAIN)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        unknown = [str(one["loc"][-1]) for one in error.errors() if one["type"] == "extra_forbidden"]
        if unknown:
            raise InputError(
                f"{folder / CARD}: this version of mcdrl doesn't know {', '.join(unknown)}: a newer one wrote it, or "
                "it was edited; install the newer version"
            ) from None
        problem = error.errors()[0]
        place = "".join(f"{part}: " for part in [".".join(map(str, problem["loc"]))] if part)
        found = f", got {problem['input']!r:.60}" if isinstance(problem["input"], int | float | str) else ""
        raise InputError(f"{folder / CARD}: {place}{problem['msg']}{found}; {_AGAIN}") from None
