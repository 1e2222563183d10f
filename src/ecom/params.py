"""The knobs of params.yaml: one frozen, closed model per section."""

import difflib
import math
import reprlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ecom.errors import ParamsError
from ecom.schema import MONTHS, FeatureSet, Month

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Rows = Annotated[int, Field(ge=1, le=1_000_000_000)]
Single = Literal["logistic", "logistic_interactions", "hist_gradient_boosting"]
Candidate = Literal[Single, "average"]  # from the simplest on
CANDIDATES: tuple[Candidate, ...] = get_args(Candidate)
AVERAGED: tuple[Single, ...] = ("logistic_interactions", "hist_gradient_boosting")
Cost = Annotated[float, Field(ge=0, le=1e9)]
ReviewedMetric = Literal[
    "pr_auc", "roc_auc", "brier", "expected_calibration_error", "cost_per_1000_sessions",
    "precision", "recall",
]  # fmt: skip
SHOWN: Final = 100  # characters of a value in a message
Difference = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A section of params.yaml: no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: ClassVar[str]


class Synthetic(Section):
    """How many sessions the library's generator makes, and its seed."""

    rows: Annotated[int, Field(ge=100, le=10_000_000)]
    seed: Seed


class Data(Section):
    """Where the raw data comes from, and what its content must be."""

    name = "data"

    source: Literal["real", "synthetic"]
    sources: Annotated[list[str], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    timeout: Annotated[float, Field(gt=0, le=3600)]
    retries: Annotated[int, Field(ge=0, le=10)]
    synthetic: Synthetic


class Validate(Section):
    """Bounds on the raw data as a whole; bounds on columns are in `ecom.schema`."""

    name = "validate"

    min_rows: Rows
    max_rows: Rows
    min_positive_rate: OpenShare
    max_positive_rate: OpenShare

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_rows > self.max_rows:
            raise ValueError(f"min_rows {self.min_rows} is above max_rows {self.max_rows}")
        if self.min_positive_rate > self.max_positive_rate:
            raise ValueError(
                f"min_positive_rate {self.min_positive_rate} is above "
                f"max_positive_rate {self.max_positive_rate}"
            )
        return self


class Clean(Section):
    """What cleaning drops."""

    name = "clean"

    drop_duplicates: bool


class Split(Section):
    """The hold-out split."""

    name = "split"

    test_size: OpenShare
    seed: Seed


class Features(Section):
    """Which raw columns models may use; `ecom.schema` states when each is known."""

    name = "features"

    set: FeatureSet


class Folds(Section):
    """The cross-validation folds that baseline, cv and tune share, so that scores pair up."""

    name = "folds"

    n_splits: Annotated[int, Field(ge=2, le=100)]
    seed: Seed


class Bootstrap(Section):
    """The resamples behind the 95 % intervals of threshold and evaluate."""

    name = "bootstrap"

    resamples: Annotated[int, Field(ge=100, le=100_000)]
    seed: Seed


class Baseline(Section):
    """The brief's logistic regression."""

    name = "baseline"

    C: Annotated[float, Field(gt=0, le=1e9)]


class Cv(Section):
    """Which candidates are compared, and which of them is selected."""

    name = "cv"

    candidates: Annotated[list[Candidate], Field(min_length=1)]
    rule: Literal["best", "one_standard_error"]
    seed: Seed

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.candidates)) < len(self.candidates):
            raise ValueError(f"candidates {self.candidates} names one twice")
        return self


class Distribution(Section):
    """What a hyperparameter is drawn from; `low` and `high` are inclusive.

    ``uniform`` and ``log_uniform`` draw numbers, ``integer`` whole numbers, ``log_grid`` one of
    `num` numbers that are evenly spaced on a log scale.
    """

    distribution: Literal["uniform", "log_uniform", "integer", "log_grid"]
    low: Annotated[float, Field(ge=-1e15, le=1e15)]
    high: Annotated[float, Field(ge=-1e15, le=1e15)]
    num: Annotated[int, Field(ge=2, le=10_000)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.distribution.startswith("log_") and self.low <= 0:
            raise ValueError(f"low {self.low} is not above 0, as {self.distribution} needs")
        if (self.distribution == "log_grid") != (self.num is not None):
            raise ValueError("num goes with log_grid, and only with it")
        if self.distribution == "integer" and (self.low % 1 or self.high % 1):
            raise ValueError(f"low {self.low} and high {self.high} are not both whole numbers")
        return self


Distributions = Annotated[dict[str, Distribution], Field(min_length=1)]


class Domain(NamedTuple):
    """What a hyperparameter may be: what scikit-learn takes, as long as a fit then ends.

    From `low` on, or above it where `exclusive`, to `high`; a whole number where `whole`.
    """

    low: float
    high: float = math.inf
    exclusive: bool = False
    whole: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        kind = "a whole number" if self.whole else "a number"
        low = f"{'above' if self.exclusive else 'at least'} {self.low:.15g}"
        return f"{kind} {low}" + (f" and at most {self.high:.15g}" if self.high < math.inf else "")

    def holds(self, drawn: Distribution) -> bool:
        """Whether all that may be drawn is allowed."""
        above = drawn.low > self.low if self.exclusive else drawn.low >= self.low
        whole = drawn.distribution == "integer" or not self.whole
        return above and drawn.high <= self.high and whole


_STEPS = Domain(1, 10_000, whole=True)
_OF_LOGISTIC = {"C": Domain(0, exclusive=True), "max_iter": _STEPS, "tol": Domain(0)}
HYPERPARAMETERS: Final[dict[Single, dict[str, Domain]]] = {
    "logistic": _OF_LOGISTIC,
    "logistic_interactions": _OF_LOGISTIC,
    "hist_gradient_boosting": {
        "l2_regularization": Domain(0),
        "learning_rate": Domain(0, exclusive=True),
        "max_bins": Domain(2, 255, whole=True),
        "max_depth": Domain(1, 1_000, whole=True),
        "max_features": Domain(0, 1, exclusive=True),
        "max_iter": _STEPS,
        "max_leaf_nodes": Domain(2, 10_000, whole=True),
        "min_samples_leaf": Domain(1, 1_000_000, whole=True),
    },
}


class Tune(Section):
    """The hyperparameter search over the candidate that cv chose."""

    name = "tune"

    n_iter: Annotated[int, Field(ge=1, le=10_000)]
    scoring: Literal["average_precision", "roc_auc", "neg_log_loss", "neg_brier_score"]
    seed: Seed
    n_jobs: Annotated[int, Field(ge=1, le=256)]
    distributions: dict[Single, Distributions]

    def distributions_of(self, candidate: Candidate) -> dict[str, Distribution]:
        """Return the distributions of a candidate's hyperparameters.

        ``average`` is drawn from those of its members, named ``member.hyperparameter``.

        Raises
        ------
        ParamsError
            There are none.
        """
        if candidate == "average":
            return {
                f"{member}.{name}": distribution
                for member in AVERAGED
                for name, distribution in self.distributions_of(member).items()
            }
        if candidate not in self.distributions:
            raise ParamsError(
                f"tune.distributions has none for {candidate}, which cv may select, alone or in "
                f"an average; expected a section {candidate} with its hyperparameters"
            )
        return self.distributions[candidate]


class Temporal(Section):
    """The hold-out in time, beside the random one."""

    name = "temporal"

    first_test_month: Month | None

    @model_validator(mode="after")
    def _later_than_the_first(self) -> Self:
        if self.first_test_month == MONTHS[0]:
            raise ValueError(f"first_test_month {MONTHS[0]} has no month before it to train on")
        return self

    @property
    def test_months(self) -> tuple[Month, ...]:
        """The first test month and those after it in the year; none where there is no first."""
        return MONTHS[MONTHS.index(self.first_test_month) :] if self.first_test_month else ()


class Costs(Section):
    """What an error costs, in the shop's currency."""

    false_positive: Cost
    false_negative: Cost

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.false_positive + self.false_negative == 0:
            raise ValueError("false_positive and false_negative are both 0: an error costs")
        return self


class Threshold(Section):
    """How the operating point is chosen; a strategy reads only the knob that bears its name.

    ``minimum_cost`` reads the costs, which the metrics are computed from in any case.
    """

    name = "threshold"

    strategy: Literal["minimum_cost", "quota", "target_precision", "target_recall", "fixed"]
    costs: Costs
    quota: OpenShare
    target_precision: OpenShare
    target_recall: OpenShare
    fixed: Share


class Evaluate(Section):
    """What evaluate lists beside its metrics."""

    name = "evaluate"

    bins: Annotated[int, Field(ge=2, le=100)]
    small_slice: Annotated[int, Field(ge=1, le=1_000_000)]
    mistakes: Annotated[int, Field(ge=1, le=10_000)]


class Explain(Section):
    """How much is explained."""

    name = "explain"

    rows: Annotated[int, Field(ge=10, le=1_000_000)]
    seed: Seed
    columns: Annotated[int, Field(ge=1, le=17)]


class SmallestDifference(Section):
    """From which difference of a metric on it is worth caring about."""

    pr_auc: Difference
    roc_auc: Difference
    brier: Difference
    expected_calibration_error: Difference
    cost_per_1000_sessions: Annotated[float, Field(ge=0, le=1e9)]
    precision: Difference
    recall: Difference


class Review(Section):
    """How two states of the project are told apart; no stage reads it."""

    name = "review"

    decisive: Annotated[list[ReviewedMetric], Field(min_length=1)]
    smallest_difference: SmallestDifference


SECTIONS: tuple[type[Section], ...] = (
    Data, Validate, Clean, Split, Features, Folds, Bootstrap, Baseline, Cv, Tune, Temporal,
    Threshold, Evaluate, Explain, Review,
)  # fmt: skip


def parse_params(values: object) -> dict[str, Section]:
    """Check the content of params.yaml as a whole.

    Parameters
    ----------
    values
        What the YAML parser made of the file.

    Returns
    -------
    dict
        The sections by name.

    Raises
    ------
    ParamsError
        With a line for every fault: key, value and what is allowed.
    """
    known = {section.name: section for section in SECTIONS}
    try:
        values = _with_text_keys(values)
    except RecursionError:
        raise ParamsError("params.yaml has an alias that holds itself; expected values") from None
    if not isinstance(values, Mapping):
        raise ParamsError(
            f"params.yaml holds {_shown(values)}; expected sections {', '.join(known)}"
        )
    faults = [_unknown(str(name), known) for name in values if name not in known]
    sections = {}
    for name, model in known.items():
        if name not in values:
            faults.append(
                f"{name}: missing; expected a section with {', '.join(model.model_fields)}"
            )
            continue
        try:
            sections[name] = model.model_validate(values[name])
        except ValidationError as error:
            faults += [_describe(model, fault) for fault in error.errors()]
    faults += _contradictions(sections)
    if faults:
        raise ParamsError("params.yaml has\n" + "\n".join(f"  - {fault}" for fault in faults))
    return sections


def _contradictions(sections: Mapping[str, Section]) -> list[str]:
    """Return the faults of values that do not go together, though each may be had."""
    cv, tune = sections.get("cv"), sections.get("tune")
    if not isinstance(tune, Tune):
        return []
    faults = [
        fault
        for candidate, distributions in tune.distributions.items()
        for name, drawn in distributions.items()
        if (fault := _misdrawn(candidate, name, drawn))
    ]
    for candidate in cv.candidates if isinstance(cv, Cv) else ():
        try:
            tune.distributions_of(candidate)
        except ParamsError as error:
            faults.append(str(error))
    return list(dict.fromkeys(faults))


def _misdrawn(candidate: Single, name: str, drawn: Distribution) -> str | None:
    known = HYPERPARAMETERS[candidate]
    key = f"tune.distributions.{candidate}.{name}"
    if name not in known:
        return _unknown(key, known)
    if known[name].holds(drawn):
        return None
    what = f"{drawn.distribution} from {drawn.low:g} to {drawn.high:g}"
    return f"{key} draws {what}; expected {known[name]}"


def _with_text_keys(values: Any, known: dict[int, Any] | None = None) -> Any:
    """Spell the keys of mappings as text, so that 3 is as unknown a key as '3'.

    `known` has what was spelled before by identity: aliases may hold the same many times over.
    """
    known = {} if known is None else known
    if isinstance(values, Mapping):
        if id(values) not in known:
            known[id(values)] = {
                str(key): _with_text_keys(value, known) for key, value in values.items()
            }
        return known[id(values)]
    return values


def _describe(model: type[Section], fault: Any) -> str:
    """Return one line on a fault that pydantic found: key, value, what is allowed."""
    document = model.model_json_schema()
    node = parent = document
    key = model.name
    location = [part for part in fault["loc"] if part != "[key]"]
    for part in location:
        child = _child(document, node, part)
        # Parts that name an option of a union stand in no schema, and are no part of the key.
        if child is not None or part == location[-1]:
            key, parent, node = f"{key}.{part}", node, child or {}
    if "[key]" in fault["loc"]:
        return _unknown(key, _dereference(document, parent)["propertyNames"]["enum"])
    match fault["type"]:
        case "extra_forbidden":
            return _unknown(key, _dereference(document, parent)["properties"])
        case "missing":
            return f"{key}: missing; expected {_allowed(document, node)}"
        case "value_error":
            return f"{key}: {fault['ctx']['error']}"
    value = _shown(fault["input"])
    return f"{key}: {value} is not allowed; expected {_allowed(document, node)}"


def _shown(value: object) -> str:
    try:
        text = reprlib.repr(value)
    except ValueError:  # Python spells no number of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _unknown(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{key}: unknown key; known are {', '.join(known)}{hint}"


def _dereference(document: Any, node: Any) -> Any:
    reference = node.get("$ref", "")
    return document["$defs"][reference.rpartition("/")[2]] if reference else node


def _child(document: Any, node: Any, part: str | int) -> Any:
    """Return the part of a JSON schema that describes a key or an item, None if there is none."""
    node = _dereference(document, node)
    if isinstance(part, int):
        return node.get("items")
    return node.get("properties", {}).get(part) or node.get("additionalProperties") or None


def _allowed(document: Any, node: Any) -> str:
    """Say in words which values a JSON schema allows."""
    node = _dereference(document, node)
    if "anyOf" in node:
        return " or ".join(_allowed(document, option) for option in node["anyOf"])
    if "enum" in node:
        return "one of " + ", ".join(node["enum"])
    if "properties" in node:
        return "a section with " + ", ".join(node["properties"])
    bounds = [
        f"{words} {node[bound]:.15g}"
        for bound, words in (
            ("minimum", "at least"), ("exclusiveMinimum", "above"),
            ("maximum", "at most"), ("exclusiveMaximum", "below"),
        )
        if bound in node
    ]  # fmt: skip
    kind = {
        "integer": "a whole number", "number": "a number", "boolean": "true or false",
        "string": "text", "null": "null",
        "array": "a list that is not empty", "object": "a mapping that is not empty",
    }[node["type"]]  # fmt: skip
    if "pattern" in node:
        bounds.append(f"matching {node['pattern']}")
    return " ".join([kind, " and ".join(bounds)]).strip()
