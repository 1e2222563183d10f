"""The shape of metrics/*.json: what each stage reports, and what later stages and commands read.

For type checkers alone: modules import it under ``TYPE_CHECKING``, so that a new result of one
stage makes no other stage stale. A test validates the committed files against it.
"""

from typing import Any, NotRequired

from typing_extensions import TypedDict  # which the test validates on Python 3.11 too

from ecom.schema import DataKind, FeatureSet

Interval = list[float]  # lower and upper bound
Metrics = dict[str, float]  # by the names of `ecom.evaluation.metrics.METRICS`
Intervals = dict[str, dict[str, Interval]]  # by model or difference, then by metric


class Problem(TypedDict):
    """One rule that the raw data breaks; `column` is None for the file as a whole."""

    rule: str
    column: str | None
    count: int
    lines: list[int]
    values: list[str]


class ValidateResults(TypedDict):
    """Whether the raw file is what the schema says."""

    data: DataKind
    sha256: str
    rows: int
    columns: int
    duplicates: int
    missing: int
    positive_rate: float
    invalid_rows: int
    problems: list[Problem]


class CleanResults(TypedDict):
    """How many rows cleaning kept."""

    data: DataKind
    rows_in: int
    rows_out: int
    duplicates_dropped: int
    invalid_dropped: int


class Part(TypedDict):
    """Training rows or test rows."""

    rows: int
    positive_rate: float


class FeaturesResults(TypedDict):
    """The random split."""

    data: DataKind
    columns: int
    train: Part
    test: Part
    test_rows_dropped: int
    training_rows_left_out: int


class Spread(TypedDict):
    """A metric over folds: its mean, its sample standard deviation and its value on each fold."""

    mean: float
    sd: float
    folds: list[float]


class Difference(Spread):
    """A difference over folds, with the corrected interval of its mean."""

    interval: Interval


class ByFold(TypedDict):
    """Both metrics that models are selected by, over folds."""

    pr_auc: Spread
    roc_auc: Spread


class FoldsUsed(TypedDict):
    """The section ``folds`` of params.yaml that the scores belong to."""

    n_splits: int
    seed: int


class BaselineResults(TypedDict):
    """The baseline on out-of-fold scores."""

    data: DataKind
    pr_auc: float
    roc_auc: float
    by_fold: ByFold
    folds: FoldsUsed


class CandidateResults(ByFold):
    """A candidate over folds; also its differences to simpler candidates, by name."""

    pr_auc_minus_baseline: Difference
    roc_auc_minus_baseline: Difference


class CvResults(TypedDict):
    """Each candidate, and the one selected."""

    data: DataKind
    candidates: dict[str, CandidateResults]
    rule: str
    selected: str
    beats_baseline: bool


class TuneResults(TypedDict):
    """The setting that the search chose."""

    data: DataKind
    candidate: str
    feature_set: FeatureSet
    n_iter: int
    seed: int
    best_cv_pr_auc: float
    best_cv_pr_auc_sd: float
    best_cv_roc_auc: float
    best_cv_roc_auc_sd: float
    best_params: dict[str, float]


class SpreadOfRepeats(TypedDict):
    """A metric over repeats: its mean, its sample standard deviation and its value in each."""

    mean: float
    sd: float
    repeats: list[float]


class ByRepeat(TypedDict):
    """Both metrics that models are selected by, over repeats."""

    pr_auc: SpreadOfRepeats
    roc_auc: SpreadOfRepeats


class CrossFitResults(TypedDict):
    """Both models on the training rows, by fits that did not see them."""

    data: DataKind
    baseline: ByRepeat
    best_model: ByRepeat


class CostsUsed(TypedDict):
    """What an error costs."""

    false_positive: float
    false_negative: float


class OperatingPoint(TypedDict):
    """What a threshold gives on the rows that chose it."""

    precision: float
    recall: float
    flagged_rate: float
    cost_per_1000_sessions: float
    intervals: dict[str, Interval]


class TrivialCosts(TypedDict):
    """The cost of flagging all sessions, and of flagging none."""

    flag_all: float
    flag_none: float


class ThresholdResults(OperatingPoint):
    """The best model's threshold and what it gives, and the baseline's."""

    data: DataKind
    strategy: str
    costs: CostsUsed
    threshold: float
    baseline_threshold: float
    feature_set_thresholds: dict[FeatureSet, float]  # of those not in use
    baseline: OperatingPoint
    break_even: float
    cost_per_1000_sessions_of: TrivialCosts


class ConfusionCounts(TypedDict):
    """Sessions of each class on either side of the threshold."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class ModelResults(TypedDict):
    """Metrics of a model; also the others of `ecom.evaluation.metrics.METRICS`, by name."""

    pr_auc: float
    roc_auc: float
    precision: float
    recall: float
    cost_per_1000_sessions: float
    perfect_calibration_error: float
    confusion_matrix: ConfusionCounts


class BestSpread(TypedDict):
    """PR-AUC over the folds of the setting that was chosen."""

    pr_auc: float
    pr_auc_sd: float


class OtherSet(TypedDict):
    """The candidate that was chosen for a feature set, and how it did over the folds."""

    candidate: str
    best_cv: BestSpread


class FeatureSetsResults(TypedDict):
    """The models of the feature sets that are not in use."""

    data: DataKind
    sets: dict[FeatureSet, OtherSet]
    seed: int
    best_params: dict[FeatureSet, dict[str, float]]


class Comparison(TypedDict):
    """Baseline and best model, their difference, and what the best model saves."""

    best_model_minus_baseline: Metrics
    flag_all: Metrics
    flag_none: Metrics
    saved_against_baseline: Metrics
    saved_against_flag_all: Metrics
    saved_against_flag_none: Metrics
    intervals: Intervals


class MonthResults(TypedDict):
    """Both models on one month, fitted to the months before it."""

    month: str
    trained_on: int
    sessions: int
    purchases: int
    rate_before: float
    rate: float
    mean_score: float
    baseline: Metrics
    best_model: Metrics
    true_prior: Metrics
    best_model_minus_baseline: Metrics
    intervals: Intervals


class OverTimeResults(TypedDict, total=False):
    """Month after month, by models of the months before; empty if no month can be judged.

    `pr_auc` and `cost` are as from `ecom.evaluation.comparison.compare`.
    """

    months: list[MonthResults]
    left_out: list[str]
    pr_auc: dict[str, Any]
    cost: dict[str, Any]


class OneFigure(TypedDict):
    """PR-AUC, or a difference of it, with its interval."""

    pr_auc: float
    interval: Interval


class ShareResults(TypedDict):
    """Both models, fitted to a share of the training rows."""

    share: float
    baseline: OneFigure
    best_model: OneFigure


class EnoughRows(TypedDict):
    """From how many rows on twice as many are not worth having."""

    rows: int
    interval: Interval
    rows_here: int
    worth: float


class LearningCurveResults(TypedDict):
    """The models by the number of training rows, and what the last step adds to each."""

    enough: EnoughRows
    shares: list[ShareResults]
    gain: dict[str, OneFigure]


class WorstRanking(TypedDict):
    """The slice that the model ranks worst."""

    slice: str
    sessions: int
    above_chance: float


class WorstCalibration(TypedDict):
    """The slice whose scores are calibrated worst."""

    slice: str
    sessions: int
    calibration: float
    calibration_z: float


class WorstSlices(TypedDict, total=False):
    """Empty if all slices are small."""

    ranking: WorstRanking
    calibration: WorstCalibration


class EvaluateResults(Comparison):
    """The models on the test rows."""

    data: DataKind
    feature_set: FeatureSet
    thresholds: dict[str, float]
    baseline: ModelResults
    best_model: ModelResults
    feature_set_thresholds: dict[FeatureSet, float]
    feature_sets: dict[str, Any]  # as from `ecom.evaluation.comparison.compare_feature_sets`
    over_time: OverTimeResults
    learning_curve: LearningCurveResults
    worst_slices: WorstSlices


class ExplainResults(TypedDict):
    """The importance of each raw column."""

    data: DataKind
    sessions: int
    base_log_odds: float
    importance: dict[str, float]


class SummaryResults(TypedDict):
    """The few figures by which people compare runs: of the best model, unless named otherwise."""

    data: NotRequired[DataKind]
    cross_fit_pr_auc: float
    pr_auc: float
    roc_auc: float
    precision: float
    recall: float
    cost_per_1000_sessions: float
    threshold: float
    cv_pr_auc: float
    baseline_pr_auc: float


class SplitSpread(TypedDict):
    """Mean and sample standard deviation over splits."""

    mean: float
    sd: float


class StudyResults(TypedDict):
    """The feature sets over several splits: by set, then by metric, and what is ``saved``."""

    made_of: dict[str, Any]
    splits: int
    sets: dict[FeatureSet, dict[str, SplitSpread]]


class Results(TypedDict, total=False):
    """Metrics files, by the stage that writes each; model_card writes the summary."""

    validate: ValidateResults
    clean: CleanResults
    features: FeaturesResults
    baseline: BaselineResults
    cv: CvResults
    tune: TuneResults
    cross_fit: CrossFitResults
    feature_sets: FeatureSetsResults
    threshold: ThresholdResults
    evaluate: EvaluateResults
    explain: ExplainResults
    summary: SummaryResults
