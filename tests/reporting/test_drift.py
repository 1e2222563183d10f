"""The page on drift shows every column, and nothing in it runs or is fetched."""

import numpy as np
import pandas as pd
import pytest

from ecom.data.synthetic import generate_sessions
from ecom.drift.outcome import Drift, Settings, find_drift
from ecom.models.pipelines import build_pipeline
from ecom.reporting.drift import _bars, drift_page
from ecom.schema import FEATURES
from ecom.serving.package import open_package
from ecom.serving.profile import UNKNOWN, Bins, Tally, bins_of
from generated import features_and_labels
from packaged import packaged, written


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> Drift:
    folder = tmp_path_factory.mktemp("page")
    model = build_pipeline("logistic", seed=0).fit(*features_and_labels())
    package = written(packaged(model, "logistic"), folder / "package")
    sessions = generate_sessions(2000, seed=5).sample(frac=1, random_state=0)
    for name, table in (("reference", sessions[:1000]), ("<new>", odd(sessions[1000:]))):
        table.to_csv(folder / f"{name}.csv", index=False)
    return find_drift(
        str(folder / "reference.csv"),
        str(folder / "<new>.csv"),
        open_package(package),
        Settings(),
    )


def odd(sessions: pd.DataFrame) -> pd.DataFrame:
    changed = sessions.assign(Region=1)
    changed.loc[changed.index[:100], "VisitorType"] = "<script>alert(1)</script>"
    return changed


def test_every_column_has_a_picture(drift: Drift) -> None:
    page = drift_page(drift)

    for name in FEATURES:
        assert f"<h3>{name}</h3>" in page
    assert page.count("moved") > 1


def test_nothing_on_the_page_runs(drift: Drift) -> None:
    page = drift_page(drift)

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;new&gt;.csv" in page
    assert "http" not in page.replace("http-equiv", "")


def test_bars_are_shares_of_all_sessions() -> None:
    values = np.random.default_rng(0).exponential(10, 1000)
    bins = bins_of("PageValues", values)
    tally = Tally.empty(bins).plus(values, np.full(1000, UNKNOWN), np.zeros(1000, np.int64))

    bars = _bars(tally, tally)

    assert 8 <= len(bars) <= 10
    shares = [float(bar.shares.partition("%")[0]) for bar in bars]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert max(bar.new for bar in bars) == 100


def test_rare_values_share_a_bar() -> None:
    bins = Bins(values=tuple(float(value) for value in range(1, 31)))
    values = np.repeat(np.arange(1.0, 31), np.arange(30, 0, -1))
    tally = Tally.empty(bins).plus(
        values, np.full(len(values), UNKNOWN), np.zeros(len(values), np.int64)
    )

    bars = _bars(tally, tally)

    assert [bar.name for bar in bars] == [*map(str, range(1, 10)), "others"]
