"""Whether a raw file is what `ecom.schema` says. Every violation is listed; none is repaired."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from ecom.data.cleaning import to_types
from ecom.data.identity import BYTES, hashes_of, session_hashes
from ecom.data.parsing import ROWS, Readable, ends_in_newline, read_chunks
from ecom.data.parts import ONE_FILE, Parts
from ecom.data.periods import file_months, parts_of_rows, period_names
from ecom.data.repeats import HashFile, repeats
from ecom.errors import DataError
from ecom.schema import BOOLEANS, COLUMNS, MONTHS, NAMES, TARGET, Column

if TYPE_CHECKING:
    from ecom.params.validate import Validate

MAX_EXAMPLES: Final = 5  # lines named for each problem
EMPTY: Final = "some value"  # the rule of rows without any
NULL: Final = "not_nullable"  # the rule of cells without a value, as pandera names it
MAX_VALUE: Final = 60  # characters of a value in a message
Rule = tuple[str, str]  # a column and what its cells must be
# Of each class, before the judged months and in them: a split then leaves some to train and test.
MIN_PER_CLASS: Final = 10


@dataclass(frozen=True)
class Problem:
    """One rule that one column, or the file as a whole (`column` None), breaks."""

    rule: str
    column: str | None = None
    count: int = 1
    lines: tuple[int, ...] = ()
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line: column, rule, number of rows, first lines of the file with values."""
        return self.describe("line")

    def describe(self, place: str) -> str:
        """Return one line in which the numbers in `lines` are those of a place: a line, a row."""
        if self.column is None:
            return self.rule
        found = ", ".join(
            f"{place} {line}: {value}" for line, value in zip(self.lines, self.values, strict=True)
        )
        more = ", ..." if self.count > len(self.lines) else ""
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        return f"{self.column} must be {self.rule}, but {rows} broke this rule ({found}{more})"


@dataclass(frozen=True)
class Report:
    """What validation found; the fields are those of ``metrics/validate.json``."""

    sha256: str = ""
    rows: int = 0
    columns: int = 0
    duplicates: int = 0
    missing: int = 0
    positive_rate: float = 0.0
    invalid_rows: int = 0
    problems: list[Problem] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def raise_if_invalid(self) -> None:
        """Raise a `DataError` that lists every problem, if there are any."""
        if self.problems:
            count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
            lines = "\n".join(f"  - {problem}" for problem in self.problems)
            raise DataError(f"the raw data has {count}:\n{lines}")


class Faults:
    """Cells that break a rule, counted by column and rule; the first of each are named."""

    def __init__(self) -> None:
        self.rows = 0
        self._counts: Counter[Rule] = Counter()
        self._named: dict[Rule, list[tuple[int, Any]]] = {}

    def add(self, failures: pd.DataFrame) -> None:
        """Add what `_failures` found in some rows, which come after those before."""
        self.rows += len(failures["index"].unique())
        for name, cases in failures.groupby(["column", "check"], sort=False):
            column, check = map(str, name)
            named = self._named.setdefault((column, check), [])
            first = cases.sort_values("index")[: MAX_EXAMPLES - len(named)]
            named += zip(first["index"], first["failure_case"], strict=True)
            self._counts[column, check] += len(cases)

    def problems(self, first: int = 2, place: str = "line") -> list[Problem]:
        """Return a problem for each rule; `first` numbers the first row: 2 below a header."""
        found = []
        for column, check in [("", EMPTY), *_rules()]:
            count = self._counts[column, check]
            if not count:
                continue
            lines = tuple(int(index) + first for index, _ in self._named[column, check])
            if check == EMPTY:
                found.append(_empty_rows(count, lines, place))
                continue
            values = (case for _, case in self._named[column, check])
            found.append(
                Problem(
                    "present" if check == NULL else check,
                    column=column,
                    count=count,
                    lines=lines,
                    values=tuple(
                        "empty" if pd.isna(case) else repr(case[:MAX_VALUE]) for case in values
                    ),
                )
            )
        return found


class _Tally:
    """What is kept of the rows of a file: a hash on disk, the label, and file and month of each."""

    def __init__(self, hashes: HashFile, parts: Parts) -> None:
        self.faults = Faults()
        self.headers: list[int] = []
        self.missing = 0
        self.hashes = hashes
        self._parts = parts
        self._labels: list[NDArray[np.bool_]] = []
        self._file_months: list[NDArray[np.int32]] = []

    def add(self, table: pd.DataFrame, *, drop_invalid: bool) -> None:
        """Count some rows, which come after those before."""
        is_header = table[TARGET] == TARGET
        self.headers += [int(index) for index in table.index[is_header]][:1]
        table = table[~is_header]
        failures = _failures(table)
        self.faults.add(failures)
        is_valid = ~table.index.isin(failures["index"])
        if drop_invalid:
            table, is_valid = table[is_valid], is_valid[is_valid]
        hashes = np.empty(len(table), dtype=f"S{BYTES}")
        hashes[is_valid] = session_hashes(to_types(table[is_valid]))
        invalid = table[~is_valid]
        hashes[~is_valid] = hashes_of(invalid.astype(object).itertuples(index=False, name=None))
        self.missing += int(table.isna().sum().sum())
        self.hashes.add(hashes)
        self._labels.append(_is_true(table[TARGET]).to_numpy(np.bool_))
        parts = parts_of_rows(self._parts, table.index)
        found = file_months(table["Month"], parts, self._parts.names)
        self._file_months.append(found.astype(np.int32))

    def labels(self) -> NDArray[np.bool_]:
        """Return whether each row is a purchase."""
        return np.concatenate(self._labels)

    def file_months(self) -> NDArray[np.int32]:
        """Return a number for file and month of each row."""
        return np.concatenate(self._file_months)


def validate(  # noqa: PLR0913  all that a verdict rests on
    file: Readable,
    bounds: "Validate",
    months_before: int | None = None,
    parts: Parts = ONE_FILE,
    *,
    drop_invalid: bool = False,
    rows: int = ROWS,
) -> Report:
    """Check a raw CSV file against `ecom.schema` and the bounds of params.yaml.

    Parameters
    ----------
    file
        Open in binary mode; it can be read from any place.
    bounds
        Plausible number of rows and share of purchases. Both are checked with and without the rows
        that repeat an earlier one.
    months_before
        After how many months the later ones are judged by models of the months before; None judges
        none.
    parts
        The files that the content was put together from.
    drop_invalid
        Whether rows with a value that is not allowed are left out, and only counted.
    rows
        How many are read at a time; the result does not depend on it.

    Returns
    -------
    Report
        With every problem found. A file that is not a table of sessions has just one problem.
    """
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with HashFile.opened() as hashes:
        tally = _Tally(hashes, parts)
        try:
            for table in read_chunks(file, rows):
                tally.add(table, drop_invalid=drop_invalid)
        except DataError as error:
            return Report(sha256, problems=[Problem(str(error))])
        labels = tally.labels()
        is_first = ~repeats(hashes, labels)
        distinct = int(is_first.sum())
        size_problems = _size_problems(hashes, labels, distinct, bounds)
    found, invalid = len(labels), tally.faults.rows
    cell_problems = [] if drop_invalid else tally.faults.problems()
    if len(cell_problems) > 1:
        leave_out = ", or set clean.drop_invalid to leave them out"
        cell_problems.append(
            Problem(
                f"in all, {invalid:,} of {found:,} rows break a rule: correct them"
                + (leave_out if invalid <= found / 2 else "")  # else hardly any are left
            )
        )
    problems = [*_header_problems(tally.headers), *size_problems, *cell_problems]
    if not ends_in_newline(file) and any(found + 1 in problem.lines for problem in problems):
        problems.append(
            Problem("the file ends within its last row: was it truncated? Fetch it again")
        )
    faulty = {problem.column for problem in problems}
    if TARGET not in faulty:
        problems += _target_problems(float(labels[is_first].mean()) if distinct else 0.0, bounds)
        if months_before is not None and "Month" not in faulty and distinct:
            file_months = tally.file_months()
            known = is_first & (file_months >= 0)
            counts, purchases = (
                np.bincount(file_months[rows], minlength=len(parts.names) * len(MONTHS))
                for rows in (known, known & labels)
            )
            names = period_names(counts, parts.names)
            totals = pd.DataFrame({"sessions": counts, "purchases": purchases}).groupby(
                np.array(names, object), sort=False
            )
            problems += _month_problems(totals.sum(), months_before)
    return Report(
        sha256=sha256,
        rows=found,
        columns=len(NAMES),
        duplicates=found - distinct,
        missing=tally.missing,
        invalid_rows=invalid,
        positive_rate=float(labels.mean()) if found else 0.0,
        problems=problems,
    )


def typed_sessions(sessions: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Check sessions as pandas reads them, and give them the types of the schema.

    Parameters
    ----------
    sessions
        Raw sessions; a value may be text, a number or a truth value. Other columns are ignored.
    columns
        Names of the columns that are needed.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        As `ecom.data.cleaning.to_types` returns them, with the index of `sessions`.

    Raises
    ------
    DataError
        A column is missing, or a value is not what `ecom.schema` allows. Rows are counted from 0.
    """
    if missing := [name for name in columns if name not in sessions]:
        raise DataError(f"the sessions have no column {', '.join(missing)}")
    # As in a file; a number keeps all its digits.
    cells = sessions[list(columns)].reset_index(drop=True).astype(object)
    text = cells.where(cells.isna(), cells.astype(str)).astype("str")
    faults = Faults()
    faults.add(_failures(text))
    if problems := faults.problems(first=0, place="row"):
        lines = "\n".join(f"  - {problem.describe('row')}" for problem in problems)
        raise DataError(f"the sessions are not what the schema says:\n{lines}")
    return to_types(text).set_axis(sessions.index)


def pandera_schema(columns: Sequence[str] = NAMES) -> pa.DataFrameSchema:
    """Return the schema of text cells of these columns, derived from `ecom.schema.COLUMNS`."""
    return pa.DataFrameSchema(
        {column.name: _pandera_column(column) for column in COLUMNS if column.name in columns}
    )


def _pandera_column(column: Column) -> pa.Column:
    if column.type == "category":
        rule = f"one of {', '.join(column.allowed)}"
        checks = [pa.Check(lambda cells: cells.isin(column.allowed), name=rule)]
    elif column.type == "boolean":
        checks = [
            pa.Check(lambda cells: cells.str.lower().isin(BOOLEANS.keys()), name="TRUE or FALSE")
        ]
    else:
        # Each rule accepts what an earlier one has reported, so that no cell is counted twice.
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


@cache
def _rules() -> list[Rule]:
    """Return every rule of every column, in the order in which problems are told."""
    return [
        (column.name, rule)
        for column in COLUMNS
        for rule in (NULL, *(str(check.name) for check in _pandera_column(column).checks))
    ]


def _header_problems(rows: Sequence[int]) -> list[Problem]:
    if not rows:
        return []
    return [Problem(f"the header is repeated on line {rows[0] + 2}: were files appended?")]


def _size_problems(
    hashes: HashFile, labels: NDArray[np.bool_], distinct: int, bounds: "Validate"
) -> list[Problem]:
    rows = len(hashes)
    if bounds.min_rows <= distinct <= rows <= bounds.max_rows:
        return []
    if hashes.is_twice_the_same(labels):
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


def valid_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of text cells in which every value is what the schema allows."""
    return table[~table.index.isin(_failures(table)["index"])]


def _is_valid(table: pd.DataFrame) -> bool:
    """Tell whether no cell breaks a rule, in a fifth of the time that naming the cells takes."""
    return all(
        _holds_only_allowed(table[column.name], column)
        for column in COLUMNS
        if column.name in table
    )


def _holds_only_allowed(cells: "pd.Series[str]", column: Column) -> bool:
    if cells.hasnans:
        return False
    if column.type == "category":
        return bool(cells.isin(column.allowed).all())
    if column.type == "boolean":
        return bool(cells.str.lower().isin(BOOLEANS.keys()).all())
    numbers = _number(cells)
    whole = column.type != "integer" or bool((numbers % 1 == 0).all())
    return whole and bool(numbers.between(column.minimum, column.maximum).all())


def _failures(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cell that breaks a rule: ``column``, ``check``, ``index`` and value.

    A row without any value breaks one rule, of no column.
    """
    empty = table.index[table.isna().all(axis=1)]
    found = pd.DataFrame({"column": "", "check": EMPTY, "index": empty, "failure_case": None})
    if _is_valid(table):
        return found
    try:
        pandera_schema(list(table.columns)).validate(table[~table.index.isin(empty)], lazy=True)
    except pa.errors.SchemaErrors as error:
        broken: pd.DataFrame = error.failure_cases[list(found.columns)]
        return broken if empty.empty else pd.concat([found, broken], ignore_index=True)
    return found


def _empty_rows(count: int, lines: Sequence[int], place: str) -> Problem:
    rows = "1 row holds" if count == 1 else f"{count:,} rows hold"
    places = ", ".join(f"{place} {line}" for line in lines)
    more = ", ..." if count > len(lines) else ""
    return Problem(
        f"{rows} no value ({places}{more}): delete such rows, or set clean.drop_invalid to leave "
        "them out"
    )


def _target_problems(rate: float, bounds: "Validate") -> list[Problem]:
    if bounds.min_positive_rate <= rate <= bounds.max_positive_rate:
        return []
    return [
        Problem(
            f"{rate:.1%} of the distinct sessions end in a purchase ({TARGET} TRUE), expected "
            f"{bounds.min_positive_rate:.1%} to {bounds.max_positive_rate:.1%}. If that is right, "
            "set validate.min_positive_rate and validate.max_positive_rate"
        )
    ]


def _month_problems(totals: pd.DataFrame, months_before: int) -> list[Problem]:
    """Look at ``sessions`` and ``purchases`` of each period, in order of time."""
    names = list(totals.index)
    if len(names) <= months_before:
        return [
            Problem(
                f"the data has {len(names)} months; judging months by models of "
                f"{months_before} earlier ones needs more: set over_time.months_before to a "
                "smaller number, or to null to judge no month"
            )
        ]
    problems = []
    for when, side in (
        (f"before {names[months_before]}", totals[:months_before]),
        (f"from {names[months_before]} on", totals[months_before:]),
    ):
        sessions, purchases = int(side["sessions"].sum()), int(side["purchases"].sum())
        if min(purchases, sessions - purchases) < MIN_PER_CLASS:
            problems.append(
                Problem(
                    f"Month {when} has {sessions:,} sessions, {purchases:,} of them purchases; "
                    f"judging months by models of earlier ones needs {MIN_PER_CLASS} of each "
                    "class: set over_time.months_before to another number, or to null to judge no "
                    "month"
                )
            )
    return problems


def _is_true(cells: "pd.Series[str]") -> "pd.Series[bool]":
    return cells.str.lower().map(BOOLEANS) == 1


def _number(cells: "pd.Series[str]") -> "pd.Series[float]":
    return pd.to_numeric(cells, errors="coerce").astype("float64")


def _is_number(cells: "pd.Series[str]") -> "pd.Series[bool]":
    return _number(cells).abs() < np.inf
