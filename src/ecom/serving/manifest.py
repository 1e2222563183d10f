"""What a package says of itself: files, columns, threshold, figures, and what it was made of."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ecom.errors import PackageError
from ecom.schema import COLUMNS, FEATURE_SETS, DataKind, FeatureSet, Known

FORMAT: Final = 2  # raised when an older reader would misread a newer package
MANIFEST: Final = "manifest.json"
MODEL: Final = "model.onnx"
EXPLANATION: Final = "explain.onnx"
GOLDEN: Final = "golden.json"
CARD: Final = "model_card.md"
SWEEP: Final = "thresholds.csv"
PROFILE: Final = "profile.json"
TRAINED_ON: Final = "trained_on.bin"
TYPICAL: Final = "a typical session"  # what `where` of such golden sessions begins with
UNKNOWN_CATEGORIES: Final = "a category that is not among those allowed counts as none of them"

# No other file, and none in another folder.
FileName = Annotated[
    str,
    Field(
        pattern=r"^((model|explain)\.onnx|(golden|profile)\.json|thresholds\.csv|model_card\.md"
        r"|trained_on\.bin)$"
    ),
]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackagedFile(_Part):
    """What a file must be."""

    sha256: Sha256
    size: int

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Describe a file of this content."""
        return cls(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


class PackagedColumn(_Part):
    """An input of the graph: as `ecom.schema.Column` has it."""

    name: str
    type: Literal["integer", "number", "category", "boolean"]
    description: str
    minimum: float
    maximum: float
    allowed: tuple[str, ...]
    known: Known

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        if not self.minimum <= self.maximum:
            raise ValueError(f"{self.name} has a minimum above its maximum")
        return self


class PackagedFigure(_Part):
    """A metric on the test rows, with its interval."""

    value: float
    interval: tuple[float, float]


class PackagedCosts(_Part):
    """What an error costs: a session flagged in vain, and a purchase that was not flagged."""

    false_positive: float
    false_negative: float


class Manifest(_Part):
    """The content of manifest.json.

    Attributes
    ----------
    data
        Whether the model learned from real or from generated sessions.
    candidate, description
        What the model is.
    feature_set
        Which columns it needs.
    columns
        Its inputs, in the order of the schema.
    unknown_categories
        What becomes of a category that is not allowed.
    threshold
        The rounded probability from which on a session is flagged.
    strategy, costs
        How the threshold was chosen, and what an error costs.
    figures
        Metrics on the test rows.
    made_of
        MD5 of the model and of the metrics that the package quotes, as in dvc.lock:
        `python -m ecom lineage MD5` finds the state of the pipeline.
    made_with
        Versions of the packages that wrote it.
    files
        Every file but the manifest.
    """

    format: int = FORMAT
    data: DataKind
    candidate: str
    description: str
    feature_set: FeatureSet
    columns: tuple[PackagedColumn, ...]
    unknown_categories: str = UNKNOWN_CATEGORIES
    threshold: float
    strategy: str
    costs: PackagedCosts
    figures: Mapping[str, PackagedFigure]
    made_of: Mapping[str, str]
    made_with: Mapping[str, str]
    files: Mapping[FileName, PackagedFile]

    def to_json(self) -> str:
        """Write the manifest, with a hash of its own."""
        content = self.model_dump(mode="json")
        return _written({**content, "sha256": _sha256(content)})

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a manifest.

        Raises
        ------
        PackageError
            It is not JSON, was changed, or is of a newer format.
        """
        try:
            content = json.loads(text)
            own = content.pop("sha256")
            newer = content.get("format", 0) > FORMAT
            found = _sha256(content)
        except (ValueError, KeyError, AttributeError, TypeError):
            raise PackageError(f"{MANIFEST} is not the manifest of a package") from None
        if newer:
            raise PackageError(
                f"{MANIFEST} has format {content['format']}; expected at most {FORMAT}: a newer "
                "version of ecom reads it"
            )
        if own != found:
            raise PackageError(
                f"{MANIFEST} was damaged or edited: it has not the hash that it names"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise PackageError(f"{MANIFEST}: {place}: {fault['msg']}") from None


def packaged_columns(feature_set: FeatureSet) -> tuple[PackagedColumn, ...]:
    """Return the inputs of a model of this feature set."""
    return tuple(
        PackagedColumn(
            name=column.name,
            type=column.type,
            description=column.description,
            minimum=column.minimum,
            maximum=column.maximum,
            allowed=column.allowed,
            known=column.known,
        )
        for column in COLUMNS
        if column.name in FEATURE_SETS[feature_set]
    )


def _sha256(content: Mapping[str, object]) -> str:
    return hashlib.sha256(_written(content).encode()).hexdigest()


def _written(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
