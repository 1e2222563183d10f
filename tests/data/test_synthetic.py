"""Generated sessions look like the real ones in what the pipeline relies on."""

import io

from ecom.data.synthetic import generate_sessions
from ecom.data.validation import validate
from ecom.params.validate import Validate

BOUNDS = Validate(min_rows=1, max_rows=10**6, min_positive_rate=0.1, max_positive_rate=0.2)


def test_they_pass_validation_with_a_plausible_share_of_purchases() -> None:
    report = validate(
        io.BytesIO(generate_sessions(12_330, seed=42).to_csv(index=False).encode()), BOUNDS
    )

    assert report.problems == []
    assert 50 <= report.duplicates <= 250


def test_purchases_mostly_have_a_page_value_and_others_mostly_have_none() -> None:
    sessions = generate_sessions(5_000, seed=0)
    bought = sessions["Revenue"].astype(bool)

    assert (sessions["PageValues"][bought] > 0).mean() > 0.7
    assert (sessions["PageValues"][~bought] > 0).mean() < 0.2


def test_another_seed_gives_other_sessions() -> None:
    assert not generate_sessions(200, seed=0).equals(generate_sessions(200, seed=1))
