"""A small project that has run, and a browser, shared by all tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browsing import chromium
from project import Project, checkout


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a small project on generated sessions, reproduced and committed."""
    project = checkout(tmp_path_factory.mktemp("synthetic") / "project")
    project.set_params(
        {
            "data.source": "synthetic",
            "data.synthetic.rows": 1500,
            "validate.min_rows": 1000,
            "validate.max_rows": 2000,
            "folds.n_splits": 2,
            "tune.n_iter": 2,
            "cross_fit.repeats": 2,
            "tune.n_jobs": 1,
            "bootstrap.resamples": 100,
            "explain.rows": 200,
            "package.rows": 100,
        }
    )
    project.run("dvc", "repro")
    project.commit()
    return project


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def unchanged(synthetic: Project) -> Iterator[Project]:
    """Return the synthetic project; put it back as it was after the test."""
    yield synthetic
    synthetic.run("git", "reset", "--quiet", "--hard")
    synthetic.run("dvc", "checkout", "--quiet", "--force")
