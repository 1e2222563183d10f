"""How stages read and write fitted models."""

from _stage import Stage

from typing import Any


def read_model(stage: Stage, path: str) -> Any:
    """Read a model that an earlier stage fitted.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    import joblib

    with stage.readable(path) as file:
        return joblib.load(file)


def write_model(stage: Stage, path: str, model: object) -> None:
    """Write a fitted model for later stages."""
    import joblib

    with stage.out(path) as temporary:
        joblib.dump(model, temporary)
