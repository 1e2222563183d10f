"""The columns of a session: the only place that states their types, ranges and allowed values."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Month = Literal["Jan", "Feb", "Mar", "Apr", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
MONTHS: Final[tuple[Month, ...]] = get_args(Month)
VISITOR_TYPES: Final = ("New_Visitor", "Other", "Returning_Visitor")

PAGES_LIMIT: Final = 100_000
SECONDS_LIMIT: Final = 10_000_000
CODE_LIMIT: Final = 1_000_000
VALUE_LIMIT: Final = 1_000_000_000

DataKind = Literal["real", "synthetic"]
ARRIVAL: Final = "at_arrival"
Known = Literal["end_of_session", "at_arrival"]
FeatureSet = Literal["end_of_session", "without_page_values", "at_arrival"]
PAGE_VALUES: Final = "PageValues"


@dataclass(frozen=True)
class Column:
    """One column of the raw data.

    Attributes
    ----------
    name
        Header of the column, spelled as in the raw file.
    type
        ``integer`` and ``number`` are bounded by `minimum` and `maximum`, both inclusive;
        ``category`` takes the values in `allowed`; ``boolean`` is TRUE or FALSE.
    description
        What the column holds, with its unit.
    known
        When the shop knows the value: ``at_arrival``, with the first request of the session, or
        only at the ``end_of_session``.
    """

    name: str
    type: Literal["integer", "number", "category", "boolean"]
    description: str
    minimum: float = 0
    maximum: float = 1
    allowed: tuple[str, ...] = ()
    known: Known = "end_of_session"


COLUMNS: Final = (
    Column("Administrative", "integer", "account pages visited", 0, PAGES_LIMIT),
    Column("Administrative_Duration", "number", "seconds on account pages", 0, SECONDS_LIMIT),
    Column("Informational", "integer", "information pages visited", 0, PAGES_LIMIT),
    Column("Informational_Duration", "number", "seconds on information pages", 0, SECONDS_LIMIT),
    Column("ProductRelated", "integer", "product pages visited", 0, PAGES_LIMIT),
    Column("ProductRelated_Duration", "number", "seconds on product pages", 0, SECONDS_LIMIT),
    Column("BounceRates", "number", "mean bounce rate of the pages visited, a share"),
    Column("ExitRates", "number", "mean exit rate of the pages visited, a share"),
    Column(PAGE_VALUES, "number", "mean value of the pages visited, in currency", 0, VALUE_LIMIT),
    Column(
        "SpecialDay",
        "number",
        "closeness to a special day, 0 (far) to 1 (on the day)",
        known=ARRIVAL,
    ),
    Column("Month", "category", "month of the session", allowed=MONTHS, known=ARRIVAL),
    Column("OperatingSystems", "integer", "operating system, a code", 1, CODE_LIMIT, known=ARRIVAL),
    Column("Browser", "integer", "browser, a code", 1, CODE_LIMIT, known=ARRIVAL),
    Column("Region", "integer", "region, a code", 1, CODE_LIMIT, known=ARRIVAL),
    Column("TrafficType", "integer", "traffic source, a code", 1, CODE_LIMIT, known=ARRIVAL),
    Column("VisitorType", "category", "kind of visitor", allowed=VISITOR_TYPES, known=ARRIVAL),
    Column("Weekend", "boolean", "the session falls on a weekend", known=ARRIVAL),
    Column("Revenue", "boolean", "the session ended in a purchase"),
)
NAMES: Final = tuple(column.name for column in COLUMNS)
TARGET: Final = "Revenue"
BOOLEANS: Final = {"true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}  # in small letters
CLASS_NAMES: Final = ("no purchase", "purchase")  # of the target's classes 0 and 1
FEATURES: Final = tuple(name for name in NAMES if name != TARGET)
CATEGORICAL: Final = tuple(column.name for column in COLUMNS if column.type == "category")
NUMERIC: Final = tuple(name for name in FEATURES if name not in CATEGORICAL)
FEATURE_SETS: Final[dict[FeatureSet, tuple[str, ...]]] = {
    "end_of_session": FEATURES,
    "without_page_values": tuple(name for name in FEATURES if name != PAGE_VALUES),
    ARRIVAL: tuple(column.name for column in COLUMNS if column.known == ARRIVAL),
}
CODES: Final = ("OperatingSystems", "Browser", "Region", "TrafficType")  # numbers without an order
CALENDAR: Final = ("Month", "SpecialDay")  # which say when a session was
# Columns that are judged together: what are they worth in months to come?
GROUPS: Final = {
    "page values": (PAGE_VALUES,),
    "pages and durations": (
        *("Administrative", "Administrative_Duration", "Informational", "Informational_Duration"),
        *("ProductRelated", "ProductRelated_Duration"),
    ),
    "bounce and exit rates": ("BounceRates", "ExitRates"),
    "month and special day": CALENDAR,
    "codes": CODES,
    "visitor type": ("VisitorType",),
    "weekend": ("Weekend",),
}
