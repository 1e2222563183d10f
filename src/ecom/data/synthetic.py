"""Generated sessions: the real columns with plausible relations, for tests and offline runs."""

import numpy as np
import pandas as pd

from ecom.schema import NAMES

_MONTHS = {
    "Feb": 0.015,
    "Mar": 0.155,
    "May": 0.275,
    "June": 0.023,
    "Jul": 0.035,
    "Aug": 0.035,
    "Sep": 0.036,
    "Oct": 0.045,
    "Nov": 0.241,
    "Dec": 0.14,
}
_VISITORS = {"Returning_Visitor": 0.855, "New_Visitor": 0.138, "Other": 0.007}
_WEEKEND = 0.23
_REPEATED = 0.01


def generate_sessions(rows: int, seed: int) -> pd.DataFrame:
    """Generate raw sessions.

    A latent interest drives how much a visitor looks at and whether they buy. As in the real data,
    page values are mostly positive in sessions that end in a purchase. About one row in a hundred
    repeats an earlier one.

    Parameters
    ----------
    rows
        Number of sessions.
    seed
        Seed of the generator: the same seed gives the same sessions.

    Returns
    -------
    DataFrame of shape (rows, 18)
        The columns of `ecom.schema.NAMES`; booleans are booleans. About 15 % end in a purchase.

    Examples
    --------
    >>> generate_sessions(1000, seed=0).equals(generate_sessions(1000, seed=0))
    True
    """
    random = np.random.default_rng(seed)
    interest = random.normal(size=rows)
    month = random.choice(list(_MONTHS), size=rows, p=_shares(_MONTHS))
    visitor = random.choice(list(_VISITORS), size=rows, p=_shares(_VISITORS))
    administrative = random.poisson(1.3 * np.exp(0.7 * interest))
    informational = random.poisson(0.25 * np.exp(0.8 * interest))
    product = 1 + random.poisson(14 * np.exp(0.8 * interest + random.normal(0, 0.6, rows)))
    exit_rates = np.clip(random.beta(2, 40, rows) + 0.14 / product, 0, 0.2)
    special_day = np.where(
        np.isin(month, ["Feb", "May"]), random.choice([0, 0.2, 0.4, 0.6, 0.8, 1], rows), 0
    )
    log_odds = (
        -1.6
        + 0.9 * interest
        + 0.7 * (month == "Nov")
        + 0.5 * (visitor == "New_Visitor")
        - 0.8 * special_day
        - 12 * exit_rates
    )
    revenue = random.random(rows) < 1 / (1 + np.exp(-log_odds))
    has_value = random.random(rows) < np.where(revenue, 0.8, 0.12)
    page_values = np.where(has_value, random.lognormal(2.6 + 0.3 * revenue, 1, rows), 0)
    sessions = pd.DataFrame(
        {
            "Administrative": administrative,
            "Administrative_Duration": administrative * random.gamma(1.5, 25, rows),
            "Informational": informational,
            "Informational_Duration": informational * random.gamma(1.2, 50, rows),
            "ProductRelated": product,
            "ProductRelated_Duration": (product - 1) * random.gamma(2, 19, rows),
            "BounceRates": exit_rates * random.beta(1, 2, rows),
            "ExitRates": exit_rates,
            "PageValues": page_values,
            "SpecialDay": special_day,
            "Month": month,
            "OperatingSystems": random.choice([1, 2, 3, 4], rows, p=[0.21, 0.54, 0.21, 0.04]),
            "Browser": random.choice([1, 2, 4, 5, 6], rows, p=[0.2, 0.66, 0.06, 0.05, 0.03]),
            "Region": random.integers(1, 10, rows),
            "TrafficType": random.integers(1, 15, rows),
            "VisitorType": visitor,
            "Weekend": random.random(rows) < _WEEKEND,
            "Revenue": revenue,
        }
    ).round(6)
    repeats = random.random(rows) < _REPEATED
    sessions[repeats] = sessions[~repeats].iloc[: repeats.sum()].to_numpy()
    return sessions[list(NAMES)]


def _shares(weights: dict[str, float]) -> list[float]:
    total = sum(weights.values())
    return [weight / total for weight in weights.values()]
