"""New sessions are added to params.yaml, pinned with the others, and nothing else of it changes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ecom.data.synthetic import generate_sessions
from ecom.errors import DataError, NoSourceAnsweredError, ParamsError
from ecom.project.formats import parse_yaml
from ecom.review.packages import Judgement
from ecom.review.retraining import Retrained, with_sessions
from ecom.review.verdicts import Verdict
from ecom.review.wording import retrained_headline, retrained_to_markdown
from project import ROOT
from recorded import SCORES, SESSIONS, compared, state

PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def months(tmp_path: Path) -> Path:
    """Return a folder of two months, and params.yaml of the first."""
    for number, name in enumerate(("2026-01.csv", "2026-02.csv")):
        generate_sessions(200, seed=number).to_csv(tmp_path / name, index=False)
    lines = PARAMS.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if line.startswith("  - ../shared"))
    last = max(place for place, line in enumerate(lines) if line.startswith("  - https"))
    text = "".join([*lines[:first], "  - 2026-01.csv\n", *lines[last + 1 :]])
    text = re.sub("sha256: [0-9a-f]+", "sha256: null", text)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_each_source_is_followed_by_the_new_sessions(months: Path) -> None:
    text = (months / "params.yaml").read_text(encoding="utf-8")

    found = with_sessions(months, text, ["2026-02.csv"], {"validate.max_rows": 100_000})

    before, after = parse_yaml(text), parse_yaml(found.params)
    assert after["data"]["sources"] == [["2026-01.csv", "2026-02.csv"]]
    assert after["data"]["sha256"] != before["data"]["sha256"]
    assert after["validate"]["max_rows"] == 100_000
    for content in (before, after):
        del content["data"]["sources"], content["data"]["sha256"], content["validate"]["max_rows"]
    assert before == after
    assert "# tried in order" in found.params
    assert found.new == (months / "2026-02.csv").read_bytes()


def test_again_it_goes_on_from_there(months: Path) -> None:
    text = (months / "params.yaml").read_text(encoding="utf-8")
    once = with_sessions(months, text, ["2026-02.csv"], {})
    generate_sessions(200, seed=9).to_csv(months / "2026-03.csv", index=False)

    twice = with_sessions(months, once.params, ["2026-03.csv"], {})

    assert parse_yaml(twice.params)["data"]["sources"] == [
        ["2026-01.csv", "2026-02.csv", "2026-03.csv"]
    ]


def test_what_was_there_before_must_not_change(months: Path) -> None:
    text = (months / "params.yaml").read_text(encoding="utf-8")
    once = with_sessions(months, text, ["2026-02.csv"], {})
    generate_sessions(200, seed=5).to_csv(months / "2026-01.csv", index=False)
    generate_sessions(200, seed=9).to_csv(months / "2026-03.csv", index=False)

    with pytest.raises(DataError, match="sha256 with LF line ends: expected"):
        with_sessions(months, once.params, ["2026-03.csv"], {})


def test_a_folder_that_holds_more_is_not_added_twice(months: Path) -> None:
    folder = months / "all"
    folder.mkdir()
    (folder / "2026-01.csv").write_bytes((months / "2026-01.csv").read_bytes())
    text = (months / "params.yaml").read_text(encoding="utf-8").replace("- 2026-01.csv", "- all/")
    (folder / "2026-02.csv").write_bytes((months / "2026-02.csv").read_bytes())

    found = with_sessions(months, text, ["all/"], {})

    assert parse_yaml(found.params)["data"]["sources"] == [["all/"]]


@pytest.mark.parametrize("name", ["nonsense.value", "data.nonsense", "data"])
def test_a_setting_that_is_none_is_named(months: Path, name: str) -> None:
    text = (months / "params.yaml").read_text(encoding="utf-8")

    with pytest.raises(
        ParamsError, match=rf"{name}: (there is no such parameter|1 is not allowed)"
    ):
        with_sessions(months, text, ["2026-02.csv"], {name: 1})


def test_new_sessions_that_are_not_there_are_named(months: Path) -> None:
    text = (months / "params.yaml").read_text(encoding="utf-8")

    with pytest.raises(NoSourceAnsweredError, match=r"2026-09\.csv"):
        with_sessions(months, text, ["2026-09.csv"], {})


def test_generated_sessions_cannot_be_added_to(months: Path) -> None:
    text = (months / "params.yaml").read_text(encoding="utf-8")

    with pytest.raises(ParamsError, match="synthetic sessions are generated"):
        with_sessions(months, text, ["2026-02.csv"], {"data.source": "synthetic"})


def judged(before: Verdict, newest: Verdict) -> Retrained:
    """Return what two verdicts come to."""
    main = state("main", SESSIONS, SCORES)
    comparison = replace(compared(main, main), verdict=before)
    judgement = Judgement(
        *("champion", "new", "new.csv", 100, 20, 0, 0, 300, (0.2, 0.2), ("fixed", "fixed")),
        decisive=["pr_auc"],
        left_out={},
        verdict=newest,
        incomparable="too few" if newest == "cannot tell" else None,
    )
    return Retrained("data: {}", comparison, judgement)


@pytest.mark.parametrize(
    ("before", "newest", "status", "follows"),
    [
        ("no worse", "better", 0, "it is worth taking"),
        ("no worse", "cannot tell", 0, "it is worth taking"),
        ("cannot tell", "better", 0, "it is worth taking"),
        ("better", "worse", 1, "leave it"),
        ("worse", "better", 1, "leave it"),
        ("cannot tell", "cannot tell", 3, "nobody can tell"),
    ],
)
def test_a_model_that_is_worse_on_either_is_left(
    before: Verdict, newest: Verdict, status: int, follows: str
) -> None:
    found = judged(before, newest)

    assert found.exit_status == found.to_json()["exit_status"] == status
    assert follows in retrained_headline(found)
    text = retrained_to_markdown(found)
    assert text.startswith(f"# {retrained_headline(found)}\n")
    assert "# The newest sessions" in text
