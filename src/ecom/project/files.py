"""The paths of the project, each named once, from its root folder.

Stages spell the paths that dvc.yaml declares for them. Everything else takes them from here; a test
compares both.
"""

from typing import Final

PIPELINE: Final = "dvc.yaml"
LOCK: Final = "dvc.lock"
PARAMS: Final = "params.yaml"
REQUIREMENTS: Final = "requirements.txt"
README: Final = "README.md"
STAGES: Final = "stages"
LIBRARY: Final = "src"
PLOT_TEMPLATES: Final = ".dvc/plots"

RAW: Final = "data/raw/online_shoppers_intention.csv"
CLEAN: Final = "data/processed/online_shoppers_clean.csv"
TRAIN: Final = "data/features/train.parquet"
TEST: Final = "data/features/test.parquet"

BEST_MODEL: Final = "models/best_model.joblib"
PACKAGE: Final = "models/package"

CROSS_FIT: Final = "data/predictions/cross_fit.parquet"
PREDICTIONS: Final = "data/predictions/test.parquet"
MISTAKES: Final = "data/predictions/mistakes.csv"

METRICS: Final = "metrics"
MODEL_CARD: Final = "docs/model_card.md"

PLOTS: Final = "plots"
PLOTS_PAGE: Final = ".dvc/plots/page.html"  # what .dvc/config names as plots.html_template
TRIALS: Final = "plots/trials.csv"
SLICES: Final = "plots/slices.csv"
OVER_TIME: Final = "plots/over_time.csv"
LEARNING_CURVE: Final = "plots/learning_curve.csv"
EXPLANATION_PLOTS: Final = "plots/explain"
IMPORTANCE: Final = "plots/explain/importance.csv"
DEPENDENCE_FIGURE: Final = "plots/explain/dependence.svg"
SESSIONS_FIGURE: Final = "plots/explain/sessions.svg"

# Outside the pipeline.
SYNTHETIC: Final = ".synthetic"  # the copy of the project that runs on generated sessions
REVIEW: Final = "reports/review"
REPORT: Final = "reports/index.html"
RETRAINED: Final = "reports/retrain"
DRIFT: Final = "reports/drift"


def metrics_file(stage: str) -> str:
    """Return the path of a stage's metrics.

    Examples
    --------
    >>> metrics_file("tune")
    'metrics/tune.json'
    """
    return f"{METRICS}/{stage}.json"


def curve(model: str, plot: str) -> str:
    """Return the path of the table behind a plot of a model.

    Examples
    --------
    >>> curve("best_model", "reliability")
    'plots/best_model/reliability.csv'
    """
    return f"{PLOTS}/{model}/{plot}.csv"
