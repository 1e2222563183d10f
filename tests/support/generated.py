"""Generated sessions as the stages have them, for tests of what comes after cleaning."""

import pandas as pd

from ecom.data.cleaning import clean
from ecom.data.parsing import parse_csv
from ecom.data.synthetic import generate_sessions
from ecom.schema import FEATURES, TARGET


def typed_sessions(rows: int = 600, *, drop_duplicates: bool = True) -> pd.DataFrame:
    raw = generate_sessions(rows, seed=3).to_csv(index=False).encode()
    return clean(parse_csv(raw), drop_duplicates=drop_duplicates)


def features_and_labels() -> "tuple[pd.DataFrame, pd.Series[int]]":
    sessions = typed_sessions()
    return sessions[list(FEATURES)], sessions[TARGET]
