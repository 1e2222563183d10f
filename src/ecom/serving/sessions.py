"""Sessions in requests: read along the manifest, or refused with field, rule and value."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecom.serving.manifest import PackagedColumn

Inputs = Mapping[str, NDArray[Any]]

LONGEST_TEXT: Final = 100  # of a category, and of a value that is named in an answer
SESSIONS: Final = "sessions"  # the field of a batch
MOST_PROBLEMS: Final = 100  # that are named in an answer
# What a decoder raises on bytes that it cannot read.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ABSENT: Final = object()


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a request.

    Attributes
    ----------
    rule
        What was expected.
    value
        What came, in words or as JSON, cut to `LONGEST_TEXT` characters.
    field
        The column, if one is wrong; else the problem is the request's or the session's.
    row
        Index of the session in a batch.
    """

    rule: str
    value: str
    field: str | None = None
    row: int | None = None

    def __str__(self) -> str:
        """Return a sentence."""
        row = "" if self.row is None else f"session {self.row}: "
        return f"{row}{self.field or 'the request'} must be {self.rule}, got {self.value}"


class BadInput(Exception):  # noqa: N818  an answer, not a fault
    """A request that cannot be answered, and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)


class Batch(NamedTuple):
    """What can be answered of a batch, and what not.

    Attributes
    ----------
    inputs
        What the graphs take of the good sessions.
    good
        Indices of the good sessions, in order.
    size
        How many sessions came.
    problems
        What is wrong with the others.
    """

    inputs: Inputs
    good: Sequence[int]
    size: int
    problems: Sequence[Problem]


class Reader:
    """Reads sessions as JSON objects of raw columns by name; ignores further fields.

    What is as the manifest says is read by a compiled decoder. The rest is looked at value by
    value: to name each fault, and to accept what JSON allows beyond it, such as 2.0 for a count.

    Parameters
    ----------
    columns
        Of the package's manifest.
    """

    def __init__(self, columns: Sequence[PackagedColumn]) -> None:
        self.columns = columns
        self.names = [column.name for column in columns]
        self.session = msgspec.defstruct(
            "Session", [(column.name, _type(column)) for column in self.columns]
        )
        self.batch = msgspec.defstruct("Sessions", [(SESSIONS, list[self.session])])  # type: ignore[name-defined]
        self._one = msgspec.json.Decoder(self.session)
        self._many = msgspec.json.Decoder(self.batch)
        self._texts = [place for place, c in enumerate(self.columns) if c.type == "category"]
        self._numbers = [place for place, c in enumerate(self.columns) if c.type != "category"]
        self._allowed = {c.name: frozenset(c.allowed) for c in columns if c.type == "category"}

    def one(self, body: bytes) -> Inputs:
        """Read one session.

        Raises
        ------
        BadInput
            It is not what the manifest says.
        """
        try:
            session = self._one.decode(body)
        except UNREADABLE:
            values, problems = self._checked(_parsed(body))
            if problems:
                raise BadInput(problems) from None
            return self._inputs([values])
        return self._inputs([msgspec.structs.astuple(session)])

    def many(self, body: bytes, limit: int) -> Batch:
        """Read an object with a list of sessions.

        Parameters
        ----------
        body
            JSON.
        limit
            The most sessions.

        Raises
        ------
        BadInput
            It is no list of sessions, or a longer one.
        """
        try:
            sessions = getattr(self._many.decode(body), SESSIONS)
        except UNREADABLE:
            given = _parsed(body)
            sessions = given.get(SESSIONS) if isinstance(given, dict) else None
            if not isinstance(sessions, list):
                rule = 'an object with a list of sessions: {"sessions": [{...}, ...]}'
                raise BadInput([Problem(rule, _shown(given))]) from None
            _require_size(sessions, limit)
            return self.checked(sessions)
        _require_size(sessions, limit)
        rows = [msgspec.structs.astuple(session) for session in sessions]
        return Batch(self._inputs(rows), range(len(rows)), len(rows), ())

    def checked(self, sessions: Sequence[Any]) -> Batch:
        """Tell sessions, as Python's json reads them, from what is none."""
        rows, good, found = [], [], []
        for place, session in enumerate(sessions):
            values, problems = self._checked(session)
            if problems:
                found += [msgspec.structs.replace(problem, row=place) for problem in problems]
            else:
                rows.append(values)
                good.append(place)
        return Batch(self._inputs(rows), good, len(sessions), _first(found))

    def unknown(self, inputs: Inputs) -> list[list[str]]:
        """Return, for each session, the columns whose text is none of those that are allowed."""
        size = len(next(iter(inputs.values())))
        found: list[list[str]] = [[] for _ in range(size)]
        for name, allowed in self._allowed.items():
            values = inputs[name].tolist()
            if not allowed.issuperset(values):
                for row, value in zip(found, values, strict=True):
                    if value not in allowed:
                        row.append(name)
        return found

    def unknown_to_one(self, inputs: Inputs) -> list[str]:
        """Return the same of one session."""
        return [name for name, allowed in self._allowed.items() if inputs[name][0] not in allowed]

    def _checked(self, session: Any) -> tuple[list[Any], list[Problem]]:
        if not isinstance(session, dict):
            return [], [Problem("an object of columns by name", _shown(session))]
        values, problems = [], []
        for column in self.columns:
            value = session.get(column.name, _ABSENT)
            values.append(value)
            if value is _ABSENT:
                problems.append(Problem(f"present: {_rule(column)}", "absent", column.name))
            elif not _follows(column, value):
                problems.append(Problem(_rule(column), _shown(value), column.name))
        return values, problems

    def _inputs(self, rows: Sequence[Sequence[Any]]) -> Inputs:
        """Return what the graphs take: a float64 or object array of shape (n,) for each column."""
        columns = list(zip(*rows, strict=True)) or [()] * len(self.columns)
        numbers = np.array([columns[place] for place in self._numbers], np.float64)
        texts = [np.array(columns[place], object) for place in self._texts]
        return {
            self.columns[place].name: values
            for places, arrays in ((self._numbers, numbers), (self._texts, texts))
            for place, values in zip(places, arrays, strict=True)
        }


def _type(column: PackagedColumn) -> Any:
    """Return what the decoder holds a value to."""
    about: dict[str, Any] = {"description": column.description}
    if column.type == "boolean":
        return Annotated[bool, msgspec.Meta(**about)]
    if column.type == "category":
        return Annotated[
            str,
            msgspec.Meta(
                **about, max_length=LONGEST_TEXT, extra_json_schema={"examples": column.allowed}
            ),
        ]
    bounds = (column.minimum, column.maximum)
    if column.type == "integer":
        bounds = (int(column.minimum), int(column.maximum))
    kind = int if column.type == "integer" else float
    return Annotated[kind, msgspec.Meta(**about, ge=bounds[0], le=bounds[1])]


def _follows(column: PackagedColumn, value: Any) -> bool:
    if column.type == "boolean":
        return isinstance(value, bool)
    if column.type == "category":
        return isinstance(value, str) and len(value) <= LONGEST_TEXT and _is_unicode(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if not column.minimum <= value <= column.maximum:  # false of NaN
        return False
    return column.type == "number" or value == math.floor(value)


def _rule(column: PackagedColumn) -> str:
    if column.type == "boolean":
        return "true or false"
    if column.type == "category":
        return (
            f"one of {', '.join(column.allowed)}, or another text of at most {LONGEST_TEXT} "
            "characters"
        )
    return range_rule(column)


def range_rule(column: PackagedColumn) -> str:
    """Return what a value of a column of numbers must be, in words."""
    kind = "a whole number" if column.type == "integer" else "a number"
    return f"{kind} from {column.minimum:,.12g} to {column.maximum:,.12g}"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character that JSON escapes as two
        return False
    return True


def _parsed(body: bytes) -> Any:
    """Read JSON, and NaN and infinities with it, so that their place can be named."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        rule = f"JSON ({'nested too deeply' if deep else str(error)[:200]})"
        raise BadInput([Problem(rule, cut(body[:200].decode(errors="replace")))]) from None


def _shown(value: Any) -> str:
    try:
        return cut(json.dumps(value))
    except (ValueError, RecursionError):  # an integer of thousands of digits; deep nesting
        return f"something of type {type(value).__name__}"


def cut(text: str) -> str:
    """Return a text as a message can hold it: of at most `LONGEST_TEXT` characters."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _first(problems: list[Problem]) -> list[Problem]:
    """Return as many problems as are named, and how many more there are."""
    more = len(problems) - MOST_PROBLEMS
    if more <= 0:
        return problems
    return [*problems[:MOST_PROBLEMS], Problem("without problems", f"{more:,} more problems")]


def _require_size(sessions: Sequence[Any], limit: int) -> None:
    if len(sessions) > limit:
        rule = f"at most {limit:,} sessions: send several requests"
        raise BadInput([Problem(rule, f"{len(sessions):,} sessions", SESSIONS)])
