"""What the service keeps if it is told to: scores, and what became of the sessions.

No addresses, no headers, no further fields of a request: the columns of the model, its answer, the
id of the request and the time.
"""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ecom.errors import ServiceError
from ecom.schema import TARGET
from ecom.serving.feedback import LONGEST_ID, Scored
from ecom.serving.limits import Keeping

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("ecom.serving")

WAITING: Final = 10_000  # requests that may wait to be written; more are counted and forgotten
TOGETHER: Final = 500  # requests that are written at once
SECONDS: Final = 1.0  # that they wait for others
FORGETTING: Final = 60.0  # seconds after which the old is forgotten, if nothing comes
PATIENCE: Final = 15.0  # seconds that the end of the service waits for the database
DAY: Final = 86_400
READ: Final = 20_000  # sessions that are read at a time
DAY_COLUMN: Final = "day"  # of sessions that are read, in UTC

_METADATA: Final = sql.MetaData()
SCORES: Final = sql.Table(
    "scores",
    _METADATA,
    sql.Column("id", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("request_id", sql.String(LONGEST_ID), nullable=False),
    sql.Column("place", sql.Integer, nullable=False),  # of the session in its request
    sql.Column("at", sql.Double, nullable=False, index=True),  # seconds since 1970
    sql.Column("model", sql.String(64), nullable=False),
    sql.Column("probability", sql.Double, nullable=False),
    sql.Column("flagged", sql.Boolean, nullable=False),
    sql.Column("session", sql.Text, nullable=False),  # JSON: raw columns by name
    sql.UniqueConstraint("request_id", "place"),
)
OUTCOMES: Final = sql.Table(
    "outcomes",
    _METADATA,
    sql.Column("request_id", sql.String(LONGEST_ID), primary_key=True),
    sql.Column("place", sql.Integer, primary_key=True),
    sql.Column("at", sql.Double, nullable=False, index=True),
    sql.Column("purchase", sql.Boolean, nullable=False),
)


class Store:
    """Scores and outcomes in a database.

    Parameters
    ----------
    address
        Path of a file for SQLite, or address such as ``postgresql://host/name``.
    keeping
        How much is kept.
    lost
        Is told how many scores could not be written.

    Raises
    ------
    ServiceError
        The database cannot be opened.
    """

    def __init__(
        self, address: str, keeping: Keeping, lost: Callable[[int], None] = lambda _: None
    ) -> None:
        self._engine, self._keeping, self._lost = open_engine(address), keeping, lost
        self._waiting: queue.Queue[Scored | None] = queue.Queue(WAITING)
        self._writer = threading.Thread(target=self._write, name="store", daemon=True)
        self._writer.start()

    def keep(self, scored: Scored) -> None:
        """Let an answer be written soon; requests do not wait for it."""
        if not self._keeping.scores:
            return
        try:
            self._waiting.put_nowait(scored)
        except queue.Full:
            self._lost(len(scored.places))

    def add_outcome(self, request_id: str, place: int, *, purchase: bool) -> bool:
        """Keep what became of a session; the last word counts. Return whether its score is kept.

        Raises
        ------
        ServiceError
            The database cannot be written.
        """
        values = {
            "request_id": request_id,
            "place": place,
            "at": time.time(),
            "purchase": purchase,
        }
        statement = _insert(self._engine)(OUTCOMES).values(values)
        changed = {name: values[name] for name in ("at", "purchase")}
        statement = statement.on_conflict_do_update(
            index_elements=["request_id", "place"], set_=changed
        )
        mine = sql.select(SCORES.c.id).where(
            SCORES.c.request_id == request_id, SCORES.c.place == place
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(statement)
                return connection.execute(mine.limit(1)).first() is not None
        except SQLAlchemyError as error:
            raise ServiceError(f"the outcome could not be kept: {_cause(error)}") from None

    def close(self) -> None:
        """Write what is waiting, and let the database go."""
        with suppress(queue.Full):  # the database hangs: what waits is lost
            self._waiting.put(None, timeout=PATIENCE)
            self._writer.join(PATIENCE)
        self._engine.dispose()

    def _write(self) -> None:
        goes_on = True
        while goes_on:
            some, goes_on = self._taken()
            rows = [row for scored in some for row in _rows(scored)]
            try:
                with self._engine.begin() as connection:
                    if rows:
                        connection.execute(
                            _insert(self._engine)(SCORES).on_conflict_do_nothing(), rows
                        )
                    self._forget(connection)
            except Exception as error:  # noqa: BLE001  whatever it is, requests go on
                self._lost(len(rows))
                log.warning("scores not kept", extra={"reason": _cause(error), "lost": len(rows)})

    def _taken(self) -> tuple[list[Scored], bool]:
        """Return what came within a while, and whether more may come."""
        some: list[Scored] = []
        wait = FORGETTING  # until something came
        while len(some) < TOGETHER:
            try:
                each = self._waiting.get(timeout=wait)
            except queue.Empty:
                break
            if each is None:
                return some, False
            some.append(each)
            wait = SECONDS
        return some, True

    def _forget(self, connection: sql.Connection) -> None:
        """Delete what is too old, and what is beyond the number that is kept."""
        oldest = time.time() - self._keeping.days * DAY
        for table, age in ((SCORES, SCORES.c.id), (OUTCOMES, OUTCOMES.c.at)):
            connection.execute(sql.delete(table).where(table.c.at < oldest))
            newest = sql.select(age).order_by(age.desc())
            beyond = connection.execute(newest.offset(self._keeping.rows).limit(1)).scalar()
            if beyond is not None:
                connection.execute(sql.delete(table).where(age <= beyond))


def _insert(engine: sql.Engine) -> Any:
    return postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert


def open_engine(address: str, *, create: bool = True) -> sql.Engine:
    """Open a database, with its tables.

    Parameters
    ----------
    address
        As of `Store`.
    create
        Whether to create what is not there.

    Raises
    ------
    ServiceError
        The address is none, the database does not answer, or is no store.
    """
    whole = _whole_address(address, create=create)
    try:
        engine = sql.create_engine(whole, pool_pre_ping=True)
        if engine.dialect.name == "sqlite" and create:
            sql.event.listen(engine, "connect", _patient)
        if create:
            _METADATA.create_all(engine)
        elif not sql.inspect(engine).has_table(SCORES.name):
            raise ServiceError("the database is no store: `serve --store` has not used it")
    except ModuleNotFoundError as error:
        raise ServiceError(
            f"the store needs {error.name}: `pip install 'psycopg[binary]'`"
        ) from None
    except SQLAlchemyError as error:
        raise ServiceError(f"the store cannot be opened: {_cause(error)}") from None
    return engine


def _whole_address(address: str, *, create: bool) -> sql.URL:
    """Return the address as SQLAlchemy reads it."""
    if not address.strip():
        raise ServiceError("the store has no address: expected a file, or postgresql://HOST/NAME")
    if "://" not in address:
        if not create and not Path(address).is_file():
            raise ServiceError(f"there is no store at {address}")
        return sql.URL.create("sqlite", database=address)
    try:
        url = sql.make_url(address)
    except (ArgumentError, ValueError):
        raise ServiceError(
            "the store has no address that can be read: expected the path of a file, or "
            "postgresql://USER@HOST/NAME"
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ServiceError(f"{url.drivername} is no store; expected SQLite or PostgreSQL")
    return url


def stored_sessions(
    address: str, columns: Sequence[str], days: float | None
) -> "Iterator[pa.Table]":
    """Yield sessions that a service has kept, as texts by column, with known outcomes and the day.

    Parameters
    ----------
    address
        As of `Store`.
    columns
        That a session must have; sessions of a model with other columns are passed over.
    days
        How far to go back; None takes all.

    Raises
    ------
    ServiceError
        The database does not answer.
    """
    import pyarrow as pa  # the service itself reads nothing, and its image has no Arrow

    engine = open_engine(address, create=False)
    since = 0.0 if days is None else time.time() - days * DAY
    chosen = (
        sql.select(SCORES.c.session, OUTCOMES.c.purchase, SCORES.c.at)
        .join_from(
            SCORES,
            OUTCOMES,
            (SCORES.c.request_id == OUTCOMES.c.request_id) & (SCORES.c.place == OUTCOMES.c.place),
            isouter=True,
        )
        .where(SCORES.c.at >= since)
        .order_by(SCORES.c.id)
    )
    try:
        with engine.connect().execution_options(yield_per=READ) as connection:
            for some in connection.execute(chosen).partitions():
                rows = [(json.loads(session), purchase, at) for session, purchase, at in some]
                held = [each for each in rows if {*columns} <= each[0].keys()]
                texts = {
                    name: pa.array([_text(session[name]) for session, _, _ in held], pa.string())
                    for name in columns
                }
                outcomes = pa.array([purchase for _, purchase, _ in held], pa.bool_())
                days_of = pa.array([_day(at) for _, _, at in held], pa.string())
                yield pa.table({**texts, TARGET: outcomes, DAY_COLUMN: days_of})
    except (SQLAlchemyError, ValueError) as error:
        raise ServiceError(f"the store cannot be read: {_cause(error)}") from None
    finally:
        engine.dispose()


def _rows(scored: Scored) -> Iterator[dict[str, Any]]:
    columns = {name: values.tolist() for name, values in scored.inputs.items()}
    for number, place in enumerate(scored.places):
        yield {
            "request_id": scored.request_id,
            "place": place,
            "at": scored.at,
            "model": scored.model,
            "probability": float(scored.probability[number]),
            "flagged": bool(scored.flagged[number]),
            "session": json.dumps({name: values[number] for name, values in columns.items()}),
        }


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _patient(connection: Any, _: Any) -> None:
    """Let readers and the writer of a file go on beside one another."""
    cursor = connection.cursor()
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _cause(error: Exception) -> str:
    """Return what the database says, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause) else ''}"
