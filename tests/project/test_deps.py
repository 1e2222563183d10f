"""`make deps` writes the code that a stage imports into dvc.yaml, and leaves the rest alone."""

from pathlib import Path

import pytest

from ecom.errors import ProjectError
from ecom.project.deps import Imports, code_deps, with_code_deps
from project import ROOT
from scripts import STAGES

TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")


def test_the_committed_file_has_the_code_of_every_stage() -> None:
    assert with_code_deps(ROOT, TEXT) == TEXT, "run `make deps`"


def test_a_module_that_is_missing_or_surplus_is_put_right_and_comments_stay() -> None:
    missing = TEXT.replace("      - src/ecom/data/parsing.py\n", "")
    surplus = TEXT.replace(
        "      - stages/clean.py\n", "      - src/ecom/models/search.py\n      - stages/clean.py\n"
    )

    assert missing != TEXT != surplus
    assert with_code_deps(ROOT, missing) == with_code_deps(ROOT, surplus) == TEXT
    assert "# it must list no problems" in TEXT


def test_a_new_stage_needs_its_command_alone() -> None:
    new = "  clean:\n    desc: Clean\n    cmd: python stages/clean.py\n"

    written = with_code_deps(ROOT, f"stages:\n{new}")

    assert written.startswith(f"stages:\n{new}    deps:\n      - requirements.txt\n")
    assert "      - src/ecom/data/cleaning.py\n" in written
    assert written.endswith("      - stages/clean.py\n")


def test_code_is_followed_through_scripts_packages_and_templates() -> None:
    code = Imports(ROOT).code_of("model_card")

    assert {
        "requirements.txt",
        "src/ecom/__init__.py",
        "src/ecom/reporting/__init__.py",
        "src/ecom/reporting/card.py",
        "src/ecom/reporting/model_card.md.j2",
        "stages/_environment.py",
        "stages/_tables.py",
        "stages/model_card.py",
    } <= code
    assert "src/ecom/results.py" not in code  # imported for type checkers alone
    assert "src/ecom/reporting/page.py" not in code


def test_the_stage_that_records_depends_on_the_code_of_all() -> None:
    code = code_deps(ROOT, list(STAGES))

    assert code["track"] == set().union(*code.values())


def test_a_module_imported_by_its_name_alone_counts(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "new.py").write_text("from ecom.evaluation import curves\n")

    code = Imports(tmp_path).code_of("new")

    assert {"src/ecom/evaluation/curves.py", "src/ecom/evaluation/counts.py"} <= code


def test_a_dep_that_cannot_be_kept_is_refused() -> None:
    quoted = TEXT.replace("      - stages/clean.py\n", "      - 'stages/clean.py'\n      # why\n")

    with pytest.raises(ProjectError, match=r"expected a line .* below deps, got '      # why'"):
        with_code_deps(ROOT, quoted)


def test_a_file_that_is_no_pipeline_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"dvc\.yaml: not valid YAML"):
        with_code_deps(ROOT, "a: [")
    with pytest.raises(ProjectError, match=r"dvc\.yaml: names no stages"):
        with_code_deps(ROOT, "a: 1")
    with pytest.raises(ProjectError, match="one without content"):
        with_code_deps(ROOT, "stages:\n  clean:\n")


def test_the_library_of_another_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="run `make deps` there"):
        Imports(tmp_path)
