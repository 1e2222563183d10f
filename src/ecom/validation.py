"""Is a raw file what `ecom.schema` says? Every violation is listed, none is repaired."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from ecom.cleaning import BOOLEANS, to_types
from ecom.errors import DataError
from ecom.params import Validate
from ecom.parsing import parse_csv
from ecom.schema import COLUMNS, NAMES, TARGET, Column

EXAMPLES = 5
VALUE_SHOWN = 60
EACH_SIDE = 10  # of each class, so that a random split leaves some of them to train and to test


@dataclass(frozen=True)
class Problem:
    """One rule that one column, or the file as a whole (`column` None), breaks."""

    rule: str
    column: str | None = None
    count: int = 1
    lines: tuple[int, ...] = ()
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line: column, rule, count, first lines of the file with their values."""
        if self.column is None:
            return self.rule
        found = ", ".join(
            f"line {line}: {value}" for line, value in zip(self.lines, self.values, strict=True)
        )
        more = ", ..." if self.count > len(self.lines) else ""
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        return f"{self.column} must be {self.rule}; {rows} not ({found}{more})"


@dataclass(frozen=True)
class Report:
    """What validation found; the fields are those of ``metrics/validate.json``."""

    sha256: str = ""
    rows: int = 0
    columns: int = 0
    duplicates: int = 0
    missing: int = 0
    positive_rate: float = 0.0
    problems: list[Problem] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def raise_if_invalid(self) -> None:
        """Raise a `DataError` that lists every problem, if there is one."""
        if self.problems:
            count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
            lines = "\n".join(f"  - {problem}" for problem in self.problems)
            raise DataError(f"the raw data has {count}:\n{lines}")


def validate(content: bytes, bounds: Validate, test_months: Sequence[str] = ()) -> Report:
    """Check a raw CSV file against `ecom.schema` and the bounds of params.yaml.

    Parameters
    ----------
    content
        The whole file.
    bounds
        Row count and positive rate that are plausible for this data, with and without the rows
        that repeat an earlier one.
    test_months
        Of the hold-out in time, `ecom.params.Temporal.test_months`.

    Returns
    -------
    Report
        With every problem found; a file that is no table of sessions has one problem only.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        table = parse_csv(content)
    except DataError as error:
        return Report(sha256, problems=[Problem(str(error))])
    is_header = table[TARGET] == TARGET
    table = table[~is_header]
    of_cells = _problems_of_cells(table)
    distinct = (table if of_cells else to_types(table)).drop_duplicates()
    problems = [
        *_problems_of_headers(is_header),
        *_problems_of_size(table, len(distinct), bounds),
        *of_cells,
    ]
    if not content.endswith(b"\n") and any(len(table) + 1 in found.lines for found in problems):
        problems.append(Problem("the file stops within its last row: truncated? Fetch it again"))
    faulty = {problem.column for problem in problems}
    if TARGET not in faulty:
        positives = _is_true(table.loc[distinct.index, TARGET])
        problems += _problems_of_target(positives, bounds)
        if test_months and "Month" not in faulty:
            problems += _problems_of_months(distinct["Month"], positives, test_months)
    return Report(
        sha256=sha256,
        rows=len(table),
        columns=table.shape[1],
        duplicates=len(table) - len(distinct),
        missing=int(table.isna().sum().sum()),
        positive_rate=float(_is_true(table[TARGET]).mean()) if len(table) else 0.0,
        problems=problems,
    )


def pandera_schema() -> pa.DataFrameSchema:
    """Derive the schema of text cells, as `ecom.parsing.parse_csv` reads them, from COLUMNS."""
    return pa.DataFrameSchema({column.name: _pandera_column(column) for column in COLUMNS})


def _pandera_column(column: Column) -> pa.Column:
    if column.type == "category":
        rule = f"one of {', '.join(column.allowed)}"
        checks = [pa.Check(lambda cells: cells.isin(column.allowed), name=rule)]
    elif column.type == "boolean":
        checks = [
            pa.Check(lambda cells: cells.str.lower().isin(BOOLEANS.keys()), name="TRUE or FALSE")
        ]
    else:
        # Each rule passes what an earlier one has reported, so that no cell is counted twice.
        checks = [pa.Check(_is_number, name="a number")]
        if column.type == "integer":
            checks.append(
                pa.Check(
                    lambda cells: ~_is_number(cells) | (_number(cells) % 1 == 0),
                    name="a whole number",
                )
            )
        checks.append(
            pa.Check(
                lambda cells: (
                    ~_is_number(cells) | _number(cells).between(column.minimum, column.maximum)
                ),
                name=f"from {column.minimum:,.12g} to {column.maximum:,.12g}",
            )
        )
    return pa.Column(checks=checks, nullable=False)


def _problems_of_headers(is_header: "pd.Series[bool]") -> list[Problem]:
    lines = is_header.index[is_header] + 2
    if lines.empty:
        return []
    return [Problem(f"the header stands again on line {lines[0]}: were files appended?")]


def _problems_of_size(table: pd.DataFrame, distinct: int, bounds: Validate) -> list[Problem]:
    rows = len(table)
    if bounds.min_rows <= distinct <= rows <= bounds.max_rows:
        return []
    half = rows // 2
    if rows and rows % 2 == 0 and np.array_equal(table[:half], table[half:]):
        cause = "its second half repeats the first: was it appended to itself?"
    elif rows > bounds.max_rows:
        cause = "was another file appended?"
    elif rows >= bounds.min_rows:
        cause = f"only {distinct:,} of them differ. Was a part of it repeated?"
    else:
        cause = "was it truncated?"
    return [
        Problem(
            f"the file has {rows:,} rows, expected {bounds.min_rows:,} to {bounds.max_rows:,}: "
            f"{cause} If the file is right, set validate.min_rows and validate.max_rows"
        )
    ]


def _problems_of_cells(table: pd.DataFrame) -> list[Problem]:
    try:
        pandera_schema().validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        failures = error.failure_cases
    else:
        return []
    problems = []
    for column in NAMES:
        of_column = failures[failures["column"] == column]
        for check in of_column["check"].unique():
            cases = of_column[of_column["check"] == check].sort_values("index")
            first = cases[:EXAMPLES]
            problems.append(
                Problem(
                    "present" if check == "not_nullable" else str(check),
                    column=column,
                    count=len(cases),
                    lines=tuple(int(index) + 2 for index in first["index"]),
                    values=tuple(
                        "empty" if pd.isna(case) else repr(case[:VALUE_SHOWN])
                        for case in first["failure_case"]
                    ),
                )
            )
    return problems


def _problems_of_target(positives: "pd.Series[bool]", bounds: Validate) -> list[Problem]:
    rate = positives.mean() if len(positives) else 0.0
    if bounds.min_positive_rate <= rate <= bounds.max_positive_rate:
        return []
    return [
        Problem(
            f"{rate:.1%} of the distinct sessions end in a purchase ({TARGET} TRUE), expected "
            f"{bounds.min_positive_rate:.1%} to {bounds.max_positive_rate:.1%}. If that is right, "
            "set validate.min_positive_rate and validate.max_positive_rate"
        )
    ]


def _problems_of_months(
    months: "pd.Series[str]", positives: "pd.Series[bool]", test_months: Sequence[str]
) -> list[Problem]:
    late = months.isin(test_months)
    problems = []
    for when, side in ((f"before {test_months[0]}", ~late), (f"from {test_months[0]} on", late)):
        sessions, purchases = int(side.sum()), int(positives[side].sum())
        if min(purchases, sessions - purchases) < EACH_SIDE:
            problems.append(
                Problem(
                    f"Month {when} has {sessions:,} sessions, {purchases:,} of them purchases; the "
                    f"hold-out in time needs {EACH_SIDE} of each kind: set "
                    "temporal.first_test_month to another month, or to null for none"
                )
            )
    return problems


def _is_true(cells: "pd.Series[str]") -> "pd.Series[bool]":
    return cells.str.lower().map(BOOLEANS) == 1


def _number(cells: "pd.Series[str]") -> "pd.Series[float]":
    return pd.to_numeric(cells, errors="coerce").astype("float64")


def _is_number(cells: "pd.Series[str]") -> "pd.Series[bool]":
    return _number(cells).abs() < np.inf
