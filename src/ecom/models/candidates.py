"""The candidates that cv may select, each in one record: how it is built, named, tuned, explained.

To add a candidate, add an entry to `CANDIDATES`, and its search ranges to ``tune.distributions`` in
params.yaml. Only builders import scikit-learn, so that params.yaml can be checked without it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from ecom.errors import ParamsError
from ecom.features import INTERACTIONS, RATIOS, TOTALS, known_columns
from ecom.params.section import shown, unknown_key
from ecom.schema import CATEGORICAL, NUMERIC, FeatureSet

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

    from ecom.params.cv import Cv
    from ecom.params.tune import Distribution, Tune

# How `ecom.models.explanation` computes the contributions of a model's columns.
Explainer = Literal["linear", "boosted_trees", "forest"]


class Domain(NamedTuple):
    """The values that a hyperparameter may take: those with which a fit works, and ends.

    From `low` (excluded if `exclusive`) to `high`; only whole numbers if `whole`.
    """

    low: float
    high: float = math.inf
    exclusive: bool = False
    whole: bool = False

    def __str__(self) -> str:
        """Return the domain in words."""
        kind = "a whole number" if self.whole else "a number"
        low = f"{'above' if self.exclusive else 'at least'} {self.low:.15g}"
        return f"{kind} {low}" + (f" and at most {self.high:.15g}" if self.high < math.inf else "")

    def contains(self, drawn: "Distribution") -> bool:
        """Tell whether every value that may be drawn is allowed."""
        above = drawn.low > self.low if self.exclusive else drawn.low >= self.low
        whole = drawn.distribution == "integer" or not self.whole
        return above and drawn.high <= self.high and whole


class Parts(NamedTuple):
    """What a candidate's Pipeline is made of.

    Attributes
    ----------
    columns
        Raw and engineered columns that the candidate needs.
    preprocess
        From those columns to the matrix that the model is fitted to.
    model
        Unfitted binary classifier.
    """

    columns: list[str]
    preprocess: "ColumnTransformer"
    model: Any


@dataclass(frozen=True)
class Candidate:
    """One kind of model.

    Attributes
    ----------
    description
        What it is, for the model card.
    build
        From a feature set to the parts of its Pipeline.
    hyperparameters
        The model's hyperparameters that tune may draw, by scikit-learn's names.
    explainer
        How contributions of its columns are computed.

    Raises
    ------
    ValueError
        There is no such explainer.
    """

    description: str
    build: Callable[[FeatureSet], Parts]
    hyperparameters: Mapping[str, Domain]
    explainer: Explainer

    def __post_init__(self) -> None:
        """Refuse an explainer that does not exist."""
        if self.explainer not in get_args(Explainer):
            raise ValueError(
                f"explainer {self.explainer!r} is not one of {', '.join(get_args(Explainer))}"
            )


@dataclass(frozen=True)
class Average:
    """The mean of several candidates on the log-odds.

    Attributes
    ----------
    description
        What it is, for the model card.
    members
        Names of the candidates. Their hyperparameters are named ``member.hyperparameter``.
    """

    description: str
    members: tuple[str, ...]


def _logistic(feature_set: FeatureSet) -> Parts:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categories = known_columns(CATEGORICAL, feature_set)
    numbers = known_columns([*NUMERIC, *TOTALS], feature_set)
    preprocess = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
            ("numbers", StandardScaler(), numbers),
        ],
        sparse_threshold=0,
    )
    return Parts(numbers, preprocess, LogisticRegression(max_iter=1000))


def _logistic_interactions(feature_set: FeatureSet) -> Parts:
    from sklearn.linear_model import LogisticRegression

    columns = known_columns(["SpecialDay", "Weekend", *INTERACTIONS], feature_set)
    model = LogisticRegression(C=0.5, solver="newton-cholesky")
    return Parts(columns, pass_columns(columns), model)


def _hist_gradient_boosting(feature_set: FeatureSet) -> Parts:
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = known_columns([*NUMERIC, *TOTALS, *RATIOS], feature_set)
    # Small trees and a low learning rate: the signal is smooth, and purchases are rare.
    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
    )
    return Parts(columns, pass_columns(columns), model)


def pass_columns(columns: list[str]) -> "ColumnTransformer":
    """Return a step that passes on numeric columns unchanged, in this order."""
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer([("numbers", "passthrough", columns)])


STEPS: Final = Domain(1, 10_000, whole=True)  # of a fit
_LOGISTIC_HYPERPARAMETERS: Final = {
    "C": Domain(0, exclusive=True),
    "max_iter": STEPS,
    "tol": Domain(0),
}

# From the simplest on: of candidates that score the same, cv selects the first.
CANDIDATES: Final[dict[str, Candidate | Average]] = {
    "logistic": Candidate(
        description="a logistic regression on the raw and three engineered columns",
        build=_logistic,
        hyperparameters=_LOGISTIC_HYPERPARAMETERS,
        explainer="linear",
    ),
    "logistic_interactions": Candidate(
        description=(
            "a logistic regression on logarithms, flags, and their products with whether the "
            "session has page values"
        ),
        build=_logistic_interactions,
        hyperparameters=_LOGISTIC_HYPERPARAMETERS,
        explainer="linear",
    ),
    "hist_gradient_boosting": Candidate(
        description="gradient-boosted trees on the raw columns and ratios of them",
        build=_hist_gradient_boosting,
        hyperparameters={
            "l2_regularization": Domain(0),
            "learning_rate": Domain(0, exclusive=True),
            "max_bins": Domain(2, 255, whole=True),
            "max_depth": Domain(1, 1_000, whole=True),
            "max_features": Domain(0, 1, exclusive=True),
            "max_iter": STEPS,
            "max_leaf_nodes": Domain(2, 10_000, whole=True),
            "min_samples_leaf": Domain(1, 1_000_000, whole=True),
        },
        explainer="boosted_trees",
    ),
    "average": Average(
        description=(
            "the mean, on the log-odds, of a logistic regression with interactions and of "
            "gradient-boosted trees"
        ),
        members=("logistic_interactions", "hist_gradient_boosting"),
    ),
}


def members_of(name: str) -> tuple[str, ...]:
    """Return the names of an average's members; for any other candidate, its own name."""
    candidate = CANDIDATES[name]
    return candidate.members if isinstance(candidate, Average) else (name,)


def single(name: str) -> Candidate:
    """Return a candidate that is not an average.

    Raises
    ------
    TypeError
        It is an average.
    """
    candidate = CANDIDATES[name]
    if isinstance(candidate, Average):
        raise TypeError(f"{name} is an average: expected one of its members")
    return candidate


def in_order(names: Sequence[str]) -> list[str]:
    """Return names of candidates, the simplest first.

    Raises
    ------
    ParamsError
        A name is unknown.
    """
    if faults := _unknown_candidates(names):
        raise ParamsError.from_faults(faults)
    return sorted(names, key=list(CANDIDATES).index)


def distributions_of(name: str, tune: "Tune") -> "dict[str, Distribution]":
    """Return what each hyperparameter of a candidate is drawn from.

    An average draws from the distributions of its members, named ``member.hyperparameter``.

    Raises
    ------
    ParamsError
        params.yaml has no distributions for the candidate, or draws what it does not take.
    """
    if faults := [*_wrong_distributions(tune), *_without_distributions([name], tune)]:
        raise ParamsError.from_faults(faults)
    members = members_of(name)
    return {
        hyperparameter if members == (name,) else f"{member}.{hyperparameter}": distribution
        for member in members
        for hyperparameter, distribution in tune.distributions[member].items()
    }


def find_faults(cv: "Cv | None", tune: "Tune | None") -> list[str]:
    """Return a line for every fault of params.yaml that only the candidates can tell.

    Parameters
    ----------
    cv, tune
        Sections of params.yaml; None for a section that has faults of its own.
    """
    names = cv.candidates if cv else []
    faults = _unknown_candidates(names)
    if tune:
        faults += _wrong_distributions(tune)
        faults += _without_distributions([name for name in names if name in CANDIDATES], tune)
    return faults


def _unknown_candidates(names: Sequence[str]) -> list[str]:
    known = ", ".join(CANDIDATES)
    return [
        f"cv.candidates.{place}: {shown(name)} is not allowed; input should be one of {known}"
        for place, name in enumerate(names)
        if name not in CANDIDATES
    ]


def _wrong_distributions(tune: "Tune") -> list[str]:
    faults = []
    tunable = {name: found for name, found in CANDIDATES.items() if isinstance(found, Candidate)}
    for name, distributions in tune.distributions.items():
        if name not in tunable:
            faults.append(unknown_key(f"tune.distributions.{name}", tunable))
            continue
        domains = tunable[name].hyperparameters
        for hyperparameter, drawn in distributions.items():
            key = f"tune.distributions.{name}.{hyperparameter}"
            if hyperparameter not in domains:
                faults.append(unknown_key(key, domains))
            elif not domains[hyperparameter].contains(drawn):
                faults.append(f"{key} draws {drawn}; expected {domains[hyperparameter]}")
    return faults


def _without_distributions(names: Sequence[str], tune: "Tune") -> list[str]:
    missing = dict.fromkeys(
        member for name in names for member in members_of(name) if member not in tune.distributions
    )
    return [
        f"tune.distributions has no section {member}, which cv may select, alone or in an average; "
        "expected the distributions of its hyperparameters"
        for member in missing
    ]
