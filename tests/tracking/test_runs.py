"""A state becomes a tree of runs: what each stage was given, found and drew."""

from collections.abc import Iterator

from ecom.project.states import State
from ecom.tracking.runs import COMPARED, Run, runs_of


def all_runs(run: Run) -> Iterator[Run]:
    yield run
    for child in run.children:
        yield from all_runs(child)


def test_every_stage_that_produces_results_is_a_run(finished: State) -> None:
    runs = runs_of(finished, "abc")

    assert (runs.experiment, runs.name) == ("ecom-pipeline", "abc")
    assert {run.name for run in all_runs(runs)} == {
        "abc",
        "baseline",
        *finished.metrics["cv"]["candidates"],
        "tune",
        "trial 1",
        "threshold",
        "evaluate",
        "explain",
    }


def test_the_parent_has_all_params_and_the_metrics_of_evaluate(finished: State) -> None:
    parent, evaluate = runs_of(finished, "abc"), finished.metrics["evaluate"]

    assert parent.params["tune.n_iter"] == 15
    assert parent.params["threshold.costs.false_negative"] == 5.0
    assert not any(name.startswith("review.") for name in parent.params)
    assert parent.metrics["pr_auc"] == evaluate["best_model"]["pr_auc"]
    assert parent.metrics["baseline.roc_auc"] == evaluate["baseline"]["roc_auc"]
    assert set(COMPARED) <= set(parent.files)
    assert "- PR-AUC: 0." in parent.note


def test_folds_become_steps_and_settings_become_params(finished: State) -> None:
    by_name = {run.name: run for run in all_runs(runs_of(finished, "abc"))}

    assert by_name["trial 1"].metrics["pr_auc_by_fold"] == [0.6, 0.8]
    assert set(by_name["trial 1"].params) == set(finished.metrics["tune"]["best_params"])
    folds = finished.metrics["cv"]["candidates"]["logistic"]["pr_auc"]["folds"]
    assert by_name["logistic"].metrics["pr_auc_by_fold"] == folds
    assert by_name["tune"].metrics.keys() == {
        f"best_cv_{name}" for name in ("pr_auc", "pr_auc_sd", "roc_auc", "roc_auc_sd")
    }


def test_files_are_those_of_the_stage(finished: State) -> None:
    by_name = {run.name: run for run in all_runs(runs_of(finished, "abc"))}

    assert "plots/explain/importance.svg" in by_name["explain"].files
    assert "plots/baseline/roc.csv" in by_name["baseline"].files
    assert not any("best_model/" in path for path in by_name["baseline"].files)
    assert set(by_name["evaluate"].figures) == {"curves.png", "confusion_matrix.png"}
