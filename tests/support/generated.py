"""Generated sessions as the stages have them, for tests of what comes after cleaning."""

from typing import Any

import pandas as pd

from ecom.data.cleaning import cleaned, tell_apart
from ecom.data.parsing import parse_csv
from ecom.data.repeats import HashFile
from ecom.data.synthetic import generate_sessions
from ecom.params.clean import Clean
from ecom.schema import FEATURES, TARGET


def cleaned_csv(content: bytes, *, drop_duplicates: bool = True) -> pd.DataFrame:
    """Return the typed sessions of a raw file, as the stage clean writes them."""
    table = parse_csv(content)
    params = Clean(drop_duplicates=drop_duplicates, drop_invalid=False)
    with HashFile.opened() as hashes:
        known = tell_apart([table], hashes)
        return pd.concat([kept for kept, _ in cleaned([table], known, params)])


def typed_sessions(rows: int = 600, *, drop_duplicates: bool = True) -> pd.DataFrame:
    raw = generate_sessions(rows, seed=3).to_csv(index=False).encode()
    return cleaned_csv(raw, drop_duplicates=drop_duplicates)


def features_and_labels() -> "tuple[pd.DataFrame, pd.Series[int]]":
    sessions = typed_sessions()
    return sessions[list(FEATURES)], sessions[TARGET]


def rows(count: int) -> list[dict[str, Any]]:
    """Return the features of sessions as JSON has them."""
    table = features_and_labels()[0].head(count).astype({"Weekend": bool})
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
