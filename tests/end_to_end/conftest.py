"""A small project that has run, shared by all tests."""

from collections.abc import Iterator

import pytest

from project import Project, checkout


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a small project on generated sessions, reproduced and committed."""
    project = checkout(tmp_path_factory.mktemp("synthetic") / "project")
    project.set_params(
        data__source="synthetic", data__synthetic__rows=1500,
        validate__min_rows=1000, validate__max_rows=2000,
        folds__n_splits=2, tune__n_iter=2, tune__n_jobs=1, bootstrap__resamples=100,
        explain__rows=200,
    )  # fmt: skip
    project.run("dvc", "repro")
    project.commit()
    return project


@pytest.fixture
def unchanged(synthetic: Project) -> Iterator[Project]:
    """Return the synthetic project; put it back as it was after the test."""
    yield synthetic
    synthetic.run("git", "reset", "--quiet", "--hard")
    synthetic.run("dvc", "checkout", "--quiet", "--force")
