"""The image of the service installs what its modules import, in the versions that were reviewed."""

import re

import pins
from project import ROOT


def names(text: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))


def test_the_list_is_what_the_imports_come_to() -> None:
    assert pins.TARGET.read_text(encoding="utf-8") == pins.pins(), "run `make docs`"


def test_nothing_that_fits_models_is_in_it() -> None:
    listed = names(pins.pins())

    assert {"fastapi", "numpy", "onnxruntime", "psycopg", "uvloop"} <= listed
    assert listed.isdisjoint({"dvc", "mlflow", "pandas", "pyarrow", "scikit-learn", "shap"})


def test_a_pin_of_the_pipeline_is_taken_with_its_hashes() -> None:
    reviewed = (ROOT / "requirements.txt").read_text(encoding="utf-8")

    added = names(pins.pins()) - names(reviewed)
    blocks = re.findall(r"^[\w.-]+==(?:.*\\\n)*.*\n", pins.pins(), re.MULTILINE)

    assert added == {"psycopg", "psycopg-binary"}
    assert all(block in reviewed for block in blocks if not block.startswith("psycopg"))


def test_the_service_needs_neither_arrow_nor_what_fits_models() -> None:
    assert not {"pyarrow", "pandas", "sklearn", "distributed"} & pins.imported(pins.MODULES)
