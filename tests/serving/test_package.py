"""A package answers as the model does; what was tampered with never answers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from ecom.digits import round_scores
from ecom.errors import PackageError
from ecom.models.export import export
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURES
from ecom.serving.manifest import Manifest, PackagedFile
from ecom.serving.package import open_package
from generated import features_and_labels

SESSIONS, LABELS = features_and_labels()
FILES = ("explain.onnx", "golden.json", "manifest.json", "model.onnx", "model_card.md")


def columns(**changes: Any) -> dict[str, Any]:
    return {str(name): values.to_numpy() for name, values in SESSIONS.items()} | changes


def resealed(folder: Path, name: str, content: bytes, **changes: Any) -> None:
    """Change a file and write a manifest that fits, as somebody with write access would."""
    (folder / name).write_bytes(content)
    manifest = Manifest.parse((folder / "manifest.json").read_bytes())
    files = {**manifest.files, name: PackagedFile.of(content)}
    written = manifest.model_copy(update={"files": files} | changes).to_json()
    (folder / "manifest.json").write_text(written, encoding="utf-8")


def test_it_answers_as_the_model_does(folder: Path, made: tuple[Any, Any]) -> None:
    package = open_package(folder)

    found = package.scorer.answer(columns(Revenue=LABELS))

    scores = round_scores(made[0].predict_proba(SESSIONS)[:, 1])
    np.testing.assert_allclose(found.probability, scores, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.flagged, scores >= 0.15)
    np.testing.assert_allclose(
        found.log_odds, made[0].decision_function(SESSIONS), rtol=0, atol=1e-12
    )


def test_a_session_alone_gets_the_same_answer_as_among_others(folder: Path) -> None:
    package = open_package(folder)
    whole = package.scorer.answer(columns())

    for place in range(0, len(SESSIONS), 97):
        alone = package.scorer.answer(
            {n: values[place : place + 1] for n, values in columns().items()}
        )
        assert alone.probability[0] == whole.probability[place]
        assert alone.log_odds[0] == pytest.approx(whole.log_odds[place], rel=0, abs=1e-14)


def test_contributions_are_those_of_the_columns_and_add_up(folder: Path) -> None:
    package = open_package(folder)

    found = package.scorer.explain(columns())

    assert found.contributions.shape == (len(SESSIONS), 17)
    np.testing.assert_allclose(
        found.contributions.sum(axis=1) + found.base,
        package.scorer.answer(columns()).log_odds,
        rtol=0,
        atol=1e-12,
    )


def test_an_explanation_of_the_wrong_columns_is_refused_though_it_adds_up(folder: Path) -> None:
    graph = onnx.load(folder / "explain.onnx")
    (producer,) = (node for node in graph.graph.node if "contributions" in node.output)
    producer.output[0] = "before"
    order = onnx.numpy_helper.from_array(np.arange(16, -1, -1), "order")
    graph.graph.initializer.append(order)
    swap = onnx.helper.make_node("Gather", ["before", "order"], ["contributions"], axis=1)
    graph.graph.node.append(swap)
    resealed(folder, "explain.onnx", graph.SerializeToString())

    with pytest.raises(PackageError, match=r"contributions to session 0 of golden\.json are not"):
        open_package(folder)


def test_a_manifest_of_other_columns_is_refused(folder: Path) -> None:
    manifest = Manifest.parse((folder / "manifest.json").read_bytes())
    resealed(folder, "model_card.md", b"# Card\n", columns=manifest.columns[:3])

    with pytest.raises(PackageError, match=r"model\.onnx does not take the columns"):
        open_package(folder)


@pytest.mark.parametrize("content", [b"[]", b"x", b"{}", b"[1]", b"\xff", b'[{"session": {}}]'])
def test_golden_answers_of_another_kind_are_refused(folder: Path, content: bytes) -> None:
    resealed(folder, "golden.json", content)

    with pytest.raises(PackageError, match=r"golden\.json does not hold sessions with their answ"):
        open_package(folder)


def test_a_manifest_without_a_graph_is_refused(folder: Path) -> None:
    manifest = Manifest.parse((folder / "manifest.json").read_bytes())
    files = {name: file for name, file in manifest.files.items() if name != "model.onnx"}
    resealed(folder, "model_card.md", b"# Card\n", files=files)

    with pytest.raises(PackageError, match=r"manifest\.json names no model\.onnx"):
        open_package(folder)


def test_a_missing_column_is_named(folder: Path) -> None:
    sessions = columns()
    del sessions["Month"], sessions["Weekend"]

    with pytest.raises(ValueError, match="no Month, Weekend, which the model needs"):
        open_package(folder).scorer.answer(sessions)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_in_any_file_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(PackageError, match=name.replace(".", r"\.")):
        open_package(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_off_or_missing_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-9])
    with pytest.raises(PackageError, match=name.replace(".", r"\.")):
        open_package(folder)

    (folder / name).unlink()
    with pytest.raises(PackageError, match=r"cannot be read .*: expected a package"):
        open_package(folder)


def test_files_that_were_swapped_are_refused(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "kept")
    (folder / "model_card.md").rename(folder / "model.onnx")
    (folder / "kept").rename(folder / "model_card.md")

    with pytest.raises(PackageError, match=r"has \d+ bytes; expected \d+"):
        open_package(folder)


@pytest.mark.parametrize("moved", [-0.01, 0.01])
def test_a_stale_threshold_is_refused_by_the_golden_answers(folder: Path, moved: float) -> None:
    resealed(folder, "model_card.md", b"# Card\n", threshold=0.15 + moved)

    with pytest.raises(PackageError, match="graph, threshold or answers were changed"):
        open_package(folder)


def test_another_graph_is_refused_by_the_golden_answers(folder: Path) -> None:
    other = build_pipeline("average", seed=1).fit(SESSIONS, LABELS)
    resealed(folder, "model.onnx", export("average", other, list(FEATURES)).SerializeToString())

    with pytest.raises(PackageError, match=r"session \d+ \(.*\) has the probability"):
        open_package(folder)


def test_what_is_no_graph_is_refused(folder: Path) -> None:
    resealed(folder, "model.onnx", b"no graph")

    with pytest.raises(PackageError, match=r"model\.onnx cannot be loaded"):
        open_package(folder)


def test_opening_loads_nothing_that_fits_models(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ecom.serving.package import open_package;"
        f"open_package(Path({str(folder)!r}));"
        "heavy = {'sklearn', 'scipy', 'pandas', 'dvc', 'mlflow', 'shap', 'joblib', 'onnx'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
